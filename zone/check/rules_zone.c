/* Names, delegations, aliases: the shape of a zone. Most are told by the store (zone/store/lint.c). */
#include "zone/check/rule_area.h"

#define E SEVERITY_ERROR
#define W SEVERITY_WARNING
#define I SEVERITY_INFO
#define M RULE_MANDATORY
#define D RULE_DEFAULT
#define S RULE_STRICT

#define APEX "!$ORIGIN example.org.\n$TTL 3600\n"
#define SOA "@ SOA ns.example.net. hostmaster 1 7200 3600 1209600 3600\n"
#define NSS "@ NS ns.example.net.\n@ NS ns2.example.net.\n"

#define TEXT_63 "012345678901234567890123456789012345678901234567890123456789012"
#define TEXT_252 TEXT_63 TEXT_63 TEXT_63 TEXT_63

const struct rule rules_zone[] = {
    {"soa-missing", E, M, false, "SOA_NONE MissingSOA basic01",
        "A zone begins with one SOA record at its apex (RFC 1035 5.2).",
        "add it, or give the zone's name with -o", APEX NSS, APEX SOA NSS},
    {"soa-multiple", E, M, false, "SOA_MULTIPLE", "A zone has one SOA (RFC 1035 5.2).", "keep one",
        "@ SOA ns2 hostmaster 1 7200 3600 1209600 3600\n", "; one is enough\n"},
    {"soa-below-apex", E, M, false, "", "A SOA stands at the apex only (RFC 1035 5.2).",
        "is the zone's origin right? Give it with -o", "a SOA ns1 hostmaster 1 7200 3600 1209600 3600\n",
        "a TXT \"no zone\"\n"},
    {"ns-missing", E, M, false, "NS_APEX NoNSInParent", "The apex names the zone's servers (RFC 1034 4.2.1).",
        "add NS records", APEX SOA, APEX SOA NSS},
    {"ns-single", W, D, false, "multi-value-ns single-ns delegation01",
        "With one name server the zone is gone when that is (RFC 2182 5).", "have at least two",
        APEX SOA "@ NS ns.example.net.\n", APEX SOA NSS},
    {"delegation-ns-single", I, S, false, "",
        "A delegation to one name server is gone when that is (RFC 2182 5).", "have at least two",
        "sub NS ns.example.net.\n", "sub NS ns.example.net.\nsub NS ns2.example.net.\n"},
    {"out-of-zone", W, D, false, "",
        "Data outside the zone are not served; they come of a missing final dot, a wrong $ORIGIN, or another "
        "zone "
        "(RFC 1035 5.2).",
        "correct the name or move the record", "www.example.net. A 192.0.2.3\n", "www A 192.0.2.3\n"},
    {"cname-and-other-data", E, M, false,
        "cname-other-data cname-coexistence CNAME_EXTRA_RECORDS CNAMEWithOtherData root-cname cname-root-rfc",
        "A name with a CNAME has no other data but DNSSEC's own (RFC 1034 3.6.2, RFC 2181 10.1). At the apex "
        "there "
        "is always a SOA: no CNAME can stand there.",
        "remove one or the other; at the apex write A and AAAA", "www CNAME ns1\nwww TXT \"also\"\n",
        "www CNAME ns1\n"},
    {"cname-multiple", E, M, false, "CNAME_MULTIPLE", "A name is an alias of one other (RFC 2181 10.1).",
        "keep one CNAME", "www CNAME ns1\nwww CNAME ns2\n", "www CNAME ns1\n"},
    {"dname-multiple", E, M, false, "DNAME_MULTIPLE", "A name has one DNAME (RFC 6672 2.4).", "keep one",
        "d DNAME a.example.net.\nd DNAME b.example.net.\n", "d DNAME a.example.net.\n"},
    {"dname-and-ns", E, M, false, "DNAME_EXTRA_NS dname-coexistence",
        "Below the apex a name is delegated or redirected, not both (RFC 6672 2.3).", "remove one",
        "d DNAME a.example.net.\nd NS ns.example.net.\n", "d DNAME a.example.net.\n"},
    {"dname-children", E, M, false, "DNAME_CHILDREN",
        "Nothing below a DNAME is ever answered (RFC 6672 2.4).", "remove it or the DNAME",
        "d DNAME a.example.net.\nx.d A 192.0.2.3\n", "d DNAME a.example.net.\n"},
    {"dname-loop", W, D, false, "",
        "A DNAME to its own name or below leads round and round (RFC 6672 2.3, 2.4).", "name another target",
        "d DNAME x.d\n", "d DNAME x.e\nx.e TXT \"x\"\n"},
    {"ttl-mismatch", W, D, true, "RRsetTTLMismatch ttl-differs",
        "All records of a set are served with one TTL, the first one's (RFC 2181 5.2).", "give them one TTL",
        "www 60 A 192.0.2.3\nwww 90 A 192.0.2.4\n", "www 60 A 192.0.2.3\nwww 60 A 192.0.2.4\n"},
    {"duplicate", W, D, true, "duplicate-record",
        "The record is there already and is served once (RFC 2181 5).", "remove one",
        "www A 192.0.2.3\nwww A 192.0.2.3\n", "www A 192.0.2.3\n"},
    {"rrset-too-large", E, M, false, "",
        "No message can carry the set: 65535 octets are the most (RFC 1035 4.2.2).", "remove some of it",
        "$GENERATE 1-1200 big TXT " TEXT_252 "${0,3,x}\n", "$GENERATE 1-100 big TXT " TEXT_252 "${0,3,d}\n"},
    {"rrset-unsendable", W, M, false, "",
        "The records do not fit into one message of 65535 octets (RFC 1035 4.2.2), so the set is never "
        "answered.",
        "remove some of it", "$GENERATE 1-248 big TXT " TEXT_252 "${0,3,d}\n",
        "$GENERATE 1-100 big TXT " TEXT_252 "${0,3,d}\n"},
    {"occluded", W, D, false, "",
        "Below a delegation only addresses for its name servers belong (RFC 1034 4.2.1); the rest is never "
        "answered. A delegation below a delegation is such, too.",
        "move the data to the delegated zone", "sub NS ns1\nsub NS ns2\nwww.sub TXT \"x\"\n",
        "sub NS ns1\nsub NS ns2\n"},
    {"apex-only", E, M, false, "", "NSEC3PARAM and ZONEMD speak of a zone and stand at its apex.",
        "move it to the apex", "a NSEC3PARAM 1 0 0 -\n", "@ NSEC3PARAM 1 0 0 -\n"},
    {"glue-missing", E, M, false,
        "NS_GLUE glue-for-in-zone-ns MissingGlueForNSName MissingGlueIPv4 MissingGlueIPv6 delegation04",
        "A name server below its own delegation can be found by glue only (RFC 1034 4.2.1, RFC 9471).",
        "add A or AAAA for the name server", "sub NS ns.sub\nsub NS ns2\n",
        "sub NS ns.sub\nsub NS ns2\nns.sub A 192.0.2.3\n"},
    {"glue-wildcard", W, D, false, "",
        "A name server below its own delegation has no record but a wildcard's. A wildcard below a "
        "delegation "
        "is nothing that a server must answer from (RFC 4592 4.2): Knot gives its addresses as glue, others "
        "do "
        "not.",
        "write A or AAAA at the name server's own name", "sub NS ns.sub\nsub NS ns2\n*.sub A 192.0.2.3\n",
        "sub NS ns.sub\nsub NS ns2\nns.sub A 192.0.2.3\n"},
    {"glue-sibling-missing", I, S, false, "full-sibling",
        "A name server in a sibling delegation takes one more question without glue, and two such "
        "delegations can "
        "need each other (RFC 9471 2.2).",
        "add A or AAAA for it", "a NS ns.b\na NS ns2\nb NS ns1\nb NS ns2\n",
        "a NS ns.b\na NS ns2\nb NS ns1\nb NS ns2\nns.b A 192.0.2.3\n"},
    {"glue-unused", W, D, false, "extra-glue ExtraGlueIPv4 ExtraGlueIPv6",
        "Addresses below a delegation that none of the zone's NS records names are never given out; they are "
        "left "
        "from a name server that has moved.",
        "remove them, or add the NS record", "sub NS ns1\nsub NS ns2\nold.sub A 192.0.2.3\n",
        "sub NS new.sub\nsub NS ns2\nnew.sub A 192.0.2.3\n"},
    {"ns-without-address", E, M, false, "ns-no-address NoAddressForNSName",
        "The name server is in this zone and has no address here: nobody can ask it.",
        "add its A or AAAA record, or the final dot", "@ NS ns3\n", "@ NS ns3\nns3 A 192.0.2.3\n"},
    {"target-is-cname", W, D, false,
        "ns-target-not-cname mx-target-not-cname srv-target-not-cname mx-alias ns-alias zone07 delegation05",
        "NS, MX and SRV name a host, not an alias: some ask no further, all ask more (RFC 2181 10.3, RFC "
        "2782).",
        "name the host the alias leads to", "mail CNAME ns1\n@ MX 10 mail\n",
        "mail A 192.0.2.3\n@ MX 10 mail\n"},
    {"target-below-dname", W, D, false, "",
        "NS, MX and SRV name a host; one below a DNAME is an alias (RFC 2181 10.3).", "name the host itself",
        "d DNAME example.net.\n@ MX 10 mail.d\n", "@ MX 10 mail.example.net.\n"},
    {"target-without-address", W, D, false, "mx-target-resolvable-in-zone srv-target-resolvable-in-zone",
        "The name is in this zone and has no address here.",
        "add A or AAAA, or correct it; a missing final dot appends the origin", "@ MX 10 mail\n",
        "@ MX 10 mail\nmail A 192.0.2.3\n"},
    {"cname-dangling", W, D, false, "cname-target-resolvable-in-zone",
        "The target of the alias is in this zone but not there.",
        "add it or correct it; a missing final dot appends the origin", "www CNAME nowhere\n",
        "www CNAME ns1\n"},
    {"cname-loop", W, D, false, "no-cname-loop CNAMELoop",
        "An alias must end at data; resolvers give up on a circle (RFC 1034 3.6.2). Servers load such zones "
        "all "
        "the same.",
        "let one of them lead elsewhere", "a CNAME b\nb CNAME a\n", "a CNAME b\nb CNAME ns1\n"},
    {"cname-chain", I, S, false, "cname-target-not-cname",
        "Each alias on the way can cost a question; resolvers follow some 8 to 16 (RFC 1034 3.6.2).",
        "let the alias lead to the host itself", "a CNAME b\nb CNAME ns1\n", "a CNAME ns1\nb CNAME ns1\n"},
    {"cname-chain-long", W, D, false, "",
        "Resolvers give up after some 8 to 16 aliases in a row (RFC 1034 3.6.2).",
        "let the alias lead to the host itself",
        "a CNAME b\nb CNAME c\nc CNAME d\nd CNAME e\ne CNAME f\nf CNAME g\ng CNAME h\nh CNAME i\ni CNAME "
        "j\nj CNAME ns1\n",
        "a CNAME ns1\n"},
    {"target-is-address", E, M, false,
        "mx-value-not-ip target-value-not-ip targets-value-not-ip srv-value-not-ip",
        "The field names a host; an address there is a name of four numeric labels that nobody has (RFC 1035 "
        "3.3).",
        "name a host that has this address", "@ MX 10 192.0.2.3\n", "@ MX 10 ns1\n"},
    {"target-is-url", E, M, false, "", "The field names a host, not a page.",
        "write the host alone, or use a URI record", "www CNAME https://example.net.\n",
        "www CNAME example.net.\n"},
    {"trailing-dot", W, D, true, "",
        "A name without its final dot is completed by the origin: one that repeats it is hardly meant "
        "(RFC 1035 5.1).",
        "end the name with a dot", "www CNAME host.example.org\n", "www CNAME ns1.example.org.\n"},
    {"ptr-in-reverse-zone", W, D, true, "",
        "A PTR into the reverse zone itself comes of a missing final dot.", "end the name with a dot",
        "!$ORIGIN 2.0.192.in-addr.arpa.\n$TTL 3600\n" SOA NSS "1 PTR host.example.org\n",
        "!$ORIGIN 2.0.192.in-addr.arpa.\n$TTL 3600\n@ SOA ns.example.net. hostmaster.example.net. 1 7200 "
        "3600 1209600 "
        "3600\n" NSS "1 PTR host.example.org.\n"},
    {"ptr-owner", W, D, false, "",
        "The name of a PTR for an address is the address backwards: four numbers up to 255 before "
        "in-addr.arpa "
        "(RFC 1035 3.5), 32 hexadecimal digits before ip6.arpa (RFC 3596 2.5).",
        "correct the name; is the origin right?",
        "!$ORIGIN 2.0.192.in-addr.arpa.\n$TTL 3600\n" SOA NSS "256 PTR a.example.org.\n",
        "!$ORIGIN 2.0.192.in-addr.arpa.\n$TTL 3600\n" SOA NSS "25 PTR a.example.org.\n"},
    {"target-useless", W, D, false, "",
        "The root and localhost are no name servers and no mail servers (RFC 7505 has the null MX, RFC 6761 "
        "6.3 "
        "localhost).",
        "name the host", "@ NS .\n@ MX 10 localhost.\n", "@ MX 10 ns1\n"},
    {"ptr-multiple", I, D, false, "",
        "One address has one canonical name; most programs take any one of several.", "keep one",
        "!$ORIGIN 2.0.192.in-addr.arpa.\n$TTL 3600\n" SOA NSS "1 PTR a.example.org.\n1 PTR b.example.org.\n",
        "!$ORIGIN 2.0.192.in-addr.arpa.\n$TTL 3600\n" SOA NSS "1 PTR a.example.org.\n"},
    {"wildcard-ns", W, D, false, "", "What a wildcard NS or DNAME means is undefined (RFC 4592 4.2, 4.4).",
        "write the names out", "*.w NS ns1\n*.w NS ns2\n", "a.w NS ns1\na.w NS ns2\n"},
    {"wildcard-inside", I, D, false, "nonterminal-wildcard",
        "Only a first label \"*\" is a wildcard; elsewhere it is an ordinary label (RFC 4592 2.1.1).",
        "is it meant?", "a.*.w A 192.0.2.3\n", "*.w A 192.0.2.3\n"},
    {"wildcard-shadowed", I, S, false, "",
        "A name that exists, be it for a TXT record alone, is not covered by the wildcard beside it: the "
        "wildcard's "
        "types are missing there (RFC 4592 2.2.1).",
        "give the name the wildcard's records, too", "*.w A 192.0.2.3\nx.w TXT \"x\"\n",
        "*.w A 192.0.2.3\nx.w TXT \"x\"\nx.w A 192.0.2.3\n"},
    {"hostname-syntax", W, D, false, "check-names syntax01 syntax02 nameserver15",
        "Hosts have names of letters, digits and hyphens, a hyphen neither first nor last (RFC 952, RFC 1123 "
        "2.1): "
        "owners of A, AAAA and MX, targets of NS, MX, SRV and the SOA's MNAME.",
        "rename the host", "host!1 A 192.0.2.3\n", "host-1 A 192.0.2.3\n"},
    {"hostname-underscore", W, D, false, "underscore",
        "Underscores are for services (_tcp, _dmarc), not for hosts: some programs refuse them (RFC 1123 "
        "2.1, "
        "RFC 8552).",
        "write a hyphen", "my_host A 192.0.2.3\n", "my-host A 192.0.2.3\n"},
    {"hostname-double-dash", I, S, false, "syntax03",
        "Hyphens at the third and fourth place are reserved for prefixes such as xn-- (RFC 5891 4.2.3.1).",
        "rename it", "ab--c A 192.0.2.3\n", "ab-c A 192.0.2.3\n"},
    {"idn-syntax", W, D, false, "", "What follows xn-- must be Punycode (RFC 3492, RFC 5891 4.4).",
        "encode the name anew", "xn--a!b A 192.0.2.3\nxn--99999999 A 192.0.2.3\n",
        "xn--bcher-kva A 192.0.2.3\n"},
    {"idn-raw", W, D, false, "",
        "Octets above 127 are not letters to the DNS: names in other scripts are written in their xn-- form "
        "(RFC 5890 2.3.2.1).",
        "write the A-label", "b\\195\\188cher TXT \"x\"\n", "xn--bcher-kva TXT \"x\"\n"},
    {.name = NULL},
};
