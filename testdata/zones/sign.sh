#!/bin/sh
# Makes the signed example zones from example.org.zone with the keys in ../keys, by dnssec-signzone
# (bind9-utils). They are valid until 2090: the times of an RRSIG are serial numbers, no more than 68
# years ahead of now (RFC 4034 3.1.5). The keys are for tests only, everybody has them. Run it after a
# change of example.org.zone and commit what it writes.
set -e
cd "$(dirname "$0")"
keys=../keys
validity="-s 20260101000000 -e 20900101000000"

keygen() { # origin algorithm
    ls "$keys/K$1.+"*.key >/dev/null 2>&1 && return
    dnssec-keygen -q -K "$keys" -a "$2" -f KSK "$1" >/dev/null
    dnssec-keygen -q -K "$keys" -a "$2" "$1" >/dev/null
}

sign() { # origin algorithm options...
    origin=$1 algorithm=$2
    shift 2
    keygen "$origin" "$algorithm"
    # shellcheck disable=SC2086
    dnssec-signzone -q -S -K "$keys" $validity -o "$origin." -f "$origin.zone" "$@" example.org.zone >/dev/null 2>&1
    rm -f "dsset-$origin."
    ls -l "$origin.zone"
}

sign nsec.example ECDSAP256SHA256
sign nsec3.example ED25519 -3 aabbccdd -H 2
sign optout.example ECDSAP256SHA256 -3 - -H 0 -A
sign rsa.example RSASHA256 -3 - -H 0
