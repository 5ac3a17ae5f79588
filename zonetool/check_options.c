/* The options of `zonetool check`, and the files it is given. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "zonetool/check.h"

struct check_flags check_flags;

static bool take_rules(const char *value)
{
    if (!levels_parse_set(value, &check_flags.set)) {
        complain("--rules %s: the sets are mandatory, default and strict", value);
        return false;
    }
    check_flags.has_set = true;
    return true;
}

static bool take_level(const char *value)
{
    struct levels levels;
    const char *why = NULL;
    levels_init(&levels, RULE_STRICT);
    if (levels_set(&levels, value, &why) != ERR_OK) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(value, "= "), value);
        const char *near = rule_find(name) == NULL ? rule_suggest(name) : NULL;
        complain("--level %s: %s%s%s%s", value, why, near != NULL ? " (did you mean " : "",
            near != NULL ? near : "", near != NULL ? "?)" : "");
        return false;
    }
    if (check_flags.level_count == LEVELS_MAX) {
        complain("--level %s: there are too many", value);
        return false;
    }
    check_flags.levels[check_flags.level_count++] = value;
    return true;
}

/* Seconds since 1970, YYYYMMDDHHMMSS as in RRSIG, or 2026-11-22[T14:00:00Z]. */
static bool take_time(const char *value)
{
    struct tm tm = {0};
    char *end;
    size_t len = strlen(value);
    const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d", "%Y%m%d%H%M%S"};
    bool digits = strspn(value, "0123456789") == len;
    for (size_t i = digits ? 2 : 0; i < ARRAY_COUNT(forms) && !(digits && len != 14); i++) {
        const char *rest = strptime(value, forms[i], &tm);
        if (rest != NULL && *rest == '\0') {
            check_flags.now = (int64_t)timegm(&tm);
            return true;
        }
    }
    errno = 0;
    long long seconds = strtoll(value, &end, 10);
    if (!digits || len == 0 || *end != '\0' || errno != 0 || seconds <= 0 || seconds > UINT32_MAX) {
        complain("--at %s: write seconds since 1970, YYYYMMDDHHMMSS or 2026-11-22T14:00:00Z", value);
        return false;
    }
    check_flags.now = (int64_t)seconds;
    return true;
}

static bool take_told(const char *value)
{
    char *end;
    unsigned long count = strtoul(value, &end, 10);
    if (*end != '\0' || end == value || count < 1 || count > 1000000) {
        complain("--max-findings %s: a number from 1 to 1000000 is wanted", value);
        return false;
    }
    check_flags.told_max = (uint32_t)count;
    return true;
}

const struct option_row check_options[] = {
    {.word = "rules",
        .value = "SET",
        .help = "the rules to go by: mandatory, default or strict",
        .take = take_rules},
    {.word = "level",
        .value = "RULE=LEVEL",
        .help = "error, warning, info or off for one rule; may be repeated",
        .take = take_level},
    {.word = "config",
        .value = "FILE",
        .help = "instead of the nearest .zonecheck",
        .text = &check_flags.config},
    {.word = "no-config", .help = "read no .zonecheck", .flag = &check_flags.no_config},
    {.word = "no-ignore", .help = "heed no zonecheck:ignore comments", .flag = &check_flags.no_ignore},
    {.word = "baseline",
        .value = "FILE",
        .help = "pass over the findings in FILE",
        .text = &check_flags.baseline},
    {.word = "write-baseline",
        .value = "FILE",
        .help = "write the findings to FILE, to be passed over",
        .text = &check_flags.write_baseline},
    {.word = "werror", .help = "warnings are errors for the exit status", .flag = &check_flags.werror},
    {.word = "at", .value = "TIME", .help = "judge signatures and dates by this time", .take = take_time},
    {.word = "no-verify", .help = "do not verify signatures and digests", .flag = &check_flags.no_verify},
    {.word = "second-opinion", .help = "let ldns verify signatures, too", .flag = &check_flags.opinion},
    {.word = "no-across", .help = "do not check zones against each other", .flag = &check_flags.no_across},
    {.word = "fix", .help = "repair what is safe to repair, then check", .flag = &check_flags.fix},
    {.word = "untrusted",
        .help = "nobody vouches for the zone: confine $INCLUDE, memory and time",
        .flag = &check_flags.untrusted},
    {.word = "confine",
        .value = "DIRECTORY",
        .help = "with --untrusted: where $INCLUDE may go, not the file's own",
        .text = &check_flags.confine},
    {.word = "max-findings",
        .value = "N",
        .help = "findings of one rule told for a file; 200 if not given",
        .take = take_told},
    {.word = NULL},
};

/* ---- directories ---- */

static bool has_ending(const char *name)
{
    static const char *const endings[] = {".zone", ".db", ".signed", ".hosts"};
    size_t len = strlen(name);
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        size_t ending = strlen(endings[i]);
        if (len > ending && strcasecmp(name + len - ending, endings[i]) == 0)
            return true;
    }
    return strncmp(name, "db.", 3) == 0 && len > 3;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum outcome walk(
    const char *path, void (*each)(void *context, const char *path), void *context, unsigned *files)
{
    struct dirent **entries;
    enum outcome outcome = OUTCOME_CLEAN;
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0)
        return complain("%s: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *inner;
        struct stat st;
        size_t len = strlen(path);
        const char *slash = len > 0 && path[len - 1] == '/' ? "" : "/";
        if (asprintf(&inner, "%s%s%s", path, slash, entries[i]->d_name) < 0) {
            outcome = complain("out of memory");
        } else {
            /* A link to a directory could lead back. */
            if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode))
                outcome = outcome_worse(outcome, walk(inner, each, context, files));
            else if (stat(inner, &st) == 0 && S_ISREG(st.st_mode) && has_ending(entries[i]->d_name)) {
                each(context, inner);
                ++*files;
            }
            free(inner);
        }
        free(entries[i]);
    }
    free(entries);
    return outcome;
}

static enum outcome walk_top(const char *path, void (*each)(void *context, const char *path), void *context)
{
    unsigned files = 0;
    enum outcome outcome = walk(path, each, context, &files);
    if (outcome == OUTCOME_CLEAN && files == 0)
        return complain("%s: no zone files (*.zone, *.db, db.*, *.signed, *.hosts) are in it", path);
    return outcome;
}

bool check_is_directory(const char *path)
{
    struct stat st;
    return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum outcome check_each_file(const char *path, void (*each)(void *context, const char *path), void *context)
{
    if (check_is_directory(path))
        return walk_top(path, each, context);
    each(context, path);
    return OUTCOME_CLEAN;
}

/* ---- untrusted ---- */

#define UNTRUSTED_MEMORY ((rlim_t)8 << 30) /* of address space: mapped texts count, too */
#define UNTRUSTED_SECONDS 120u

/* The sanitizers' own maps are larger than all memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMITS_MEMORY false
#else
#define LIMITS_MEMORY true
#endif

bool check_limit_machine(void)
{
    struct rlimit memory = {UNTRUSTED_MEMORY, UNTRUSTED_MEMORY};
    struct rlimit seconds = {UNTRUSTED_SECONDS, UNTRUSTED_SECONDS + 5};
    return (!LIMITS_MEMORY || setrlimit(RLIMIT_AS, &memory) == 0) && setrlimit(RLIMIT_CPU, &seconds) == 0;
}
