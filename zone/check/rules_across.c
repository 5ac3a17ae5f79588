/* Zones of one directory, against each other. */
#include "zone/check/rule_area.h"

#define W SEVERITY_WARNING
#define I SEVERITY_INFO
#define D RULE_DEFAULT
#define S RULE_STRICT

const struct rule rules_across[] = {
    {"across-delegation-differs", W, D, false, "NSNameNotInChild NSNameNotInParent delegation07",
        "The NS records of a delegation are those of the delegated zone's apex (RFC 1034 4.2.2).",
        "make both the same", NULL, NULL},
    {"across-delegation-missing", W, D, false, "NoNSInParent",
        "A zone whose parent zone is here, too, is delegated there: nobody finds it else (RFC 1034 4.2.1).",
        "add its NS records to the parent", NULL, NULL},
    {"across-glue-differs", W, D, false, "GlueMismatchError consistency05",
        "Glue is the address that the delegated zone has (RFC 1034 4.2.1).", "make both the same", NULL,
        NULL},
    {"across-ds-differs", W, D, false, "DSConsistencyError DigestInvalid",
        "A DS is the digest of a key of the delegated zone, one at least of each algorithm (RFC 4035 5.2).",
        "copy the DS anew: a wrong one makes the zone bogus", NULL, NULL},
    {"across-target-missing", W, D, false, "", "The target lies in another zone of these, and is not there.",
        "add it there, or correct the name", NULL, NULL},
    {"across-ptr-differs", W, D, false, "",
        "The name that a PTR gives for an address has that address (RFC 1912 2.1).",
        "correct the one or the other", NULL, NULL},
    {"across-ptr-missing", I, S, false, "", "An address in a reverse zone of these has a PTR (RFC 1912 2.1).",
        "add it", NULL, NULL},
    {"across-zone-twice", I, D, false, "duplicate-domain-name",
        "Two files have the same zone; is one a left-over?", "remove one, or check views one by one", NULL,
        NULL},
    {.name = NULL},
};
