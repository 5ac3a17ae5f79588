/* The table of record types: mnemonic, rules, layout. See type.h and field.h. */
#include "zone/wire/type_table.h"

#include "zone/wire/field.h"

/* clang-format off */

/* IANA "DNS Security Algorithm Numbers". */
static const struct word algorithms[] = {
    {"DELETE", 0}, {"RSAMD5", 1}, {"DH", 2}, {"DSA", 3}, {"RSASHA1", 5}, {"DSA-NSEC3-SHA1", 6}, {"NSEC3DSA", 6},
    {"RSASHA1-NSEC3-SHA1", 7}, {"NSEC3RSASHA1", 7}, {"RSASHA256", 8}, {"RSASHA512", 10}, {"ECC-GOST", 12},
    {"ECCGOST", 12}, {"ECDSAP256SHA256", 13}, {"ECDSAP384SHA384", 14}, {"ED25519", 15}, {"ED448", 16},
    {"SM2SM3", 17}, {"ECC-GOST12", 23}, {"INDIRECT", 252}, {"PRIVATEDNS", 253}, {"PRIVATEOID", 254}, {NULL, 0}};

/* RFC 4398 2.1. */
static const struct word cert_types[] = {
    {"PKIX", 1}, {"SPKI", 2}, {"PGP", 3}, {"IPKIX", 4}, {"ISPKI", 5}, {"IPGP", 6}, {"ACPKIX", 7}, {"IACPKIX", 8},
    {"URI", 253}, {"OID", 254}, {NULL, 0}};

/* IANA "DS RR Type Digest Algorithms". */
static const struct word digests[] = {
    {"SHA-1", 1}, {"SHA1", 1}, {"SHA-256", 2}, {"SHA256", 2}, {"GOST", 3}, {"SHA-384", 4}, {"SHA384", 4}, {NULL, 0}};

/* RFC 7218 2. */
static const struct word tlsa_usages[] = {{"PKIX-TA", 0}, {"PKIX-EE", 1}, {"DANE-TA", 2}, {"DANE-EE", 3},
    {"PrivCert", 255}, {NULL, 0}};
static const struct word tlsa_selectors[] = {{"Cert", 0}, {"SPKI", 1}, {"PrivSel", 255}, {NULL, 0}};
static const struct word tlsa_matchings[] = {{"Full", 0}, {"SHA2-256", 1}, {"SHA2-512", 2}, {"PrivMatch", 255},
    {NULL, 0}};

/* RFC 9859 2.1. */
static const struct word dsync_schemes[] = {{"NOTIFY", 1}, {NULL, 0}};

/* RFC 2535 3.1.3. */
static const struct word key_protocols[] = {{"NONE", 0}, {"TLS", 1}, {"EMAIL", 2}, {"DNSSEC", 3}, {"IPSEC", 4},
    {"ALL", 255}, {NULL, 0}};

#define LAYOUT(name, ...) static const struct field name[] = {__VA_ARGS__, {FIELD_END, 0, NULL, NULL}}

LAYOUT(any_rdata, {FIELD_ANY, FIELD_EMPTY, "data", NULL});
LAYOUT(ip4, {FIELD_IP4, 0, "address", NULL});
LAYOUT(ip6, {FIELD_IP6, 0, "address", NULL});
LAYOUT(name_target, {FIELD_NAME, FIELD_TARGET, "target", NULL});
LAYOUT(name_only, {FIELD_NAME, 0, "target", NULL});
LAYOUT(soa, {FIELD_NAME, 0, "primary", NULL}, {FIELD_NAME, 0, "mailbox", NULL}, {FIELD_U32, 0, "serial", NULL},
    {FIELD_PERIOD, 0, "refresh", NULL}, {FIELD_PERIOD, 0, "retry", NULL}, {FIELD_PERIOD, 0, "expire", NULL},
    {FIELD_PERIOD, 0, "minimum", NULL});
LAYOUT(wks, {FIELD_IP4, 0, "address", NULL}, {FIELD_WKS, 0, "protocol", NULL});
LAYOUT(hinfo, {FIELD_STRING, 0, "cpu", NULL}, {FIELD_STRING, 0, "os", NULL});
LAYOUT(minfo, {FIELD_NAME, 0, "responsible mailbox", NULL}, {FIELD_NAME, 0, "error mailbox", NULL});
LAYOUT(mx, {FIELD_U16, 0, "preference", NULL}, {FIELD_NAME, FIELD_TARGET, "exchange", NULL});
LAYOUT(txt, {FIELD_STRINGS, 0, "text", NULL});
LAYOUT(rp, {FIELD_NAME, 0, "mailbox", NULL}, {FIELD_NAME, 0, "text name", NULL});
LAYOUT(afsdb, {FIELD_U16, 0, "subtype", NULL}, {FIELD_NAME, FIELD_TARGET, "host", NULL});
LAYOUT(x25, {FIELD_STRING, 0, "address", NULL});
LAYOUT(isdn, {FIELD_STRING, 0, "address", NULL}, {FIELD_STRING, FIELD_OPTIONAL, "subaddress", NULL});
LAYOUT(rt, {FIELD_U16, 0, "preference", NULL}, {FIELD_NAME, FIELD_TARGET, "host", NULL});
LAYOUT(nsap, {FIELD_NSAP, 0, "address", NULL});
LAYOUT(rrsig, {FIELD_TYPE, 0, "type covered", NULL}, {FIELD_U8, 0, "algorithm", algorithms},
    {FIELD_U8, 0, "labels", NULL}, {FIELD_PERIOD, 0, "original TTL", NULL}, {FIELD_TIME, 0, "expiration", NULL},
    {FIELD_TIME, 0, "inception", NULL}, {FIELD_U16, 0, "key tag", NULL}, {FIELD_NAME, 0, "signer", NULL},
    {FIELD_BASE64, 0, "signature", NULL});
LAYOUT(key, {FIELD_U16, 0, "flags", NULL}, {FIELD_U8, 0, "protocol", key_protocols},
    {FIELD_U8, 0, "algorithm", algorithms}, {FIELD_BASE64, FIELD_EMPTY, "public key", NULL});
LAYOUT(dnskey, {FIELD_U16, 0, "flags", NULL}, {FIELD_U8, 0, "protocol", NULL},
    {FIELD_U8, 0, "algorithm", algorithms}, {FIELD_BASE64, 0, "public key", NULL});
LAYOUT(px, {FIELD_U16, 0, "preference", NULL}, {FIELD_NAME, 0, "map822", NULL}, {FIELD_NAME, 0, "mapx400", NULL});
LAYOUT(gpos, {FIELD_STRING, 0, "longitude", NULL}, {FIELD_STRING, 0, "latitude", NULL},
    {FIELD_STRING, 0, "altitude", NULL});
LAYOUT(loc, {FIELD_LOC, 0, "location", NULL});
LAYOUT(nxt, {FIELD_NAME, 0, "next name", NULL}, {FIELD_NXT, 0, "type list", NULL});
LAYOUT(hex_only, {FIELD_HEX, 0, "data", NULL});
LAYOUT(srv, {FIELD_U16, 0, "priority", NULL}, {FIELD_U16, 0, "weight", NULL}, {FIELD_U16, 0, "port", NULL},
    {FIELD_NAME, FIELD_TARGET, "target", NULL});
LAYOUT(atma, {FIELD_ATMA, 0, "address", NULL});
LAYOUT(naptr, {FIELD_U16, 0, "order", NULL}, {FIELD_U16, 0, "preference", NULL}, {FIELD_STRING, 0, "flags", NULL},
    {FIELD_STRING, 0, "services", NULL}, {FIELD_STRING, 0, "regexp", NULL}, {FIELD_NAME, FIELD_TARGET, "replacement", NULL});
LAYOUT(kx, {FIELD_U16, 0, "preference", NULL}, {FIELD_NAME, FIELD_TARGET, "exchanger", NULL});
LAYOUT(cert, {FIELD_U16, FIELD_WORD, "certificate type", cert_types}, {FIELD_U16, 0, "key tag", NULL},
    {FIELD_U8, 0, "algorithm", algorithms}, {FIELD_BASE64, 0, "certificate", NULL});
LAYOUT(a6, {FIELD_A6, 0, "address", NULL});
LAYOUT(sink, {FIELD_U8, 0, "meaning", NULL}, {FIELD_U8, 0, "coding", NULL}, {FIELD_U8, 0, "subcoding", NULL}, {FIELD_BASE64, FIELD_EMPTY, "data", NULL});
LAYOUT(apl, {FIELD_APL, FIELD_EMPTY, "prefix", NULL});
LAYOUT(ds, {FIELD_U16, 0, "key tag", NULL}, {FIELD_U8, 0, "algorithm", algorithms},
    {FIELD_U8, 0, "digest type", digests}, {FIELD_HEX, 0, "digest", NULL});
LAYOUT(sshfp, {FIELD_U8, 0, "algorithm", NULL}, {FIELD_U8, 0, "fingerprint type", NULL},
    {FIELD_HEX, 0, "fingerprint", NULL});
LAYOUT(ipseckey, {FIELD_U8, 0, "precedence", NULL}, {FIELD_U8, 0, "gateway type", NULL},
    {FIELD_U8, 0, "algorithm", NULL}, {FIELD_GATEWAY, 0, "gateway", NULL},
    {FIELD_BASE64, FIELD_EMPTY, "public key", NULL});
LAYOUT(nsec, {FIELD_NAME, 0, "next name", NULL}, {FIELD_BITMAP, 0, "type list", NULL});
LAYOUT(base64_only, {FIELD_BASE64, 0, "data", NULL});
LAYOUT(nsec3, {FIELD_U8, 0, "hash algorithm", NULL}, {FIELD_U8, 0, "flags", NULL}, {FIELD_U16, 0, "iterations", NULL},
    {FIELD_SALT, 0, "salt", NULL}, {FIELD_HASH, 0, "next hashed owner", NULL}, {FIELD_BITMAP, FIELD_EMPTY, "type list", NULL});
LAYOUT(nsec3param, {FIELD_U8, 0, "hash algorithm", NULL}, {FIELD_U8, 0, "flags", NULL},
    {FIELD_U16, 0, "iterations", NULL}, {FIELD_SALT, 0, "salt", NULL});
LAYOUT(tlsa, {FIELD_U8, 0, "certificate usage", tlsa_usages}, {FIELD_U8, 0, "selector", tlsa_selectors},
    {FIELD_U8, 0, "matching type", tlsa_matchings}, {FIELD_HEX, 0, "association data", NULL});
LAYOUT(hip, {FIELD_HIP, 0, "host identity", NULL}, {FIELD_NAMES, FIELD_EMPTY, "rendezvous server", NULL});
LAYOUT(talink, {FIELD_NAME, 0, "previous name", NULL}, {FIELD_NAME, 0, "next name", NULL});
LAYOUT(csync, {FIELD_U32, 0, "serial", NULL}, {FIELD_U16, 0, "flags", NULL}, {FIELD_BITMAP, FIELD_EMPTY, "type list", NULL});
LAYOUT(zonemd, {FIELD_U32, 0, "serial", NULL}, {FIELD_U8, 0, "scheme", NULL}, {FIELD_U8, 0, "hash algorithm", NULL},
    {FIELD_HEX, 0, "digest", NULL});
LAYOUT(svcb, {FIELD_U16, 0, "priority", NULL}, {FIELD_NAME, FIELD_TARGET, "target", NULL},
    {FIELD_PARAMS, FIELD_EMPTY, "parameter", NULL});
LAYOUT(dsync, {FIELD_TYPE, 0, "type", NULL}, {FIELD_U8, FIELD_WORD, "scheme", dsync_schemes},
    {FIELD_U16, 0, "port", NULL}, {FIELD_NAME, FIELD_TARGET, "target", NULL});
LAYOUT(nid, {FIELD_U16, 0, "preference", NULL}, {FIELD_ID64, 0, "node identifier", NULL});
LAYOUT(l32, {FIELD_U16, 0, "preference", NULL}, {FIELD_IP4, 0, "locator", NULL});
LAYOUT(l64, {FIELD_U16, 0, "preference", NULL}, {FIELD_ID64, 0, "locator", NULL});
LAYOUT(lp, {FIELD_U16, 0, "preference", NULL}, {FIELD_NAME, 0, "target", NULL});
LAYOUT(eui48, {FIELD_EUI48, 0, "address", NULL});
LAYOUT(eui64, {FIELD_EUI64, 0, "address", NULL});
LAYOUT(uri, {FIELD_U16, 0, "priority", NULL}, {FIELD_U16, 0, "weight", NULL}, {FIELD_REST, 0, "target", NULL});
LAYOUT(caa, {FIELD_U8, 0, "flags", NULL}, {FIELD_TAG, 0, "tag", NULL}, {FIELD_REST, FIELD_EMPTY, "value", NULL});
LAYOUT(doa, {FIELD_U32, 0, "enterprise", NULL}, {FIELD_U32, 0, "type", NULL}, {FIELD_U8, 0, "location", NULL},
    {FIELD_STRING, 0, "media type", NULL}, {FIELD_BASE64_DASH, FIELD_EMPTY, "data", NULL});
LAYOUT(amtrelay, {FIELD_U8, 0, "precedence", NULL}, {FIELD_RELAY, 0, "relay", NULL});
LAYOUT(ipn, {FIELD_U64, 0, "CBHE node number", NULL});

#define CELL(number, mnemonic, rules, layout) \
    {.name = mnemonic, .fields = layout, .type = number, .name_len = sizeof mnemonic - 1, .flags = rules}
#define ROW(number, mnemonic, rules, layout) [number] = CELL(number, mnemonic, rules, layout)
#define META TYPE_FLAG_META
#define SINGLE TYPE_FLAG_SINGLETON
#define COMPRESS TYPE_FLAG_COMPRESS
#define LOWER TYPE_FLAG_LOWER
#define EXTRA TYPE_FLAG_ADDITIONAL
#define OLD TYPE_FLAG_OBSOLETE
#define GENERIC TYPE_FLAG_GENERIC
#define INTERNET TYPE_FLAG_IN_ONLY
#define RULES TYPE_FLAG_RULES

static const struct type_info low[TYPE_LOW_COUNT] = {
    ROW(TYPE_A, "A", 0, ip4),                                               /* RFC 1035 3.4.1 */
    ROW(TYPE_NS, "NS", COMPRESS | LOWER | EXTRA, name_target),              /* RFC 1035 3.3.11 */
    ROW(TYPE_MD, "MD", COMPRESS | LOWER | OLD, name_only),                  /* RFC 1035 3.3.4 */
    ROW(TYPE_MF, "MF", COMPRESS | LOWER | OLD, name_only),                  /* RFC 1035 3.3.5 */
    ROW(TYPE_CNAME, "CNAME", COMPRESS | LOWER | SINGLE, name_only),         /* RFC 1035 3.3.1, 2181 10.1 */
    ROW(TYPE_SOA, "SOA", COMPRESS | LOWER | SINGLE, soa),                   /* RFC 1035 3.3.13 */
    ROW(TYPE_MB, "MB", COMPRESS | LOWER | EXTRA | OLD, name_target),        /* RFC 1035 3.3.3 */
    ROW(TYPE_MG, "MG", COMPRESS | LOWER | OLD, name_only),                  /* RFC 1035 3.3.6 */
    ROW(TYPE_MR, "MR", COMPRESS | LOWER | OLD, name_only),                  /* RFC 1035 3.3.8 */
    ROW(TYPE_NULL, "NULL", GENERIC | OLD, any_rdata),                       /* RFC 1035 3.3.10 */
    ROW(TYPE_WKS, "WKS", INTERNET | OLD, wks),                              /* RFC 1035 3.4.2 */
    ROW(TYPE_PTR, "PTR", COMPRESS | LOWER, name_only),                      /* RFC 1035 3.3.12 */
    ROW(TYPE_HINFO, "HINFO", 0, hinfo),                                     /* RFC 1035 3.3.2 */
    ROW(TYPE_MINFO, "MINFO", COMPRESS | LOWER, minfo),                      /* RFC 1035 3.3.7 */
    ROW(TYPE_MX, "MX", COMPRESS | LOWER | EXTRA, mx),                       /* RFC 1035 3.3.9 */
    ROW(TYPE_TXT, "TXT", 0, txt),                                           /* RFC 1035 3.3.14 */
    ROW(TYPE_RP, "RP", LOWER, rp),                                          /* RFC 1183 2.2 */
    ROW(TYPE_AFSDB, "AFSDB", LOWER | EXTRA, afsdb),                         /* RFC 1183 1 */
    ROW(TYPE_X25, "X25", 0, x25),                                           /* RFC 1183 3.1 */
    ROW(TYPE_ISDN, "ISDN", 0, isdn),                                        /* RFC 1183 3.2 */
    ROW(TYPE_RT, "RT", LOWER | EXTRA, rt),                                  /* RFC 1183 3.3 */
    ROW(TYPE_NSAP, "NSAP", INTERNET | OLD, nsap),                           /* RFC 1706 5 */
    ROW(TYPE_NSAP_PTR, "NSAP-PTR", INTERNET | OLD, name_only),              /* RFC 1348 */
    ROW(TYPE_SIG, "SIG", LOWER | OLD, rrsig),                               /* RFC 2535 4 */
    ROW(TYPE_KEY, "KEY", RULES, key),                                           /* RFC 2535 3 */
    ROW(TYPE_PX, "PX", LOWER | INTERNET | OLD, px),                         /* RFC 2163 4 */
    ROW(TYPE_GPOS, "GPOS", OLD, gpos),                                      /* RFC 1712 */
    ROW(TYPE_AAAA, "AAAA", INTERNET, ip6),                                  /* RFC 3596 2 */
    ROW(TYPE_LOC, "LOC", 0, loc),                                           /* RFC 1876 */
    ROW(TYPE_NXT, "NXT", LOWER | OLD, nxt),                                 /* RFC 2535 5 */
    ROW(TYPE_EID, "EID", INTERNET | OLD, hex_only),                         /* draft-ietf-nimrod-dns */
    ROW(TYPE_NIMLOC, "NIMLOC", INTERNET | OLD, hex_only),                   /* draft-ietf-nimrod-dns */
    ROW(TYPE_SRV, "SRV", LOWER | EXTRA | INTERNET, srv),                    /* RFC 2782 */
    ROW(TYPE_ATMA, "ATMA", INTERNET | OLD, atma),                           /* af-saa-0069.000 */
    ROW(TYPE_NAPTR, "NAPTR", LOWER | EXTRA, naptr),                         /* RFC 3403 4.1 */
    ROW(TYPE_KX, "KX", LOWER | EXTRA | INTERNET, kx),                       /* RFC 2230 3 */
    ROW(TYPE_CERT, "CERT", 0, cert),                                        /* RFC 4398 2 */
    ROW(TYPE_A6, "A6", LOWER | INTERNET | OLD, a6),                         /* RFC 2874 3 */
    ROW(TYPE_DNAME, "DNAME", LOWER | SINGLE, name_only),                    /* RFC 6672 2.1, 2.4 */
    ROW(TYPE_SINK, "SINK", OLD, sink),                                      /* draft-eastlake-kitchen-sink-02 */
    ROW(TYPE_OPT, "OPT", META | GENERIC, any_rdata),                        /* RFC 6891 6.1 */
    ROW(TYPE_APL, "APL", INTERNET, apl),                                    /* RFC 3123 */
    ROW(TYPE_DS, "DS", RULES, ds),                                              /* RFC 4034 5 */
    ROW(TYPE_SSHFP, "SSHFP", RULES, sshfp),                                     /* RFC 4255 3 */
    ROW(TYPE_IPSECKEY, "IPSECKEY", RULES, ipseckey),                            /* RFC 4025 2 */
    ROW(TYPE_RRSIG, "RRSIG", LOWER, rrsig),                                 /* RFC 4034 3 */
    ROW(TYPE_NSEC, "NSEC", SINGLE, nsec),                                   /* RFC 4034 4 */
    ROW(TYPE_DNSKEY, "DNSKEY", 0, dnskey),                                  /* RFC 4034 2 */
    ROW(TYPE_DHCID, "DHCID", INTERNET, base64_only),                        /* RFC 4701 3 */
    ROW(TYPE_NSEC3, "NSEC3", SINGLE | RULES, nsec3),                                /* RFC 5155 3 */
    ROW(TYPE_NSEC3PARAM, "NSEC3PARAM", 0, nsec3param),                      /* RFC 5155 4 */
    ROW(TYPE_TLSA, "TLSA", RULES, tlsa),                                        /* RFC 6698 2 */
    ROW(TYPE_SMIMEA, "SMIMEA", RULES, tlsa),                                    /* RFC 8162 2 */
    ROW(TYPE_HIP, "HIP", 0, hip),                                           /* RFC 8005 5 */
    ROW(TYPE_NINFO, "NINFO", OLD, txt),                                     /* IANA template */
    ROW(TYPE_RKEY, "RKEY", OLD, dnskey),                                    /* IANA template */
    ROW(TYPE_TALINK, "TALINK", OLD, talink),                                /* IANA template */
    ROW(TYPE_CDS, "CDS", RULES, ds),                                            /* RFC 7344 3.1 */
    ROW(TYPE_CDNSKEY, "CDNSKEY", 0, dnskey),                                /* RFC 7344 3.2 */
    ROW(TYPE_OPENPGPKEY, "OPENPGPKEY", 0, base64_only),                     /* RFC 7929 2 */
    ROW(TYPE_CSYNC, "CSYNC", SINGLE, csync),                                /* RFC 7477 2.1 */
    ROW(TYPE_ZONEMD, "ZONEMD", RULES, zonemd),                                  /* RFC 8976 2 */
    ROW(TYPE_SVCB, "SVCB", EXTRA, svcb),                                    /* RFC 9460 2 */
    ROW(TYPE_HTTPS, "HTTPS", EXTRA, svcb),                                  /* RFC 9460 9 */
    ROW(TYPE_DSYNC, "DSYNC", 0, dsync),                                     /* RFC 9859 2 */
    ROW(TYPE_HHIT, "HHIT", 0, base64_only),                                 /* RFC 9886 5.1 */
    ROW(TYPE_BRID, "BRID", 0, base64_only),                                 /* RFC 9886 5.2 */
    ROW(TYPE_SPF, "SPF", OLD, txt),                                         /* RFC 4408 3.1.1, 7208 3.1 */
    ROW(TYPE_UINFO, "UINFO", GENERIC | OLD, any_rdata),                     /* IANA, reserved */
    ROW(TYPE_UID, "UID", GENERIC | OLD, any_rdata),                               /* IANA, reserved */
    ROW(TYPE_GID, "GID", GENERIC | OLD, any_rdata),                               /* IANA, reserved */
    ROW(TYPE_UNSPEC, "UNSPEC", GENERIC | OLD, any_rdata),                   /* IANA, reserved */
    ROW(TYPE_NID, "NID", 0, nid),                                           /* RFC 6742 2.1 */
    ROW(TYPE_L32, "L32", 0, l32),                                           /* RFC 6742 2.2 */
    ROW(TYPE_L64, "L64", 0, l64),                                           /* RFC 6742 2.3 */
    ROW(TYPE_LP, "LP", 0, lp),                                              /* RFC 6742 2.4 */
    ROW(TYPE_EUI48, "EUI48", 0, eui48),                                     /* RFC 7043 3 */
    ROW(TYPE_EUI64, "EUI64", 0, eui64),                                     /* RFC 7043 4 */
    ROW(TYPE_NXNAME, "NXNAME", META | GENERIC, any_rdata),                  /* RFC 9824 2 */
    ROW(TYPE_TKEY, "TKEY", META | GENERIC, any_rdata),                      /* RFC 2930 2 */
    ROW(TYPE_TSIG, "TSIG", META | GENERIC, any_rdata),                      /* RFC 8945 4.2 */
    ROW(TYPE_IXFR, "IXFR", META | GENERIC, any_rdata),                      /* RFC 1995 */
    ROW(TYPE_AXFR, "AXFR", META | GENERIC, any_rdata),                      /* RFC 5936 */
    ROW(TYPE_MAILB, "MAILB", META | GENERIC, any_rdata),                    /* RFC 1035 3.2.3 */
    ROW(TYPE_MAILA, "MAILA", META | GENERIC, any_rdata),                    /* RFC 1035 3.2.3 */
    ROW(TYPE_ANY, "ANY", META | GENERIC, any_rdata),                        /* RFC 1035 3.2.3, 8482 */
    ROW(TYPE_URI, "URI", 0, uri),                                           /* RFC 7553 4 */
    ROW(TYPE_CAA, "CAA", 0, caa),                                           /* RFC 8659 4 */
    ROW(TYPE_AVC, "AVC", 0, txt),                                           /* IANA template */
    ROW(TYPE_DOA, "DOA", 0, doa),                                           /* draft-durand-doa-over-dns */
    ROW(TYPE_AMTRELAY, "AMTRELAY", 0, amtrelay),                            /* RFC 8777 4 */
    ROW(TYPE_RESINFO, "RESINFO", SINGLE, txt),                              /* RFC 9606 5 */
    ROW(TYPE_WALLET, "WALLET", 0, txt),                                     /* IANA template */
    ROW(TYPE_CLA, "CLA", 0, txt),                                           /* draft-johnson-dns-ipn-cla */
    ROW(TYPE_IPN, "IPN", 0, ipn),                                           /* draft-johnson-dns-ipn-cla */
};

static const struct type_info high[TYPE_HIGH_COUNT] = {
    CELL(TYPE_TA, "TA", OLD | RULES, ds),   /* draft-lewis-dnssec-trust-anchor */
    CELL(TYPE_DLV, "DLV", OLD | RULES, ds), /* RFC 4431, 8749 */
};

/* clang-format on */

static const struct type_info unknown = {.fields = any_rdata, .flags = TYPE_FLAG_GENERIC};

const struct type_info *type_info(uint16_t type)
{
    if (LIKELY(type < TYPE_LOW_COUNT))
        return low[type].name != NULL ? &low[type] : &unknown;
    if (type == TYPE_TA || type == TYPE_DLV)
        return &high[type - TYPE_TA];
    return &unknown;
}

const struct type_info *type_row(unsigned index)
{
    if (index < TYPE_LOW_COUNT)
        return low[index].name != NULL ? &low[index] : NULL;
    return index < TYPE_LOW_COUNT + TYPE_HIGH_COUNT ? &high[index - TYPE_LOW_COUNT] : NULL;
}
