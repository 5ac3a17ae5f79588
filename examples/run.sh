#!/bin/sh
# run.sh BAILIWICKD: serves the example zones on a free unprivileged port until Ctrl-C.
set -eu
server=$1

# The kernel's tables list the ports in use, in hexadecimal.
in_use() {
    grep -qs "^ *[0-9]*: [0-9A-F]*:$(printf '%04X' "$1") " \
        /proc/net/udp /proc/net/udp6 /proc/net/tcp /proc/net/tcp6
}

port=1053
while in_use $port; do
    port=$((port + 1))
done

unset MAKEFLAGS MFLAGS MAKELEVEL
cat <<END

Serving example.org and 2.0.192.in-addr.arpa on port $port (examples/Corefile). Try

    dig @127.0.0.1 -p $port example.org MX
    dig @127.0.0.1 -p $port -x 192.0.2.25
    dig @127.0.0.1 -p $port anything.pages.example.org A

Ctrl-C stops it.

END
# The images of the zones stay in the build directory.
XDG_CACHE_HOME=$PWD/build
export XDG_CACHE_HOME
exec "$server" -conf examples/Corefile -dns.port "$port"
