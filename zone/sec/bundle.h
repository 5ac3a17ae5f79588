/* Offline KSK: the keys that sign the DNSKEY set lie where no network is. The side with the ZSKs asks for a
 * span of time, the side with the KSKs signs a DNSKEY set for each interval of it, and the first publishes
 * each set when its time has come. What goes between them is text, in the manner of BIND's and Knot's KSR and
 * SKR:
 *
 *     ;; KeySigningRequest 1.0 20270101000000         from then on these ZSKs are to be published
 *     example.org. 3600 IN DNSKEY 256 3 13 ...
 *     example.org. 3600 IN RRSIG DNSKEY ...           by each of them: who asks has their private parts
 *     ;; KeySigningRequest 1.0 20270110000000
 *     ...
 *     ;; KeySigningRequest end 20270401000000
 *
 * and, signed by the KSKs,
 *
 *     ;; SignedKeyResponse 1.0 20270101000000
 *     example.org. 3600 IN DNSKEY 256 3 13 ...        ZSKs and KSKs
 *     example.org. 3600 IN CDS ...                    CDNSKEY likewise
 *     example.org. 3600 IN RRSIG DNSKEY ...
 *     ;; SignedKeyResponse end 20270401000000
 *
 * One record stands on a line; other comments are passed over. Times are UTC. Memory belongs to the struct
 * bundles; one thread. */
#ifndef ZONE_SEC_BUNDLE_H
#define ZONE_SEC_BUNDLE_H

#include <stdio.h>

#include "zone/base/arena.h"
#include "zone/sec/keyfile.h"
#include "zone/wire/rrset.h"

#define BUNDLES_MAX 4096
#define BUNDLE_RECORDS_MAX 64 /* of a type */

enum bundle_set { BUNDLE_DNSKEY, BUNDLE_CDS, BUNDLE_CDNSKEY, BUNDLE_SETS };

/* What is to be published from a time on, until the next bundle's: sets with their signatures, or NULL. */
struct bundle {
    int64_t from_s;
    struct rrset *sets[BUNDLE_SETS];
};

enum bundle_kind { BUNDLE_REQUEST, BUNDLE_RESPONSE };

struct bundles {
    struct arena arena;
    enum bundle_kind kind;
    uint8_t zone[NAME_MAX + 1];
    struct bundle *list;
    unsigned count;
    int64_t end_s;
};

void bundles_init(struct bundles *bundles, enum bundle_kind kind, const uint8_t *zone) NONNULL(1, 3);
void bundles_clear(struct bundles *bundles) NONNULL(1);

/* One more bundle, behind the last; NULL: no memory, or too many. */
struct bundle *bundles_add(struct bundles *bundles, int64_t from_s) NODISCARD NONNULL(1);

/* A set with its signatures; NULL: no memory. */
struct rrset *bundle_make_set(struct arena *arena, uint16_t type, uint32_t ttl,
    const struct rdata_ref *records, unsigned count, const struct rdata_ref *signatures,
    unsigned signature_count) NODISCARD NONNULL(1, 4);

/* Reads text; ERR_SYNTAX with TROUBLE's line and message (its path is the caller's). BUNDLES is to be cleared
 * either way. */
enum err bundles_parse(const char *text, size_t len, struct bundles *bundles,
    struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 3, 4);

void bundles_print(const struct bundles *bundles, FILE *out) NONNULL(1, 2);

/* When bundle I ends. */
int64_t bundle_until(const struct bundles *bundles, unsigned i) NONNULL(1);

/* The bundle for NOW; NULL before the first and after the end. */
const struct bundle *bundles_find(const struct bundles *bundles, int64_t now_s) NONNULL(1);

/* Is each ZSK of a request a zone key without SEP, and has it signed the set? ERR_INVALID: TROUBLE tells. */
enum err bundles_check_request(const struct bundles *bundles, struct keyfile_trouble *trouble) NODISCARD
    NONNULL(1, 2);

/* Can a response be published? Every signature in it verifies over its whole interval; each DNSKEY set is
 * signed by a KSK of KEYS, or by one that such a set has introduced; each ZSK of KEYS that is to be
 * published then is in it, and no other. */
enum err bundles_check_response(const struct bundles *bundles, const struct key_list *keys,
    struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 2, 3);

#endif
