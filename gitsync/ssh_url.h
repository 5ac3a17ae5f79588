/* Where a repository is that is reached by ssh: "ssh://[user@]host[:port]/path", or as git writes it for
 * short,
 * "[user@]host:path". What comes of it stands on the command line of ssh(1), so that nothing that begins with
 * a dash, and no octet a shell or ssh could take for something else, gets through. Pure functions. */
#ifndef GITSYNC_SSH_URL_H
#define GITSYNC_SSH_URL_H

#include <stdbool.h>

#include "zone/base/attr.h"

#define SSH_URL_FIELD_MAX 256
#define SSH_URL_PATH_MAX 2048

struct ssh_url {
    char user[SSH_URL_FIELD_MAX]; /* "" for none */
    char host[SSH_URL_FIELD_MAX]; /* without brackets */
    char port[8];                 /* "" for the default */
    char path[SSH_URL_PATH_MAX];  /* as the far end sees it */
};

/* Is it for ssh at all? */
bool ssh_url_is(const char *url) NONNULL(1);

/* NULL, or what is wrong with it. */
const char *ssh_url_parse(struct ssh_url *out, const char *url) NODISCARD NONNULL(1, 2);

/* What the shell at the far end is to run: git-upload-pack with the path in single quotes (git's own rule: '
 * and ! stand outside of them, behind a backslash). */
bool ssh_url_command(const struct ssh_url *url, char *out, unsigned room) NODISCARD NONNULL(1, 2);

#endif
