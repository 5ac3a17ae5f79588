/* The digest of a whole zone (RFC 8976): ZONEMD with the SIMPLE scheme, SHA-384 or SHA-512, over all records
 * in canonical order but the ZONEMD set at the apex and its signatures. Any thread. */
#ifndef ZONE_SEC_ZONEMD_H
#define ZONE_SEC_ZONEMD_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/err.h"
#include "zone/store/snapshot.h"

enum zonemd_hash { ZONEMD_SHA384 = 1, ZONEMD_SHA512 = 2 };

#define ZONEMD_SIMPLE 1
#define ZONEMD_DIGEST_MAX 64
#define ZONEMD_RDATA_MAX (6 + ZONEMD_DIGEST_MAX)

/* Octets of the digest; 0 for a hash that is not known. */
size_t zonemd_digest_len(unsigned hash);

/* The digest of the zone as it is. */
enum err zonemd_digest(const struct snapshot *snapshot, enum zonemd_hash hash,
    uint8_t out[ZONEMD_DIGEST_MAX]) NODISCARD NONNULL(1, 3);

/* ZONEMD rdata; DIGEST NULL: zeros, to hold the place (RFC 8976 3.1). Returns its length. */
size_t zonemd_write(
    uint32_t serial, enum zonemd_hash hash, const uint8_t *digest, uint8_t out[ZONEMD_RDATA_MAX]) NONNULL(4);

enum zonemd_verdict {
    ZONEMD_VALID,
    ZONEMD_NONE,        /* the zone has no ZONEMD */
    ZONEMD_SERIAL,      /* none is for the zone's serial */
    ZONEMD_UNSUPPORTED, /* none has a scheme and hash that are known */
    ZONEMD_REPEATED,    /* two have the same scheme and hash (RFC 8976 4) */
    ZONEMD_WRONG,       /* the digest is another */
    ZONEMD_MEMORY
};

/* RFC 8976 4, without its DNSSEC part. */
enum zonemd_verdict zonemd_verify(const struct snapshot *snapshot) NONNULL(1);
const char *zonemd_verdict_text(enum zonemd_verdict verdict);

#endif
