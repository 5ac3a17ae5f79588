/* Signing a zone: a snapshot goes in, signed or not, and its signed form comes out. Signatures of an earlier
 * form are taken over where they still fit and last; only the others are made, on all cores.
 *
 *     zone_sign      all of it: for a file, for the first time
 *     zone_resign    what has changed between two snapshots, and what expires: a change set, in time that
 *                    follows the change, not the zone
 *
 * Nothing is published that would not validate: each thread's means of signing prove themselves against the
 * DNSKEY set that is to be published before they sign (signing_prove), and zone_verify (zoneverify.h) looks
 * at the result. RFC 4035 2, RFC 5155 7.1, RFC 9276 (NSEC3 parameters), RFC 9077 (TTL of denials), RFC 8976
 * (ZONEMD), RFC 7344 and 8078 (CDS, CDNSKEY). Calls start threads of their own and leave none behind. */
#ifndef ZONE_SEC_ZONESIGN_H
#define ZONE_SEC_ZONESIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/sec/key.h"
#include "zone/store/change.h"
#include "zone/store/snapshot.h"

/* A key of the zone and what it is to do now. */
struct zonesign_key {
    struct key *key;
    bool publish;   /* its DNSKEY is in the zone */
    bool sign_keys; /* it signs the DNSKEY, CDS and CDNSKEY sets */
    bool sign_zone; /* it signs the others */
    bool sync;      /* it is in CDS and CDNSKEY */
};

enum serial_policy {
    SERIAL_AUTO,      /* as the text has it, but above the earlier form's when something has changed */
    SERIAL_KEEP,      /* as the text has it */
    SERIAL_INCREMENT, /* the text's, or the earlier form's if that is higher, plus one */
    SERIAL_UNIXTIME,
    SERIAL_DATE /* YYYYMMDDnn */
};

enum cds_policy {
    CDS_KEEP,  /* as the text has them */
    CDS_SYNC,  /* of the keys with `sync` */
    CDS_DELETE /* "0 0 0 00": the parent is to remove the DS (RFC 8078 4) */
};

#define ZONESIGN_KEYS_MAX 64
#define CDS_DIGESTS_MAX 4

struct zonesign_options {
    const struct zonesign_key *keys;
    unsigned key_count;
    /* Offline KSK (bundle.h): DNSKEY, CDS and CDNSKEY sets that are signed already, published as they are. */
    const struct rrset *const *ready;
    unsigned ready_count;
    int64_t now;                         /* seconds since the epoch */
    uint32_t validity_s;                 /* of signatures, from now */
    uint32_t validity_keys_s;            /* of those over the DNSKEY set; 0: the same */
    uint32_t inception_s;                /* before now that signatures begin to be valid */
    uint32_t refresh_s;                  /* signatures that last less than this from now are made anew */
    uint32_t jitter_s;                   /* expirations are spread over as much before the end */
    int64_t inception_at, expiration_at; /* not 0: these times instead */
    bool nsec3, opt_out;
    uint16_t iterations;
    uint8_t salt_len;
    uint8_t salt[255];
    enum serial_policy serial;
    bool zonemd;
    enum cds_policy cds;
    uint8_t cds_digests[CDS_DIGESTS_MAX]; /* digest types; 0s at the end */
    bool cdnskey;                         /* publish CDNSKEY beside CDS */
    bool has_dnskey_ttl;
    uint32_t dnskey_ttl; /* else that of the DNSKEYs in the text, of the keys' files, or the SOA's */
    bool deterministic;  /* the same input gives the same octets: no randomness in signatures and jitter */
    bool trust;          /* signatures of the earlier form need no verifying before they are taken over */
    /* zone_resign: when the first signature of the signed form expires, as the last result said; 0: not
     * known, all are looked at. */
    int64_t earliest;
    unsigned threads; /* 0: one per core */
};

/* The usual: 14 days (BIND's dnssec-policy), an hour back, 5 days before the end, 12 hours of jitter, NSEC.
 */
void zonesign_options_init(struct zonesign_options *options) NONNULL(1);

struct zonesign_result {
    uint64_t made, kept; /* signatures */
    uint32_t serial;
    int64_t earliest; /* expiration of the signature that ends first */
    uint64_t chain;   /* NSEC or NSEC3 records */
    char why[320];    /* what was wrong, when the error is ERR_INVALID */
};

/* Signs ZONE; records of DNSSEC that it has are replaced. EARLIER is an earlier signed form to take
 * signatures from, or NULL. ERR_INVALID: it cannot be signed so that it validates; RESULT->why tells. */
enum err zone_sign(const struct zonesign_options *options, struct snapshot *zone,
    const struct snapshot *earlier, struct zonesign_result *result, struct snapshot **out) NODISCARD
    NONNULL(1, 2, 4, 5);

/* The signed form that follows when the zone has gone from BEFORE to AFTER and SIGNED is the signed form of
 * BEFORE, by the same options but for the time; BEFORE and AFTER the same: what expires is renewed. *CHANGE
 * (to be cleared by the caller) makes *OUT of SIGNED. ERR_STALE: the options are others than SIGNED was made
 * by, so that zone_sign is to be called. */
enum err zone_resign(const struct zonesign_options *options, struct snapshot *before, struct snapshot *after,
    struct snapshot *signed_zone, struct zonesign_result *result, struct change *change,
    struct snapshot **out) NODISCARD NONNULL(1, 2, 3, 4, 5, 6, 7);

#endif
