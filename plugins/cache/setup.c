/* The words of CoreDNS's cache. */
#include <stdlib.h>
#include <string.h>

#include "plugins/cache/cache.h"
#include "plugins/keep.h"

#define CAPACITY 9984 /* CoreDNS: 256 shards of 39 */
#define CAPACITY_MAX 100000000

struct written {
    struct option_strings what; /* [TTL] [ZONES...] */
    struct option_strings success, denial, prefetch, serve_stale, policy;
    struct option_lines disable;
    int64_t servfail_ms;
    bool keep_ttl;
};

#define FIELD(field_) .offset = offsetof(struct written, field_)

const struct option cache_options[] = {
    {.arg = "[TTL] [ZONES...]",
        .kind = OPTION_STRINGS,
        FIELD(what),
        .help = "seconds that an answer is kept at most, 3600 (denials: 1800) when left out; names whose "
                "answers are "
                "kept, the block's zones when left out"},
    {.word = "success",
        .arg = "CAPACITY [TTL] [MINTTL]",
        .kind = OPTION_STRINGS,
        FIELD(success),
        .help = "for answers: how many, 9984 when left out; how long at most, at least (5)"},
    {.word = "denial",
        .arg = "CAPACITY [TTL] [MINTTL]",
        .kind = OPTION_STRINGS,
        FIELD(denial),
        .help = "the same for names and types that are not there"},
    {.word = "prefetch",
        .arg = "AMOUNT [[DURATION] [PERCENTAGE%]]",
        .kind = OPTION_STRINGS,
        FIELD(prefetch),
        .help = "answers asked for so often, with gaps of at most DURATION (1m), are renewed when only "
                "PERCENTAGE (10%) of their time is left"},
    {.word = "serve_stale",
        .arg = "[DURATION] [immediate|verify ...]",
        .kind = OPTION_STRINGS,
        .flags = OPTION_OPTIONAL,
        FIELD(serve_stale),
        .help = "answers whose time is over may still be given for DURATION (1h)"},
    {.word = "serve_stale_policy",
        .arg = "prefer_positive",
        .kind = OPTION_STRINGS,
        FIELD(policy),
        .help = "a denial does not take the place of an answer that may still be given"},
    {.word = "servfail",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        FIELD(servfail_ms),
        .max = 300000,
        .fallback = "5s",
        .help = "how long failures are kept; 0: not at all"},
    {.word = "disable",
        .arg = "success|denial [ZONES...]",
        .kind = OPTION_LINES,
        FIELD(disable),
        .help = "nothing of the kind is kept, for these names, or for all"},
    {.word = "keepttl",
        .kind = OPTION_FLAG,
        FIELD(keep_ttl),
        .help = "TTLs are told as they were, not as they have become"},
    OPTIONS_END,
};

/* ---- words ---- */

static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 12 || text[digits] != '\0')
        return false;
    *out = strtoull(text, NULL, 10);
    return *out <= max;
}

static enum err refuse(struct setup *setup, const char *option, const char *word, const char *hint)
{
    return setup_error(setup, &setup->directive->name, hint, "%s: '%s' cannot be read", option, word);
}

/* A Go duration, or seconds. */
static bool read_time(const char *text, int64_t *ms)
{
    uint64_t seconds;
    if (duration_parse(text, ms))
        return *ms >= 0 && *ms <= INT64_C(86400000) * 365;
    if (!read_number(text, 31536000, &seconds))
        return false;
    *ms = (int64_t)seconds * 1000;
    return true;
}

/* CAPACITY [TTL] [MINTTL]. */
static enum err read_kind(struct setup *setup, struct cache *cache, enum kind kind, const char *word,
    const struct option_strings *args)
{
    static const char hint[] = "success CAPACITY [TTL] [MINTTL], as numbers";
    uint64_t numbers[3];
    if (args->count > 3)
        return refuse(setup, word, args->at[3], hint);
    for (unsigned i = 0; i < args->count; i++) {
        if (!read_number(args->at[i], i == 0 ? CAPACITY_MAX : INT32_MAX, &numbers[i]))
            return refuse(setup, word, args->at[i], hint);
    }
    if (args->count > 0)
        cache->capacity[kind] = numbers[0];
    if (args->count > 1)
        cache->max_ttl[kind] = (uint32_t)numbers[1];
    if (args->count > 2)
        cache->min_ttl[kind] = (uint32_t)numbers[2];
    if (args->count > 2 && numbers[2] > numbers[1])
        return setup_error(setup, &setup->directive->name, NULL, "%s: MINTTL is larger than TTL", word);
    return ERR_OK;
}

static enum err read_prefetch(struct setup *setup, struct cache *cache, const struct option_strings *args)
{
    static const char hint[] = "prefetch 10 1m 10%";
    uint64_t amount, percent;
    int64_t gap_ms;
    if (args->count == 0)
        return ERR_OK;
    cache->prefetch_gap_s = 60;
    cache->prefetch_percent = 10;
    if (!read_number(args->at[0], 1000000, &amount))
        return refuse(setup, "prefetch", args->at[0], hint);
    cache->prefetch_amount = (uint32_t)amount;
    if (args->count > 1) {
        if (!read_time(args->at[1], &gap_ms))
            return refuse(setup, "prefetch", args->at[1], hint);
        cache->prefetch_gap_s = (uint32_t)((gap_ms + 999) / 1000);
    }
    if (args->count > 2) {
        char digits[8] = "";
        size_t len = strlen(args->at[2]);
        if (len > 1 && len < sizeof digits && args->at[2][len - 1] == '%')
            memcpy(digits, args->at[2], len - 1);
        if (!read_number(digits, 90, &percent) || percent < 10)
            return refuse(setup, "prefetch", args->at[2], "a percentage from 10% to 90%");
        cache->prefetch_percent = (uint32_t)percent;
    }
    return args->count > 3 ? refuse(setup, "prefetch", args->at[3], hint) : ERR_OK;
}

/* [DURATION] [immediate [RESP_TTL [RECHECK]] | verify [TIMEOUT [RESP_TTL [RECHECK]]]]. */
static enum err read_stale(struct setup *setup, struct cache *cache, const struct option_strings *args)
{
    static const char hint[] = "serve_stale 1h immediate [RESP_TTL [RECHECK]], or serve_stale 1h verify "
                               "[TIMEOUT [RESP_TTL [RECHECK]]]";
    int64_t stale_ms = INT64_C(3600000), times[3] = {0};
    unsigned at = 0, first = 1;
    cache->stale_mode = STALE_IMMEDIATE;
    if (at < args->count && read_time(args->at[at], &stale_ms))
        at++;
    cache->stale_ms = (uint32_t)(stale_ms > INT32_MAX ? INT32_MAX : stale_ms);
    if (at < args->count) {
        bool verify = strcmp(args->at[at], "verify") == 0;
        if (!verify && strcmp(args->at[at], "immediate") != 0)
            return refuse(setup, "serve_stale", args->at[at], hint);
        cache->stale_mode = verify ? STALE_VERIFY : STALE_IMMEDIATE;
        first = verify ? 0 : 1;
        at++;
    }
    for (; at < args->count; at++, first++) {
        if (first > 2 || !read_time(args->at[at], &times[first]))
            return refuse(setup, "serve_stale", args->at[at], hint);
    }
    cache->verify_ms = (uint32_t)times[0];
    cache->stale_ttl = (uint32_t)(times[1] / 1000);
    cache->recheck_ms = (uint32_t)times[2];
    return ERR_OK;
}

/* Whether "serve_stale" stands there, perhaps with nothing behind it. */
static bool has_line(const struct setup *setup, const char *word)
{
    for (unsigned i = 0; i < setup->directive->lines_count; i++) {
        if (strcmp(setup->directive->lines[i].name.text, word) == 0)
            return true;
    }
    return false;
}

struct written_disable {
    const char *kind;
    struct option_zones zones;
};

static enum err read_disable(struct setup *setup, struct cache *cache, const struct directive *line)
{
    static const struct option rows[] = {
        {.arg = "success|denial",
            .kind = OPTION_STRING,
            .flags = OPTION_REQUIRED,
            .offset = offsetof(struct written_disable, kind),
            .help = "what is not kept"},
        {.arg = "ZONES...",
            .kind = OPTION_ZONES,
            .offset = offsetof(struct written_disable, zones),
            .help = "for which names"},
        OPTIONS_END,
    };
    struct written_disable written = {0};
    enum err err = options_parse_line(setup, line, rows, &written);
    if (err != ERR_OK)
        return err;
    bool success = strcmp(written.kind, "success") == 0;
    if (!success && strcmp(written.kind, "denial") != 0)
        return setup_error(setup, &line->args[0], "success or denial", "cannot disable '%s'", written.kind);
    cache->disabled[success ? KIND_SUCCESS : KIND_DENIAL] =
        (struct disabled){(const uint8_t *const *)written.zones.at, written.zones.count};
    return ERR_OK;
}

/* ---- the whole ---- */

/* A word of digits is a TTL, right or wrong: as the name of a zone it would quietly keep nothing. */
static bool is_number(const char *word)
{
    word += *word == '-';
    return *word != '\0' && word[strspn(word, "0123456789")] == '\0';
}

static enum err read_zones(struct setup *setup, struct cache *cache, const struct written *written)
{
    static const struct option row = {.arg = "ZONES", .kind = OPTION_NAME};
    const struct directive *directive = setup->directive;
    uint64_t ttl;
    unsigned first = 0;
    if (written->what.count > 0 && is_number(written->what.at[0])) {
        if (!read_number(written->what.at[0], INT32_MAX, &ttl) || ttl == 0)
            return setup_error(setup, &directive->args[0], "cache 3600, or no number at all",
                "a TTL is from 1 to 2147483647 seconds, not %s", written->what.at[0]);
        cache->max_ttl[KIND_SUCCESS] = cache->max_ttl[KIND_DENIAL] = (uint32_t)ttl;
        first = 1;
    }
    cache->zones = setup->zones;
    cache->zones_count = setup->zones_count;
    cache->whole_block = first == written->what.count;
    if (cache->whole_block)
        return ERR_OK;
    const uint8_t **zones = ARENA_ARRAY(setup->world, const uint8_t *, written->what.count);
    cache->zones_count = written->what.count - first;
    cache->zones = zones;
    for (unsigned i = 0; i < cache->zones_count; i++) {
        enum err err =
            zones == NULL ? ERR_MEMORY : option_value(setup, &directive->args[first + i], &row, &zones[i]);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err tell_zones(struct setup *setup, struct cache *cache)
{
    const char *told = "";
    for (unsigned i = 0; i < cache->zones_count && told != NULL; i++) {
        char name[NAME_TEXT_MAX];
        name_print(cache->zones[i], name);
        told = arena_printf(setup->world, "%s%s%s", told, i > 0 ? "," : "", name);
    }
    cache->zones_told = told;
    cache->block = setup->block;
    return told != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err take(struct setup *setup, struct cache *cache, const struct written *written)
{
    enum err err = read_zones(setup, cache, written);
    if (err == ERR_OK)
        err = tell_zones(setup, cache);
    if (err == ERR_OK)
        err = read_kind(setup, cache, KIND_SUCCESS, "success", &written->success);
    if (err == ERR_OK)
        err = read_kind(setup, cache, KIND_DENIAL, "denial", &written->denial);
    if (err == ERR_OK)
        err = read_prefetch(setup, cache, &written->prefetch);
    if (err == ERR_OK && has_line(setup, "serve_stale"))
        err = read_stale(setup, cache, &written->serve_stale);
    for (unsigned i = 0; i < written->disable.count && err == ERR_OK; i++)
        err = read_disable(setup, cache, written->disable.at[i]);
    if (err == ERR_OK && written->policy.count > 0 && strcmp(written->policy.at[0], "prefer_positive") != 0)
        err = refuse(setup, "serve_stale_policy", written->policy.at[0], "prefer_positive");
    cache->prefer_positive = written->policy.count > 0;
    cache->servfail_ms = (uint32_t)written->servfail_ms;
    cache->keep_ttl = written->keep_ttl;
    return err;
}

enum err cache_setup(struct setup *setup, void **self)
{
    struct written written = {0};
    struct cache *cache = ARENA_NEW(setup->world, struct cache);
    if (cache == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "put it all into one", "a second cache line");
    *self = cache;
    cache->store_name = keep_name(setup, KEEP_BLOCK, "answers");
    if (cache->store_name == NULL)
        return ERR_MEMORY;
    cache->max_ttl[KIND_SUCCESS] = 3600;
    cache->max_ttl[KIND_DENIAL] = 1800;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        cache->min_ttl[kind] = 5;
        cache->capacity[kind] = CAPACITY;
    }
    enum err err = options_parse(setup, cache_options, &written);
    return err == ERR_OK ? take(setup, cache, &written) : err;
}
