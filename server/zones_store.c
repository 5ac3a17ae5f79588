#include "server/zones_store.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/base/log.h"
#include "zone/store/diff.h"
#include "zone/store/overlay.h"

#define FOLD_NAMES 32768u /* names in an overlay that are worked into the image, */
#define FOLD_SHARE 4      /* and so is one that holds this part of the zone, */
#define FOLD_LEAST 1024u  /* but not one so small */
#define MEMORY_LEAST                                                                                         \
    ((uint64_t)256 << 10) /* octets of history that a zone may have in memory, however small */
#define STEP_ROOM 256     /* octets of a step in the journal besides its records, at most */
#define LABEL_MAX 160     /* octets of a zone's name in a file's name */

/* ---- where ---- */

static char *given_state;

void zones_set_state(const char *directory)
{
    free(given_state);
    given_state = directory != NULL ? strdup(directory) : NULL;
}

static bool is_usable(const char *directory)
{
    return (mkdir(directory, 0755) == 0 || errno == EEXIST) && access(directory, W_OK | X_OK) == 0;
}

const char *zones_state(bool must)
{
    static char home[512];
    const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME");
    if (given_state != NULL)
        return given_state;
    if (systemd != NULL && systemd[0] == '/')
        return systemd;
    if (!must)
        return NULL;
    snprintf(home, sizeof home, "%s/bailiwick", xdg != NULL ? xdg : "");
    if (xdg != NULL && xdg[0] == '/' && is_usable(home))
        return home;
    return is_usable("/var/lib/bailiwick") ? "/var/lib/bailiwick" : NULL;
}

static uint64_t hash_zone(const struct zone *zone)
{
    uint64_t hash = 0xcbf29ce484222325u;
    size_t len = name_len(zone->name);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ zone->name[i]) * 0x100000001b3u;
    for (const char *at = zone->id; at != NULL && *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
    return hash;
}

/* "DIRECTORY/example.org-0123456789abcdef.journal"; malloced. NULL: out of memory, or there is no directory.
 */
static char *state_path(const struct zone *zone, const char *suffix)
{
    char label[NAME_TEXT_MAX], *path;
    size_t len = name_print(zone->name, label);
    if (zone->state == NULL)
        return NULL;
    len = len > 1 ? len - 1 : len;
    len = len < LABEL_MAX ? len : LABEL_MAX;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_' && label[i] != '.')
            label[i] = '_';
    }
    if (label[0] == '.')
        label[0] = '_';
    int printed = asprintf(&path, "%s/%.*s-%016llx.%s", zone->state, (int)len, label,
        (unsigned long long)hash_zone(zone), suffix);
    return printed < 0 ? NULL : path;
}

/* ---- the journal ---- */

static void warn(const struct zone *zone, const char *what, enum err err)
{
    char name[NAME_TEXT_MAX];
    name_print(zone->name, name);
    log_warning("%s: %s: %s", name, what, err == ERR_IO ? strerror(errno) : err_text(err));
}

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

/* In memory, history is not worth more than half of the zone: a longer way is answered with all of it anyway.
 */
static uint64_t limit_of(struct zone *zone)
{
    struct snapshot *snapshot = zone->state == NULL ? zone_take(zone) : NULL;
    uint64_t limit = snapshot != NULL ? snapshot->image->size / 2 : zone->journal_max;
    snapshot_release(snapshot);
    limit = limit > MEMORY_LEAST ? limit : MEMORY_LEAST;
    return limit < zone->journal_max ? limit : zone->journal_max;
}

/* Opened when it is needed first; NULL: there is none. */
static struct journal *journal_of(struct zone *zone)
{
    pthread_mutex_lock(&opening);
    if (zone->journal == NULL && zone->journal_max > 0) {
        char *path = state_path(zone, "journal");
        if (path != NULL && !is_usable(zone->state))
            warn(zone, "its journal cannot be kept", ERR_IO);
        enum err err = journal_open(path, zone->name, limit_of(zone), &zone->journal);
        if (err != ERR_OK)
            warn(zone, "its journal cannot be read", err);
        free(path);
    }
    struct journal *journal = zone->journal;
    pthread_mutex_unlock(&opening);
    return journal;
}

enum err zone_history(struct zone *zone, uint32_t from, uint32_t to, struct history *out)
{
    struct journal *journal = journal_of(zone);
    if (journal == NULL)
        return ERR_MISSING;
    return journal_read(journal, from, to, &out->steps, &out->count);
}

bool zone_history_span(struct zone *zone, struct journal_span *out)
{
    pthread_mutex_lock(&opening);
    struct journal *journal = zone->journal;
    pthread_mutex_unlock(&opening);
    if (journal == NULL)
        return false;
    *out = journal_span(journal);
    return out->count > 0;
}

bool zone_history_open(struct zone *zone, struct journal_span *out)
{
    (void)journal_of(zone);
    return zone_history_span(zone, out);
}

void history_clear(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        change_clear(&history->steps[i]);
    free(history->steps);
    *history = (struct history){0};
}

static enum err append(struct zone *zone, struct journal *journal, struct snapshot *old, struct snapshot *new,
    const struct change *change)
{
    struct change found = {0};
    enum err err = ERR_OK;
    if (!serial_after(new->serial, old->serial))
        return ERR_INVALID; /* no way that IXFR could tell (RFC 1995 2) */
    if (change == NULL) {
        err = diff_snapshots(old, new, zone->journal_max, &found);
        change = &found;
    }
    if (err == ERR_OK && zone->keeps_image && change_size(change) + STEP_ROOM > zone->journal_max)
        err = ERR_LIMIT; /* the journal would be emptied for it, before there is an image that needs none */
    if (err == ERR_OK)
        err = journal_append(journal, change);
    change_clear(&found);
    return err;
}

/* ---- images ---- */

static enum err store_image(struct zone *zone, const struct image *image, uint32_t serial)
{
    char *path = state_path(zone, "image");
    enum err err = path == NULL ? ERR_MISSING : is_usable(zone->state) ? ERR_OK : ERR_IO;
    if (err == ERR_OK)
        err = image_write(image, path);
    free(path);
    zone->has_image = err == ERR_OK;
    zone->image_serial = serial;
    zone->images_stored++;
    if (err == ERR_OK && zone->journal != NULL)
        journal_keep(zone->journal, serial);
    return err;
}

static enum err store_snapshot(struct zone *zone, struct snapshot *snapshot)
{
    struct image *image;
    if (snapshot->overlay == NULL)
        return store_image(zone, snapshot->image, snapshot->serial);
    enum err err = change_fold(snapshot, 0, &image);
    if (err != ERR_OK)
        return err;
    err = store_image(zone, image, snapshot->serial);
    image_release(image);
    return err;
}

/* A zone that is nowhere else must be found again. */
static enum err keep(struct zone *zone, struct snapshot *new)
{
    if (!zone->keeps_image || zone->state == NULL)
        return ERR_OK;
    enum err err = store_snapshot(zone, new);
    if (err != ERR_OK)
        warn(zone, "its image cannot be kept", err);
    return err;
}

/* Would a step from OLD be found again? Where the image is needed for that, the way must begin at it. */
static bool leads_on(const struct zone *zone, struct journal *journal, const struct snapshot *old)
{
    if (!zone->keeps_image || zone->state == NULL)
        return true;
    struct journal_span span = journal_span(journal);
    return zone->has_image && (span.count > 0 ? span.to : zone->image_serial) == old->serial;
}

/* What is on the disk leads to a version that was served until a newer one is whole there: the image comes
 * first, then the journal that it makes useless goes. */
static enum err begin_anew(struct zone *zone, struct snapshot *old, struct snapshot *new,
    struct journal *journal, unsigned flags, enum err err)
{
    struct journal_span span = {0};
    if (journal != NULL)
        span = journal_span(journal);
    enum err kept = keep(zone, new);
    bool fits = old == NULL && err == ERR_OK && span.count > 0 && span.to == new->serial;
    bool must_stay = err != ERR_OK && (flags & ZONE_MUST_LAST) != 0 && !zone->keeps_image;
    if (journal != NULL && kept == ERR_OK && !fits && !must_stay) {
        enum err emptied = journal_reset(journal);
        err = err == ERR_OK ? emptied : err;
    }
    return zone->keeps_image ? kept : err;
}

enum err zones_record(struct zone *zone, struct snapshot *old, struct snapshot *new,
    const struct change *change, unsigned flags)
{
    struct journal *journal = journal_of(zone);
    enum err err = journal == NULL ? ERR_MISSING : ERR_OK;
    bool is_step = journal != NULL && old != NULL && (flags & ZONE_NO_HISTORY) == 0;
    if (is_step && !leads_on(zone, journal, old))
        err = ERR_STALE;
    else if (is_step)
        err = append(zone, journal, old, new, change);
    if (err == ERR_IO)
        warn(zone, "its journal cannot be written", err);
    return is_step && err == ERR_OK ? ERR_OK : begin_anew(zone, old, new, journal, flags, err);
}

/* ---- starting again ---- */

/* The image's version, and what the journal adds to it. */
static enum err replay(
    struct zone *zone, struct snapshot *from, struct journal *journal, struct snapshot **out)
{
    struct history history = {0};
    struct change sum;
    struct journal_span span = journal_span(journal);
    if (span.count == 0 || span.to == from->serial) {
        *out = snapshot_hold(from);
        return ERR_OK;
    }
    enum err err = journal_read(journal, from->serial, span.to, &history.steps, &history.count);
    const struct change **steps = err == ERR_OK ? calloc(history.count, sizeof *steps) : NULL;
    for (size_t i = 0; steps != NULL && i < history.count; i++)
        steps[i] = &history.steps[i];
    if (err == ERR_OK)
        err = steps != NULL ? change_condense(steps, history.count, &sum) : ERR_MEMORY;
    free(steps);
    history_clear(&history);
    if (err != ERR_OK)
        return err;
    char why[CHANGE_WHY_MAX];
    err = change_apply(from, &sum, 0, why, out);
    if (err == ERR_INVALID) {
        char name[NAME_TEXT_MAX];
        name_print(zone->name, name);
        log_error("%s: its journal does not fit its image: %s", name, why);
    }
    change_clear(&sum);
    return err;
}

void zone_begin_after(struct zone *zone, struct snapshot *old, struct snapshot *snapshot)
{
    struct journal *journal = zone->state != NULL ? journal_of(zone) : NULL;
    struct journal_span span = {0};
    struct snapshot *last = NULL;
    enum err err = ERR_OK;
    if (journal != NULL)
        span = journal_span(journal);
    /* A journal that leads on from here is that of updates of the text (zone_recover). */
    bool is_behind = span.count > 0 && serial_after(span.to, snapshot->serial);
    if (journal != NULL && !is_behind && (span.count == 0 || span.to != snapshot->serial)) {
        /* The image may be older than the last version that was served. */
        if (span.count > 0 && span.to != old->serial)
            (void)!replay(zone, old, journal, &last);
        if (serial_after(snapshot->serial, old->serial))
            err = append(zone, journal, last != NULL ? last : old, snapshot, NULL);
    }
    if (err == ERR_IO)
        warn(zone, "its journal cannot be written", err);
    snapshot_release(last);
    zone_begin(zone, snapshot);
}

static enum err open_image(struct zone *zone, struct snapshot **out)
{
    char *path = state_path(zone, "image");
    struct image *image;
    if (path == NULL || access(path, R_OK) != 0) {
        free(path);
        return ERR_MISSING;
    }
    struct finding_sink sink = {0};
    enum err err = image_open(path, 0, &sink, &image);
    if (err != ERR_OK)
        warn(zone, "its stored image is unusable", err);
    free(path);
    if (err != ERR_OK)
        return ERR_MISSING;
    if (!name_equal(image->header->apex_name, zone->name) || (*out = snapshot_new(image)) == NULL) {
        image_release(image);
        return ERR_MISSING;
    }
    return ERR_OK;
}

enum err zone_recover(struct zone *zone, struct snapshot **out)
{
    struct snapshot *from;
    enum err err = open_image(zone, &from);
    if (err != ERR_OK)
        return err;
    struct journal *journal = journal_of(zone);
    zone->has_image = true;
    zone->image_serial = from->serial;
    err = journal != NULL ? replay(zone, from, journal, out) : ERR_MISSING;
    if (err != ERR_OK) { /* the steps do not begin at the image: it alone is a version that was */
        *out = snapshot_hold(from);
        err = journal != NULL ? journal_reset(journal) : ERR_OK;
    }
    if (journal != NULL)
        journal_keep(journal, from->serial);
    snapshot_release(from);
    return ERR_OK;
}

enum err zone_anchor(struct zone *zone, struct snapshot *snapshot)
{
    return zone->has_image ? ERR_OK : store_snapshot(zone, snapshot);
}

void zone_purge(struct zone *zone)
{
    struct journal *journal = journal_of(zone);
    const char *const suffixes[] = {"image", "journal", "frozen"};
    enum err err = journal != NULL ? journal_reset(journal) : ERR_OK;
    (void)err; /* the file goes in any case */
    for (unsigned i = 0; i < ARRAY_COUNT(suffixes); i++) {
        char *path = state_path(zone, suffixes[i]);
        if (path != NULL)
            unlink(path);
        free(path);
    }
    zone->has_image = false;
}

/* ---- frozen ---- */

/* An empty file beside the journal, ZONE-HASH.frozen, says so to the next start. */
enum err zone_freeze(struct zone *zone)
{
    char *path = state_path(zone, "frozen");
    enum err err = path == NULL              ? ERR_OK
                   : !is_usable(zone->state) ? ERR_IO
                   : access(path, F_OK) != 0 ? file_replace(path, "", 0, 0644)
                                             : ERR_OK;
    free(path);
    atomic_store(&zone->frozen, true);
    return err;
}

void zone_thaw(struct zone *zone)
{
    char *path = state_path(zone, "frozen");
    atomic_store(&zone->frozen, false);
    if (path != NULL && unlink(path) != 0 && errno != ENOENT)
        warn(zone, "it will be frozen again after a restart", ERR_IO);
    free(path);
}

bool zone_was_frozen(const struct zone *zone)
{
    char *path = state_path(zone, "frozen");
    bool was = path != NULL && access(path, F_OK) == 0;
    free(path);
    return was;
}

enum err zone_begin_frozen(struct zone *zone, struct snapshot *from)
{
    struct journal *journal = journal_of(zone);
    struct snapshot *last;
    enum err err = journal != NULL ? replay(zone, from, journal, &last) : ERR_MISSING;
    if (err != ERR_OK) {
        warn(zone, "what was served when it was frozen is lost, and it is frozen no more", err);
        zone_thaw(zone);
        return ERR_MISSING;
    }
    atomic_store(&zone->frozen, true);
    zone_begin(zone, last);
    return ERR_OK;
}

/* ---- folding ---- */

static bool wants_fold(struct zone *zone, const struct snapshot *snapshot)
{
    const struct overlay *overlay = snapshot != NULL ? snapshot->overlay : NULL;
    if (overlay == NULL || zone->folding)
        return false;
    uint32_t count = overlay->count + overlay->nsec3_count;
    uint32_t names = snapshot->image->header->node_count;
    struct journal_span span = {0};
    if (zone->journal != NULL)
        span = journal_span(zone->journal);
    return count > FOLD_NAMES || (count > FOLD_LEAST && count > names / FOLD_SHARE) ||
           (zone->keeps_image && zone->state != NULL && span.size > zone->journal_max / 2 &&
               span.from == zone->image_serial);
}

/* The present version on the new image: the image's own, or what has been published while it was made. */
static enum err put_on_image(
    struct zone *zone, const struct snapshot *from, struct image *image, struct snapshot **out)
{
    struct snapshot *current = atomic_load(&zone->current), *folded = snapshot_new(image);
    if (folded == NULL)
        return ERR_MEMORY;
    image_hold(image);
    if (current == from) {
        *out = folded;
        return ERR_OK;
    }
    enum err err =
        current != NULL && zone->journal != NULL ? replay(zone, folded, zone->journal, out) : ERR_MISSING;
    if (err == ERR_OK && (*out)->serial != current->serial) {
        snapshot_release(*out);
        err = ERR_MISSING;
    }
    snapshot_release(folded);
    return err;
}

/* The image of a fold is written without the writer's lock, beside the one that is there, and takes its place
 * only if nobody has stored another meanwhile: a newer one, or one whose journal begins anew. */
static enum err write_aside(struct zone *zone, const struct image *image, char **out)
{
    char *path = state_path(zone, "folded");
    enum err err = path == NULL ? ERR_MEMORY : is_usable(zone->state) ? image_write(image, path) : ERR_IO;
    if (err == ERR_OK)
        *out = path;
    else
        free(path);
    return err;
}

static enum err move_in(struct zone *zone, const char *aside, uint32_t serial)
{
    char *path = state_path(zone, "image");
    enum err err = path == NULL ? ERR_MEMORY : rename(aside, path) != 0 ? ERR_IO : file_sync_directory(path);
    free(path);
    if (err != ERR_OK)
        return err;
    zone->has_image = true;
    zone->image_serial = serial;
    if (zone->journal != NULL)
        journal_keep(zone->journal, serial);
    return ERR_OK;
}

static void store_folded(struct zone *zone, const struct image *image, uint32_t serial, uint32_t stored)
{
    char *aside = NULL;
    enum err err = write_aside(zone, image, &aside);
    zone_write_begin(zone);
    bool wanted = zone->images_stored == stored && !atomic_load(&zone->expired);
    if (err == ERR_OK && wanted)
        err = move_in(zone, aside, serial);
    if (err == ERR_IO)
        warn(zone, "its image cannot be kept", err);
    zone->folding = false;
    zone_write_end(zone);
    if (aside != NULL)
        (void)!unlink(aside); /* it is gone when it was moved */
    free(aside);
}

static void fold(void *arg)
{
    struct zone *zone = arg;
    struct snapshot *snapshot = zone_take(zone), *next;
    struct image *image = NULL;
    enum err err = snapshot != NULL ? change_fold(snapshot, 0, &image) : ERR_MISSING;
    zone_write_begin(zone);
    uint32_t stored = zone->images_stored;
    if (err == ERR_OK)
        err = put_on_image(zone, snapshot, image, &next);
    if (err == ERR_OK)
        zones_swap(zone, next);
    bool keeps = err == ERR_OK && zone->keeps_image && zone->state != NULL;
    zone->folding = keeps;
    zone_write_end(zone);
    if (keeps)
        store_folded(zone, image, snapshot->serial, stored);
    image_release(image);
    snapshot_release(snapshot);
}

static void end_fold(void *arg)
{
    zone_release(arg);
}

void zones_tend(struct zone *zone)
{
    if (!wants_fold(zone, atomic_load(&zone->current)))
        return;
    zone->folding = true;
    enum err err = host_work(fold, end_fold, zone_hold(zone));
    if (err != ERR_OK) {
        zone->folding = false;
        zone_release(zone);
    }
}
