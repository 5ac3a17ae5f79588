/* The files below a directory, and what tells of changes there: inotify watches of every directory that was
 * walked, and of the one above (the directory may be a symbolic link that somebody turns to another release).
 * The watches are there before the files are listed, so that no change falls between. Any thread; belongs to
 * its maker. */
#ifndef PLUGINS_FILE_LISTING_H
#define PLUGINS_FILE_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/arena.h"
#include "zone/base/err.h"

#define LISTING_DEPTH_MAX 32 /* directories in directories */

struct listing {
    struct arena memory;
    const char **paths; /* in order: directory by directory, each in the order of names */
    size_t count, room;
    int watch;     /* an inotify descriptor that does not block; -1: there is none */
    int unwatched; /* errno when some directory could not be watched, else 0 */
};

/* ERR_MISSING: there is no such directory; ERR_IO with errno. On failure the watch may be there all the same,
 * so that one hears when the directory comes. */
enum err listing_make(struct listing *listing, const char *directory) NODISCARD NONNULL(1, 2);
void listing_clear(struct listing *listing) NONNULL(1);

/* Closes a watch that was taken out of its listing. */
void listing_close(int watch);

enum listing_event {
    LISTING_QUIET,
    LISTING_CHANGED, /* something has changed */
    LISTING_LOST     /* more than could be told */
};

/* What has happened since the last call; never waits. EACH (may be NULL) hears the names of the files,
 * without their directories. */
enum listing_event listing_events(int watch, void (*each)(void *context, const char *name), void *context);

#endif
