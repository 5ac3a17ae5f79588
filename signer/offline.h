/* What request, respond, take and sign share of an offline KSK (zone/sec/bundle.h). */
#ifndef SIGNER_OFFLINE_H
#define SIGNER_OFFLINE_H

#include "signer/signer.h"
#include "zone/sec/bundle_file.h"
#include "zone/sec/zonesign.h"

/* Reads a request or a response from PATH ("-": standard input). DIGEST gets the SHA-256 of its octets, in
 * hexadecimal. False: told, and BUNDLES is clear. */
#define OFFLINE_DIGEST_MAX 65
bool offline_read(const char *path, enum bundle_kind kind, struct bundles *bundles,
    char digest[OFFLINE_DIGEST_MAX]) NODISCARD NONNULL(1, 3, 4);

/* Prints BUNDLES to standard output, and its digest to standard error. */
enum outcome offline_print(const struct bundles *bundles) NONNULL(1);

/* Where the zone's response lies that has been taken: "example.org.skr" among the keys. */
#define OFFLINE_PATH_MAX BUNDLES_PATH_MAX
void offline_path(const struct key_list *keys, char out[OFFLINE_PATH_MAX]) NONNULL(1, 2);

/* For sign: the sets that are to be published now, when a response has been taken. *HAS says if one has;
 * False: told. OPTIONS gets them; they live as long as BUNDLES. */
bool offline_take_part(const struct key_list *keys, struct bundles *bundles, const struct rrset **ready,
    struct zonesign_options *options, bool *has) NODISCARD NONNULL(1, 2, 3, 4, 5);

#endif
