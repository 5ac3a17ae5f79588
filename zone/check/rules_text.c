/* The form of the text: told by the reader (zone/text), file by file. */
#include "zone/check/rule_area.h"

#define E SEVERITY_ERROR
#define W SEVERITY_WARNING
#define I SEVERITY_INFO
#define M RULE_MANDATORY
#define D RULE_DEFAULT
#define S RULE_STRICT

const struct rule rules_text[] = {
    {"syntax", E, M, false, "",
        "An entry is an owner, a TTL, a class, a type and its data; quotes are closed on their line and "
        "parentheses somewhere (RFC 1035 5.1).",
        "look at the quotes and parentheses of the entry and of the one before", "www A 192.0.2.3 (\n",
        "www A ( 192.0.2.3 )\n"},
    {"quote-newline", W, D, false, "",
        "Any octet can stand between quotes, a newline, too (RFC 1035 5.1), and is then part of the text; "
        "BIND refuses it, and mostly a quote was forgotten.",
        "close the string on its line; write \\010 for a newline that is meant", "t TXT \"a\nb\"\n",
        "t TXT \"a\\010b\"\n"},
    {"rdata-syntax", E, M, false,
        "ip-value-rfc caa-value-rfc ds-value-rfc mx-value-rfc srv-value-rfc sshfp-value-rfc svcb-value-rfc "
        "tlsa-value-rfc uri-value-rfc loc-value-rfc naptr-value-rfc",
        "The data of a record have the form of its type: an address, a name, numbers in their range, digests "
        "of "
        "their length.",
        "write the data as the RFC of the type says", "www A 192.0.2.256\n", "www A 192.0.2.25\n"},
    {"owner-syntax", E, M, false, "name-rfc",
        "A name has labels of 1 to 63 octets and 255 octets in all (RFC 1035 2.3.4); two dots in a row make "
        "an "
        "empty label.",
        "mend the name", "a..b A 192.0.2.3\n", "a.b A 192.0.2.3\n"},
    {"ttl-range", E, M, false, "ttl-rfc", "A TTL is at most 2147483647 seconds (RFC 2181 8).",
        "write a smaller TTL", "www 2147483648 A 192.0.2.3\n", "www 2147483 A 192.0.2.3\n"},
    {"ttl-missing", E, M, false, "",
        "A record without a TTL takes that of $TTL (RFC 2308 4), of the record before, or the SOA's minimum; "
        "one of these must be there.",
        "write $TTL at the top of the file",
        "!www.example.org. A 192.0.2.3\n$TTL 3600\nexample.org. SOA ns.example.net. h.example.net. 1 7200 "
        "3600 "
        "1209600 3600\nexample.org. NS ns.example.net.\nexample.org. NS ns2.example.net.\n",
        "!$TTL 3600\nexample.org. SOA ns.example.net. h.example.net. 1 7200 3600 1209600 3600\nexample.org. "
        "NS "
        "ns.example.net.\nexample.org. NS ns2.example.net.\nwww.example.org. A 192.0.2.3\n"},
    {"class-mismatch", E, M, false, "", "All records of a zone have one class (RFC 1035 5.2).",
        "remove the class, or write IN", "a IN A 192.0.2.3\nb CH TXT \"b\"\n",
        "a IN A 192.0.2.3\nb IN TXT \"b\"\n"},
    {"unknown-type", E, M, false, "",
        "The word where the type must stand is none of the IANA registry. Types without a name are written "
        "TYPE123 (RFC 3597 5).",
        "correct the type", "www AAAAA 2001:db8::1\n", "www AAAA 2001:db8::1\n"},
    {"meta-type", E, M, false, "",
        "OPT, TSIG, AXFR, ANY and their like exist in messages only (RFC 6895 3.1).", "remove the record",
        "www ANY \\# 0\n", "www TYPE65280 \\# 0\n"},
    {"owner-missing", E, M, false, "", "The first record of a file has no owner to inherit (RFC 1035 5.1).",
        "write @ for the origin",
        "! 60 A 192.0.2.1\n@ 60 SOA ns.example.net. h.example.net. 1 7200 3600 1209600 3600\n@ 60 NS "
        "ns.example.net.\n@ 60 NS ns2.example.net.\n",
        "!@ 60 SOA ns.example.net. h.example.net. 1 7200 3600 1209600 3600\n  60 NS ns.example.net.\n  60 NS "
        "ns2.example.net.\n"},
    {"directive-syntax", E, M, false, "",
        "$ORIGIN takes a name, $TTL a time, $INCLUDE a file and perhaps a name (RFC 1035 5.1, RFC 2308 4).",
        "give the directive what it needs", "$ORIGIN\n", "$ORIGIN a.example.org.\n"},
    {"directive-unknown", E, M, false, "", "The directives are $ORIGIN, $TTL, $INCLUDE and $GENERATE.",
        "remove the line; a name that begins with $ is written \\$", "$DATE 2026\n", "; $DATE 2026\n"},
    {"include", E, M, false, "",
        "What $INCLUDE names must be a plain file that can be read and does not include itself; in an "
        "untrusted "
        "zone it lies in the zone's directory.",
        "correct the path, which is relative to the including file", "$INCLUDE no-such-file\n",
        "; nothing\n"},
    {"generate", E, M, false, "",
        "$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA makes a record for each number.",
        "mend the range or the template", "$GENERATE 5-1 h$ A 192.0.2.$\n", "$GENERATE 1-5 h$ A 192.0.2.$\n"},
    {"file", E, M, false, "", "The file cannot be read.", "look at its name and its permissions",
        "$ zonetool check nowhere.zone\n", "$ zonetool check db.example.org\n"},
    {"file-changed", E, M, false, "",
        "What was read of a file that changes meanwhile belongs to no state of it.",
        "write a new file beside it and rename it over the old one",
        "$ zonetool check db.example.org & cp new db.example.org\n",
        "$ cp new new.tmp && mv new.tmp db.example.org\n"},
    {"findings-left-out", I, M, false, "",
        "Beyond some thousand findings nobody reads them one by one; they count all the same.",
        "mend those that are told and check again",
        "$ yes a A x | head -n 9000 | zonetool check -o example.org -\n",
        "$ yes a A x | head -n 90 | zonetool check -o example.org -\n"},
    {"image-structure", E, M, false, "", "A compiled zone image must be whole to be served.",
        "make the image anew from its zone file with zonetool compile",
        "$ head -c 5000 example.image > cut.image; zonetool check cut.image\n",
        "$ zonetool check example.image\n"},
    {"ignore-unknown", W, D, false, "", "A comment that names no rule silences nothing.",
        "zonetool explain lists the rules", "www A 192.0.2.3 ; zonecheck:ignore no-such-rule\n",
        "www A 192.0.2.3 ; zonecheck:ignore ttl-long\n"},
    {"config-syntax", E, M, false, "", ".zonecheck has settings, one a line, and sections of globs.",
        "see zonetool(8)", "$ echo level ttl-long=loud > .zonecheck; zonetool check db.example.org\n",
        "$ echo level ttl-long=error > .zonecheck; zonetool check db.example.org\n"},
    {"untrusted-limit", E, M, false, "",
        "A zone that nobody vouches for gets so much memory and time and no more, so that a pull request "
        "cannot "
        "stop the machine that checks it.",
        "split the zone, or check it without --untrusted", "$ zonetool check --untrusted large.zone\n",
        "$ zonetool check large.zone\n"},
    {"file-no-newline", I, S, true, "",
        "Some tools pass over a last line without its newline, and appended records land on it.",
        "end the file with a newline", "www A 192.0.2.3", "www A 192.0.2.3\n"},
    {"soa-not-first", I, S, false, "soa-first",
        "Many tools take a zone's name from the first record and want it to be the SOA.",
        "move the SOA to the top",
        "!$TTL 60\nexample.org. NS ns.example.net.\nexample.org. NS ns2.example.net.\nexample.org. SOA "
        "ns.example.net. h.example.net. 1 7200 3600 1209600 3600\n",
        "!$TTL 60\nexample.org. SOA ns.example.net. h.example.net. 1 7200 3600 1209600 3600\nexample.org. NS "
        "ns.example.net.\nexample.org. NS ns2.example.net.\n"},
    {.name = NULL},
};
