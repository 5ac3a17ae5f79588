#!/bin/sh
# From a push to a validated answer, on this machine: signed.sh BIN-DIRECTORY [FIRST-PORT]
# The repository holds unsigned zones. CI checks them; gitsync fetches, asks who signed the commit, checks and
# publishes; the primary signs what is published (plugin sign); two secondaries take the signed zone by NOTIFY and
# IXFR, the second of them NSD where it is installed; gitsync waits for both; delv validates from the trust anchor.
# Everything lives in a temporary directory and ends with the script.
set -eu
bin=$(cd "$1" && pwd)
port=${2:-5410}
top=$(mktemp -d)
servers=
PATH=$PATH:/usr/sbin
finish() {
    for server in $servers; do kill "$server" 2>/dev/null || true; done
    wait
    rm -rf "$top"
}
trap finish EXIT
cd "$top"
export HOME="$top" GIT_CONFIG_NOSYSTEM=1 XDG_CACHE_HOME="$top/cache" XDG_STATE_HOME="$top/state"

# The operator: a repository, who may sign commits, and where the DNSSEC keys live. Neither is in the repository.
git init -q --bare -b main zones.git
ssh-keygen -q -t ed25519 -N '' -f key
echo "alice@example.org $(cut -d' ' -f1,2 key.pub)" > signers
mkdir keys

# Alice.
git clone -q zones.git work 2>/dev/null
git -C work config user.name Alice
git -C work config user.email alice@example.org
git -C work config gpg.format ssh
git -C work config user.signingkey "$top/key"
mkdir work/zones
cat > work/zones/example.org.zone <<'ZONE'
$ORIGIN example.org.
$TTL 3600
@    SOA ns1 hostmaster ( 1 3600 900 604800 300 )
     NS  ns1
     NS  ns2
ns1  A   192.0.2.1
ns2  A   192.0.2.2
www  A   192.0.2.80
ZONE
push() {
    git -C work add -A
    "$bin/zonetool" check -q work/zones/*.zone # what CI runs for a review
    git -C work commit -q -S -m "$1"
    git -C work push -q origin HEAD:main
}
push 'the first zone'
options="--repo $top/zones.git --dest $top/dest --signers $top/signers --serial date"
"$bin/gitsync" once $options

until_it() { # COMMAND...: within ten seconds
    for i in $(seq 100); do
        "$@" > /dev/null 2>&1 && return
        sleep 0.1
    done
    echo "it did not come: $*"
    cat ./*.log
    exit 1
}
serve() { # NAME: $NAME.corefile
    "$bin/bailiwickd" -conf "$1.corefile" -control "$top/$1.sock" -state "$top/$1.state" > "$1.log" 2>&1 &
    servers="$servers $!"
    until_it "$bin/bailiwickctl" -control "$top/$1.sock" status
}
cat > primary.corefile <<COREFILE
example.org:$port {
    bind 127.0.0.1
    root $top/dest/current
    file zones/example.org.zone
    sign {
        keys $top/keys
        policy default
    }
    transfer {
        to 127.0.0.1:$((port + 1)) 127.0.0.1:$((port + 2))
    }
}
COREFILE
serve primary
cat > second1.corefile <<COREFILE
example.org:$((port + 1)) {
    bind 127.0.0.1
    secondary {
        transfer from 127.0.0.1:$port
    }
}
COREFILE
serve second1
if command -v nsd > /dev/null; then
    cat > nsd.conf <<NSD
server:
    ip-address: 127.0.0.1@$((port + 2))
    username: ""
    chroot: ""
    zonesdir: "$top"
    pidfile: "$top/nsd.pid"
    database: ""
    xfrdfile: "$top/nsd.xfrd"
    xfrdir: "$top"
    zonelistfile: "$top/nsd.list"
remote-control:
    control-enable: no
zone:
    name: example.org
    zonefile: nsd.zone
    request-xfr: 127.0.0.1@$port NOKEY
    allow-notify: 127.0.0.1 NOKEY
NSD
    nsd -d -c nsd.conf > nsd.log 2>&1 &
    servers="$servers $!"
else
    sed "s/:$((port + 1))/:$((port + 2))/" second1.corefile > second2.corefile
    serve second2
fi

# A change: the serial that is served is the signer's; both secondaries must have it.
answer() { "$bin/zonetool" query --short "@127.0.0.1:$1" www.example.org "$2"; }
for n in 0 1 2; do until_it sh -c "\"$bin/zonetool\" query --short @127.0.0.1:$((port + n)) example.org DNSKEY | grep -q ."; done
sed -i 's/192.0.2.80/192.0.2.81/' work/zones/example.org.zone
push 'www moves'
confirm="--control $top/primary.sock --confirm 127.0.0.1:$((port + 1)) --confirm 127.0.0.1:$((port + 2))"
"$bin/gitsync" once $options $confirm
for n in 0 1 2; do answer $((port + n)) A; done

# Another key: the signed serial goes on without a commit. The next commit is confirmed all the same.
"$bin/signer" keygen -K keys -a ecdsap256sha256 example.org > /dev/null
until_it sh -c "test \$(\"$bin/zonetool\" query --short @127.0.0.1:$port example.org DNSKEY | wc -l) = 2"
sed -i 's/192.0.2.81/192.0.2.82/' work/zones/example.org.zone
push 'www moves again'
"$bin/gitsync" once $options $confirm

# Validated from the trust anchor, at each of them.
anchor=$("$bin/zonetool" query --short "@127.0.0.1:$port" example.org DNSKEY | head -n 1)
set -- $anchor
flags=$1 protocol=$2 algorithm=$3
shift 3
echo "trust-anchors { example.org. static-key $flags $protocol $algorithm \"$(echo "$*" | tr -d ' ')\"; };" > anchor
if command -v delv > /dev/null; then
    for n in 0 1 2; do delv -a anchor +root=example.org @127.0.0.1 -p $((port + n)) www.example.org A; done
fi
"$bin/gitsync" status --dest "$top/dest"
