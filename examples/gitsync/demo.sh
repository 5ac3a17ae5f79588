#!/bin/sh
# From a push to an answer of two secondaries, on this machine: demo.sh BIN-DIRECTORY [FIRST-PORT]
# A bare repository, a signer, a primary that serves what gitsync publishes, two secondaries that hear of it by
# NOTIFY and fetch it by IXFR. Everything lives in a temporary directory and ends with the script.
set -eu
bin=$(cd "$1" && pwd)
port=${2:-5400}
top=$(mktemp -d)
servers=
finish() {
    for server in $servers; do kill "$server" 2>/dev/null || true; done
    wait
    rm -rf "$top"
}
trap finish EXIT
cd "$top"
export HOME="$top" GIT_CONFIG_NOSYSTEM=1 XDG_CACHE_HOME="$top/cache" XDG_STATE_HOME="$top/state"

# The operator: a repository, and who may sign. The file of signers is not in the repository.
git init -q --bare -b main zones.git
ssh-keygen -q -t ed25519 -N '' -f key
echo "alice@example.org $(cut -d' ' -f1,2 key.pub)" > signers

# Alice: the serial in the file may stay 1, gitsync makes it from history.
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
"$bin/zonetool" check -q work/zones/example.org.zone # what CI runs for a review
git -C work add -A
git -C work commit -q -S -m 'the first zone'
git -C work push -q origin HEAD:main

# The first release, before there is a server.
options="--repo $top/zones.git --dest $top/dest --signers $top/signers --serial date"
"$bin/gitsync" once $options

serve() { # NAME: $NAME.corefile, until it answers
    "$bin/bailiwickd" -conf "$1.corefile" -control "$top/$1.sock" -state "$top/$1.state" > "$1.log" 2>&1 &
    servers="$servers $!"
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        "$bin/bailiwickctl" -control "$top/$1.sock" status > /dev/null 2>&1 && return
        sleep 0.1
    done
    cat "$1.log"
    exit 1
}
cat > primary.corefile <<COREFILE
example.org:$port {
    bind 127.0.0.1
    root $top/dest/current
    file zones/example.org.zone
    transfer {
        to 127.0.0.1:$((port + 1)) 127.0.0.1:$((port + 2))
    }
}
COREFILE
serve primary
for n in 1 2; do
    cat > second$n.corefile <<COREFILE
example.org:$((port + n)) {
    bind 127.0.0.1
    secondary {
        transfer from 127.0.0.1:$port
    }
}
COREFILE
    serve second$n
done

# A change: pushed, verified, checked, published, served by the primary, and by both secondaries.
sed -i 's/192.0.2.80/192.0.2.81/' work/zones/example.org.zone
git -C work commit -q -a -S -m 'www moves'
git -C work push -q origin HEAD:main
confirm="--control $top/primary.sock --confirm 127.0.0.1:$((port + 1)) --confirm 127.0.0.1:$((port + 2))"
"$bin/gitsync" once $options $confirm
for n in 0 1 2; do
    "$bin/zonetool" query --short "@127.0.0.1:$((port + n))" www.example.org A
done

# One that nobody signed is not.
sed -i 's/192.0.2.81/203.0.113.66/' work/zones/example.org.zone
git -C work commit -q -a --no-gpg-sign -m 'not mine'
git -C work push -q origin HEAD:main
"$bin/gitsync" once $options $confirm || echo "gitsync: exit status $?"
"$bin/gitsync" history --dest "$top/dest"
