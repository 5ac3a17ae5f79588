/* What single records and RRsets say. */
#include "zone/check/rule_area.h"

#define E SEVERITY_ERROR
#define W SEVERITY_WARNING
#define I SEVERITY_INFO
#define M RULE_MANDATORY
#define D RULE_DEFAULT
#define S RULE_STRICT

#define APEX "!$ORIGIN example.org.\n$TTL 3600\n"
#define NSS "@ NS ns.example.net.\n@ NS ns2.example.net.\n"
#define SOA(rest) APEX "@ SOA " rest "\n" NSS
#define SOUND SOA("ns.example.net. hostmaster 1 7200 3600 1209600 3600")
#define SHA1 "0123456789012345678901234567890123456789"
#define SHA256 SHA1 "012345678901234567890123"

const struct rule rules_data[] = {
    {"soa-timers", W, D, false, "zone04 zone05",
        "Retry is shorter than refresh, and expire longer than both together, or a secondary gives the zone "
        "up "
        "before it has tried (RFC 1912 2.2).",
        "7200 3600 1209600 are usual", SOA("ns.example.net. h 1 3600 7200 1209600 3600"), SOUND},
    {"soa-refresh", W, D, false, "zone02",
        "A refresh under 5 minutes or over 2 days asks too often or too late (RFC 1912 2.2).",
        "2 hours are usual", SOA("ns.example.net. h 1 60 30 1209600 3600"), SOUND},
    {"soa-retry", I, S, false, "zone03",
        "A retry under a minute burdens a primary that is in trouble (RFC 1912 2.2).",
        "15 minutes to an hour are usual", SOA("ns.example.net. h 1 7200 10 1209600 3600"), SOUND},
    {"soa-expire", W, D, false, "",
        "A zone that expires within two days does not outlive a weekend without its primary (RFC 1912 2.2: 2 "
        "to 4 weeks).",
        "1209600 (two weeks) is usual", SOA("ns.example.net. h 1 7200 3600 86400 3600"), SOUND},
    {"soa-minimum", W, D, false, "zone06",
        "The last field is how long \"there is no such name\" is kept; resolvers cut it at a day or less "
        "(RFC 2308 5).",
        "5 minutes to a few hours are usual", SOA("ns.example.net. h 1 7200 3600 1209600 604800"), SOUND},
    {"soa-mailbox", W, D, true, "rname syntax04 syntax06",
        "The mailbox is written as a name; an @ in it is an octet of a label (RFC 1035 8).",
        "write hostmaster@example.org as hostmaster.example.org.",
        SOA("ns.example.net. h@example.org. 1 7200 3600 1209600 3600"), SOUND},
    {"soa-mname-not-ns", I, S, false, "zone01",
        "The primary is usually one of the zone's name servers; a hidden one is not.",
        "is it meant to be hidden?", SOA("hidden.example.net. h 1 7200 3600 1209600 3600"), SOUND},
    {"soa-mname-missing", W, D, false, "",
        "The primary's name is in this zone and has no address: updates and notifies look for it (RFC 2136 "
        "4.3, RFC 1996 3.3).",
        "add its address, or correct it; a missing final dot appends the origin",
        SOA("nowhere h 1 7200 3600 1209600 3600"), SOUND},
    {"soa-mname-cname", W, D, false, "", "The primary's name is an alias (RFC 2181 10.3).",
        "name the host itself", SOA("prim h 1 7200 3600 1209600 3600") "prim CNAME a\na A 192.0.2.3\n",
        SOUND},
    {"soa-serial-date", W, D, false, "",
        "The serial looks like a date (YYYYMMDDnn) but is none, or lies more than a day in the future: the "
        "next one by "
        "date will be lower and secondaries will not take it (RFC 1982).",
        "serials only go up; see zonetool serial", SOA("ns.example.net. h 2099010100 7200 3600 1209600 3600"),
        SOUND},
    {"soa-serial-zero", I, D, false, "", "Some secondaries take serial 0 for no serial (RFC 1982 3.1).",
        "begin with 1", SOA("ns.example.net. h 0 7200 3600 1209600 3600"), SOUND},
    {"ttl-long", W, D, false, "max-ttl",
        "A mistake in a record with a TTL of weeks stays in caches for weeks; resolvers cut it at a day or a "
        "week "
        "(RFC 8767 4).",
        "a day is enough", "www 3000000 A 192.0.2.3\n", "www 86400 A 192.0.2.3\n"},
    {"ttl-zero", I, S, false, "DNAMETTLZero", "A TTL of 0 makes every question come to you.",
        "some seconds help much", "www 0 A 192.0.2.3\n", "www 60 A 192.0.2.3\n"},
    {"address-unusable", W, D, false, "",
        "No host has this address: the unspecified, broadcast, multicast and reserved ranges, and IPv4 "
        "written as "
        "IPv6 (RFC 6890, RFC 4291 2.5).",
        "write the host's address", "www A 0.0.0.0\n", "www A 192.0.2.3\n"},
    {"address-special", I, S, false,
        "PrivateAddressNS GlueReferencesPrivateIP NSNameResolvesToPrivateIP address01",
        "The address is private, loopback, link-local or for documentation: nobody reaches it from outside "
        "(RFC 6890, RFC 1918, RFC 4193, RFC 5737, RFC 3849).",
        "is the zone for the inside only?", "www A 10.1.2.3\n", SOUND "www A 9.9.9.9\n"},
    {"mx-null-with-others", E, D, false, "null-mx zone09",
        "\"MX 0 .\" says that there is no mail; other MX beside it contradict (RFC 7505 3).",
        "keep one or the other", "@ MX 0 .\n@ MX 10 ns1\n", "@ MX 0 .\n"},
    {"mx-null-preference", W, D, true, "", "The null MX has preference 0 (RFC 7505 3).", "write MX 0 .",
        "@ MX 10 .\n", "@ MX 0 .\n"},
    {"srv-null-with-others", W, D, false, "",
        "A target of \".\" says that there is no such service; others beside it contradict (RFC 2782).",
        "keep one or the other", "_sip._tcp SRV 0 0 0 .\n_sip._tcp SRV 1 1 5060 ns1\n",
        "_sip._tcp SRV 0 0 0 .\n"},
    {"srv-name", W, D, false, "srv-name-rfc", "A SRV record is sought at _service._proto.name (RFC 2782).",
        "write the service and the protocol with underscores in front", "sip SRV 1 1 5060 ns1\n",
        "_sip._tcp SRV 1 1 5060 ns1\n"},
    {"uri-name", I, D, false, "uri-name-rfc",
        "A URI record is sought at _service._proto.name (RFC 7553 4.1).",
        "write the service with an underscore in front", "ftp URI 10 1 \"ftp://ftp.example.org/\"\n",
        "_ftp._tcp URI 10 1 \"ftp://ftp.example.org/\"\n"},
    {"uri-target", W, D, false, "uri-value",
        "The target is a URI with its scheme (RFC 7553 4.4, RFC 3986 3).", "write it in full: https://...",
        "_http._tcp URI 10 1 \"example.org\"\n", "_http._tcp URI 10 1 \"https://example.org/\"\n"},
    {"uri-unquoted", W, D, false, "",
        "The target of URI stands in quotes (RFC 7553 4.5); without them some servers refuse the record.",
        "put the target in quotes", "_http._tcp URI 10 1 https://www.example.org/\n",
        "_http._tcp URI 10 1 \"https://www.example.org/\"\n"},
    {"csync-fields", W, D, false, "",
        "One CSYNC stands at the apex, with the flags 1 and 2 and the types NS, A and AAAA; parents heed no "
        "other (RFC 7477 2.1, 3.2).",
        "write CSYNC SERIAL 1 NS A AAAA", "@ CSYNC 1 4 NS\n", "@ CSYNC 1 1 NS A AAAA\n"},
    {"caa-tag", W, D, false, "caa-value CAA-tag",
        "Issuers know the tags issue, issuewild, iodef, issuemail, issuevmc, contactemail and contactphone "
        "(IANA, RFC 8659 4).",
        "correct the tag", "@ CAA 0 isue \"ca.example.net\"\n", "@ CAA 0 issue \"ca.example.net\"\n"},
    {"caa-flags", W, D, false, "", "Only the flag 128 (critical) is defined (RFC 8659 4.1).",
        "write 0 or 128", "@ CAA 1 issue \"ca.example.net\"\n", "@ CAA 0 issue \"ca.example.net\"\n"},
    {"caa-syntax", W, D, false, "",
        "issue and issuewild take a domain name with parameters behind semicolons, or \";\" alone; iodef a "
        "mailto: or http(s): URL (RFC 8659 4.2, 4.4).",
        "mend the value", "@ CAA 0 iodef \"security@example.org\"\n",
        "@ CAA 0 iodef \"mailto:security@example.org\"\n"},
    {"caa-missing", I, S, false, "caa-best-practices",
        "Without CAA every issuer may make certificates for the zone (RFC 8659).", "name the issuers", SOUND,
        SOUND "@ CAA 0 issue \"ca.example.net\"\n"},
    {"tlsa-name", W, D, false, "not-a-proper-prefixed-name",
        "A TLSA record is sought at _port._proto.host (RFC 6698 3).", "write _443._tcp. in front of the host",
        "www A 192.0.2.3\nwww TLSA 3 1 1 " SHA256 "\n",
        "www A 192.0.2.3\n_443._tcp.www TLSA 3 1 1 " SHA256 "\n"},
    {"tlsa-fields", W, D, false, "tlsa-value",
        "Usage is 0 to 3, selector 0 or 1, matching type 0 to 2 (RFC 6698 2.1).", "3 1 1 is the usual choice",
        "_443._tcp.ns1 TLSA 4 1 1 " SHA256 "\n", "_443._tcp.ns1 TLSA 3 1 1 " SHA256 "\n"},
    {"tlsa-host", W, D, false, "", "The host the record is about is not there (RFC 6698 3).",
        "correct the name or remove the record", "_443._tcp.nowhere TLSA 3 1 1 " SHA256 "\n",
        "_443._tcp.ns1 TLSA 3 1 1 " SHA256 "\n"},
    {"tlsa-unsigned", I, S, false, "", "Clients take TLSA from signed zones only (RFC 6698 4.1).",
        "sign the zone", "_443._tcp.ns1 TLSA 3 1 1 " SHA256 "\n", "; none\n"},
    {"smimea-name", W, D, false, "smimea-host",
        "SMIMEA is sought at HASH._smimecert.domain, the hash of 28 octets in hex (RFC 8162 3).",
        "correct the name", "x._smimecert SMIMEA 3 1 1 " SHA256 "\n",
        "01234567890123456789012345678901234567890123456789012345._smimecert SMIMEA 3 1 1 " SHA256 "\n"},
    {"openpgpkey-name", W, D, false, "openpgpkey-value-rfc",
        "OPENPGPKEY is sought at HASH._openpgpkey.domain, the hash of 28 octets in hex (RFC 7929 3).",
        "correct the name", "hugh OPENPGPKEY AAAA\n",
        "01234567890123456789012345678901234567890123456789012345._openpgpkey OPENPGPKEY AAAA\n"},
    {"sshfp-fields", W, D, false, "sshfp-value",
        "Algorithms are 1 RSA, 2 DSA, 3 ECDSA, 4 Ed25519 and 6 Ed448, fingerprints 1 SHA-1 and 2 SHA-256 "
        "(IANA, RFC 4255, RFC 6594, RFC 7479, RFC 8709).",
        "make the records with ssh-keygen -r", "ns1 SSHFP 9 2 " SHA256 "\n", "ns1 SSHFP 4 2 " SHA256 "\n"},
    {"sshfp-weak", I, S, false, "", "SHA-1 fingerprints and DSA keys are on their way out (RFC 6594 4.1).",
        "publish SHA-256 fingerprints", "ns1 SSHFP 4 1 " SHA1 "\n", "ns1 SSHFP 4 2 " SHA256 "\n"},
    {"naptr-fields", W, D, false, "naptr-value",
        "Flags are letters and digits, S, A, U and P terminal; the regexp is !PATTERN!REPLACEMENT!, perhaps "
        "with "
        "an i behind it (RFC 3402 3.2); regexp and replacement exclude each other (RFC 3403 4.1).",
        "give one of them, \"\" or . for the other", "n NAPTR 1 1 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" ns1\n",
        "n NAPTR 1 1 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .\n"},
    {"rp-mailbox", W, D, true, "",
        "The mailbox is written as a name; an @ in it is an octet of a label (RFC 1183 2.2).",
        "write a dot for the @", "a RP me@example.org. .\n", "a RP me.example.org. .\n"},
    {"rp-txt", W, D, false, "rp-txt-exists", "The TXT records that RP names are not there (RFC 1183 2.2).",
        "add them, or write a dot", "a RP me.example.org. nowhere\n", "a RP me.example.org. .\n"},
    {"svcb-alias", W, D, false, "aliasform",
        "Clients use the alias alone, without parameters and without others beside it (RFC 9460 2.4.1, "
        "2.4.2).",
        "keep the alias, or give it a priority", "s HTTPS 0 www.example.net. alpn=h2\n",
        "s HTTPS 1 www.example.net. alpn=h2\n"},
    {"svcb-alias-self", E, D, false, "", "An alias of itself leads nowhere (RFC 9460 2.4.2, 2.5.2).",
        "name another target", "s HTTPS 0 s\ns A 192.0.2.3\n", "s HTTPS 1 . alpn=h2\ns A 192.0.2.3\n"},
    {"svcb-target", W, D, false, "", "The target is in this zone and has no address here (RFC 9460 3).",
        "add A or AAAA for it", "s HTTPS 1 nowhere alpn=h2\n", "s HTTPS 1 ns1 alpn=h2\n"},
    {"svcb-dohpath", W, D, false, "",
        "dohpath is a URI template in relative form with the variable dns (RFC 9461 5).",
        "write dohpath=/dns-query{?dns}", "s SVCB 1 ns1 alpn=h2 dohpath=/dns-query\n",
        "s SVCB 1 ns1 alpn=h2 dohpath=/dns-query{?dns}\n"},
    {"svcb-dns", W, D, false, "",
        "The record at _dns tells how DNS is spoken there: by alpn, and for HTTP by dohpath (RFC 9461 4, 5).",
        "give both: alpn=dot, or alpn=h2 dohpath=/dns-query{?dns}", "_dns SVCB 1 ns1 alpn=h2\n",
        "_dns SVCB 1 ns1 alpn=dot\n"},
    {"svcb-mandatory", W, D, false, "automatically-mandatory-keys",
        "For HTTPS port and no-default-alpn are mandatory without being listed, and should not be (RFC 9460 "
        "8, 9).",
        "take them from mandatory", "s HTTPS 1 ns1 alpn=h2 port=8443 mandatory=port\n",
        "s HTTPS 1 ns1 alpn=h2 port=8443\n"},
    {"svcb-alpn", W, D, false, "",
        "No registered protocol has a comma or a backslash in its name; an escaped comma does not part "
        "protocols (RFC 9460 7.1.1, A.1).",
        "part protocols by plain commas: alpn=h2,h3", "s HTTPS 1 ns1 alpn=h2\\\\,h3\n",
        "s HTTPS 1 ns1 alpn=h2,h3\n"},
    {"svcb-no-alpn", I, S, false, "",
        "Without alpn the client knows the scheme's default protocol only (RFC 9460 7.1.2).",
        "add alpn=h2,h3", "ns1 HTTPS 1 . port=8443\n", "ns1 HTTPS 1 . alpn=h2 port=8443\n"},
    {"type-obsolete", W, D, false, "",
        "The type is obsolete or was never used (IANA, RFC 6895); nobody asks for it.", "remove the record",
        "a MD ns1\n", "a MX 10 ns1\n"},
    {"txt-unquoted", W, D, true, "",
        "Words without quotes are strings of their own, and readers of TXT join them without a blank between "
        "(RFC 1035 5.1, RFC 7208 3.3).",
        "put the text in quotes", "a TXT some words without quotes\n",
        "a TXT \"some words without quotes\"\n"},
    {"txt-semicolon", E, D, true, "",
        "A semicolon outside quotes begins a comment: the rest of the text is lost (RFC 1035 5.1).",
        "put the text in quotes", "sel._domainkey TXT v=DKIM1; k=rsa; p=MIGf\n", "a TXT \"v=x; k=y\"\n"},
    {"txt-typographic-quotes", W, D, false, "",
        "What a word processor makes of quotes does not quote: it is part of the text (RFC 1035 5.1).",
        "write plain quotes", "a TXT \xe2\x80\x9cv=x\xe2\x80\x9d\n", "a TXT \"v=x\"\n"},
    {"txt-empty", I, S, false, "", "An empty text says nothing.", "remove it", "a TXT \"\"\n",
        "a TXT \"a\"\n"},
    {.name = NULL},
};
