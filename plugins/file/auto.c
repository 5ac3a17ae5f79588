/* auto: every file of a directory whose name fits is a zone. The directory is looked at when something
 * happens in it, and now and then besides; files that come are loaded and served, files that go are served no
 * more, a text that is wrong is told of and the last good one goes on.
 *
 *     inotify, timer -> listing (background) -> which zones -> load the new ones (background) -> new table
 *
 * The table is swapped whole, so that queries see all of a change or nothing of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "plugins/file/cache.h"
#include "plugins/file/listing.h"
#include "plugins/file/zonefile.h"
#include "plugins/plugin.h"
#include "plugins/regex.h"
#include "plugins/serving.h"
#include "zone/base/log.h"
#include "zone/wire/name.h"

#define TICK_MS 100
#define QUIET_MS 200       /* that nothing must have happened before the directory is listed */
#define QUIET_MOST_MS 2000 /* with somebody always at work there, it is listed after so long */
#define LOADERS_MAX 4

/* What is served at one time. */
struct table {
    struct serving serving;
    struct serving_zone *zones;
    struct zonefile **files; /* one reference each; those that could not be loaded, too */
    unsigned count;          /* of files */
};

struct written {
    struct option_zones zones, fallthrough;
    struct option_strings directory;
    int64_t reload_ms, journal_max;
    const char *cache, *state;
    struct option_lines transfers;
};

/* One directive. In malloced memory: background work may outlast the configuration. */
struct autodir {
    struct autodir *next;
    unsigned refs; /* the plugin, and work under way */
    bool stopped;
    const struct written *written; /* world memory: not after stop */
    const char *directory;         /* likewise, complete */
    struct regex *regex;
    const char *template;
    char *cache, *state;
    _Atomic(struct table *) table;
    struct host_timer *timer;
    int watch;
    bool working;        /* listing or loading */
    bool wanted, forced; /* somebody wants a look; at included files, too */
    bool foreign;        /* an event named a file that is no zone: an included one, perhaps */
    int64_t changed_ms, first_ms, looked_ms;
};

struct autos {
    struct autodir *first;
    bool check;
};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "files of zones in these are served; the block's when left out"},
    {.word = "directory",
        .arg = "DIR REGEXP TEMPLATE",
        .kind = OPTION_STRINGS,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written, directory),
        .help = "where the files are, which names fit (db\\.(.*)), and the zone that one is for ({1})"},
    {.word = "reload",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct written, reload_ms),
        .max = INT64_C(86400000) * 365,
        .fallback = "1m",
        .help = "how often the directory is looked at besides; 0: only when something happens there"},
    {.word = "fallthrough",
        .arg = "ZONES...",
        .kind = OPTION_ZONES,
        .flags = OPTION_OPTIONAL,
        .offset = offsetof(struct written, fallthrough),
        .help = "names that do not exist are left to the next plugin, in these zones, or in all"},
    {.word = "cache",
        .arg = "DIRECTORY|off",
        .kind = OPTION_STRING,
        .offset = offsetof(struct written, cache),
        .help = "where images of large zones are kept for a quick start"},
    {.word = "state",
        .arg = "DIRECTORY|off",
        .kind = OPTION_STRING,
        .offset = offsetof(struct written, state),
        .help = "where journals are kept, so that secondaries get what changed by IXFR after a restart, too"},
    {.word = "journal",
        .arg = "SIZE",
        .kind = OPTION_SIZE,
        .offset = offsetof(struct written, journal_max),
        .max = INT64_C(1) << 31,
        .fallback = "1m",
        .help = "octets of changes that are kept of each zone for IXFR; 0: none"},
    {.word = "upstream",
        .kind = OPTION_IGNORED,
        .help = "it has no effect since CoreDNS 1.7; remove the line"},
    {.word = "no_reload", .kind = OPTION_REMOVED, .help = "write reload 0"},
    {.word = "transfer",
        .arg = "to ADDRESS...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, transfers),
        .help = "from older versions of CoreDNS: the zones' own transfer { to ADDRESS... }"},
    OPTIONS_END,
};

static void autodir_release(struct autodir *dir)
{
    if (--dir->refs > 0)
        return;
    free(dir->cache);
    free(dir->state);
    free(dir);
}

/* ---- tables ---- */

static void table_free(void *arg)
{
    struct table *table = arg;
    for (unsigned i = 0; i < table->count; i++)
        zonefile_put(table->files[i]);
    serving_clear(&table->serving);
    free(table->zones);
    free(table->files);
    free(table);
}

/* Takes FILES and their references over. Zones without any version yet are not answered for. */
static struct table *table_new(const struct autodir *dir, struct zonefile **files, unsigned count)
{
    struct table *table = calloc(1, sizeof *table);
    if (table != NULL)
        table->zones = calloc(count + 1, sizeof *table->zones);
    if (table == NULL || table->zones == NULL || serving_init(&table->serving, "auto", count + 1) != ERR_OK) {
        for (unsigned i = 0; i < count; i++)
            zonefile_put(files[i]);
        free(table != NULL ? table->zones : NULL);
        free(table);
        free(files);
        return NULL;
    }
    table->files = files;
    table->count = count;
    for (unsigned i = 0; i < count; i++) {
        table->zones[i] = (struct serving_zone){.zone = files[i]->zone,
            .fall = dir->written->fallthrough.at,
            .fall_count = dir->written->fallthrough.count};
        if (atomic_load(&files[i]->zone->current) == NULL)
            continue;
        enum err err = serving_add(&table->serving, &table->zones[i]);
        (void)err; /* names differ, and there is room */
    }
    return table;
}

static void table_publish(struct autodir *dir, struct table *table)
{
    struct table *old = atomic_exchange(&dir->table, table);
    if (old != NULL)
        host_retire(table_free, old);
}

/* ---- from a file's name to a zone ---- */

/* "{1}" and "${1}" stand for what a group matched. */
static bool expand(const char *template, const struct regex_match *match, char *out, size_t room)
{
    size_t len = 0;
    for (const char *at = template; *at != '\0';) {
        const char *brace = at + (at[0] == '$' && at[1] == '{');
        size_t add = 1;
        const char *from = at;
        if (brace[0] == '{' && brace[1] >= '0' && brace[1] <= '9' && brace[2] == '}') {
            from = regex_text(match, (unsigned)(brace[1] - '0'), &add);
            at = brace + 3;
        } else {
            at++;
        }
        if (len + add >= room)
            return false;
        memcpy(out + len, from, add);
        len += add;
    }
    out[len] = '\0';
    return true;
}

/* The zone that the file PATH is for. False: it is none, or outside of the zones that this directive serves.
 */
static bool zone_of_path(const struct autodir *dir, const char *path, uint8_t *name)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path, *why;
    char text[NAME_TEXT_MAX];
    struct regex_match match;
    size_t len;
    if (!regex_match(dir->regex, base, strlen(base), &match) ||
        !expand(dir->template, &match, text, sizeof text))
        return false;
    if (text[0] == '\0' || name_parse(text, strlen(text), (const uint8_t *)"", name, &len, &why) != ERR_OK) {
        log_warning("plugin/auto: %s: '%s' is not a zone's name", path, text);
        return false;
    }
    name_lower(name, name);
    for (unsigned i = 0; i < dir->written->zones.count; i++)
        if (name_under(name, dir->written->zones.at[i]))
            return true;
    return false;
}

static int compare_found(const void *a, const void *b)
{
    const struct zonefile *const *x = a, *const *y = b;
    size_t x_len = name_len((*x)->zone->name), y_len = name_len((*y)->zone->name);
    if (x_len != y_len)
        return x_len < y_len ? -1 : 1;
    int order = memcmp((*x)->zone->name, (*y)->zone->name, x_len);
    return order != 0 ? order : strcmp((*x)->path, (*y)->path);
}

/* Of two files for one zone the first is served. */
static unsigned drop_doubles(struct zonefile **files, unsigned count)
{
    unsigned kept = 0;
    qsort(files, count, sizeof(struct zonefile *), compare_found);
    for (unsigned i = 0; i < count; i++) {
        if (kept == 0 || !name_equal(files[kept - 1]->zone->name, files[i]->zone->name)) {
            files[kept++] = files[i];
            continue;
        }
        log_warning("plugin/auto: %s: its zone is served from %s", files[i]->path, files[kept - 1]->path);
        zonefile_put(files[i]);
    }
    return kept;
}

/* The zones of a listing, one reference each. Control thread. NULL: out of memory. */
static struct zonefile **zones_of(const struct autodir *dir, const struct listing *listing, unsigned *count)
{
    struct zonefile **files = calloc(listing->count + 1, sizeof(struct zonefile *));
    unsigned used = 0;
    for (size_t i = 0; files != NULL && i < listing->count; i++) {
        uint8_t name[NAME_MAX + 1];
        if (!zone_of_path(dir, listing->paths[i], name))
            continue;
        files[used] = zonefile_get(listing->paths[i], name, dir->cache, dir->state);
        if (files[used] == NULL)
            break;
        files[used++]->zone->journal_max = (uint64_t)dir->written->journal_max;
    }
    if (files != NULL)
        *count = drop_doubles(files, used);
    return files;
}

/* ---- loading new ones ---- */

struct loading {
    struct autodir *dir;
    struct zonefile **files;
    unsigned count;
    _Atomic unsigned next;
    unsigned workers; /* still at work: control thread */
};

/* Faults of one zone keep no other from being served. */
static void tell_fault(void *context, const struct finding *finding)
{
    (void)context;
    log_write(finding->severity == SEVERITY_ERROR ? LOG_ERROR : LOG_WARNING, "plugin/auto: %s:%u:%u: %s",
        finding->file != NULL ? finding->file : "", finding->line, finding->column, finding->message);
}

static void run_loading(void *arg)
{
    struct loading *loading = arg;
    const struct finding_sink sink = {.report = tell_fault};
    for (unsigned i; (i = atomic_fetch_add(&loading->next, 1)) < loading->count;) {
        struct zonefile *file = loading->files[i];
        if (atomic_load(&file->zone->current) != NULL || file->failed)
            continue; /* it is looked at instead */
        enum err err = zonefile_load(file, &sink, false, true, 1);
        (void)err; /* told */
    }
}

static void look_at_all(const struct table *table, bool force)
{
    if (table->count > 0 && zonefile_look(table->files, table->count, force) != ERR_OK)
        log_error("plugin/auto: out of memory, zones were not looked at");
}

static void end_loading(void *arg)
{
    struct loading *loading = arg;
    struct autodir *dir = loading->dir;
    if (--loading->workers > 0)
        return;
    struct table *table = NULL;
    if (dir->stopped) {
        for (unsigned i = 0; i < loading->count; i++)
            zonefile_put(loading->files[i]);
        free(loading->files);
    } else {
        table = table_new(dir, loading->files, loading->count);
    }
    if (table != NULL) {
        for (unsigned i = 0; i < table->count; i++)
            (void)!zonefile_store(table->files[i]);
        look_at_all(table, dir->forced);
        table_publish(dir, table);
        dir->forced = false;
    }
    dir->working = false;
    free(loading);
    autodir_release(dir);
}

static void begin_loading(struct autodir *dir, struct zonefile **files, unsigned count)
{
    struct loading *loading = calloc(1, sizeof *loading);
    unsigned workers = count / 64 + 1 < LOADERS_MAX ? count / 64 + 1 : LOADERS_MAX;
    if (loading == NULL) {
        dir->working = false;
        return;
    }
    *loading = (struct loading){.dir = dir, .files = files, .count = count, .workers = 1};
    dir->refs++;
    for (unsigned i = 0; i < workers; i++) {
        loading->workers++;
        if (host_work(run_loading, end_loading, loading) != ERR_OK)
            loading->workers--;
    }
    end_loading(loading); /* the one that stood for this loop */
}

/* A changed set is told name by name, up to a point. */
static void tell_changes(const struct table *old, struct zonefile *const *files, unsigned count)
{
    unsigned came = 0, went = 0, i = 0, k = 0, before = old != NULL ? old->count : 0;
    while (i < before || k < count) {
        int order = i == before ? 1 : k == count ? -1 : compare_found(&old->files[i], &files[k]);
        char name[NAME_TEXT_MAX];
        const struct zonefile *file = order < 0 ? old->files[i] : files[k];
        name_print(file->zone->name, name);
        if (order < 0 && went++ < 10)
            log_info("plugin/auto: %s: %s is gone, the zone is not served any more", name, file->path);
        if (order > 0 && came++ < 10)
            log_info("plugin/auto: %s: found in %s", name, file->path);
        i += order <= 0;
        k += order >= 0;
    }
    if (came > 10 || went > 10)
        log_info("plugin/auto: %u zones came and %u went in all", came, went);
}

/* ---- looking ---- */

struct scan {
    struct autodir *dir;
    struct listing listing;
    char *directory;
    enum err err;
    int why;
};

static void run_scan(void *arg)
{
    struct scan *scan = arg;
    scan->err = listing_make(&scan->listing, scan->directory);
    scan->why = errno;
}

static void end_scan(void *arg)
{
    struct scan *scan = arg;
    struct autodir *dir = scan->dir;
    unsigned count = 0;
    struct zonefile **files = NULL;
    dir->working = false;
    if (!dir->stopped && scan->err == ERR_OK)
        files = zones_of(dir, &scan->listing, &count);
    else if (!dir->stopped)
        log_error("plugin/auto: %s: %s; what was served goes on", scan->directory, strerror(scan->why));
    if (!dir->stopped && (scan->err == ERR_OK || dir->watch < 0)) {
        int old = dir->watch;
        dir->watch = scan->listing.watch;
        scan->listing.watch = old; /* closed with the listing */
    }
    if (files != NULL) {
        tell_changes(atomic_load(&dir->table), files, count);
        dir->working = true;
        begin_loading(dir, files, count);
    }
    listing_clear(&scan->listing);
    free(scan->directory);
    free(scan);
    autodir_release(dir);
}

static void begin_scan(struct autodir *dir)
{
    struct scan *scan = calloc(1, sizeof *scan);
    if (scan != NULL)
        scan->directory = strdup(dir->directory);
    if (scan == NULL || scan->directory == NULL) {
        free(scan);
        return;
    }
    scan->dir = dir;
    scan->listing.watch = -1;
    dir->refs++;
    dir->working = true;
    dir->wanted = false;
    dir->forced |= dir->foreign;
    dir->foreign = false;
    if (host_work(run_scan, end_scan, scan) == ERR_OK)
        return;
    dir->working = false;
    dir->refs--;
    free(scan->directory);
    free(scan);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void hear(void *context, const char *name)
{
    struct autodir *dir = context;
    struct regex_match match;
    dir->foreign |= !regex_match(dir->regex, name, strlen(name), &match);
}

/* When something happens, whoever is at work there is let finish. */
static void tick(void *arg)
{
    struct autodir *dir = arg;
    int64_t now = now_ms();
    if (listing_events(dir->watch, hear, dir) != LISTING_QUIET) {
        dir->first_ms = dir->wanted ? dir->first_ms : now;
        dir->changed_ms = now;
        dir->wanted = true;
    }
    if (dir->working)
        return;
    bool quiet = now - dir->changed_ms >= QUIET_MS || now - dir->first_ms >= QUIET_MOST_MS;
    bool due = dir->written->reload_ms != 0 && now - dir->looked_ms >= dir->written->reload_ms;
    if ((dir->wanted && quiet) || due) {
        dir->looked_ms = now;
        begin_scan(dir);
    }
}

/* ---- setting up ---- */

struct first_load {
    struct autodir *dir;
    struct zonefile *file;
    bool check;
};

static enum err run_first_load(void *arg, const struct finding_sink *sink)
{
    struct first_load *job = arg;
    const struct finding_sink own = {.report = tell_fault};
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
    dir->watch = listing.watch;
    listing.watch = -1;
    struct zonefile **files = zones_of(dir, &listing, &count);
    listing_clear(&listing);
    if (files == NULL)
        return ERR_MEMORY;
    err = add_first_loads(setup, dir, files, count);
    /* The real table is made by start, when they are loaded. */
    struct table *table = table_new(dir, files, count);
    atomic_store(&dir->table, table);
    return table == NULL ? ERR_MEMORY : err;
}

static enum err read_transfers(struct setup *setup, const struct written *written)
{
    for (unsigned i = 0; i < written->transfers.count; i++) {
        const struct directive *line = written->transfers.at[i];
        if (line->args_count < 2 || strcasecmp(line->args[0].text, "to") != 0)
            return setup_error(setup, &line->name, "transfer to ADDRESS...", "to whom?");
    }
    return ERR_OK;
}

static enum err set_up(struct setup *setup, struct autodir *dir, const struct written *written)
{
    const struct option_strings *words = &written->directory;
    if (words->count == 2 || words->count > 3)
        return setup_error(setup, &setup->directive->name, "directory DIR [REGEXP TEMPLATE]",
            "directory takes a path, or a path, an expression and a template");
    char *standard = setup->check ? NULL : cache_directory();
    const char *cache = chosen(setup, written->cache, standard);
    const char *state = chosen(setup, written->state, zones_state(false));
    dir->cache = cache != NULL ? strdup(cache) : NULL;
    dir->state = state != NULL ? strdup(state) : NULL;
    free(standard);
    dir->written = written;
    dir->directory = setup_path(setup, words->at[0]);
    dir->template = words->count == 3 ? words->at[2] : "{1}";
    dir->regex =
        regex_compile(setup, &setup->directive->name, words->count == 3 ? words->at[1] : "db\\.(.*)");
    if (dir->regex == NULL)
        return ERR_INVALID;
    enum err err = read_transfers(setup, written);
    return err == ERR_OK ? list_first(setup, dir) : err;
}

static enum err setup(struct setup *setup, void **self)
{
    struct autos *autos = *self != NULL ? *self : ARENA_NEW(setup->world, struct autos);
    struct written *written = ARENA_NEW(setup->world, struct written);
    struct autodir *dir = calloc(1, sizeof *dir);
    if (autos == NULL || written == NULL || dir == NULL) {
        free(dir);
        return ERR_MEMORY;
    }
    *self = autos;
    dir->refs = 1;
    dir->watch = -1;
    struct autodir **last = &autos->first;
    while (*last != NULL)
        last = &(*last)->next;
    *last = dir;
    enum err err = options_parse(setup, options, written);
    return err == ERR_OK ? set_up(setup, dir, written) : err;
}

/* Zones that are loaded now go into the table; nobody has seen the first one. */
static enum err start_one(struct autodir *dir)
{
    struct table *first = atomic_load(&dir->table);
    struct zonefile **files = calloc(first->count + 1, sizeof(struct zonefile *));
    if (files == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < first->count; i++) {
        files[i] = first->files[i];
        files[i]->refs++;
        (void)!zonefile_store(files[i]);
    }
    struct table *table = table_new(dir, files, first->count);
    if (table == NULL)
        return ERR_MEMORY;
    atomic_store(&dir->table, table);
    table_free(first);
    dir->looked_ms = now_ms();
    dir->timer = host_timer_start(TICK_MS, tick, dir);
    return dir->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err start(void *self)
{
    struct autos *autos = self;
    enum err err = ERR_OK;
    for (struct autodir *dir = autos->first; dir != NULL && err == ERR_OK; dir = dir->next)
        err = start_one(dir);
    return err;
}

static void refresh(void *self)
{
    const struct autos *autos = self;
    for (struct autodir *dir = autos->first; dir != NULL; dir = dir->next) {
        dir->wanted = dir->forced = true;
        dir->changed_ms = dir->first_ms = 0;
    }
}

static void stop(void *self)
{
    struct autos *autos = self;
    for (struct autodir *dir = autos->first, *next; dir != NULL; dir = next) {
        struct table *table = atomic_exchange(&dir->table, NULL);
        next = dir->next;
        dir->stopped = true;
        if (dir->timer != NULL)
            host_timer_stop(dir->timer);
        if (dir->watch >= 0)
            listing_close(dir->watch);
        dir->watch = -1;
        if (table != NULL)
            table_free(table);
        autodir_release(dir);
    }
}

/* ---- telling and answering ---- */

static void zones(void *self, void (*each)(void *context, struct zone *zone), void *context)
{
    const struct autos *autos = self;
    for (struct autodir *dir = autos->first; dir != NULL; dir = dir->next) {
        const struct table *table = atomic_load(&dir->table);
        for (unsigned i = 0; i < table->count; i++)
            each(context, table->files[i]->zone);
    }
}

static struct zone *zone_of(void *self, const uint8_t *name)
{
    const struct autos *autos = self;
    for (struct autodir *dir = autos->first; dir != NULL; dir = dir->next) {
        const struct table *table = atomic_load_explicit(&dir->table, memory_order_acquire);
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
        const struct table *table = atomic_load_explicit(&dir->table, memory_order_acquire);
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
