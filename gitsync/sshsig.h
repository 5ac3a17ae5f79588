/* SSHSIG, the signatures of `ssh-keygen -Y sign` and of git's gpg.format=ssh (OpenSSH's PROTOCOL.sshsig). A
 * signature names its key and its namespace; whether that key is anybody's is a matter of signers.h. */
#ifndef GITSYNC_SSHSIG_H
#define GITSYNC_SSHSIG_H

#include <stddef.h>
#include <stdint.h>

#include "gitsync/sshkey.h"
#include "zone/base/attr.h"

#define SSHSIG_MAX 16384 /* octets of a decoded signature */
#define SSHSIG_LABEL "SSH SIGNATURE"

struct sshsig {
    struct ssh_string key, name_space, hash, signature; /* point into `bytes` */
    uint8_t bytes[SSHSIG_MAX];
};

/* Reads the armored text. NULL when it is well formed, else why not. */
const char *sshsig_read(struct sshsig *sig, const char *armored) NONNULL(1, 2);

/* NULL when SIG is over MESSAGE in NAME_SPACE ("git"), else why not. */
const char *sshsig_verify(const struct sshsig *sig, const char *name_space, const void *message, size_t len)
    NONNULL(1, 2, 3);

#endif
