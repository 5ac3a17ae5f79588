/* ssh as OpenSSH does it: libgit2 talks through a pipe to a process of ssh(1), as git itself does. So that
 * keys of each kind, known hosts, the agent, certificates, jump hosts and ~/.ssh/config are what they are at
 * the command line; libgit2's own way (libssh2 of Debian 12) can neither use RSA keys at today's servers nor
 * choose the host key that is known. No shell is asked here; what the far end's shell sees is
 * ssh_url_command's.
 *
 *     libgit2 --stream--> pipe --> ssh host git-upload-pack 'path'        stderr --> told[]
 *
 * It asks nobody: a host whose key is not known, or a key that needs a passphrase nobody wrote down, is a
 * failure. One fetch, one process of ours, one thread. */
#ifndef GITSYNC_SSH_EXEC_H
#define GITSYNC_SSH_EXEC_H

#include <stdbool.h>

#include "gitsync/problem.h"
#include "gitsync/settings.h"

#define SSH_EXEC_TOLD_MAX 1024
/* In the environment of our own program when ssh runs it to ask for a passphrase: the file that holds it. */
#define SSH_EXEC_ASKPASS "GITSYNC_PASSPHRASE_FILE"

struct ssh_exec {
    const struct settings *settings;
    bool failed;                  /* ssh or the far end ended with an error */
    int status;                   /* of exit; 255: ssh itself; 127: it is not installed */
    char told[SSH_EXEC_TOLD_MAX]; /* the beginning of what they wrote to stderr */
    unsigned told_len;
};

/* From now on URLs of ssh, and what libgit2 takes for one, go this way; EXEC must stay until the fetch is
 * over. */
enum outcome ssh_exec_use(struct ssh_exec *exec, struct problem *problem) NODISCARD NONNULL(1, 2);

/* Why it failed, with what to do. Always OUTCOME_FETCH. */
enum outcome ssh_exec_problem(const struct ssh_exec *exec, struct problem *problem) NONNULL(1, 2);

/* When ssh runs this program to ask for a passphrase: prints it and returns true. */
bool ssh_exec_is_asked(int argc, char **argv);

#endif
