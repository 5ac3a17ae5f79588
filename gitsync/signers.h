/* The file of allowed signers: who may sign, with which keys. The form is that of ssh-keygen(1) ALLOWED
 * SIGNERS, so that git, ssh-keygen and gitsync read one file; keys of other kinds stand in it as types of our
 * own.
 *
 *     alice@example.org ssh-ed25519 AAAAC3...
 *     bob@example.org,rob namespaces="git",valid-before="20270101" sk-ssh-ed25519@openssh.com AAAA...
 *     carol@example.org minisign RWQ...
 *     dave@example.org openpgp 0123456789ABCDEF0123456789ABCDEF01234567
 *
 * It belongs outside the repository: whoever may push could make himself a signer. Read whole, then constant.
 */
#ifndef GITSYNC_SIGNERS_H
#define GITSYNC_SIGNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "gitsync/minisign.h"
#include "gitsync/sshkey.h"
#include "zone/base/arena.h"

#define SIGNERS_WHY_MAX 300

enum signer_kind { SIGNER_SSH, SIGNER_MINISIGN, SIGNER_OPENPGP };

struct signer {
    const char *name;  /* the first of its names */
    const char *names; /* all of them, with commas */
    enum signer_kind kind;
    int64_t valid_after_s, valid_before_s; /* 0: no limit */
    const char *namespaces;                /* with commas; NULL: any */
    struct ssh_string ssh_key;
    struct minisign_key minisign_key;
    const char *fingerprint; /* OpenPGP: hexadecimal, upper case */
    unsigned line;
};

struct signers {
    struct signer *at;
    unsigned count, room;
    struct arena *arena;
};

/* Reads TEXT (with a NUL). False: WHY, of SIGNERS_WHY_MAX octets, names the line. */
bool signers_parse(struct signers *signers, const char *text, struct arena *arena, char *why) NODISCARD
    NONNULL(1, 2, 3, 4);

/* Whether one of the signer's names is NAME, or the pattern NAME. */
bool signer_is(const struct signer *signer, const char *name) NONNULL(1, 2);

/* NULL when the key may be used at TIME_S in NAME_SPACE, else why not. */
const char *signer_may(const struct signer *signer, const char *name_space, int64_t time_s) NONNULL(1, 2);

#endif
