/* Zones of one directory, against each other. */
#include "zone/check/rule_area.h"

#define W SEVERITY_WARNING
#define I SEVERITY_INFO
#define D RULE_DEFAULT
#define S RULE_STRICT

#define DIGEST "0123456789012345678901234567890123456789012345678901234567890123"
#define KEY "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="

/* Beginnings of the zones of an example, which is several files. */
#define ZONE(origin)                                                                                         \
    "; file " origin "zone\n$ORIGIN " origin                                                                 \
    "\n$TTL 3600\n@ SOA ns.example.net. hostmaster.example.net. 1 7200 3600 1209600 3600\n"
#define SERVERS "@ NS ns.example.net.\n@ NS ns2.example.net.\n"
#define PARENT "&" ZONE("example.org.") SERVERS
#define CHILD ZONE("sub.example.org.")
#define CUT "sub NS ns.example.net.\nsub NS ns2.example.net.\n"
#define REVERSE ZONE("2.0.192.in-addr.arpa.") SERVERS

const struct rule rules_across[] = {
    {"across-delegation-differs", W, D, false, "NSNameNotInChild NSNameNotInParent delegation07",
        "The NS records of a delegation are those of the delegated zone's apex (RFC 1034 4.2.2).",
        "make both the same", PARENT "sub NS ns.example.net.\nsub NS ns3.example.net.\n" CHILD SERVERS,
        PARENT CUT CHILD SERVERS},
    {"across-delegation-missing", W, D, false, "NoNSInParent",
        "A zone whose parent zone is here, too, is delegated there: nobody finds it else (RFC 1034 4.2.1).",
        "add its NS records to the parent", PARENT CHILD SERVERS, PARENT CUT CHILD SERVERS},
    {"across-glue-differs", W, D, false, "GlueMismatchError consistency05",
        "Glue is the address that the delegated zone has (RFC 1034 4.2.1).", "make both the same",
        PARENT "sub NS ns.sub\nsub NS ns2.example.net.\nns.sub A 192.0.2.3\n" CHILD
               "@ NS ns\n@ NS ns2.example.net.\nns A 192.0.2.4\n",
        PARENT "sub NS ns.sub\nsub NS ns2.example.net.\nns.sub A 192.0.2.4\n" CHILD
               "@ NS ns\n@ NS ns2.example.net.\nns A 192.0.2.4\n"},
    {"across-ds-differs", W, D, false, "DSConsistencyError DigestInvalid",
        "A DS is the digest of a key of the delegated zone, one at least of each algorithm (RFC 4035 5.2).",
        "copy the DS anew: a wrong one makes the zone bogus",
        PARENT CUT "sub DS 1 15 2 " DIGEST "\n" CHILD SERVERS "@ DNSKEY 257 3 15 " KEY "\n",
        PARENT CUT CHILD SERVERS "@ DNSKEY 257 3 15 " KEY "\n"},
    {"across-target-missing", W, D, false, "", "The target lies in another zone of these, and is not there.",
        "add it there, or correct the name", PARENT CUT "@ MX 10 mail.sub\n" CHILD SERVERS,
        PARENT CUT "@ MX 10 mail.sub\n" CHILD SERVERS "mail A 192.0.2.3\n"},
    {"across-ptr-differs", W, D, false, "",
        "The name that a PTR gives for an address has that address (RFC 1912 2.1).",
        "correct the one or the other", PARENT "www A 192.0.2.3\n" REVERSE "4 PTR www.example.org.\n",
        PARENT "www A 192.0.2.3\n" REVERSE "3 PTR www.example.org.\n"},
    {"across-ptr-missing", I, S, false, "", "An address in a reverse zone of these has a PTR (RFC 1912 2.1).",
        "add it", PARENT "www A 192.0.2.3\n" REVERSE,
        PARENT "www A 192.0.2.3\n" REVERSE "3 PTR www.example.org.\n"},
    {"across-zone-twice", I, D, false, "duplicate-domain-name",
        "Two files have the same zone; is one a left-over?", "remove one, or check views one by one",
        PARENT "; file old.zone\n$ORIGIN example.org.\n$TTL 3600\n@ SOA ns.example.net. "
               "hostmaster.example.net. 1 7200 3600 1209600 3600\n" SERVERS,
        PARENT},
    {.name = NULL},
};
