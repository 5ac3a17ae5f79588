#include "zonetool/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/file.h"

/* Gives the new file the owner, group and mode of the old one; the umask has no say. */
static bool resemble(int fd, const struct stat *old)
{
    struct stat new;
    bool same = fstat(fd, &new) == 0 && new.st_uid == old->st_uid &&new.st_gid == old->st_gid;
    return (same || fchown(fd, old->st_uid, old->st_gid) == 0) && fchmod(fd, old->st_mode & 07777) == 0;
}

/* Whoever may write a file, but not give a new one to its owner, writes into the old one. */
static enum err write_into(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    struct file_write file = {.fd = fd};
    enum err err = file_write(&file, text, len);
    if (err == ERR_OK && (ftruncate(fd, (off_t)len) != 0 || fsync(fd) != 0))
        err = ERR_IO;
    close(fd);
    return err;
}

static enum err replace(const char *path, const struct stat *old, const char *text, size_t len)
{
    struct file_write file;
    enum err err = file_write_open(&file, path, 0600);
    if (err != ERR_OK)
        return err;
    if (!resemble(file.fd, old)) {
        file_write_abandon(&file);
        return write_into(path, text, len);
    }
    err = file_write(&file, text, len);
    if (err == ERR_OK)
        return file_write_commit(&file);
    file_write_abandon(&file);
    return err;
}

enum outcome rewrite_file(const char *path, const char *text, size_t len)
{
    struct stat status;
    char *real = realpath(path, NULL);
    if (real == NULL || stat(real, &status) != 0) {
        free(real);
        return complain("%s: %s", path, strerror(errno));
    }
    enum err err = replace(real, &status, text, len);
    free(real);
    if (err != ERR_OK)
        return complain("%s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    return OUTCOME_CLEAN;
}

enum outcome print_octets(const char *text, size_t len)
{
    fflush(stdout);
    while (len > 0) {
        ssize_t done = write(STDOUT_FILENO, text, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return complain("standard output: %s", strerror(errno));
        text += done;
        len -= (size_t)done;
    }
    return OUTCOME_CLEAN;
}
