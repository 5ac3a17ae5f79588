#include "gitsync/openpgp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gitsync/process.h"

#define STATUS "[GNUPG:] "
#define GPGV_TIMEOUT_S 20

bool openpgp_is(const char *signature)
{
    return strncmp(signature, "-----BEGIN PGP ", 15) == 0;
}

static void take_field(const char **at, char *out, size_t room)
{
    *at += strspn(*at, " ");
    size_t len = strcspn(*at, " \n");
    snprintf(out, room, "%.*s", len < room ? (int)len : (int)room - 1, *at);
    *at += len;
}

static void take_status(struct openpgp_signer *signer, const char *line, unsigned *good, unsigned *valid)
{
    char word[24], field[24];
    take_field(&line, word, sizeof word);
    if (strcmp(word, "GOODSIG") == 0) {
        *good += 1;
        take_field(&line, field, sizeof field);
        line += strspn(line, " ");
        snprintf(signer->user, sizeof signer->user, "%.*s", (int)strcspn(line, "\n"), line);
    } else if (strcmp(word, "VALIDSIG") == 0) {
        /* fingerprint date time expires version reserved algorithm hash class primary */
        *valid += 1;
        take_field(&line, signer->fingerprint, sizeof signer->fingerprint);
        for (unsigned i = 0; i < 8; i++)
            take_field(&line, field, sizeof field);
        take_field(&line, signer->primary, sizeof signer->primary);
        if (signer->primary[0] == '\0')
            memcpy(signer->primary, signer->fingerprint, sizeof signer->primary);
    } else if (strcmp(word, "EXPKEYSIG") == 0 || strcmp(word, "REVKEYSIG") == 0 ||
               strcmp(word, "EXPSIG") == 0) {
        snprintf(signer->why, sizeof signer->why, "the key or the signature has expired or was revoked");
    } else if (strcmp(word, "NO_PUBKEY") == 0) {
        take_field(&line, field, sizeof field);
        snprintf(signer->why, sizeof signer->why, "key %s is not in the keyring", field);
    } else if (strcmp(word, "BADSIG") == 0) {
        snprintf(signer->why, sizeof signer->why, "the signature is not over this content");
    }
}

bool openpgp_read_status(struct openpgp_signer *signer, const char *status)
{
    unsigned good = 0, valid = 0;
    *signer = (struct openpgp_signer){0};
    while (*status != '\0') {
        if (strncmp(status, STATUS, strlen(STATUS)) == 0)
            take_status(signer, status + strlen(STATUS), &good, &valid);
        status += strcspn(status, "\n");
        status += *status == '\n';
    }
    /* one signature, and nothing said against it */
    if (good == 1 && valid == 1 && signer->why[0] == '\0')
        return true;
    if (signer->why[0] == '\0')
        snprintf(signer->why, sizeof signer->why, "gpgv finds no good signature");
    return false;
}

/* A file that no one else sees, for a program that wants files. */
static int make_file(const char *name, const char *bytes, size_t len, char path[40])
{
    int fd = memfd_create(name, 0);
    if (fd >= 0 && write(fd, bytes, len) == (ssize_t)len) {
        snprintf(path, 40, "/proc/self/fd/%d", fd);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

bool openpgp_verify(struct openpgp_signer *signer, const char *keyring, const char *signature,
    size_t signature_len, const char *message, size_t len)
{
    char signature_path[40], message_path[40], out[4096];
    char *full = realpath(keyring, NULL);
    *signer = (struct openpgp_signer){0};
    if (full == NULL) {
        snprintf(signer->why, sizeof signer->why, "cannot read the keyring %s", keyring);
        return false;
    }
    int signature_fd = make_file("signature", signature, signature_len, signature_path);
    int message_fd = make_file("message", message, len, message_path);
    const char *argv[] = {"gpgv", "--status-fd", "1", "--keyring", full, signature_path, message_path, NULL};
    struct process process = {.argv = argv, .timeout_s = GPGV_TIMEOUT_S, .out = out, .room = sizeof out};
    bool ran = signature_fd >= 0 && message_fd >= 0 && process_run(&process) == ERR_OK && !process.late &&
               process.status != 127;
    if (signature_fd >= 0)
        close(signature_fd);
    if (message_fd >= 0)
        close(message_fd);
    free(full);
    if (!ran) {
        snprintf(signer->why, sizeof signer->why, "gpgv cannot be run: is the package gpgv installed?");
        return false;
    }
    return openpgp_read_status(signer, out) && process.status == 0;
}
