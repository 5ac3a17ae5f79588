#include "gitsync/tree_sync.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct item {
    uint64_t inode;
    unsigned char type; /* DT_DIR or another */
    uint32_t name;      /* offset into the names */
};

/* The names in one directory, sorted. */
struct listing {
    struct item *items;
    size_t count, room;
    char *names;
    size_t names_len, names_room;
    int fd;
};

static const char *name_of(const struct listing *listing, size_t i)
{
    return listing->names + listing->items[i].name;
}

static int by_name(const void *a, const void *b, void *names)
{
    const struct item *one = a, *two = b;
    return strcmp((const char *)names + one->name, (const char *)names + two->name);
}

static bool listing_add(struct listing *listing, const struct dirent *entry)
{
    size_t len = strlen(entry->d_name) + 1;
    if (listing->count == listing->room) {
        size_t room = listing->room == 0 ? 64 : listing->room * 2;
        struct item *items = realloc(listing->items, room * sizeof *items);
        if (items == NULL)
            return false;
        listing->items = items;
        listing->room = room;
    }
    if (listing->names_len + len > listing->names_room) {
        size_t room = (listing->names_room + len) * 2 + 1024;
        char *names = realloc(listing->names, room);
        if (names == NULL)
            return false;
        listing->names = names;
        listing->names_room = room;
    }
    memcpy(listing->names + listing->names_len, entry->d_name, len);
    listing->items[listing->count++] =
        (struct item){.inode = entry->d_ino, .type = entry->d_type, .name = (uint32_t)listing->names_len};
    listing->names_len += len;
    return true;
}

static void listing_clear(struct listing *listing)
{
    if (listing->fd >= 0)
        close(listing->fd);
    free(listing->items);
    free(listing->names);
}

static bool listing_read(struct listing *listing, int at, const char *name)
{
    *listing = (struct listing){.fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
    int copy = listing->fd >= 0 ? fcntl(listing->fd, F_DUPFD_CLOEXEC, 0) : -1;
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    bool fine = directory != NULL;
    errno = fine ? 0 : errno;
    for (struct dirent *entry; fine && (entry = readdir(directory)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fine = listing_add(listing, entry);
    fine = fine && errno == 0;
    if (directory != NULL)
        closedir(directory);
    else if (copy >= 0)
        close(copy);
    if (!fine) {
        listing_clear(listing);
        *listing = (struct listing){.fd = -1};
        return false;
    }
    if (listing->count > 1)
        qsort_r(listing->items, listing->count, sizeof *listing->items, by_name, listing->names);
    return true;
}

/* ---- removing ---- */

static bool remove_at(int at, const char *name)
{
    struct listing listing;
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return true;
    if ((errno != EISDIR && errno != EPERM) || !listing_read(&listing, at, name))
        return false;
    bool fine = true;
    for (size_t i = 0; i < listing.count && fine; i++)
        fine = remove_at(listing.fd, name_of(&listing, i));
    listing_clear(&listing);
    return fine && unlinkat(at, name, AT_REMOVEDIR) == 0;
}

bool tree_remove(const char *path)
{
    return remove_at(AT_FDCWD, path);
}

/* ---- walking two trees side by side ---- */

/* The names of two sorted lists, pair by pair; one of the two is NULL where a list lacks the name. */
struct pairs {
    const struct listing *a, *b;
    size_t i, j;
    const struct item *from, *to;
    const char *name;
};

static bool next_pair(struct pairs *pairs)
{
    bool has_a = pairs->i < pairs->a->count, has_b = pairs->j < pairs->b->count;
    if (!has_a && !has_b)
        return false;
    int order = !has_a ? 1 : !has_b ? -1 : strcmp(name_of(pairs->a, pairs->i), name_of(pairs->b, pairs->j));
    pairs->name = order <= 0 ? name_of(pairs->a, pairs->i) : name_of(pairs->b, pairs->j);
    pairs->from = order <= 0 ? &pairs->a->items[pairs->i++] : NULL;
    pairs->to = order >= 0 ? &pairs->b->items[pairs->j++] : NULL;
    return true;
}

static bool sync_directory(int from_at, const char *from, int to_at, const char *to);

static bool sync_pair(const struct pairs *pairs)
{
    int from = pairs->a->fd, to = pairs->b->fd;
    bool is_directory = pairs->from != NULL && pairs->from->type == DT_DIR;
    bool was_directory = pairs->to != NULL && pairs->to->type == DT_DIR;
    if (pairs->from != NULL && pairs->to != NULL && !is_directory && pairs->from->inode == pairs->to->inode)
        return true;
    if (pairs->to != NULL && !(is_directory && was_directory) && !remove_at(to, pairs->name))
        return false;
    if (pairs->from == NULL)
        return true;
    if (!is_directory)
        return linkat(from, pairs->name, to, pairs->name, 0) == 0;
    if (!was_directory && mkdirat(to, pairs->name, 0755) != 0)
        return false;
    return sync_directory(from, pairs->name, to, pairs->name);
}

static bool sync_directory(int from_at, const char *from, int to_at, const char *to)
{
    struct listing a, b;
    if (!listing_read(&a, from_at, from))
        return false;
    if (!listing_read(&b, to_at, to)) {
        listing_clear(&a);
        return false;
    }
    struct pairs pairs = {.a = &a, .b = &b};
    bool fine = true;
    while (fine && next_pair(&pairs))
        fine = sync_pair(&pairs);
    int error = errno;
    if (fine && fsync(b.fd) != 0) {
        fine = false;
        error = errno;
    }
    listing_clear(&a);
    listing_clear(&b);
    errno = error;
    return fine;
}

bool tree_sync(const char *from, const char *to)
{
    return sync_directory(AT_FDCWD, from, AT_FDCWD, to);
}

struct differing {
    void (*each)(void *context, const char *path);
    void *context;
    char path[4096];
};

static bool differ_directory(struct differing *differing, const struct listing *a, const struct listing *b);

/* A directory that one of the two has not is compared with nothing. */
static bool differ_below(struct differing *differing, const struct pairs *pairs, bool in_a, bool in_b)
{
    struct listing a = {.fd = -1}, b = {.fd = -1};
    bool fine = (!in_a || listing_read(&a, pairs->a->fd, pairs->name)) &&
                (!in_b || listing_read(&b, pairs->b->fd, pairs->name)) && differ_directory(differing, &a, &b);
    listing_clear(&a);
    listing_clear(&b);
    return fine;
}

static bool differ_directory(struct differing *differing, const struct listing *a, const struct listing *b)
{
    struct pairs pairs = {.a = a, .b = b};
    bool fine = true;
    while (fine && next_pair(&pairs)) {
        bool in_a = pairs.from != NULL && pairs.from->type == DT_DIR;
        bool in_b = pairs.to != NULL && pairs.to->type == DT_DIR;
        size_t at = strlen(differing->path);
        snprintf(differing->path + at, sizeof differing->path - at, "%s%s", at > 0 ? "/" : "", pairs.name);
        if (in_a || in_b)
            fine = differ_below(differing, &pairs, in_a, in_b);
        bool same = pairs.from != NULL && pairs.to != NULL && pairs.from->inode == pairs.to->inode;
        if (fine && !same && ((pairs.from != NULL && !in_a) || (pairs.to != NULL && !in_b)))
            differing->each(differing->context, differing->path);
        differing->path[at] = '\0';
    }
    return fine;
}

bool tree_differences(
    const char *a, const char *b, void (*each)(void *context, const char *path), void *context)
{
    struct differing differing = {.each = each, .context = context};
    struct listing one, two;
    if (!listing_read(&one, AT_FDCWD, a))
        return false;
    if (!listing_read(&two, AT_FDCWD, b)) {
        listing_clear(&one);
        return false;
    }
    bool fine = differ_directory(&differing, &one, &two);
    listing_clear(&one);
    listing_clear(&two);
    return fine;
}

bool tree_list(const char *path, void (*each)(void *context, const char *path), void *context)
{
    struct differing differing = {.each = each, .context = context};
    struct listing listing, none = {.fd = -1};
    if (!listing_read(&listing, AT_FDCWD, path))
        return false;
    bool fine = differ_directory(&differing, &listing, &none);
    listing_clear(&listing);
    return fine;
}
