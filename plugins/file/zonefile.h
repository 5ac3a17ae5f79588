/* A zone file being served: its present snapshot, where it came from, and what became of newer texts of it.
 * There is one for each path and origin in the process, shared by all server blocks and kept over a
 * reload of the Corefile, so that unchanged zones are not read again.
 *
 *     get -> load (setup's job threads) -> serving -> look, look, ... (background) -> put
 *                                           zone_publish
 *
 * The handle's `current` is for worker threads; get, put and the scheduling are for the control thread; load
 * and look run on other threads, one at a time for each zone. */
#ifndef PLUGINS_FILE_ZONEFILE_H
#define PLUGINS_FILE_ZONEFILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "plugins/plugin.h"
#include "plugins/zones.h"
#include "zone/store/load.h"

#define ZONEFILE_ERROR_MAX ZONE_ERROR_MAX

/* What stat says: enough to see that a file was touched. */
struct stamp {
    struct timespec changed;
    uint64_t size, inode;
};

struct zonefile {
    struct zone *zone;     /* the handle: the present snapshot and what became of newer texts */
    struct zonefile *next; /* in its bucket of the register */
    unsigned refs;
    char *path;
    char *cache;        /* directory of images, NULL for none */
    char *state;        /* directory of journals, NULL for none */
    bool loaded;        /* load has been tried */
    bool store;         /* the image in memory has yet to be settled (image.h) and written to the cache */
    atomic_flag busy;   /* somebody looks at the text */
    atomic_uint wanted; /* a look that has been asked for since he began */
    struct stamp stamp; /* whoever looks at it; nobody else */
    bool failed;        /* the newest text is not served */
    bool makes_serial;  /* serial.h */
};

/* The zone of PATH and NAME, made when it is not there yet; one reference more. CACHE: the directory of its
 * image, STATE: of its journal; or NULL. NULL: out of memory. */
struct zonefile *zonefile_get(
    const char *path, const uint8_t *name, const char *cache, const char *state) NODISCARD NONNULL(1, 2);
void zonefile_put(struct zonefile *zone) NONNULL(1);

/* How many there are. */
unsigned zonefile_count(void);

/* Loads it for the first time, from the cached image when that is current. CHECK: the semantic checks
 * too, and no cache. MAY_MISS: a missing file is no error (it may come later). THREADS as load_options. */
enum err zonefile_load(struct zonefile *zone, const struct finding_sink *sink, bool check, bool may_miss,
    unsigned threads) NODISCARD NONNULL(1, 2);

/* Looks in the background at COUNT zones, and serves what has changed. FORCE: also where stat says that
 * nothing has (an included file may have changed). */
enum err zonefile_look(struct zonefile *const *zones, unsigned count, bool force) NODISCARD NONNULL(1);

/* Writes the image to the cache, in the background, if that is wanted. */
enum err zonefile_store(struct zonefile *zone) NODISCARD NONNULL(1);

#endif
