/* auto: every file of a directory whose name fits is a zone. The directory is looked at when something
 * happens in it, and now and then besides; files that come are loaded and served, files that go are served no
 * more, a text that is wrong is told of and the last good one goes on.
 *
 *     inotify, timer -> listing (background) -> which zones -> load the new ones (background) -> new table
 *
 * The table is swapped whole, so that queries see all of a change or nothing of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/file/autodir.h"
#include "plugins/file/cache.h"
#include "plugins/plugin.h"

struct autos {
    struct autodir *first;
    bool check;
};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct auto_written, zones),
        .help = "files of zones in these are served; the block's when left out"},
    {.word = "directory",
        .arg = "DIR REGEXP TEMPLATE",
        .kind = OPTION_STRINGS,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct auto_written, directory),
        .help = "where the files are, which names fit (db\\.(.*)), and the zone that one is for ({1})"},
    {.word = "reload",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct auto_written, reload_ms),
        .max = INT64_C(86400000) * 365,
        .fallback = "1m",
        .help = "how often the directory is looked at besides; 0: only when something happens there"},
    {.word = "fallthrough",
        .arg = "ZONES...",
        .kind = OPTION_ZONES,
        .flags = OPTION_OPTIONAL,
        .offset = offsetof(struct auto_written, fallthrough),
        .help = "names that do not exist are left to the next plugin, in these zones, or in all"},
    {.word = "cache",
        .arg = "DIRECTORY|off",
        .kind = OPTION_STRING,
        .offset = offsetof(struct auto_written, cache),
        .help = "where images of large zones are kept for a quick start"},
    {.word = "state",
        .arg = "DIRECTORY|off",
        .kind = OPTION_STRING,
        .offset = offsetof(struct auto_written, state),
        .help = "where journals are kept, so that secondaries get what changed by IXFR after a restart, too"},
    {.word = "journal",
        .arg = "SIZE",
        .kind = OPTION_SIZE,
        .offset = offsetof(struct auto_written, journal_max),
        .max = INT64_C(1) << 31,
        .fallback = "1m",
        .help = "octets of changes that are kept of each zone for IXFR; 0: none"},
    {.word = "nsec3_iterations",
        .arg = "COUNT",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct auto_written, iterations),
        .min = 1,
        .max = 65535,
        .fallback = "2500",
        .help = "a zone with more of them is answered without its proofs, which would take too long"},
    {.word = "upstream",
        .kind = OPTION_IGNORED,
        .help = "it has no effect since CoreDNS 1.7; remove the line"},
    {.word = "no_reload",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct auto_written, no_reload),
        .help = "from older versions of CoreDNS: reload 0"},
    {.word = "transfer",
        .arg = "to ADDRESS...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct auto_written, transfers),
        .help = "from older versions of CoreDNS: the zones' own transfer { to ADDRESS... }"},
    OPTIONS_END,
};

/* ---- setting up ---- */

struct first_load {
    struct autodir *dir;
    struct zonefile *file;
    bool check;
};

static enum err run_first_load(void *arg, const struct finding_sink *sink)
{
    struct first_load *job = arg;
    const struct finding_sink own = {.report = autodir_tell};
    enum err err = zonefile_load(job->file, job->check ? sink : &own, job->check, true, 1);
    return err == ERR_MEMORY || job->check ? err : ERR_OK;
}

static enum err add_first_loads(
    struct setup *setup, struct autodir *dir, struct zonefile **files, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct first_load *job = files[i]->loaded ? NULL : ARENA_NEW(setup->world, struct first_load);
        if (files[i]->loaded)
            continue;
        if (job == NULL)
            return ERR_MEMORY;
        *job = (struct first_load){.dir = dir, .file = files[i], .check = setup->check};
        files[i]->loaded = true;
        enum err err = setup_job(setup, run_first_load, job);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static const char *chosen(struct setup *setup, const char *written, const char *standard)
{
    if (setup->check)
        return NULL;
    if (written == NULL)
        return standard;
    return strcmp(written, "off") == 0 ? NULL : setup_path(setup, written);
}

static enum err list_first(struct setup *setup, struct autodir *dir)
{
    struct listing listing;
    unsigned count = 0;
    enum err err = listing_make(&listing, dir->directory);
    if (err != ERR_OK && err != ERR_MEMORY)
        setup_warning(setup, &setup->directive->name, "its zones are served when it is there", "%s: %s",
            dir->directory, strerror(errno));
    if (!setup->check)
        autodir_tell_watch(dir, &listing);
    dir->watch = listing.watch;
    listing.watch = -1;
    struct zonefile **files = autodir_zones(dir, &listing, &count);
    listing_clear(&listing);
    if (files == NULL)
        return ERR_MEMORY;
    err = add_first_loads(setup, dir, files, count);
    /* The real table is made by start, when they are loaded. */
    struct auto_table *table = auto_table_new(dir, files, count);
    atomic_store(&dir->table, table);
    return table == NULL ? ERR_MEMORY : err;
}

static enum err read_transfers(struct setup *setup, const struct auto_written *written)
{
    for (unsigned i = 0; i < written->transfers.count; i++) {
        const struct directive *line = written->transfers.at[i];
        if (line->args_count < 2 || strcasecmp(line->args[0].text, "to") != 0)
            return setup_error(setup, &line->name, "transfer to ADDRESS...", "to whom?");
    }
    return ERR_OK;
}

/* What CoreDNS had before 1.5: a fourth word behind the template, in seconds, and no_reload. */
static enum err read_older(struct setup *setup, struct auto_written *written)
{
    static const struct option row = {
        .arg = "TIMEOUT", .kind = OPTION_INTEGER, .min = 1, .max = INT64_C(86400) * 365};
    const struct token *at = &setup->directive->name;
    int64_t seconds;
    if (written->directory.count > 3) {
        const char *word = written->directory.at[3];
        struct token token = *at;
        token.text = word;
        token.len = (uint32_t)strlen(word);
        if (option_value(setup, &token, &row, &seconds) != ERR_OK)
            return ERR_INVALID;
        written->reload_ms = seconds * 1000;
        setup_warning(setup, at, "bailiwickd -migrate writes it so",
            "the fourth word of directory, %s, is from before CoreDNS 1.5: write reload %ss", word, word);
    }
    if (written->no_reload) {
        written->reload_ms = 0;
        setup_warning(setup, at, "bailiwickd -migrate writes it so",
            "no_reload is from before CoreDNS 1.5: write reload 0");
    }
    return ERR_OK;
}

static enum err set_up(struct setup *setup, struct autodir *dir, struct auto_written *written)
{
    const struct option_strings *words = &written->directory;
    if (words->count == 2 || words->count > 4)
        return setup_error(setup, &setup->directive->name, "directory DIR [REGEXP TEMPLATE]",
            "directory takes a path, or a path, an expression and a template");
    if (read_older(setup, written) != ERR_OK)
        return ERR_INVALID;
    char *standard = setup->check ? NULL : cache_directory();
    const char *cache = chosen(setup, written->cache, standard);
    const char *state = chosen(setup, written->state, zones_state(false));
    dir->cache = cache != NULL ? strdup(cache) : NULL;
    dir->state = state != NULL ? strdup(state) : NULL;
    free(standard);
    enum err err = setup_state(setup, &setup->directive->name, dir->state);
    if (err != ERR_OK)
        return err;
    dir->written = written;
    dir->directory = setup_path(setup, words->at[0]);
    dir->template = words->count >= 3 ? words->at[2] : "{1}";
    dir->regex =
        regex_compile(setup, &setup->directive->name, words->count >= 3 ? words->at[1] : "db\\.(.*)");
    if (dir->regex == NULL)
        return ERR_INVALID;
    err = read_transfers(setup, written);
    return err == ERR_OK ? list_first(setup, dir) : err;
}

static enum err setup(struct setup *setup, void **self)
{
    struct autos *autos = *self != NULL ? *self : ARENA_NEW(setup->world, struct autos);
    struct auto_written *written = ARENA_NEW(setup->world, struct auto_written);
    struct autodir *dir = autodir_new();
    if (autos == NULL || written == NULL || dir == NULL) {
        if (dir != NULL)
            autodir_release(dir);
        return ERR_MEMORY;
    }
    *self = autos;
    struct autodir **last = &autos->first;
    while (*last != NULL)
        last = &(*last)->next;
    *last = dir;
    enum err err = options_parse(setup, options, written);
    return err == ERR_OK ? set_up(setup, dir, written) : err;
}

/* ---- living ---- */

static enum err start(void *self)
{
    struct autos *autos = self;
    enum err err = ERR_OK;
    for (struct autodir *dir = autos->first; dir != NULL && err == ERR_OK; dir = dir->next)
        err = autodir_start(dir);
    return err;
}

static void refresh(void *self)
{
    const struct autos *autos = self;
    for (struct autodir *dir = autos->first; dir != NULL; dir = dir->next)
        autodir_want(dir);
}

static void stop(void *self)
{
    struct autos *autos = self;
    for (struct autodir *dir = autos->first, *next; dir != NULL; dir = next) {
        next = dir->next;
        autodir_stop(dir);
    }
}

/* ---- telling and answering ---- */

static void zones(void *self, void (*each)(void *context, struct zone *zone), void *context)
{
    const struct autos *autos = self;
    for (struct autodir *dir = autos->first; dir != NULL; dir = dir->next) {
        const struct auto_table *table = atomic_load(&dir->table);
        for (unsigned i = 0; i < table->count; i++)
            each(context, table->files[i]->zone);
    }
}

static struct zone *zone_of(void *self, const uint8_t *name)
{
    const struct autos *autos = self;
    for (struct autodir *dir = autos->first; dir != NULL; dir = dir->next) {
        const struct auto_table *table = atomic_load_explicit(&dir->table, memory_order_acquire);
        const struct serving_zone *found = serving_find(&table->serving, name);
        if (found != NULL)
            return found->zone;
    }
    return NULL;
}

static bool prefetch(void *self, struct query *query, unsigned step)
{
    const struct autos *autos = self;
    if (autos->first == NULL || autos->first->next != NULL)
        return false; /* of several directories each is asked in its turn */
    return serving_prefetch(
        &atomic_load_explicit(&autos->first->table, memory_order_acquire)->serving, query, step);
}

static enum served serve(void *self, struct query *query)
{
    const struct autos *autos = self;
    for (struct autodir *dir = autos->first; dir != NULL; dir = dir->next) {
        const struct auto_table *table = atomic_load_explicit(&dir->table, memory_order_acquire);
        enum served served = serving_serve(&table->serving, query);
        if (served != SERVED_NEXT)
            return served;
    }
    return SERVED_NEXT;
}

static const struct plugin auto_plugin = {
    .abi = PLUGIN_ABI,
    .name = "auto",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .prefetch = prefetch,
    .refresh = refresh,
    .zones = zones,
    .zone = zone_of,
    .stop = stop,
};
PLUGIN(auto)
