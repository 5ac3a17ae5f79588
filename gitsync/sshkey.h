/* Public keys and signatures as OpenSSH writes them (RFC 4253 6.6, RFC 5656 3.1, RFC 8332, RFC 8709, and
 * OpenSSH's PROTOCOL.u2f for keys in hardware). Ed25519 is verified by libsodium, ECDSA and RSA by OpenSSL.
 * RSA keys below 2048 bits and SHA-1 signatures are refused. Pure functions. */
#ifndef GITSYNC_SSHKEY_H
#define GITSYNC_SSHKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

#define SSHKEY_FINGERPRINT_MAX 64

/* A run of octets that is taken from the front; `failed` when it had not so many. */
struct ssh_reader {
    const uint8_t *at;
    size_t len;
    bool failed;
};

struct ssh_string {
    const uint8_t *bytes;
    size_t len;
};

uint32_t ssh_read32(struct ssh_reader *reader) NONNULL(1);
struct ssh_string ssh_read_string(struct ssh_reader *reader) NONNULL(1);
bool ssh_string_is(struct ssh_string string, const char *text) NONNULL(2);

/* Whether keys of the type whose name is TYPE can be verified here. */
bool sshkey_supported(struct ssh_string type);

/* NULL when SIGNATURE, a type and its octets, is KEY's over MESSAGE; else why not, as a phrase. */
const char *sshkey_verify(struct ssh_string key, struct ssh_string signature, struct ssh_string message);

/* "SHA256:..." as ssh-keygen -l prints it. */
void sshkey_fingerprint(struct ssh_string key, char out[SSHKEY_FINGERPRINT_MAX]);

#endif
