#include "plugins/file/zonefile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugins/file/cache.h"
#include "plugins/file/serial.h"
#include "plugins/file/told.h"
#include "zone/base/log.h"

#define BUCKETS 4096
#define SETTLE_MS 300 /* that a text found changed must have been left alone */
#define SETTLE_TRIES 100

/* The register: control thread only. */
static struct zonefile *buckets[BUCKETS];
static unsigned registered;

unsigned zonefile_count(void)
{
    return registered;
}

/* ---- the register ---- */

static struct zonefile **bucket_of(const char *path, const uint8_t *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *at = path; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
    size_t len = name_len(name);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ name[i]) * 0x100000001b3u;
    return &buckets[(hash ^ hash >> 32) % BUCKETS];
}

static void free_with_handle(struct zone *handle)
{
    struct zonefile *zone = handle->owner;
    free(zone->path);
    free(zone->cache);
    free(zone->state);
    free(zone);
}

static bool refresh(struct zone *handle, bool force, void (*done)(void *context), void *context);

static const struct zone_kind kind = {
    .plugin = "file", .local = true, .refresh = refresh, .free = free_with_handle};

static struct zonefile *zonefile_new(
    const char *path, const uint8_t *name, const char *cache, const char *state)
{
    struct zonefile *zone = aligned_alloc(64, (sizeof *zone + 63) & ~(size_t)63);
    if (zone == NULL)
        return NULL;
    memset(zone, 0, sizeof *zone);
    zone->path = strdup(path);
    /* A zone with a journal also has an image, however small: what it was before it changed. */
    const char *images = cache != NULL ? cache : state;
    zone->cache = images != NULL ? strdup(images) : NULL;
    zone->state = state != NULL ? strdup(state) : NULL;
    zone->zone = zone_new(&kind, name, zone);
    if (zone->zone == NULL) {
        free(zone->path);
        free(zone->cache);
        free(zone->state);
        free(zone);
        return NULL;
    }
    if (zone->path == NULL) {
        zone_release(zone->zone);
        return NULL;
    }
    zone->zone->source = zone->zone->id = zone->path;
    zone->zone->state = zone->state;
    return zone;
}

struct zonefile *zonefile_get(const char *path, const uint8_t *name, const char *cache, const char *state)
{
    struct zonefile **bucket = bucket_of(path, name);
    for (struct zonefile *zone = *bucket; zone != NULL; zone = zone->next) {
        if (strcmp(zone->path, path) == 0 && name_equal(zone->zone->name, name)) {
            zone->refs++;
            return zone;
        }
    }
    struct zonefile *zone = zonefile_new(path, name, cache, state);
    if (zone == NULL)
        return NULL;
    zone->refs = 1;
    zone->next = *bucket;
    *bucket = zone;
    registered++;
    return zone;
}

void zonefile_put(struct zonefile *zone)
{
    if (--zone->refs > 0)
        return;
    for (struct zonefile **at = bucket_of(zone->path, zone->zone->name); *at != NULL; at = &(*at)->next) {
        if (*at == zone) {
            *at = zone->next;
            registered--;
            break;
        }
    }
    zone_release(zone->zone);
}

/* ---- what is known of it ---- */

static bool stamp_read(const char *path, struct stamp *stamp)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    *stamp =
        (struct stamp){.changed = status.st_mtim, .size = (uint64_t)status.st_size, .inode = status.st_ino};
    return true;
}

static bool stamp_same(const struct stamp *a, const struct stamp *b)
{
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->size == b->size && a->inode == b->inode;
}

static void note_success(struct zonefile *zone, const struct stamp *stamp, uint64_t records)
{
    zone->stamp = *stamp;
    zone->failed = false;
    zone->zone->records = records;
}

static void note_failure(struct zonefile *zone, const struct stamp *stamp, const char *error)
{
    zone->stamp = *stamp;
    zone->failed = true;
    zone_note(zone->zone, ZONE_FAILED, "%s", error);
}

/* ---- loading ---- */

#define SETTLE_MIN ((size_t)4 << 20) /* images worth moving into huge pages */

static bool wants_cache(const struct zonefile *zone, const struct stamp *stamp)
{
    return zone->cache != NULL && (stamp->size >= CACHE_TEXT_MIN || zone->state != NULL);
}

static struct load_options options_for(const struct zonefile *zone, struct told *told, unsigned threads)
{
    return (struct load_options){
        .origin = zone->zone->name,
        .threads = threads,
        .sink = {.report = told_report, .context = told},
        .checks = told->all,
        .remember = zone->cache != NULL,
    };
}

/* The text as it is, whole. */
static enum err load_text(
    struct zonefile *zone, struct told *told, unsigned threads, uint64_t *records, struct snapshot **out)
{
    struct load_options options = options_for(zone, told, threads);
    struct load_result result = {0};
    struct image *image;
    enum err err = load_image(zone->path, &options, &result, &image);
    if (err != ERR_OK)
        return err;
    *records = image->header->record_count;
    *out = snapshot_new(image);
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

/* The cached image, and what has changed in the text since it was made. */
static enum err load_cached(struct zonefile *zone, struct told *told, unsigned threads, uint64_t *records,
    struct snapshot **old, struct snapshot **out)
{
    struct told aside = {.path = zone->path};
    struct finding_sink sink = {.report = told_report, .context = &aside};
    struct image *image;
    enum err err = cache_open(zone->cache, zone->zone->name, zone->path, threads, &sink, &image);
    if (aside.errors > 0)
        log_warning("plugin/file: %s: the cached image was unusable and is made again", zone->path);
    if (err != ERR_OK)
        return err;
    *records = image->header->record_count;
    bool current = load_current(zone->path, image);
    struct snapshot *snapshot = snapshot_new(image);
    if (snapshot == NULL || current) {
        *out = snapshot;
        return snapshot != NULL ? ERR_OK : ERR_MEMORY;
    }
    struct load_options options = options_for(zone, told, threads);
    struct load_result result = {0};
    uint32_t changes;
    err = load_changes(zone->path, &options, snapshot, &result, &changes, out);
    *records = result.records;
    if (err == ERR_OK)
        *old = snapshot;
    else
        snapshot_release(snapshot);
    return err;
}

static enum err no_file(struct zonefile *zone, struct told *told, bool may_miss)
{
    char message[256];
    int why = errno;
    snprintf(message, sizeof message, "cannot read the zone file: %s", strerror(why));
    if (!may_miss || why != ENOENT) {
        told_failure(told, message, "relative paths begin at `root`, or at the working directory");
        return ERR_INVALID;
    }
    snprintf(message + strlen(message), sizeof message - strlen(message), "; it is served when it is there");
    if (told->all) /* -check counts what it tells */
        told_report(told, &(struct finding){.severity = SEVERITY_WARNING,
                              .rule = "zone-file",
                              .file = zone->path,
                              .message = message,
                              .hint = "relative paths begin at `root`, or at the working directory"});
    else
        log_warning("plugin/file: %s: %s", zone->path, message);
    note_failure(zone, &(struct stamp){0}, message);
    return ERR_OK;
}

/* A text beside a frozen zone waits until it is thawed: what served when it was frozen goes on. */
static void begin(struct zonefile *zone, struct snapshot *old, struct snapshot *text)
{
    if (zone_was_frozen(zone->zone) && zone_begin_frozen(zone->zone, old != NULL ? old : text) == ERR_OK)
        snapshot_release(text);
    else if (old != NULL)
        zone_begin_after(zone->zone, old, text);
    else
        zone_begin(zone->zone, text);
}

/* A frozen zone needs no text: its image and its journal are what was served. The text, be it broken or not
 * there, is looked at when it is thawed. */
static bool go_on_frozen(struct zonefile *zone)
{
    struct finding_sink nowhere = {0};
    struct image *image;
    if (!zone_was_frozen(zone->zone) || zone->cache == NULL ||
        cache_open(zone->cache, zone->zone->name, zone->path, 1, &nowhere, &image) != ERR_OK)
        return false;
    uint64_t records = image->header->record_count;
    struct snapshot *snapshot = snapshot_new(image);
    if (snapshot == NULL) {
        image_release(image);
        return false;
    }
    enum err err = zone_begin_frozen(zone->zone, snapshot);
    snapshot_release(snapshot);
    if (err != ERR_OK)
        return false;
    note_success(zone, &(struct stamp){0}, records);
    return true;
}

static enum err load(
    struct zonefile *zone, const struct finding_sink *sink, bool check, bool may_miss, unsigned threads)
{
    struct told told = {.outer = sink, .path = zone->path, .all = check};
    struct snapshot *snapshot = NULL, *old = NULL;
    struct stamp stamp;
    uint64_t records = 0;
    enum err err = ERR_MISSING;
    zone->loaded = true;
    if (!check && go_on_frozen(zone))
        return ERR_OK;
    if (!stamp_read(zone->path, &stamp))
        return no_file(zone, &told, may_miss);
    if (wants_cache(zone, &stamp))
        err = load_cached(zone, &told, threads, &records, &old, &snapshot);
    if (err != ERR_OK && told.errors == 0)
        err = load_text(zone, &told, threads, &records, &snapshot);
    bool same;
    if (err == ERR_OK && zone->makes_serial) {
        err = serial_raise(NULL, (uint32_t)stamp.changed.tv_sec, &snapshot, &same);
        if (err == ERR_OK)
            err = serial_go_on(zone->zone, &snapshot);
        if (err != ERR_OK)
            snapshot_release(snapshot);
    }
    if (err == ERR_OK) {
        zone->store =
            !snapshot->image->mapped && (wants_cache(zone, &stamp) || snapshot->image->size >= SETTLE_MIN);
        begin(zone, old, snapshot);
        note_success(zone, &stamp, records);
    } else if (told.errors == 0) {
        told_failure(&told, err_text(err), NULL);
    }
    snapshot_release(old);
    told_end(&told);
    /* What was told is a fault of the text, also when it could not be read: the configuration is refused. */
    return err != ERR_OK && err != ERR_MEMORY ? ERR_INVALID : err;
}

/* A look that was begun meanwhile (auto) may have been faster. */
enum err zonefile_load(
    struct zonefile *zone, const struct finding_sink *sink, bool check, bool may_miss, unsigned threads)
{
    enum err err = ERR_OK;
    zone_write_begin(zone->zone);
    if (atomic_load(&zone->zone->current) == NULL)
        err = load(zone, sink, check, may_miss, threads);
    zone_write_end(zone->zone);
    return err;
}

/* ---- looking again ---- */

static void publish(struct zonefile *zone, struct snapshot *snapshot, uint32_t changes)
{
    char name[NAME_TEXT_MAX];
    uint32_t serial = snapshot->serial;
    struct snapshot *old = atomic_load(&zone->zone->current);
    name_print(zone->zone->name, name);
    if (old != NULL && !serial_after(serial, old->serial))
        log_warning("plugin/file: %s: the text has changed but its serial has not gone up (%u, was %u): "
                    "secondaries will not notice",
            name, serial, old->serial);
    if (old == NULL)
        log_info("plugin/file: %s: serial %u is served", name, serial);
    else
        log_info("plugin/file: %s: serial %u is served, %u names have changed", name, serial, changes);
    enum err err = zone_publish(zone->zone, snapshot, NULL, 0);
    (void)err; /* a version that may be lost is published whatever happens */
}

/* What stat does not show: a file that the zone includes may have changed. */
static bool text_is_same(const struct zonefile *zone, const struct snapshot *current)
{
    return current->overlay == NULL && load_current(zone->path, current->image);
}

static enum err load_newer(struct zonefile *zone, struct snapshot *current, struct told *told,
    uint64_t *records, uint32_t *changes, struct snapshot **out)
{
    struct load_options options = options_for(zone, told, 0);
    struct load_result result = {0};
    *changes = 1;
    if (current == NULL)
        return load_text(zone, told, 0, records, out);
    enum err err = load_changes(zone->path, &options, current, &result, changes, out);
    *records = result.records;
    return err;
}

static void keep_old(struct zonefile *zone, const struct stamp *stamp, struct told *told, enum err err)
{
    char name[NAME_TEXT_MAX];
    if (told->errors == 0)
        told_failure(told, err_text(err), NULL);
    name_print(zone->zone->name, name);
    log_error("plugin/file: %s: the new text is not served because of %u error%s; the old one goes on", name,
        told->errors, told->errors == 1 ? "" : "s");
    note_failure(zone, stamp, told->first);
}

/* So much has changed that there is a new image: the cache should have it, too. */
static void store_newer(struct zonefile *zone, struct snapshot *snapshot)
{
    const struct image *image = snapshot->image;
    if (snapshot->overlay != NULL || !wants_cache(zone, &zone->stamp))
        return;
    enum err err = cache_write(zone->cache, zone->zone->name, zone->path, image);
    if (err != ERR_OK)
        log_warning(
            "plugin/file: %s: its image cannot be kept in %s: %s", zone->path, zone->cache, err_text(err));
}

static int64_t age_ms(const struct stamp *stamp)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)(now.tv_sec - stamp->changed.tv_sec) * 1000 +
           (now.tv_nsec - stamp->changed.tv_nsec) / 1000000;
}

/* Whoever writes the text in place may not be through yet; half a zone can look like a whole one. An operator
 * who asks for a reload knows. */
static void let_settle(const struct zonefile *zone, struct stamp *stamp)
{
    for (unsigned tries = 0; tries < SETTLE_TRIES; tries++) {
        int64_t age = age_ms(stamp);
        if (age < 0 || age >= SETTLE_MS)
            return;
        nanosleep(&(struct timespec){.tv_nsec = (SETTLE_MS - age) * 1000000}, NULL);
        if (!stamp_read(zone->path, stamp))
            return;
    }
}

static void look_at(struct zonefile *zone, bool force)
{
    struct told told = {.path = zone->path};
    uint64_t records = 0;
    struct snapshot *current = atomic_load(&zone->zone->current), *newer = NULL;
    struct stamp stamp;
    uint32_t changes = 0;
    if (!stamp_read(zone->path, &stamp)) {
        if (current != NULL && !zone->failed) {
            log_error("plugin/file: %s: %s; the old text goes on", zone->path, strerror(errno));
            note_failure(zone, &(struct stamp){0}, strerror(errno));
        }
        return;
    }
    bool same = stamp_same(&stamp, &zone->stamp);
    bool updated =
        current != NULL && zone->zone->keeps_image; /* by UPDATE: what is served is not the text's */
    if (same && (!force || updated || (current != NULL && text_is_same(zone, current))))
        return;
    if (!force)
        let_settle(zone, &stamp);
    enum err err = load_newer(zone, current, &told, &records, &changes, &newer);
    told_end(&told);
    if (err != ERR_OK) {
        keep_old(zone, &stamp, &told, err);
        return;
    }
    if (updated && !serial_after(newer->serial, current->serial) && changes > 0) {
        told_failure(&told,
            "the serial of the changed text is not above that of the zone, which UPDATE has raised",
            "give it a later serial; what UPDATE has changed is gone then, unless it is in the text");
        snapshot_release(newer);
        keep_old(zone, &stamp, &told, ERR_INVALID);
        return;
    }
    bool nothing_new = changes == 0;
    if (!nothing_new && zone->makes_serial) {
        err = serial_raise(current, (uint32_t)stamp.changed.tv_sec, &newer, &nothing_new);
        if (err != ERR_OK) {
            snapshot_release(newer);
            keep_old(zone, &stamp, &told, err);
            return;
        }
    }
    note_success(zone, &stamp, records);
    if (nothing_new) {
        snapshot_release(newer);
        return;
    }
    publish(zone, newer, changes);
    store_newer(zone, newer);
    if (newer->overlay == NULL)
        image_settle(newer->image);
}

#define WANTED 1u
#define WANTED_FORCED 2u

/* Who finds somebody at it leaves the wish behind: what he has read may be older than what is wanted. */
static void look_when_free(struct zonefile *zone, bool force)
{
    atomic_fetch_or(&zone->wanted, force ? WANTED_FORCED : WANTED);
    while (atomic_load(&zone->wanted) != 0 && !atomic_flag_test_and_set(&zone->busy)) {
        unsigned wanted = atomic_exchange(&zone->wanted, 0);
        if (wanted != 0 && !atomic_load(&zone->zone->frozen)) {
            zone_write_begin(zone->zone);
            look_at(zone, (wanted & WANTED_FORCED) != 0);
            zone_write_end(zone->zone);
        }
        atomic_flag_clear(&zone->busy);
    }
}

struct look {
    unsigned count;
    bool force;
    void (*done)(void *context);
    void *context;
    struct zonefile *zones[];
};

/* For who waits: when this returns somebody has looked who began after it was called. */
static void look_now(struct zonefile *zone, bool force)
{
    zone_write_begin(zone->zone);
    if (!atomic_load(&zone->zone->frozen))
        look_at(zone, force);
    zone_write_end(zone->zone);
}

static void run_look(void *arg)
{
    struct look *look = arg;
    for (unsigned i = 0; i < look->count; i++) {
        if (look->done != NULL)
            look_now(look->zones[i], look->force);
        else
            look_when_free(look->zones[i], look->force);
    }
}

static void end_look(void *arg)
{
    struct look *look = arg;
    for (unsigned i = 0; i < look->count; i++)
        zonefile_put(look->zones[i]);
    if (look->done != NULL)
        look->done(look->context);
    free(look);
}

static enum err look(
    struct zonefile *const *zones, unsigned count, bool force, void (*done)(void *context), void *context)
{
    struct look *look = malloc(sizeof *look + count * sizeof look->zones[0]);
    if (look == NULL)
        return ERR_MEMORY;
    look->count = count;
    look->force = force;
    look->done = done;
    look->context = context;
    for (unsigned i = 0; i < count; i++) {
        look->zones[i] = zones[i];
        zones[i]->refs++;
    }
    enum err err = host_work(run_look, end_look, look);
    if (err != ERR_OK) {
        look->done = NULL;
        end_look(look);
    }
    return err;
}

enum err zonefile_look(struct zonefile *const *zones, unsigned count, bool force)
{
    return look(zones, count, force, NULL, NULL);
}

static bool refresh(struct zone *handle, bool force, void (*done)(void *context), void *context)
{
    struct zonefile *zone = handle->owner;
    return zone->refs > 0 && look(&zone, 1, force, done, context) == ERR_OK;
}

/* ---- storing ---- */

struct store {
    struct zonefile *zone;
    struct image *image;
};

static void run_store(void *arg)
{
    struct store *store = arg;
    image_settle(store->image);
    if (store->zone->cache == NULL)
        return;
    enum err err = cache_write(store->zone->cache, store->zone->zone->name, store->zone->path, store->image);
    if (err != ERR_OK)
        log_warning("plugin/file: %s: its image cannot be kept in %s: %s", store->zone->path,
            store->zone->cache, err == ERR_IO ? strerror(errno) : err_text(err));
}

static void end_store(void *arg)
{
    struct store *store = arg;
    image_release(store->image);
    zonefile_put(store->zone);
    free(store);
}

enum err zonefile_store(struct zonefile *zone)
{
    struct snapshot *current = atomic_load(&zone->zone->current);
    if (!zone->store || current == NULL)
        return ERR_OK;
    struct store *store = malloc(sizeof *store);
    if (store == NULL)
        return ERR_MEMORY;
    zone->store = false;
    zone->refs++;
    *store = (struct store){.zone = zone, .image = image_hold(current->image)};
    enum err err = host_work(run_store, end_store, store);
    if (err != ERR_OK)
        end_store(store);
    return err;
}
