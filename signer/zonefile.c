#include "signer/zonefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer/trust.h"
#include "zone/base/file.h"
#include "zone/store/change.h"
#include "zone/store/load.h"
#include "zone/store/print_zone.h"

static bool is_image(const char *path)
{
    char magic[8];
    int fd = strcmp(path, "-") == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool image = read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
                 memcmp(magic, IMAGE_MAGIC, sizeof magic) == 0;
    close(fd);
    return image;
}

static enum err read_image(const char *path, const uint8_t *origin, unsigned threads,
    const struct finding_sink *sink, struct image **image)
{
    struct load_result result;
    struct load_options options = {.origin = origin, .threads = threads, .sink = *sink};
    return is_image(path) ? image_open(path, threads, sink, image)
                          : load_image(path, &options, &result, image);
}

struct snapshot *zonefile_read(const char *path, const uint8_t *origin, unsigned threads,
    const struct finding_sink *sink, enum outcome *outcome)
{
    struct image *image;
    enum err err = read_image(path, origin, threads, sink, &image);
    *outcome = err == ERR_INVALID ? OUTCOME_REFUSED : OUTCOME_TROUBLE;
    if (err == ERR_MEMORY)
        complain_of(path, err);
    if (err != ERR_OK)
        return NULL; /* the findings have told why */
    struct snapshot *snapshot = snapshot_new(image);
    if (snapshot == NULL)
        complain_of(path, ERR_MEMORY);
    return snapshot;
}

struct snapshot *zonefile_try(const char *path, const uint8_t *origin, unsigned threads)
{
    const struct finding_sink deaf = {0};
    struct image *image;
    struct stat status; /* a device or a pipe may have no end */
    if (strcmp(path, "-") == 0 || stat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
        read_image(path, origin, threads, &deaf, &image) != ERR_OK)
        return NULL;
    return snapshot_new(image);
}

static enum outcome write_image(const char *path, struct snapshot *snapshot, unsigned threads)
{
    struct image *image = NULL;
    enum err err = ERR_OK;
    if (snapshot->overlay != NULL)
        err = change_fold(snapshot, threads, &image);
    if (err == ERR_OK)
        err = image_write(image != NULL ? image : snapshot->image, path);
    if (image != NULL)
        image_release(image);
    return err == ERR_OK ? OUTCOME_GOOD : complain_of(path, err);
}

static enum err write_text(
    struct file_write *file, const struct snapshot *snapshot, unsigned threads, const uint8_t *trust)
{
    char line[TRUST_LINE_MAX];
    enum err err = print_zone(snapshot, threads, file->fd);
    if (err != ERR_OK || trust == NULL)
        return err;
    size_t len = trust_line(file->temporary, trust, line);
    return len > 0 ? file_write(file, line, len) : ERR_IO;
}

enum outcome zonefile_write(
    const char *path, struct snapshot *snapshot, bool image, unsigned threads, const uint8_t *trust)
{
    struct file_write file;
    if (image)
        return write_image(path, snapshot, threads);
    if (strcmp(path, "-") == 0)
        return print_zone(snapshot, threads, STDOUT_FILENO) == ERR_OK
                   ? OUTCOME_GOOD
                   : complain_of("standard output", ERR_IO);
    enum err err = file_write_open(&file, path, 0644);
    if (err != ERR_OK)
        return complain_of(path, err);
    err = write_text(&file, snapshot, threads, trust);
    if (err == ERR_OK)
        return file_write_commit(&file) == ERR_OK ? OUTCOME_GOOD : complain_of(path, ERR_IO);
    int error = errno;
    file_write_abandon(&file);
    errno = error;
    return complain_of(path, err);
}
