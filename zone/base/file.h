/* Whole files: read, map, and replace so that a crash leaves either the old content or the new.
 *
 *     file_write_open   creates PATH.PID.N beside PATH
 *     write to .fd      (through the descriptor, or file_write)
 *     file_write_commit fsync of the file, rename over PATH, fsync of the directory
 *
 * Without the first fsync a rename can reach the disk before the data does; without the second the
 * rename itself can be lost. Each struct belongs to one thread at a time. On ERR_IO errno tells more. */
#ifndef ZONE_BASE_FILE_H
#define ZONE_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"
#include "zone/base/err.h"

/* A file mapped read-only. An empty file has bytes that are not NULL and length 0. */
struct file_map {
    const uint8_t *bytes;
    size_t len;
    int64_t mtime_ns; /* since the epoch */
    uint64_t device, inode;
};

/* ERR_MISSING when there is no such file, ERR_IO for the rest (EISDIR: it is no regular file). */
enum err file_map_open(struct file_map *map, const char *path) NODISCARD NONNULL(1, 2);
void file_map_close(struct file_map *map) NONNULL(1);

/* Reads a file (regular or not: a pipe will do) into ARENA with a NUL behind it; more than MAX octets are
 * ERR_LIMIT. */
enum err file_read(const char *path, size_t max, struct arena *arena, char **bytes, size_t *len) NODISCARD
    NONNULL(1, 3, 4, 5);

struct file_write {
    int fd;     /* -1 when closed */
    char *path; /* where it is to be; both malloced */
    char *temporary;
};

/* MODE as for open(2), before the umask. What stands at PATH must be a regular file or nothing: devices and
 * pipes are not replaced (ERR_IO, ENOTSUP), nor directories (EISDIR). */
enum err file_write_open(struct file_write *file, const char *path, mode_t mode) NODISCARD NONNULL(1, 2);
enum err file_write(struct file_write *file, const void *bytes, size_t len) NODISCARD NONNULL(1);
/* Either way FILE is closed afterwards; on failure PATH is as it was. */
enum err file_write_commit(struct file_write *file) NODISCARD NONNULL(1);
/* Removes the temporary file; harmless after a commit. */
void file_write_abandon(struct file_write *file) NONNULL(1);

/* The three steps for LEN octets that are at hand. */
enum err file_replace(const char *path, const void *bytes, size_t len, mode_t mode) NODISCARD NONNULL(1);

/* fsync of the directory that PATH stands in. */
enum err file_sync_directory(const char *path) NODISCARD NONNULL(1);

#endif
