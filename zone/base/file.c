#include "zone/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t nothing[1];

static enum err io_error(void)
{
    return errno == ENOENT || errno == ENOTDIR ? ERR_MISSING : ERR_IO;
}

static void close_keeping_errno(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

static enum err map_descriptor(struct file_map *map, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return ERR_IO;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return ERR_IO;
    }
    void *bytes = (void *)(uintptr_t)nothing;
    if (status.st_size != 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return ERR_IO;
    map->bytes = bytes;
    map->len = (size_t)status.st_size;
    map->mtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    map->device = status.st_dev;
    map->inode = status.st_ino;
    return ERR_OK;
}

enum err file_map_open(struct file_map *map, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return io_error();
    enum err err = map_descriptor(map, fd);
    close_keeping_errno(fd);
    return err;
}

void file_map_close(struct file_map *map)
{
    if (map->len != 0)
        munmap((void *)(uintptr_t)map->bytes, map->len);
    memset(map, 0, sizeof *map);
}

/* Grows by doubling and copies at the end, since a pipe does not tell its length. */
static enum err read_descriptor(int fd, size_t max, struct arena *arena, char **bytes, size_t *len)
{
    enum err err = ERR_OK;
    size_t room = 0, used = 0;
    char *buffer = NULL;
    for (;;) {
        if (used == room) {
            room = room != 0 ? room * 2 : 16384;
            char *grown = realloc(buffer, room);
            if (grown == NULL) {
                err = ERR_MEMORY;
                break;
            }
            buffer = grown;
        }
        ssize_t count = read(fd, buffer + used, room - used);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            err = count < 0 ? ERR_IO : ERR_OK;
            break;
        }
        used += (size_t)count;
        if (used > max) {
            err = ERR_LIMIT;
            break;
        }
    }
    char *copy = err == ERR_OK ? arena_copy(arena, buffer, used) : NULL;
    free(buffer);
    if (err == ERR_OK && copy == NULL)
        err = ERR_MEMORY;
    if (err != ERR_OK)
        return err;
    *bytes = copy;
    *len = used;
    return ERR_OK;
}

enum err file_read(const char *path, size_t max, struct arena *arena, char **bytes, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return io_error();
    enum err err = read_descriptor(fd, max, arena, bytes, len);
    close_keeping_errno(fd);
    return err;
}

static void forget(struct file_write *file)
{
    free(file->path);
    free(file->temporary);
    memset(file, 0, sizeof *file);
    file->fd = -1;
}

/* Not mkostemp: its mode is always 0600, and to widen it one would have to ask for the umask, which
 * can only be read by changing it for all threads. */
static enum err create_beside(struct file_write *file, mode_t mode)
{
    static atomic_uint serial;
    for (;;) {
        unsigned number = atomic_fetch_add_explicit(&serial, 1, memory_order_relaxed);
        if (asprintf(&file->temporary, "%s.%ld.%u", file->path, (long)getpid(), number) < 0) {
            file->temporary = NULL;
            return ERR_MEMORY;
        }
        file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (file->fd >= 0)
            return ERR_OK;
        if (errno != EEXIST)
            return io_error();
        free(file->temporary);
    }
}

/* rename(2) would put a file in the place of /dev/null for whoever may. */
static bool is_replaceable(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
        return true;
    errno = S_ISDIR(status.st_mode) ? EISDIR : ENOTSUP;
    return false;
}

enum err file_write_open(struct file_write *file, const char *path, mode_t mode)
{
    memset(file, 0, sizeof *file);
    file->fd = -1;
    if (!is_replaceable(path))
        return ERR_IO;
    file->path = strdup(path);
    enum err err = file->path != NULL ? create_beside(file, mode) : ERR_MEMORY;
    if (err != ERR_OK)
        forget(file);
    return err;
}

enum err file_write(struct file_write *file, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len != 0) {
        ssize_t count = write(file->fd, at, len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return ERR_IO;
        at += count;
        len -= (size_t)count;
    }
    return ERR_OK;
}

enum err file_sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (directory == NULL)
        return ERR_MEMORY;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (fd < 0)
        return io_error();
    enum err err = fsync(fd) == 0 ? ERR_OK : ERR_IO;
    close_keeping_errno(fd);
    return err;
}

enum err file_write_commit(struct file_write *file)
{
    if (fsync(file->fd) != 0 || rename(file->temporary, file->path) != 0) {
        file_write_abandon(file);
        return ERR_IO;
    }
    close(file->fd);
    enum err err = file_sync_directory(file->path);
    forget(file);
    return err;
}

void file_write_abandon(struct file_write *file)
{
    if (file->fd < 0)
        return;
    int saved = errno;
    close(file->fd);
    unlink(file->temporary);
    forget(file);
    errno = saved;
}

enum err file_replace(const char *path, const void *bytes, size_t len, mode_t mode)
{
    struct file_write file;
    enum err err = file_write_open(&file, path, mode);
    if (err != ERR_OK)
        return err;
    err = file_write(&file, bytes, len);
    if (err != ERR_OK) {
        file_write_abandon(&file);
        return err;
    }
    return file_write_commit(&file);
}
