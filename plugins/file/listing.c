#include "plugins/file/listing.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCHED                                                                                              \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |  \
        IN_ONLYDIR)
#define EVENTS_ROOM 16384

static enum err add_path(struct listing *listing, const char *directory, const char *name)
{
    if (listing->count == listing->room) {
        size_t room = listing->room * 2 + 64;
        const char **paths = realloc(listing->paths, room * sizeof *paths);
        if (paths == NULL)
            return ERR_MEMORY;
        listing->paths = paths;
        listing->room = room;
    }
    char *path = arena_printf(&listing->memory, "%s/%s", directory, name);
    if (path == NULL)
        return ERR_MEMORY;
    listing->paths[listing->count++] = path;
    return ERR_OK;
}

static void watch(struct listing *listing, const char *directory)
{
    if (listing->watch < 0 || inotify_add_watch(listing->watch, directory, WATCHED) >= 0)
        return;
    if (errno != ENOENT && errno != ENOTDIR)
        listing->unwatched = errno;
}

static enum err walk(struct listing *listing, const char *directory, unsigned depth);

/* Files, and links to files; directories are walked, links to directories are not (they may lead in circles),
 * nor are hidden ones: the releases of a Kubernetes volume lie side by side, and ..data links to the one that
 * counts. */
static enum err visit(
    struct listing *listing, const char *directory, const struct dirent *entry, unsigned depth)
{
    char path[PATH_MAX];
    struct stat status;
    unsigned char type = entry->d_type;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return ERR_OK;
    if (type == DT_REG)
        return add_path(listing, directory, entry->d_name);
    if (snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= (int)sizeof path)
        return ERR_OK;
    if (type == DT_UNKNOWN && lstat(path, &status) == 0)
        type = S_ISDIR(status.st_mode)   ? DT_DIR
               : S_ISLNK(status.st_mode) ? DT_LNK
               : S_ISREG(status.st_mode) ? DT_REG
                                         : 0;
    if (type == DT_REG)
        return add_path(listing, directory, entry->d_name);
    if (type == DT_LNK && stat(path, &status) == 0 && S_ISREG(status.st_mode))
        return add_path(listing, directory, entry->d_name);
    bool hidden = entry->d_name[0] == '.';
    return type == DT_DIR && !hidden && depth < LISTING_DEPTH_MAX ? walk(listing, path, depth + 1) : ERR_OK;
}

static enum err walk(struct listing *listing, const char *directory, unsigned depth)
{
    struct dirent **entries;
    enum err err = ERR_OK;
    watch(listing, directory);
    int count = scandir(directory, &entries, NULL, alphasort);
    if (count < 0)
        return depth > 0 ? ERR_OK : errno == ENOENT || errno == ENOTDIR ? ERR_MISSING : ERR_IO;
    for (int i = 0; i < count; i++) {
        if (err == ERR_OK)
            err = visit(listing, directory, entries[i], depth);
        free(entries[i]);
    }
    free(entries);
    return err;
}

static void watch_above(struct listing *listing, const char *directory)
{
    char above[PATH_MAX];
    size_t len = strlen(directory);
    while (len > 1 && directory[len - 1] == '/')
        len--;
    while (len > 0 && directory[len - 1] != '/')
        len--;
    if (len >= sizeof above)
        return;
    snprintf(above, sizeof above, "%.*s", len == 0 ? 1 : (int)len, len == 0 ? "." : directory);
    watch(listing, above);
}

enum err listing_make(struct listing *listing, const char *directory)
{
    *listing = (struct listing){.watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    listing->unwatched = listing->watch < 0 ? errno : 0;
    arena_init(&listing->memory, 0);
    watch_above(listing, directory);
    return walk(listing, directory, 0);
}

void listing_clear(struct listing *listing)
{
    if (listing->watch >= 0)
        close(listing->watch);
    listing->watch = -1;
    free(listing->paths);
    arena_clear(&listing->memory);
}

void listing_close(int watch)
{
    close(watch);
}

enum listing_event listing_events(int watch, void (*each)(void *context, const char *name), void *context)
{
    _Alignas(struct inotify_event) char room[EVENTS_ROOM];
    enum listing_event found = LISTING_QUIET;
    ssize_t len;
    while (watch >= 0 && (len = read(watch, room, sizeof room)) > 0) {
        for (char *at = room; at < room + len;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
            at += sizeof *event + event->len;
            if ((event->mask & IN_Q_OVERFLOW) != 0)
                found = LISTING_LOST;
            else if (found == LISTING_QUIET)
                found = LISTING_CHANGED;
            if (each != NULL && event->len > 0)
                each(context, event->name);
        }
    }
    return found;
}
