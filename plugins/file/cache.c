#include "plugins/file/cache.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/wire/name.h"

#define LABEL_MAX 120 /* octets of the zone's name in a file's name */

static bool is_usable(const char *directory)
{
    return (mkdir(directory, 0755) == 0 || errno == EEXIST) && access(directory, W_OK | X_OK) == 0;
}

static char *joined(const char *a, const char *b)
{
    char *path;
    return asprintf(&path, "%s%s", a, b) < 0 ? NULL : path;
}

char *cache_directory(void)
{
    const char *systemd = getenv("CACHE_DIRECTORY"), *home = getenv("XDG_CACHE_HOME");
    char *candidates[] = {
        systemd != NULL ? joined(systemd, "") : NULL,
        home != NULL && home[0] == '/' ? joined(home, "/bailiwick") : NULL,
        joined("/var/cache/bailiwick", ""),
    };
    char *found = NULL;
    for (unsigned i = 0; i < ARRAY_COUNT(candidates); i++) {
        if (found == NULL && candidates[i] != NULL && is_usable(candidates[i]))
            found = candidates[i];
        else
            free(candidates[i]);
    }
    return found;
}

/* Keeps zones apart whose names look the same once they are fit for a file name, and texts of one name. */
static uint64_t hash_zone(const uint8_t *name, const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    size_t len = name_len(name);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ name[i]) * 0x100000001b3u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

/* "DIRECTORY/example.org-0123456789abcdef.image"; malloc'd. */
static char *image_path(const char *directory, const uint8_t *name, const char *text)
{
    char label[NAME_TEXT_MAX], *path;
    size_t len = name_print(name, label);
    len = len > 1 ? len - 1 : len;
    len = len < LABEL_MAX ? len : LABEL_MAX;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_' && label[i] != '.')
            label[i] = '_';
    }
    if (label[0] == '.')
        label[0] = '_';
    int printed = asprintf(&path, "%s/%.*s-%016llx.image", directory, (int)len, label,
        (unsigned long long)hash_zone(name, text));
    return printed < 0 ? NULL : path;
}

enum err cache_open(const char *directory, const uint8_t *name, const char *text, unsigned threads,
    const struct finding_sink *sink, struct image **out)
{
    char *path = image_path(directory, name, text);
    struct image *image;
    if (path == NULL)
        return ERR_MEMORY;
    if (access(path, R_OK) != 0) {
        free(path);
        return ERR_MISSING;
    }
    enum err err = image_open(path, threads, sink, &image);
    if (err == ERR_OK && !name_equal(image->header->apex_name, name)) {
        image_release(image);
        err = ERR_STALE;
    }
    if (err != ERR_OK)
        unlink(path);
    else
        *out = image;
    free(path);
    return err == ERR_MEMORY || err == ERR_OK ? err : ERR_MISSING;
}

enum err cache_write(const char *directory, const uint8_t *name, const char *text, const struct image *image)
{
    char *path = image_path(directory, name, text);
    if (path == NULL)
        return ERR_MEMORY;
    enum err err = is_usable(directory) ? image_write(image, path) : ERR_IO;
    free(path);
    return err;
}
