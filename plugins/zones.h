/* The zones that the server holds, whoever brings them (file, secondary, auto, sign ...): one handle for
 * each, with its present snapshot, its journal, its history as people ask for it, and those who want to hear
 * of new versions. A plugin that serves zones makes a handle for each and answers from `current`; transfer,
 * UPDATE, sign, NOTIFY and the control socket work with handles of any plugin.
 *
 *     writer (one at a time):  zone_write_begin -> load, receive, edit ... -> zone_publish -> zone_write_end
 *     workers:                 atomic load of `current`, valid until the query is over (server/epoch.h)
 *     other threads:           zone_take -> snapshot held by reference
 *
 * zone_publish finds the difference, appends it to the journal (fsynced when there is a directory for it)
 * and only then swaps the pointer, so that whatever was served can be served again after a crash (but for the
 * very first version, which is served while it is written). Then it
 * calls the listeners, in the control thread.
 *
 * A handle costs about 200 octets, no thread, no timer and no open file. The journal is not looked at before
 * it is needed. Which threads: new, start, stop, listen are for the control thread, the rest for any but
 * workers, unless said otherwise. */
#ifndef PLUGINS_ZONES_H
#define PLUGINS_ZONES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugins/plugin.h"
#include "zone/store/change.h"
#include "zone/store/snapshot.h"

struct zone;
struct tsig;

#define ZONE_ERROR_MAX 512 /* octets of a text that says what is wrong */

/* What the plugin that brings a zone can be asked to do with it. All may be NULL; control thread. */
struct zone_kind {
    const char *plugin; /* "file" */
    bool local;         /* its text lies on this machine: `reload wait` waits for it */
    /* Look again for a newer version, in the background. FORCE: also where nothing seems to have changed
     * (bailiwickctl retransfer). DONE(CONTEXT) is called in the control thread when that is over; may be
     * NULL. False: there is nothing that could be asked, DONE will not be called. */
    bool (*refresh)(struct zone *zone, bool force, void (*done)(void *context), void *context);
    /* RFC 1996: FROM says that there is a new version; SERIAL when it told one. False: it may not say so.
     * Worker threads; must only leave a wish behind. */
    bool (*notified)(struct zone *zone, const struct query *query, bool has_serial, uint32_t serial);
    /* Where its records are changed, if not in it: the zone that a signed one is made of, or NULL. */
    struct zone *(*changed_at)(struct zone *zone);
    /* Sends MESSAGE, an UPDATE of the zone as its client sent it, on to the zone's primary and waits (RFC
     * 2136 6). TSIG is the client's; NULL: it did not sign. *RCODE is the primary's; on failure WHY tells.
     * NULL: there is no primary. A background thread. */
    enum err (*pass_on)(struct zone *zone, const uint8_t *message, size_t len, const struct tsig *tsig,
        uint16_t *rcode, char *why);
    void (*free)(struct zone *zone); /* the last reference is gone */
};

/* The stations of a new version, as `bailiwickctl zone NAME` tells them. */
enum zone_step {
    ZONE_NOTIFIED,    /* a NOTIFY came, or a changed file was seen */
    ZONE_ASKED,       /* the primary's SOA was asked for */
    ZONE_TRANSFERRED, /* received, or read */
    ZONE_CHECKED,     /* found fit to serve */
    ZONE_PUBLISHED,   /* served */
    ZONE_TOLD,        /* secondaries were notified */
    ZONE_FAILED,      /* the last thing that went wrong; cleared by the next version */
    ZONE_STEPS
};

struct zone_story {
    struct {
        int64_t at_s; /* CLOCK_REALTIME; 0: never */
        char *text;   /* malloced, or NULL */
    } steps[ZONE_STEPS];
};

struct journal;

struct zone {
    _Atomic(struct snapshot *) current; /* NULL: there is no version yet, or it has expired */
    const uint8_t *name;                /* wire form, lower case */
    const struct zone_kind *kind;
    void *owner;        /* the plugin's own */
    const char *source; /* the file, or the primary, for people; the plugin's memory */
    const char *state;  /* directory of the journal; NULL: in memory only */
    const char *id;     /* tells zones of one name apart in file names; NULL: the name is enough */

    pthread_mutex_t writing;
    struct journal *journal;  /* NULL: not looked at yet */
    struct zone_story *story; /* NULL: nothing noted yet */
    _Atomic int64_t published_s;
    _Atomic int64_t expires_s; /* secondary: when it will be given up; 0: never */
    _Atomic uint64_t records;  /* 0: not known */
    _Atomic uint64_t
        made_of; /* ZONE_MADE_OF | the serial of the zone that it is made of; 0: of none, or not known */
    uint64_t journal_max;  /* octets kept; 0: no history */
    _Atomic unsigned refs; /* zone_hold, zone_release */
    _Atomic bool frozen;   /* by the operator: nobody may change it */
    _Atomic bool expired;
    bool folding;     /* the overlay is being worked into an image */
    bool keeps_image; /* set by the plugin: its image is kept in `state`, too (zone_recover) */
    bool has_image;   /* there is one, of serial image_serial */
    uint32_t image_serial;
    uint32_t images_stored; /* how often: a fold sees by it whether its own is still wanted */
};

#define ZONE_MADE_OF ((uint64_t)1 << 32)

#define ZONE_JOURNAL_STANDARD ((uint64_t)64 << 20)

/* Makes a handle with one reference; NAME is copied. NULL: out of memory. */
struct zone *zone_new(const struct zone_kind *kind, const uint8_t *name, void *owner) NODISCARD NONNULL(1, 2);
struct zone *zone_hold(struct zone *zone) NONNULL(1);
void zone_release(struct zone *zone);

/* The zone to be edited, frozen, thawed in place of this one; itself when that is nothing special. */
static inline NONNULL(1) struct zone *zone_changed_at(struct zone *zone)
{
    struct zone *at = zone->kind->changed_at != NULL ? zone->kind->changed_at(zone) : NULL;
    return at != NULL ? at : zone;
}

/* The snapshot of the moment, held: snapshot_release it. NULL when there is none. */
struct snapshot *zone_take(struct zone *zone) NODISCARD NONNULL(1);

/* ---- changing ---- */

/* Whoever changes a zone does it between these; begin waits for the one before. Not in the control thread,
 * and not in workers: some hold it for seconds. */
void zone_write_begin(struct zone *zone) NONNULL(1);
bool zone_write_try(struct zone *zone) NODISCARD NONNULL(1);
void zone_write_end(struct zone *zone) NONNULL(1);

enum zone_publish_flag {
    ZONE_MUST_LAST = 1,  /* UPDATE: without a journal on disk it is not published (RFC 2136 3.5) */
    ZONE_NO_HISTORY = 2, /* the journal begins anew with this version */
    ZONE_SILENT = 4      /* no listener is told: what was served before a restart */
};

/* Serves SNAPSHOT (taken over, also on failure) from now on. CHANGE: what makes it of the present one, or
 * NULL when that is to be found out. A journal that cannot be written keeps nobody from being served, unless
 * ZONE_MUST_LAST: then ERR_IO, and everything is as it was. The writer's. */
enum err zone_publish(
    struct zone *zone, struct snapshot *snapshot, const struct change *change, unsigned flags) NONNULL(1, 2);

/* The first version, when it is read at the start: nobody can be reading the zone yet. Takes SNAPSHOT over.
 */
void zone_begin(struct zone *zone, struct snapshot *snapshot) NONNULL(1, 2);

/* The same when OLD, held by the caller, is what was served before the restart, as far as is known: the
 * journal goes on from there. */
void zone_begin_after(struct zone *zone, struct snapshot *old, struct snapshot *snapshot) NONNULL(1, 2, 3);

/* No version any more: an expired secondary. The writer's. */
void zone_withdraw(struct zone *zone) NONNULL(1);

/* What a crash or a stop left in the state directory: the image and the changes behind it. ERR_MISSING when
 * there is none. For plugins whose zones are nowhere else (secondary). The writer's, before zone_begin. */
enum err zone_recover(struct zone *zone, struct snapshot **out) NODISCARD NONNULL(1, 2);

/* Keeps the image of SNAPSHOT, the present version, when there is none yet: steps that follow lead on from
 * it. The writer's. */
enum err zone_anchor(struct zone *zone, struct snapshot *snapshot) NODISCARD NONNULL(1, 2);

/* Takes away what is kept of the zone on the disk: it is to be another one, or none. The writer's. */
void zone_purge(struct zone *zone) NONNULL(1);

/* ---- frozen ---- */

/* By the operator: nothing changes the zone but zone_publish by the control socket. With a state directory it
 * stays so over restarts, which serve what was served then, by zone_begin_frozen. ERR_IO: it is frozen, but a
 * restart would not know. */
enum err zone_freeze(struct zone *zone) NODISCARD NONNULL(1);
void zone_thaw(struct zone *zone) NONNULL(1);
/* Was it frozen when the server stopped? */
bool zone_was_frozen(const struct zone *zone) NODISCARD NONNULL(1);
/* The first version of such a zone: FROM (held by the caller) and what the journal adds to it; frozen again.
 * ERR_MISSING, and not frozen any more: the journal does not begin at FROM. */
enum err zone_begin_frozen(struct zone *zone, struct snapshot *from) NODISCARD NONNULL(1, 2);

/* ---- history ---- */

struct history {
    struct change *steps;
    size_t count;
};

/* The change sets that lead from serial FROM to TO, oldest first. ERR_MISSING when the journal does not reach
 * back so far. May read a file. */
enum err zone_history(struct zone *zone, uint32_t from, uint32_t to, struct history *out) NODISCARD
    NONNULL(1, 4);
void history_clear(struct history *history) NONNULL(1);

/* How far it reaches, without opening what has not been used yet; false: not known, or there is none. */
struct journal_span;
bool zone_history_span(struct zone *zone, struct journal_span *out) NONNULL(1, 2);

/* The same, but reads a journal that has not been used yet. */
bool zone_history_open(struct zone *zone, struct journal_span *out) NONNULL(1, 2);

/* ---- telling ---- */

void zone_note(struct zone *zone, enum zone_step step, const char *format, ...) PRINTF(3, 4) NONNULL(1);

/* Forgets what was noted for STEP: a failure that is over without a new version. */
void zone_forget(struct zone *zone, enum zone_step step) NONNULL(1);

/* The text noted for STEP into OUT of LEN octets, and its time; 0 when there was none. */
int64_t zone_noted(struct zone *zone, enum zone_step step, char *out, size_t len) NONNULL(1, 3);

/* A zone as status commands tell it. */
struct zone_status {
    const uint8_t *name; /* wire form */
    const char *plugin;  /* "file" */
    const char *source;  /* the file, or the primary */
    const char *state;   /* "serving", "missing" ... */
    const char *error;   /* why the newest version is not served, or NULL */
    struct zone *zone;   /* for more */
    uint32_t serial;
    uint64_t made_of;  /* as in struct zone */
    uint64_t records;  /* 0: not known */
    uint64_t loaded_s; /* CLOCK_REALTIME when it was published */
    bool frozen;
};

/* ERROR is where status->error may point to. */
void zone_tell(struct zone *zone, struct zone_status *status, char error[ZONE_ERROR_MAX]) NONNULL(1, 2, 3);

enum zone_event {
    ZONE_NEW_VERSION, /* published */
    ZONE_ASK_NOTIFY   /* bailiwickctl notify */
};

/* Control thread. SERIAL is that of the new version. */
struct zone_listener {
    void (*heard)(struct zone_listener *listener, struct zone *zone, enum zone_event event, uint32_t serial);
    struct zone_listener *next;
};

void zones_listen(struct zone_listener *listener) NONNULL(1);
void zones_unlisten(struct zone_listener *listener) NONNULL(1);
/* Any thread: calls the listeners soon, in the control thread. */
void zones_tell(struct zone *zone, enum zone_event event) NONNULL(1);

/* ---- finding ---- */

/* The zone of exactly that NAME that the plugins of the query's block serve, or NULL. Worker threads; the
 * handle is good for as long as the query. */
struct zone *query_zone(const struct query *query, const uint8_t *name) NONNULL(1, 2);

/* The same for a block, and all its zones. Control thread. */
struct zone *block_zone(const struct block *block, const uint8_t *name) NONNULL(1, 2);
void block_zones(const struct block *block, void (*each)(void *context, struct zone *zone), void *context)
    NONNULL(1, 2);

/* The zones of all blocks of the configuration that is being set up: to be asked for them from start on, as
 * long as what is set up lives. Control thread. */
struct world;
const struct world *setup_configuration(const struct setup *setup) NONNULL(1);
void configuration_zones(const struct world *configuration, void (*each)(void *context, struct zone *zone),
    void *context) NONNULL(1, 2);

/* ---- where state is kept ---- */

/* The directory given by -state, or by systemd in $STATE_DIRECTORY. NULL: none. For a zone that cannot do
 * without (MUST), also $XDG_STATE_HOME/bailiwick or /var/lib/bailiwick, whichever can be written. Static. */
const char *zones_state(bool must);
void zones_set_state(const char *directory);

/* A plugin will keep state in DIRECTORY (NULL: in none): no other process may, from now on until this one
 * ends, be it by kill -9. Setup; a directory that another server has is an error at AT. */
enum err setup_state(struct setup *setup, const struct token *at, const char *directory) NODISCARD
    NONNULL(1, 2);

#endif
