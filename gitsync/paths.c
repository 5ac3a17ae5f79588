#include "gitsync/paths.h"

#include <string.h>

#include "zone/base/hash.h"

void paths_init(struct paths *paths, struct arena *arena)
{
    *paths = (struct paths){.arena = arena};
}

static uint64_t hash_of(const char *path)
{
    return hash_bytes(0, path, strlen(path));
}

struct path_entry *paths_find(const struct paths *paths, const char *path)
{
    struct path_entry *entry =
        paths->bucket_count > 0 ? paths->buckets[hash_of(path) % paths->bucket_count] : NULL;
    while (entry != NULL && strcmp(entry->path, path) != 0)
        entry = entry->next;
    return entry;
}

static bool grow(struct paths *paths)
{
    uint32_t count = paths->bucket_count == 0 ? 64 : paths->bucket_count * 4;
    struct path_entry **buckets = ARENA_ARRAY(paths->arena, struct path_entry *, count);
    if (buckets == NULL)
        return false;
    for (uint32_t i = 0; i < paths->bucket_count; i++) {
        for (struct path_entry *entry = paths->buckets[i], *next; entry != NULL; entry = next) {
            struct path_entry **bucket = &buckets[hash_of(entry->path) % count];
            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    paths->buckets = buckets;
    paths->bucket_count = count;
    return true;
}

struct path_entry *paths_get(struct paths *paths, const char *path)
{
    struct path_entry *entry = paths_find(paths, path);
    size_t len = strlen(path) + 1;
    if (entry != NULL)
        return entry;
    if (paths->count >= paths->bucket_count && !grow(paths))
        return NULL;
    entry = arena_zalloc(paths->arena, sizeof *entry + len, _Alignof(struct path_entry));
    if (entry == NULL)
        return NULL;
    memcpy(entry->path, path, len);
    struct path_entry **bucket = &paths->buckets[hash_of(path) % paths->bucket_count];
    entry->next = *bucket;
    *bucket = entry;
    paths->count++;
    return entry;
}
