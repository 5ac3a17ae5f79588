/* The response of a safe (bundle.h) that has been taken for a zone, as it lies among the zone's keys:
 * "example.org.skr". Whoever can write there can write the keys' files, too: it is checked against mistakes,
 * and for the dates. */
#ifndef ZONE_SEC_BUNDLE_FILE_H
#define ZONE_SEC_BUNDLE_FILE_H

#include "zone/sec/bundle.h"

#define BUNDLES_TEXT_MAX (64u << 20)
#define BUNDLES_PATH_MAX 8192

/* Where it lies for the zone of KEY. */
void bundles_path(const char *directory, const struct key *key, char out[BUNDLES_PATH_MAX]) NONNULL(1, 2, 3);

/* Reads and checks what has been taken for the zone of KEYS, of which there is at least one. ERR_MISSING:
 * nothing has. After another error TROUBLE tells, its path included; BUNDLES is to be cleared after ERR_OK
 * alone. */
enum err bundles_load(const char *directory, const struct key_list *keys, struct bundles *bundles,
    struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 2, 3, 4);

/* When the next bundle's time comes, or the last one's ends. */
int64_t bundles_next(const struct bundles *bundles, int64_t now_s) NONNULL(1);

#endif
