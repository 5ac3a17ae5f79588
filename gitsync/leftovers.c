#include "gitsync/leftovers.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gitsync/store.h"

#define DESCRIPTORS 16

static void mark_path(const char *mirror, char out[STORE_PATH_MAX])
{
    snprintf(out, STORE_PATH_MAX, "%s/gitsync-fetching", mirror);
}

void leftovers_expect(const char *mirror)
{
    char path[STORE_PATH_MAX];
    mark_path(mirror, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
}

void leftovers_none(const char *mirror)
{
    char path[STORE_PATH_MAX];
    mark_path(mirror, path);
    (void)unlink(path);
}

/* No ref's name ends so (git check-ref-format 1), and packs are called pack-, not pack_. */
static bool is_leftover(const char *name)
{
    size_t len = strlen(name);
    return (len > 5 && strcmp(name + len - 5, ".lock") == 0) || strncmp(name, "pack_", 5) == 0 ||
           strncmp(name, "tmp_", 4) == 0;
}

static int look(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    if (kind == FTW_F && is_leftover(path + at->base))
        (void)unlink(path);
    return 0;
}

void leftovers_remove(const char *mirror)
{
    char path[STORE_PATH_MAX];
    mark_path(mirror, path);
    if (access(path, F_OK) == 0 && nftw(mirror, look, DESCRIPTORS, FTW_PHYS) == 0)
        leftovers_none(mirror);
}
