/* The file .zonecheck: how the zones of a repository are checked.
 *
 *     # words in the first column; what follows a [GLOB] is for the paths that it matches
 *     rules strict
 *     level ttl-long=off
 *     max-ttl 2w
 *     baseline .zonecheck-baseline
 *     werror
 *     exclude *.inc
 *
 *     [internal*]
 *     level address-special=off
 *     origin corp.example.
 *
 * It is sought from the zone's directory upwards, to the top of the repository (where .git stands) or of the
 * file system; the nearest one counts. Paths and globs are relative to its directory; * matches / too. One
 * thread at a time. */
#ifndef ZONE_CHECK_CONFIG_H
#define ZONE_CHECK_CONFIG_H

#include <limits.h>
#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/check/levels.h"
#include "zone/text/finding.h"
#include "zone/wire/name.h"

#define CONFIG_NAME ".zonecheck"
#define CONFIG_SIZE_MAX ((size_t)1 << 20)

struct config_level {
    const char *text; /* for levels_set */
    uint32_t line;
};

/* What holds for one path. */
struct config {
    struct arena *arena; /* the texts' */
    bool has_set, werror, excluded;
    enum rule_set set;
    struct config_level *levels;
    size_t level_count, level_capacity;
    uint32_t ttl_max;     /* 0: not given */
    const char *baseline; /* path, or NULL */
    bool has_origin;
    uint8_t origin[NAME_MAX + 1];
};

/* The nearest .zonecheck for the file PATH into FOUND of PATH_MAX octets; false when there is none. */
bool config_find(const char *path, char *found) NODISCARD NONNULL(1, 2);

/* Reads LEN octets of TEXT, the file CONFIG_PATH, for the zone PATH (as given; may be relative). Mistakes are
 * told to SINK under the rule config-syntax; ERR_INVALID when there were any. */
enum err config_parse(struct config *config, struct arena *arena, const char *config_path, const char *text,
    size_t len, const char *path, const struct finding_sink *sink) NODISCARD NONNULL(1, 2, 3, 6, 7);

void config_clear(struct config *config) NONNULL(1);

/* Levels by the file: the set, then its levels in order. GUARDED: mandatory rules keep theirs. */
void config_levels(const struct config *config, enum rule_set set, bool guarded, struct levels *levels)
    NONNULL(1, 4);

#endif
