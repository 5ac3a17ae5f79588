#include "zone/base/provenance.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/json.h"

#define LEVELS_MAX 16
#define TEXT_MAX 4096
#define PLACE_MAX 4096

bool provenance_read(struct provenance *provenance, const char *directory)
{
    char path[PLACE_MAX], text[TEXT_MAX];
    *provenance = (struct provenance){0};
    if (snprintf(path, sizeof path, "%s/" PROVENANCE_NAME, directory) >= (int)sizeof path)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return false; /* a directory of this name (gitsync's own state) ends here, too */
    text[got] = '\0';
    (void)json_get(text, "repository", provenance->repository, sizeof provenance->repository);
    (void)json_get(text, "signer", provenance->signer, sizeof provenance->signer);
    (void)json_get(text, "committed", provenance->committed, sizeof provenance->committed);
    return json_get(text, "commit", provenance->commit, sizeof provenance->commit);
}

bool provenance_find(struct provenance *provenance, const char *path)
{
    char directory[PLACE_MAX];
    if (snprintf(directory, sizeof directory, "%s", path) >= (int)sizeof directory)
        return false;
    for (unsigned level = 0; level < LEVELS_MAX; level++) {
        char *slash = strrchr(directory, '/');
        if (slash == NULL)
            return provenance_read(provenance, ".");
        *slash = '\0';
        if (provenance_read(provenance, slash == directory ? "/" : directory))
            return true;
        if (slash == directory)
            break;
    }
    return false;
}
