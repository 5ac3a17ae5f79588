#!/usr/bin/python3
"""Makes zone/check/rule_signed.h, the records of signed examples in the table of rules:

    tests/unit/check/signed_examples.py > zone/check/rule_signed.h

The keys are made of fixed octets and guard nothing. The header stays the same but for the one signature by
ECDSA, which takes a new nonce each time."""

import base64

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

ORIGIN = dns.name.from_text("example.org.")
INCEPTION, EXPIRATION = "20250101000000", "20900101000000"
HEAD = '''/* Records of signed examples in the table of rules, valid up to 2090. Made by
 * tests/unit/check/signed_examples.py; do not edit. Inner header of rules_dnssec.c. */
#ifndef ZONE_CHECK_RULE_SIGNED_H
#define ZONE_CHECK_RULE_SIGNED_H
'''


class Key:
    def __init__(self, private, algorithm, flags):
        self.private = private
        self.data = dns.dnssec.make_dnskey(private.public_key(), algorithm, flags)
        self.text = f"@ DNSKEY {flags} 3 {int(algorithm)} {base64.b64encode(self.data.key).decode()}"


KEY = Key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))), dns.dnssec.Algorithm.ED25519, 257)
OTHER = Key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))), dns.dnssec.Algorithm.ED25519, 257)
REVOKED = Key(OTHER.private, dns.dnssec.Algorithm.ED25519, 385)
SECOND = Key(ec.derive_private_key(12345678901234567890, ec.SECP256R1()), dns.dnssec.Algorithm.ECDSAP256SHA256, 257)


def hashed(name):
    return dns.dnssec.nsec3_hash(name + ".example.org." if name != "@" else "example.org.", "", 0, "SHA1").lower()


def signature(lines, key):
    """The RRSIG line of a set in lines "OWNER TYPE DATA"."""
    owner, kind = lines[0].split()[:2]
    name = dns.name.from_text(owner, ORIGIN) if owner != "@" else ORIGIN
    rrset = dns.rrset.from_text_list(name, 3600, "IN", kind, [line.split(None, 2)[2] for line in lines],
                                     origin=ORIGIN, relativize=False)
    made = dns.dnssec.sign(rrset, key.private, ORIGIN, key.data, inception=INCEPTION, expiration=EXPIRATION)
    return (f"{owner} RRSIG {kind} {made.algorithm} {made.labels} 3600 {EXPIRATION} {INCEPTION} {made.key_tag} @ "
            f"{base64.b64encode(made.signature).decode()}")


def define(macro, *lines):
    print(f"#define {macro} \\\n    " + " \\\n    ".join(f'"{line}\\n"' for line in lines) + "\n")


def signed(macro, *lines, key=KEY):
    define(macro, *lines, signature(list(lines), key))


def nsec3(macro, name, following, types, flags=0):
    signed(macro, f"{hashed(name)} NSEC3 1 {flags} 0 - {hashed(following)} {types}".rstrip())


def main():
    print(HEAD)
    soa = "@ SOA ns.example.net. hostmaster 1 7200 3600 1209600 3600"
    servers = ["@ NS ns.example.net.", "@ NS ns2.example.net."]
    print('#define SIGNED_ORIGIN "!$ORIGIN example.org.\\n$TTL 3600\\n"\n')
    signed("SIGNED_SOA", soa)
    signed("SIGNED_NS", *servers)
    signed("SIGNED_NS_BY_OTHER", *servers, key=OTHER)
    signed("SIGNED_KEY", KEY.text)
    define("UNSIGNED_KEY", KEY.text, signature([KEY.text], OTHER))
    signed("SIGNED_KEY_REVOKED", KEY.text, REVOKED.text)
    define("SIGNED_KEY_REVOKED_BY_ITSELF", KEY.text, REVOKED.text, signature([KEY.text, REVOKED.text], KEY),
           signature([KEY.text, REVOKED.text], REVOKED))
    define("SIGNED_KEY_TWO", KEY.text, SECOND.text, signature([KEY.text, SECOND.text], KEY),
           signature([KEY.text, SECOND.text], SECOND))
    signed("SIGNED_WWW", "www A 192.0.2.3")
    define("CHANGED_WWW", "www A 192.0.2.4", signature(["www A 192.0.2.3"], KEY))
    define("UNSIGNED_WWW", "www A 192.0.2.3")
    signed("NSEC_APEX", "@ NSEC www NS SOA RRSIG NSEC DNSKEY")
    signed("NSEC_APEX_ALONE", "@ NSEC @ NS SOA RRSIG NSEC DNSKEY")
    signed("NSEC_APEX_SUB", "@ NSEC sub NS SOA RRSIG NSEC DNSKEY")
    signed("NSEC_WWW", "www NSEC @ A RRSIG NSEC")
    signed("NSEC_SUB", "sub NSEC @ NS RRSIG NSEC")
    signed("NSEC_GLUE", "ns.sub NSEC @ A RRSIG NSEC")
    define("SUB_GLUE", "sub NS ns.sub", "sub NS ns.example.net.", "ns.sub A 192.0.2.3")
    define("SUB_CUT", "sub NS ns.example.net.", "sub NS ns2.example.net.")
    signed("NSEC3_PARAM", "@ NSEC3PARAM 1 0 0 -")

    def after(name, among):
        ring = sorted(among, key=hashed)
        return ring[(ring.index(name) + 1) % len(ring)]
    apex = "NS SOA RRSIG DNSKEY NSEC3PARAM"
    nsec3("NSEC3_APEX", "@", after("@", ["@", "www"]), apex)
    nsec3("NSEC3_WWW", "www", after("www", ["@", "www"]), "A RRSIG")
    nsec3("NSEC3_WWW_ASTRAY", "www", "nowhere", "A RRSIG")
    nsec3("NSEC3_WWW_TYPES", "www", after("www", ["@", "www"]), "A MX RRSIG")
    signed("NSEC3_SALTED", f"{hashed('nowhere')} NSEC3 1 0 0 AABB {hashed('nowhere')} A")
    nsec3("NSEC3_APEX_ALONE", "@", "@", apex)
    three = ["@", "www", "nowhere"]
    for macro, name, types in (("APEX", "@", apex), ("WWW", "www", "A RRSIG"), ("NOWHERE", "nowhere", "A RRSIG")):
        nsec3(f"NSEC3_EXTRA_{macro}", name, after(name, three), types)
    nsec3("NSEC3_OUT_APEX", "@", after("@", ["@", "www"]), apex, flags=1)
    nsec3("NSEC3_OUT_WWW", "www", after("www", ["@", "www"]), "A RRSIG", flags=1)
    print("#endif")


main()
