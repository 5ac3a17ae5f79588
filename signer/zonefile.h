/* Zones coming in and going out, as text or as an image. */
#ifndef SIGNER_ZONEFILE_H
#define SIGNER_ZONEFILE_H

#include "signer/signer.h"
#include "zone/store/snapshot.h"
#include "zone/text/finding.h"

/* Reads a zone file or image. ORIGIN may be NULL. Findings go to SINK; what is none is told. NULL: it failed.
 */
struct snapshot *zonefile_read(const char *path, const uint8_t *origin, unsigned threads,
    const struct finding_sink *sink, enum outcome *outcome) NODISCARD NONNULL(1, 4, 5);

/* The same without telling anybody: NULL when there is no such zone. */
struct snapshot *zonefile_try(const char *path, const uint8_t *origin, unsigned threads) NODISCARD NONNULL(1);

/* Replaces PATH ("-": standard output) by the zone. TRUST is the key of trust.h, or NULL: the text then has
 * no such line. */
enum outcome zonefile_write(const char *path, struct snapshot *snapshot, bool image, unsigned threads,
    const uint8_t *trust) NODISCARD NONNULL(1, 2);

#endif
