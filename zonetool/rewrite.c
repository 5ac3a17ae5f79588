#include "zonetool/rewrite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/file.h"

enum outcome rewrite_file(const char *path, const char *text, size_t len)
{
    struct stat status;
    char *real = realpath(path, NULL);
    if (real == NULL || stat(real, &status) != 0) {
        free(real);
        return complain("%s: %s", path, strerror(errno));
    }
    enum err err = file_replace(real, text, len, status.st_mode & 07777);
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
