#include "plugins/file/autodir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/base/log.h"
#include "zone/wire/name.h"

#define TICK_MS 100
#define QUIET_MS 200       /* that nothing must have happened before the directory is listed */
#define QUIET_MOST_MS 2000 /* with somebody always at work there, it is listed after so long */
#define LOADERS_MAX 4

struct autodir *autodir_new(void)
{
    struct autodir *dir = calloc(1, sizeof *dir);
    if (dir == NULL)
        return NULL;
    dir->refs = 1;
    dir->watch = -1;
    return dir;
}

void autodir_release(struct autodir *dir)
{
    if (--dir->refs > 0)
        return;
    free(dir->cache);
    free(dir->state);
    free(dir);
}

/* ---- tables ---- */

void auto_table_free(void *arg)
{
    struct auto_table *table = arg;
    for (unsigned i = 0; i < table->count; i++)
        zonefile_put(table->files[i]);
    serving_clear(&table->serving);
    free(table->zones);
    free(table->files);
    free(table);
}

struct auto_table *auto_table_new(const struct autodir *dir, struct zonefile **files, unsigned count)
{
    struct auto_table *table = calloc(1, sizeof *table);
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
    /* A lookup begun in the table before this one is as good, and goes on: it must not be taken for
     * another's. */
    table->serving.mark = dir;
    table->files = files;
    table->count = count;
    for (unsigned i = 0; i < count; i++) {
        table->zones[i] = (struct serving_zone){.zone = files[i]->zone,
            .fall = dir->written->fallthrough.at,
            .fall_count = dir->written->fallthrough.count,
            .iterations = (uint16_t)dir->written->iterations};
        if (atomic_load(&files[i]->zone->current) == NULL)
            continue;
        enum err err = serving_add(&table->serving, &table->zones[i]);
        (void)err; /* names differ, and there is room */
    }
    return table;
}

static void table_publish(struct autodir *dir, struct auto_table *table)
{
    struct auto_table *old = atomic_exchange(&dir->table, table);
    if (old != NULL)
        host_retire(auto_table_free, old);
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
struct zonefile **autodir_zones(const struct autodir *dir, const struct listing *listing, unsigned *count)
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
void autodir_tell(void *context, const struct finding *finding)
{
    (void)context;
    log_write(finding->severity == SEVERITY_ERROR ? LOG_ERROR : LOG_WARNING, "plugin/auto: %s:%u:%u: %s",
        finding->file != NULL ? finding->file : "", finding->line, finding->column, finding->message);
}

static void run_loading(void *arg)
{
    struct loading *loading = arg;
    const struct finding_sink sink = {.report = autodir_tell};
    for (unsigned i; (i = atomic_fetch_add(&loading->next, 1)) < loading->count;) {
        struct zonefile *file = loading->files[i];
        if (atomic_load(&file->zone->current) != NULL || file->failed)
            continue; /* it is looked at instead */
        enum err err = zonefile_load(file, &sink, false, true, 1);
        (void)err; /* told */
    }
}

static void look_at_all(const struct auto_table *table, bool force)
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
    struct auto_table *table = NULL;
    if (dir->stopped) {
        for (unsigned i = 0; i < loading->count; i++)
            zonefile_put(loading->files[i]);
        free(loading->files);
    } else {
        table = auto_table_new(dir, loading->files, loading->count);
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
static void tell_changes(const struct auto_table *old, struct zonefile *const *files, unsigned count)
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

void autodir_tell_watch(struct autodir *dir, const struct listing *listing)
{
    int why = listing->unwatched;
    const char *limit = why == ENOSPC   ? "; fs.inotify.max_user_watches is used up (one for each directory)"
                        : why == EMFILE ? "; fs.inotify.max_user_instances is used up"
                                        : "";
    if (why == dir->unwatched)
        return;
    dir->unwatched = why;
    if (why == 0)
        log_info("plugin/auto: %s: is watched again", dir->directory);
    else if (dir->written->reload_ms == 0)
        log_error("plugin/auto: %s: cannot be watched, and `reload 0` does not look: %s%s", dir->directory,
            strerror(why), limit);
    else
        log_warning("plugin/auto: %s: cannot be watched, and is looked at every %lld seconds only: %s%s",
            dir->directory, (long long)dir->written->reload_ms / 1000, strerror(why), limit);
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
        files = autodir_zones(dir, &scan->listing, &count);
    else if (!dir->stopped)
        log_error("plugin/auto: %s: %s; what was served goes on", scan->directory, strerror(scan->why));
    if (!dir->stopped)
        autodir_tell_watch(dir, &scan->listing);
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

/* ---- living ---- */

/* Zones that are loaded now go into the table; nobody has seen the first one. */
enum err autodir_start(struct autodir *dir)
{
    struct auto_table *first = atomic_load(&dir->table);
    struct zonefile **files = calloc(first->count + 1, sizeof(struct zonefile *));
    if (files == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < first->count; i++) {
        files[i] = first->files[i];
        files[i]->refs++;
        (void)!zonefile_store(files[i]);
    }
    struct auto_table *table = auto_table_new(dir, files, first->count);
    if (table == NULL)
        return ERR_MEMORY;
    atomic_store(&dir->table, table);
    auto_table_free(first);
    dir->looked_ms = now_ms();
    dir->timer = host_timer_start(TICK_MS, tick, dir);
    return dir->timer != NULL ? ERR_OK : ERR_MEMORY;
}

void autodir_want(struct autodir *dir)
{
    dir->wanted = dir->forced = true;
    dir->changed_ms = dir->first_ms = 0;
}

void autodir_stop(struct autodir *dir)
{
    struct auto_table *table = atomic_exchange(&dir->table, NULL);
    dir->stopped = true;
    if (dir->timer != NULL)
        host_timer_stop(dir->timer);
    if (dir->watch >= 0)
        listing_close(dir->watch);
    dir->watch = -1;
    if (table != NULL)
        auto_table_free(table);
    autodir_release(dir);
}
