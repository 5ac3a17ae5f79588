/* A DNSSEC policy: which keys a zone has, how long they live, and the times that a change needs to reach
 * every cache. The text is that of BIND's dnssec-policy statement, so that one can be carried over:
 *
 *     dnssec-policy "standard" {
 *         keys {
 *             ksk lifetime unlimited algorithm ecdsap256sha256;
 *             zsk lifetime P90D algorithm ecdsap256sha256;
 *         };
 *         dnskey-ttl 1h;  signatures-validity 14d;  ksk-rollover double-signature;
 *     };
 *
 * Without any, BIND's defaults hold (one CSK, ECDSA P-256, unlimited). Durations are seconds, TTL style
 * (1w2d) or ISO 8601 (P30D, PT1H). A policy is plain data and belongs to whoever has it; any thread. */
#ifndef ZONE_SEC_POLICY_H
#define ZONE_SEC_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/text/finding.h"

#define POLICY_KEYS_MAX 8
#define POLICY_NAME_MAX 63

enum policy_role { POLICY_KSK = 1, POLICY_ZSK = 2, POLICY_CSK = 3 };

/* How a KSK is replaced (RFC 7583 3.3). */
enum policy_ksk_method {
    POLICY_DOUBLE_SIGNATURE, /* DNSKEY first, DS when it is everywhere: one change at the parent */
    POLICY_DOUBLE_DS,        /* DS first: small DNSKEY sets, two changes at the parent */
    POLICY_DOUBLE_RRSET      /* both at once: quickest */
};

/* How a ZSK is replaced (RFC 7583 3.2). */
enum policy_zsk_method { POLICY_PRE_PUBLISH, POLICY_ZSK_DOUBLE_SIGNATURE };

enum policy_nsec { POLICY_NSEC, POLICY_NSEC3, POLICY_NSEC3_OPT_OUT };

struct policy_key {
    enum policy_role role;
    uint8_t algorithm;  /* IANA number */
    uint16_t bits;      /* RSA; 0 for the default */
    int64_t lifetime_s; /* 0: unlimited */
    bool standby; /* one more key stands ready: a ZSK's DNSKEY, or a KSK's DS, is published before need */
};

struct policy {
    char name[POLICY_NAME_MAX + 1];
    struct policy_key keys[POLICY_KEYS_MAX];
    unsigned keys_count; /* 0: the zone is to be insecure */
    enum policy_ksk_method ksk_method;
    enum policy_zsk_method zsk_method;
    int64_t dnskey_ttl_s, max_zone_ttl_s, zone_propagation_delay_s;
    int64_t parent_ds_ttl_s, parent_propagation_delay_s;
    int64_t publish_safety_s, retire_safety_s, purge_keys_s;
    int64_t signatures_validity_s, signatures_validity_dnskey_s, signatures_refresh_s, signatures_jitter_s;
    enum policy_nsec nsec;
    uint16_t nsec3_iterations;
    uint8_t nsec3_salt_len;
    uint8_t cds_digest; /* digest type of CDS; 0: no CDS */
    bool cdnskey;
    bool signal_zones;   /* RFC 9615 */
    bool resign_at_once; /* a new ZSK signs all at once, not as signatures fall due */
};

/* BIND's defaults; name "default". */
void policy_default(struct policy *policy) NONNULL(1);

/* Reads the policy NAME (NULL: the first) from text. Findings carry FILE, line and column; ERR_INVALID when
 * one was an error, ERR_MISSING when there is no such policy ("default", "none" and "insecure" always are).
 */
enum err policy_parse(const char *text, size_t len, const char *file, const char *name,
    const struct finding_sink *sink, struct policy *policy) NODISCARD NONNULL(1, 3, 5, 6);

/* A duration as above: seconds, or -1. "unlimited" is 0. */
int64_t policy_duration(const char *text, size_t len) NODISCARD NONNULL(1);

/* "2d3h" into OUT; for people. */
#define POLICY_DURATION_MAX 40
const char *policy_duration_print(int64_t seconds, char out[POLICY_DURATION_MAX]) NONNULL(2);

#endif
