/* What the files of `zonetool check` share: its options, the files it is given, its repairs. */
#ifndef ZONETOOL_CHECK_H
#define ZONETOOL_CHECK_H

#include "zone/check/check.h"
#include "zone/check/config.h"
#include "zonetool/zonetool.h"

#define BASELINES_MAX 32
#define LEVELS_MAX 200

/* Its own options, as they were given. */
struct check_flags {
    bool has_set;
    enum rule_set set;
    const char *levels[LEVELS_MAX];
    size_t level_count;
    const char *config, *baseline, *write_baseline, *confine;
    int64_t now;
    uint32_t told_max;
    bool no_config, no_ignore, no_verify, no_across, opinion, werror, untrusted, fix;
};

extern struct check_flags check_flags;

/* Calls EACH with PATH, or with every zone file below it when it is a directory. OUTCOME_FAILED when it
 * cannot be read. */
enum outcome check_each_file(const char *path, void (*each)(void *context, const char *path), void *context)
    NONNULL(1, 2);

bool check_is_directory(const char *path) NONNULL(1);

/* Bounds this process' memory and time. */
bool check_limit_machine(void) NODISCARD;

/* Repairs what can be repaired in PATH; findings are told by the check that follows. CHECK must not keep
 * zones for check_across meanwhile. */
enum outcome check_fix(const char *path, struct check *check, const uint8_t *origin) NONNULL(1, 2);

#endif
