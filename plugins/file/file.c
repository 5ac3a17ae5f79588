/* file: answers from zone files (RFC 1035 5). All file lines of a block are one table of zones; the nearest
 * one that the name lies in answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/file/cache.h"
#include "plugins/file/zonefile.h"
#include "plugins/follow.h"
#include "plugins/plugin.h"
#include "plugins/serving.h"
#include "zone/base/log.h"
#include "zone/store/answer.h"
#include "zone/wire/suffix.h"
#include "zone/wire/type.h"

#define RELOAD_STANDARD "1m"
#define FEW_ZONES                                                                                            \
    64 /* that stay in the processor's caches: nothing to prefetch on the way to their nodes                 \
        */

/* A zone as one block serves it. */
struct served_zone {
    struct zone *handle; /* of it: one memory read less on the way to the snapshot */
    struct zonefile *zone;
    const uint8_t *const *fall; /* names that fall through */
    unsigned fall_count;
    bool fall_nodata;       /* names with other types, too */
    uint16_t iterations;    /* of NSEC3, the most that proofs are made with */
    const struct token *at; /* its line in the Corefile, while that is read */
};

/* Zones looked at together. */
struct group {
    int64_t period_ms;
    struct zonefile **zones;
    unsigned count, room;
    struct host_timer *timer;
};

struct file {
    const struct served_zone *only; /* the block's single zone: what comes here as asked lies in it */
    struct served_zone first;
    struct suffix_table table; /* name -> struct served_zone, when there are several */
    struct served_zone **zones;
    unsigned count, room;
    struct group *groups;
    unsigned group_count;
    struct arena *world;
    struct arena table_memory; /* its own: made by a job, beside those of other blocks */
    char *standard_cache;
    bool check;
    bool few;
    const struct block *block;
};

/* One line as written. */
struct written {
    const char *path;
    struct option_zones zones;
    int64_t reload_ms;
    bool by_mtime;
    struct option_zones fallthrough;
    bool fallthrough_nodata;
    const char *cache;
    const char *state;
    int serial;
    int64_t journal_max;
    int64_t iterations;
    struct option_lines transfers; /* read as directives of their own (server/corefile_transfer.h) */
};

static const char *const serials[] = {"text", "mtime", NULL};

static const struct option options[] = {
    {.arg = "DBFILE",
        .kind = OPTION_PATH,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written, path),
        .help = "the zone file"},
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "the zones it is read as; the block's own when left out"},
    {.word = "reload",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct written, reload_ms),
        .max = INT64_C(86400000) * 365,
        .fallback = RELOAD_STANDARD,
        .help = "how often the file is looked at for changes; 0: only when told to reload"},
    {.word = "reload_by_mtime",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct written, by_mtime),
        .help = "accepted: a changed text is always served, whether or not its serial has gone up"},
    {.word = "fallthrough",
        .arg = "ZONES...",
        .kind = OPTION_ZONES,
        .flags = OPTION_OPTIONAL,
        .offset = offsetof(struct written, fallthrough),
        .help = "names that do not exist are left to the next plugin, in these zones, or in all"},
    {.word = "fallthrough_nodata",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct written, fallthrough_nodata),
        .help = "with fallthrough: so are names that exist, but not with the type asked for"},
    {.word = "cache",
        .arg = "DIRECTORY|off",
        .kind = OPTION_STRING,
        .offset = offsetof(struct written, cache),
        .help = "where images of large zones are kept for a quick start"},
    {.word = "state",
        .arg = "DIRECTORY|off",
        .kind = OPTION_STRING,
        .offset = offsetof(struct written, state),
        .help =
            "where the journal is kept, so that secondaries get what changed by IXFR after a restart, too; "
            "the directory of -state or $STATE_DIRECTORY when left out, without one in memory"},
    {.word = "serial",
        .arg = "text|mtime",
        .kind = OPTION_CHOICE,
        .offset = offsetof(struct written, serial),
        .fallback = "text",
        .choices = serials,
        .help = "mtime: a text whose own serial is not later is served under the time of its last change"},
    {.word = "journal",
        .arg = "SIZE",
        .kind = OPTION_SIZE,
        .offset = offsetof(struct written, journal_max),
        .max = INT64_C(1) << 31,
        .fallback = "64m",
        .help = "octets of changes that are kept for IXFR; 0: none"},
    {.word = "nsec3_iterations",
        .arg = "COUNT",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, iterations),
        .min = 1,
        .max = 65535,
        .fallback = "2500",
        .help = "a zone with more of them is answered without its proofs, which would take too long"},
    {.word = "upstream",
        .kind = OPTION_IGNORED,
        .help = "it has no effect since CoreDNS 1.7; remove the line"},
    {.word = "transfer",
        .arg = "to ADDRESS...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, transfers),
        .help = "from older versions of CoreDNS: the zones' own transfer { to ADDRESS... }"},
    OPTIONS_END,
};

/* ---- setting up ---- */

/* Room for one more pointer in a list that lies in the arena. */
static bool grow(struct arena *world, void ***list, unsigned count, unsigned *room)
{
    if (count < *room)
        return true;
    unsigned more = *room == 0 ? 4 : *room * 2;
    void **bigger = ARENA_ARRAY(world, void *, more);
    if (bigger == NULL)
        return false;
    if (count > 0)
        memcpy(bigger, *list, count * sizeof(void *));
    *list = bigger;
    *room = more;
    return true;
}

static struct group *group_for(struct file *file, int64_t period_ms)
{
    for (unsigned i = 0; i < file->group_count; i++) {
        if (file->groups[i].period_ms == period_ms)
            return &file->groups[i];
    }
    struct group *groups = ARENA_ARRAY(file->world, struct group, file->group_count + 1);
    if (groups == NULL)
        return NULL;
    if (file->group_count > 0)
        memcpy(groups, file->groups, file->group_count * sizeof *groups);
    file->groups = groups;
    groups[file->group_count].period_ms = period_ms;
    return &groups[file->group_count++];
}

struct load_job {
    struct file *file;
    struct zonefile *zone;
    bool may_miss;
};

static enum err run_load(void *arg, const struct finding_sink *sink)
{
    const struct load_job *job = arg;
    unsigned threads = job->file->count > 2 ? 1 : 0; /* many zones are loaded side by side instead */
    return zonefile_load(job->zone, sink, job->file->check, job->may_miss, threads);
}

static enum err add_load(struct setup *setup, struct file *file, struct zonefile *zone, bool may_miss)
{
    struct load_job *job = ARENA_NEW(setup->world, struct load_job);
    if (job == NULL)
        return ERR_MEMORY;
    *job = (struct load_job){.file = file, .zone = zone, .may_miss = may_miss};
    zone->loaded = true;
    return setup_job(setup, run_load, job);
}

/* No query for NAME or below it comes to this block, and none that the zone could answer. */
static void warn_outside(struct setup *setup, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    for (unsigned i = 0; i < setup->zones_count; i++) {
        if (name_under(name, setup->zones[i]) || name_under(setup->zones[i], name))
            return;
    }
    name_print(name, text);
    setup_warning(setup, &setup->directive->name, "add the zone in front of the block's brace",
        "the zone %s lies outside of this block: no query for it comes here", text);
}

static void warn_twice(const struct served_zone *served, const struct finding_sink *sink)
{
    char name[NAME_TEXT_MAX], message[NAME_TEXT_MAX + 80];
    name_print(served->handle->name, name);
    snprintf(
        message, sizeof message, "the zone %s is served from an earlier line; this one has no effect", name);
    struct finding finding = {.severity = SEVERITY_WARNING,
        .rule = "option",
        .file = served->at->file,
        .line = served->at->line,
        .column = served->at->column,
        .message = message,
        .token = served->at->text,
        .token_len = served->at->source_len,
        .hint = "remove one of the two"};
    sink->report(sink->context, &finding);
}

static const char *state_for(struct setup *setup, const struct written *written)
{
    if (setup->check)
        return NULL;
    if (written->state == NULL)
        return zones_state(false);
    return strcmp(written->state, "off") == 0 ? NULL : setup_path(setup, written->state);
}

static enum err add_zone(struct setup *setup, struct file *file, const struct written *written,
    const uint8_t *name, const char *cache, const char *state)
{
    struct served_zone *served =
        file->count == 0 ? &file->first : ARENA_NEW(setup->world, struct served_zone);
    struct group *group = group_for(file, written->reload_ms);
    if (served == NULL || group == NULL ||
        !grow(setup->world, (void ***)&file->zones, file->count, &file->room) ||
        !grow(setup->world, (void ***)&group->zones, group->count, &group->room))
        return ERR_MEMORY;
    struct zonefile *zone = zonefile_get(written->path, name, cache, state);
    if (zone == NULL)
        return ERR_MEMORY;
    if (!zone->loaded) { /* later it is in others' hands: what it began with counts */
        zone->zone->journal_max = (uint64_t)written->journal_max;
        zone->makes_serial = written->serial == 1;
    }
    served->zone = zone;
    served->handle = zone->zone;
    served->fall = written->fallthrough.at;
    served->iterations = (uint16_t)written->iterations;
    served->fall_count = written->fallthrough.count;
    served->fall_nodata = written->fallthrough_nodata;
    served->at = &setup->directive->name;
    warn_outside(setup, name);
    file->zones[file->count++] = served;
    group->zones[group->count++] = zone;
    return zone->loaded ? ERR_OK : add_load(setup, file, zone, written->reload_ms != 0);
}

/* When all lines are read: the table over all zones. */
static enum err make_table(void *arg, const struct finding_sink *sink)
{
    struct file *file = arg;
    if (file->count == 1 && file->block->zones_count == 1 &&
        name_equal(file->zones[0]->handle->name, file->block->zones[0]))
        file->only = file->zones[0];
    if (file->count == 1)
        return ERR_OK;
    enum err err = suffix_init(&file->table, &file->table_memory, file->count);
    for (unsigned i = 0; i < file->count && err == ERR_OK; i++) {
        err = suffix_add(&file->table, file->zones[i]->handle->name, file->zones[i]);
        if (err == ERR_EXISTS) { /* the first file that serves a zone stays, as in CoreDNS */
            warn_twice(file->zones[i], sink);
            err = ERR_OK;
        }
    }
    return err;
}

static struct file *file_new(struct setup *setup)
{
    struct file *file = ARENA_NEW(setup->world, struct file);
    if (file == NULL)
        return NULL;
    file->world = setup->world;
    arena_init(&file->table_memory, 0);
    file->check = setup->check;
    file->block = setup->block;
    file->standard_cache = setup->check ? NULL : cache_directory();
    return file;
}

static const char *cache_for(struct setup *setup, const struct file *file, const struct written *written)
{
    if (written->cache == NULL)
        return file->standard_cache;
    return strcmp(written->cache, "off") == 0 ? NULL : setup_path(setup, written->cache);
}

static enum err set_up(struct setup *setup, void **self, bool partial)
{
    struct written written = {0};
    struct file *file = *self;
    enum err err = options_parse(setup, options, &written);
    if (err != ERR_OK)
        return err;
    for (unsigned i = 0; i < written.transfers.count; i++) {
        const struct directive *line = written.transfers.at[i];
        if (line->args_count < 2 || strcasecmp(line->args[0].text, "to") != 0)
            return setup_error(setup, &line->name, "transfer to ADDRESS...", "to whom?");
    }
    if (partial && written.fallthrough.count == 0)
        written.fallthrough = written.zones;
    else if (written.fallthrough_nodata && written.fallthrough.count == 0)
        setup_warning(setup, &setup->directive->name, "add a line: fallthrough",
            "fallthrough_nodata has no effect without fallthrough");
    if (file == NULL) {
        file = file_new(setup);
        *self = file;
        err = file != NULL ? setup_job(setup, make_table, file) : ERR_MEMORY;
    }
    const char *cache = err == ERR_OK ? cache_for(setup, file, &written) : NULL;
    const char *state = state_for(setup, &written);
    if (err == ERR_OK)
        err = setup_state(setup, &setup->directive->name, state);
    for (unsigned i = 0; i < written.zones.count && err == ERR_OK; i++)
        err = add_zone(setup, file, &written, written.zones.at[i], cache, state);
    return err;
}

static enum err setup(struct setup *setup, void **self)
{
    return set_up(setup, self, false);
}

/* ---- living ---- */

static void look(void *arg)
{
    struct group *group = arg;
    enum err err = zonefile_look(group->zones, group->count, false);
    (void)err; /* out of memory: the next tick is another chance */
}

static enum err start(void *self)
{
    struct file *file = self;
    file->few = zonefile_count() <= FEW_ZONES;
    for (unsigned i = 0; i < file->count; i++) {
        enum err err = zonefile_store(file->zones[i]->zone);
        (void)err; /* serving does not depend on it */
    }
    for (unsigned i = 0; i < file->group_count; i++) {
        struct group *group = &file->groups[i];
        if (group->period_ms == 0)
            continue;
        group->timer = host_timer_start(group->period_ms, look, group);
        if (group->timer == NULL)
            return ERR_MEMORY;
    }
    return ERR_OK;
}

static void refresh(void *self)
{
    struct file *file = self;
    for (unsigned i = 0; i < file->group_count; i++) {
        if (zonefile_look(file->groups[i].zones, file->groups[i].count, true) != ERR_OK)
            log_error("plugin/file: out of memory, zones were not looked at");
    }
}

static void stop(void *self)
{
    struct file *file = self;
    for (unsigned i = 0; i < file->group_count; i++)
        host_timer_stop(file->groups[i].timer);
    for (unsigned i = 0; i < file->count; i++)
        zonefile_put(file->zones[i]->zone);
    arena_clear(&file->table_memory);
    free(file->standard_cache);
}

static void zones(void *self, void (*each)(void *context, struct zone *zone), void *context)
{
    struct file *file = self;
    for (unsigned i = 0; i < file->count; i++)
        each(context, file->zones[i]->handle);
}

static struct zone *zone_of(void *self, const uint8_t *name)
{
    const struct file *file = self;
    if (file->count == 1)
        return name_equal(file->first.handle->name, name) ? file->first.handle : NULL;
    const struct suffix_entry *entry = file->count > 1 ? suffix_exact(&file->table, name) : NULL;
    return entry != NULL ? ((const struct served_zone *)entry->value)->handle : NULL;
}

/* ---- answering ---- */

static const struct served_zone *route(const struct file *file, const struct query *query)
{
    if (LIKELY(file->only != NULL && query->question == &query->message.question && query->depth == 0))
        return file->only;
    if (file->count == 1)
        return question_under(query->question, file->zones[0]->handle->name) ? file->zones[0] : NULL;
    const struct suffix_entry *entry = suffix_route(&file->table, query->question);
    return entry != NULL ? entry->value : NULL;
}

/* Step 0: which zone, and its present snapshot. */
static bool choose_zone(const struct file *file, struct query *query)
{
    struct lookup *lookup = &query->lookup;
    const struct served_zone *served = lookup->owner == NULL ? route(file, query) : NULL;
    if (served == NULL)
        return false;
    struct snapshot *snapshot = atomic_load_explicit(&served->handle->current, memory_order_acquire);
    lookup->owner = file;
    lookup->zone = served;
    lookup->find.snapshot = snapshot;
    __builtin_prefetch(snapshot);
    return snapshot != NULL;
}

/* The steps on the way to the node, each starting the read that the next one needs: zone -> snapshot -> image
 * -> header -> index bucket -> node. With few zones, all but the last two are in the processor's caches. */
static bool prefetch(void *self, struct query *query, unsigned step)
{
    const struct file *file = self;
    struct find *find = &query->lookup.find;
    if (step == 0 && (!choose_zone(file, query) || !file->few))
        return query->lookup.owner == self && find->snapshot != NULL;
    if (query->lookup.owner != self || find->snapshot == NULL)
        return false;
    return find_approach(find, query->question, file->few ? step + FIND_BEGINS : step);
}

/* True when VERDICT is for the next plugin to overrule. */
static bool falls(const struct served_zone *served, enum verdict verdict, const struct question *question)
{
    if (verdict != VERDICT_NXDOMAIN && !(verdict == VERDICT_NODATA && served->fall_nodata))
        return false;
    for (unsigned i = 0; i < served->fall_count; i++) {
        if (question_under(question, served->fall[i]))
            return true;
    }
    return false;
}

/* RFC 8914 4.15: so that who asks can tell a zone that is not there yet from one that is broken. */
static enum served not_ready(struct query *query, const struct zonefile *zone)
{
    enum served served = query_fail(query, "file", RCODE_SERVFAIL, "%s could not be loaded yet", zone->path);
    query->reply.ede = EDE_NOT_READY + 1;
    return served;
}

/* An alias led out of the zone, or to what it delegates: to another of this block's zones, or its other
 * plugins, or another block. */
static enum served go_on(
    const struct file *file, const struct served_zone *served, enum verdict verdict, struct query *query)
{
    const uint8_t *target = follow_target(&query->reply);
    struct question question;
    if (target == NULL)
        return SERVED_ANSWERED;
    if (verdict == VERDICT_ALIAS && (served->fall_count > 0 || file->block->recursion))
        return follow(query);
    if (file->count > 1) {
        question_set(&question, target, query->question->type, CLASS_IN);
        const struct suffix_entry *entry = suffix_route(&file->table, &question);
        if (entry != NULL && entry->value != served)
            return follow(query);
    }
    return follow_elsewhere(query);
}

static enum served serve(void *self, struct query *query)
{
    const struct file *file = self;
    struct lookup *lookup = &query->lookup;
    const struct question *question = query->question;
    if (lookup->owner != self) {
        for (unsigned step = 0; prefetch(self, query, step); step++)
            continue;
        if (lookup->owner != self)
            return SERVED_NEXT;
    }
    const struct served_zone *served = lookup->zone;
    if (UNLIKELY(lookup->find.snapshot == NULL))
        return not_ready(query, served->zone);
    if (UNLIKELY(question->type == TYPE_AXFR || question->type == TYPE_IXFR))
        return serving_no_transfer(query, served->handle);
    find_end(&lookup->find);
    struct answer_options how = {.dnssec = query->dnssec, .iterations = served->iterations};
    enum verdict verdict = answer_found(&lookup->find, &how, &query->reply, query->scratch);
    if (UNLIKELY(served->fall_count > 0 && falls(served, verdict, question))) {
        if (follow_target(&query->reply) != NULL)
            return follow(query);
        query_why(query, verdict == VERDICT_NXDOMAIN ? "the zone does not have the name, and it falls through"
                                                     : "the name has no such type, and it falls through");
        query->exists = verdict == VERDICT_NODATA;
        reply_clear(&query->reply);
        lookup->owner = NULL; /* what comes is no answer from this zone */
        return SERVED_NEXT;
    }
    if (UNLIKELY(query->reply.count > 0 && (verdict == VERDICT_ALIAS || verdict == VERDICT_REFERRAL)))
        return go_on(file, served, verdict, query);
    return SERVED_ANSWERED;
}

/* Zones that hold all names of the block, and let none fall through. */
static bool ends(void *self, const struct block *block)
{
    const struct file *file = self;
    for (unsigned b = 0; b < block->zones_count; b++) {
        bool held = false;
        for (unsigned i = 0; i < file->count && !held; i++)
            held = name_under(block->zones[b], file->zones[i]->handle->name);
        if (!held)
            return false;
    }
    for (unsigned i = 0; i < file->count; i++) {
        if (file->zones[i]->fall_count > 0)
            return false;
    }
    return file->count > 0;
}

static const struct plugin file_plugin = {
    .abi = PLUGIN_ABI,
    .name = "file",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .prefetch = prefetch,
    .refresh = refresh,
    .zones = zones,
    .zone = zone_of,
    .ends = ends,
    .stop = stop,
};
PLUGIN(file)

/* partial: file for zones that hold only some of their names; the others are for the next plugin. */
#ifndef PLUGIN_LOADABLE
static enum err setup_partial(struct setup *setup, void **self)
{
    return set_up(setup, self, true);
}

static const struct plugin partial_plugin = {
    .abi = PLUGIN_ABI,
    .name = "partial",
    .options = options,
    .setup = setup_partial,
    .start = start,
    .serve = serve,
    .prefetch = prefetch,
    .refresh = refresh,
    .zones = zones,
    .zone = zone_of,
    .ends = ends,
    .stop = stop,
};
PLUGIN(partial)
#endif
