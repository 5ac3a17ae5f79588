/* One directory of the auto plugin: the table of what is served, and the way from files to zones. Inner
 * header of auto.c and autodir.c. Control thread, but for the table, which workers read. */
#ifndef PLUGINS_FILE_AUTODIR_H
#define PLUGINS_FILE_AUTODIR_H

#include <stdatomic.h>

#include "plugins/file/listing.h"
#include "plugins/file/zonefile.h"
#include "plugins/plugin.h"
#include "plugins/regex.h"
#include "plugins/serving.h"

/* What is served at one time. */
struct auto_table {
    struct serving serving;
    struct serving_zone *zones;
    struct zonefile **files; /* one reference each; those that could not be loaded, too */
    unsigned count;          /* of files */
};

struct auto_written {
    struct option_zones zones, fallthrough;
    struct option_strings directory;
    int64_t reload_ms, journal_max, iterations;
    bool no_reload;
    const char *cache, *state;
    struct option_lines transfers;
};

/* One directive. In malloced memory: background work may outlast the configuration. */
struct autodir {
    struct autodir *next;
    unsigned refs; /* the plugin, and work under way */
    bool stopped;
    const struct auto_written *written; /* world memory: not after stop */
    const char *directory;              /* likewise, complete */
    struct regex *regex;
    const char *template;
    char *cache, *state;
    _Atomic(struct auto_table *) table;
    struct host_timer *timer;
    int watch;
    int unwatched;       /* as it was last told */
    bool working;        /* listing or loading */
    bool wanted, forced; /* somebody wants a look; at included files, too */
    bool foreign;        /* an event named a file that is no zone: an included one, perhaps */
    int64_t changed_ms, first_ms, looked_ms;
};

/* One with one reference; NULL: out of memory. */
struct autodir *autodir_new(void) NODISCARD;
void autodir_release(struct autodir *dir) NONNULL(1);

/* The zones of a listing, one reference each, in the order of tables. NULL: out of memory. */
struct zonefile **autodir_zones(
    const struct autodir *dir, const struct listing *listing, unsigned *count) NODISCARD NONNULL(1, 2, 3);

/* Takes FILES and their references over. Zones without any version yet are not answered for. */
struct auto_table *auto_table_new(
    const struct autodir *dir, struct zonefile **files, unsigned count) NODISCARD NONNULL(1, 2);
void auto_table_free(void *table);

/* Begins to serve what has been loaded, and to watch. */
enum err autodir_start(struct autodir *dir) NODISCARD NONNULL(1);
/* Looks as soon as it can, at included files, too. */
void autodir_want(struct autodir *dir) NONNULL(1);
/* No query will come again. The caller's reference goes. */
void autodir_stop(struct autodir *dir) NONNULL(1);

/* Tells when LISTING could not watch all directories: what changes there is seen later, or never. */
void autodir_tell_watch(struct autodir *dir, const struct listing *listing) NONNULL(1, 2);

/* A sink that logs: the faults of one zone keep no other from being served. */
void autodir_tell(void *context, const struct finding *finding) NONNULL(2);

#endif
