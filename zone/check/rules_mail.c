/* Policies in TXT records and their kin. */
#include "zone/check/rule_area.h"

#define E SEVERITY_ERROR
#define W SEVERITY_WARNING
#define I SEVERITY_INFO
#define D RULE_DEFAULT
#define S RULE_STRICT

const struct rule rules_mail[] = {
    {"spf-multiple", W, D, false, "zone11",
        "Several SPF policies at a name are a permanent error (RFC 7208 3.2, 4.5).", "merge them",
        "@ TXT \"v=spf1 mx -all\"\n@ TXT \"v=spf1 a -all\"\n", "@ TXT \"v=spf1 mx a -all\"\n"},
    {"spf-syntax", W, D, false, "spf-value",
        "A term that is neither a mechanism nor a modifier makes the whole policy a permanent error (RFC "
        "7208 4.6, 5, 6).",
        "mend the term", "@ TXT \"v=spf1 ip4:192.0.2.999 -all\"\n", "@ TXT \"v=spf1 ip4:192.0.2.99 -all\"\n"},
    {"spf-lookups", W, D, false, "spf-too-many-lookups",
        "At most 10 terms may need a DNS query: include, a, mx, ptr, exists, redirect (RFC 7208 4.6.4).",
        "write addresses with ip4 and ip6",
        "@ TXT \"v=spf1 a:a.example.net a:b.example.net a:c.example.net a:d.example.net a:e.example.net "
        "a:f.example.net a:g.example.net a:h.example.net a:i.example.net a:j.example.net a:k.example.net "
        "-all\"\n",
        "@ TXT \"v=spf1 a:a.example.net ip4:192.0.2.0/24 -all\"\n"},
    {"spf-after-all", W, D, false, "", "What stands behind \"all\" is never looked at (RFC 7208 5.1).",
        "let all be the last", "@ TXT \"v=spf1 -all mx\"\n", "@ TXT \"v=spf1 mx -all\"\n"},
    {"spf-open", W, D, false, "", "\"+all\" lets everybody send in the zone's name (RFC 7208 5.1).",
        "write -all or ~all", "@ TXT \"v=spf1 +all\"\n", "@ TXT \"v=spf1 -all\"\n"},
    {"spf-no-all", I, S, false, "",
        "A policy without \"all\" or redirect ends neutral: it says nothing of other senders (RFC 7208 4.7).",
        "end it with -all or ~all", "@ TXT \"v=spf1 mx\"\n", "@ TXT \"v=spf1 mx -all\"\n"},
    {"spf-ptr", I, D, false, "", "The mechanism ptr is slow and must not be used (RFC 7208 5.5).",
        "use ip4, ip6 or a", "@ TXT \"v=spf1 ptr -all\"\n", "@ TXT \"v=spf1 mx -all\"\n"},
    {"spf-record-type", W, D, false, "spf-type",
        "Policies are read from TXT; the type SPF is obsolete (RFC 7208 3.1).", "write it as TXT",
        "@ SPF \"v=spf1 -all\"\n", "@ TXT \"v=spf1 -all\"\n"},
    {"dmarc-syntax", W, D, false, "",
        "A DMARC policy begins with v=DMARC1 and p=none, quarantine or reject; malformed ones are passed "
        "over (RFC 7489 6.3, 6.4).",
        "mend the tag", "_dmarc TXT \"v=DMARC1; p=block\"\n", "_dmarc TXT \"v=DMARC1; p=reject\"\n"},
    {"dmarc-multiple", W, D, false, "", "With several DMARC policies there is none (RFC 7489 6.6.3).",
        "keep one", "_dmarc TXT \"v=DMARC1; p=none\"\n_dmarc TXT \"v=DMARC1; p=reject\"\n",
        "_dmarc TXT \"v=DMARC1; p=reject\"\n"},
    {"dkim-syntax", W, D, false, "",
        "A DKIM key record is a list of tags: v=DKIM1 in front if at all, k=rsa or ed25519, p with the key "
        "in base64 (RFC 6376 3.6.1, RFC 8463).",
        "publish it as the signer gave it", "s._domainkey TXT \"v=DKIM1; k=rsa\"\n",
        "s._domainkey TXT \"v=DKIM1; k=rsa; p=\"\n"},
    {"dkim-weak", W, D, false, "", "RSA keys under 1024 bits are not accepted (RFC 8301 3.2).",
        "make a key of 2048 bits",
        "s._domainkey TXT \"v=DKIM1; k=rsa; "
        "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJ2oFQSKmfKYrN8u4U+"
        "HDTGJt85cVKHlRTWuSL4iTR5ok0vpI9XjB8dIoOMlqWAVyOzMmTwbIZbNhmFsdwWtTn0CAwEAAQ==\"\n",
        "s._domainkey TXT \"v=DKIM1; k=rsa; p=\"\n"},
    {"mta-sts-syntax", W, D, false, "",
        "_mta-sts says v=STSv1 and an id of up to 32 letters and digits (RFC 8461 3.1).",
        "write v=STSv1; id=20260101;", "_mta-sts TXT \"v=STSv1;\"\n",
        "_mta-sts TXT \"v=STSv1; id=20260101T000000;\"\n"},
    {"tlsrpt-syntax", W, D, false, "",
        "_smtp._tls says v=TLSRPTv1 and rua with mailto: or https: URIs (RFC 8460 3).",
        "write v=TLSRPTv1; rua=mailto:...", "_smtp._tls TXT \"v=TLSRPTv1; rua=me@example.org\"\n",
        "_smtp._tls TXT \"v=TLSRPTv1; rua=mailto:me@example.org\"\n"},
    {"bimi-syntax", W, D, false, "",
        "SELECTOR._bimi says v=BIMI1 and l with an https: URL or nothing "
        "(draft-brand-indicators-for-message-identification).",
        "write v=BIMI1; l=https://...", "default._bimi TXT \"v=BIMI1; l=http://example.org/a.svg\"\n",
        "default._bimi TXT \"v=BIMI1; l=https://example.org/a.svg\"\n"},
    {"mail-policy-missing", I, S, false, "mail",
        "A zone with MX without SPF or DMARC lets others send in its name (RFC 7208, RFC 7489).",
        "add \"v=spf1 mx -all\" and a policy at _dmarc", "@ MX 10 ns1\n",
        "@ MX 10 ns1\n@ TXT \"v=spf1 mx -all\"\n_dmarc TXT \"v=DMARC1; p=reject\"\n"},
    {.name = NULL},
};
