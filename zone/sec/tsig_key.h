/* TSIG keys (RFC 8945 4.1): a name, an algorithm and a secret that both sides share. The secret is kept only
 * as what HMAC makes of it (hmac.h), in guarded memory: locked, between pages that cannot be read, and wiped
 * when the last holder lets go. A key is frozen once made and shared by count; any thread.
 *
 * A ring is a set of keys by name. Its owner fills it, one thread, and then anybody reads it. */
#ifndef ZONE_SEC_TSIG_KEY_H
#define ZONE_SEC_TSIG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/sec/hmac.h"
#include "zone/text/finding.h"
#include "zone/wire/name.h"

#define TSIG_SECRET_MAX 1024 /* octets */
#define TSIG_MAC_MIN 10      /* octets of the shortest MAC that is ever taken (RFC 8945 5.2.2.1) */

struct tsig_key {
    uint8_t name[NAME_MAX + 1]; /* lower case */
    uint8_t name_len;
    bool any;                      /* no algorithm was named: the other side's choice among all */
    enum hmac_algorithm algorithm; /* to sign requests with, and, unless `any`, the only one taken */
    uint8_t truncated;             /* octets a MAC has at least, and is sent with; 0: all */
    int refs;
    struct hmac_key hmac[HMAC_ALGORITHMS]; /* of `algorithm`; of all when `any` */
};

/* ALGORITHM as written: "hmac-sha256", "hmac-sha256.", "sha256", "hmac-sha256-128" (truncated to 128 bits);
 * NULL: any. On failure *WHY (may be NULL) gets a phrase. NAME is in wire form. */
enum err tsig_key_new(const uint8_t *name, const char *algorithm, const uint8_t *secret, size_t len,
    struct tsig_key **out, const char **why) NODISCARD NONNULL(1, 3, 5);

/* The same from words, the secret in base64. */
enum err tsig_key_from_words(const char *name, const char *algorithm, const char *secret,
    struct tsig_key **out, const char **why) NODISCARD NONNULL(1, 3, 4);

/* "[ALGORITHM:]NAME:SECRET" as dig -y takes it (without an algorithm: hmac-sha256), or "env:VARIABLE", which
 * names an environment variable that holds such a text. */
enum err tsig_key_parse(const char *text, struct tsig_key **out, const char **why) NODISCARD NONNULL(1, 2);

struct tsig_key *tsig_key_hold(const struct tsig_key *key) NONNULL(1);
void tsig_key_release(struct tsig_key *key);

/* The algorithm's name in wire form, lower case; and back: false when it is none of ours. */
const uint8_t *tsig_algorithm_wire(enum hmac_algorithm algorithm) __attribute__((const));
bool tsig_algorithm_find(const uint8_t *name, enum hmac_algorithm *out) NODISCARD NONNULL(1, 2);
/* "hmac-sha256" */
const char *tsig_algorithm_text(enum hmac_algorithm algorithm) __attribute__((const));

struct tsig_ring {
    struct tsig_key **keys; /* open addressing by name */
    uint32_t mask;
    uint32_t count;
};

/* Takes over the caller's reference to KEY. ERR_EXISTS, and the reference stays the caller's: there is a key
 * of that name already. */
enum err tsig_ring_add(struct tsig_ring *ring, struct tsig_key *key) NODISCARD NONNULL(1, 2);
/* NAME in lower case, wire form; NULL when there is none. */
const struct tsig_key *tsig_ring_find(const struct tsig_ring *ring, const uint8_t *name) NONNULL(1, 2);
void tsig_ring_clear(struct tsig_ring *ring) NONNULL(1);

/* Adds the keys of a file: BIND's form (key "NAME" { algorithm hmac-sha256; secret "BASE64"; };, comments as
 * in named.conf), or lines of the form [ALGORITHM:]NAME:SECRET with # for comments. What is wrong is told to
 * SINK with its place; ERR_INVALID then. A key with the name of one that is there is an error. */
enum err tsig_file_read(const char *path, struct tsig_ring *ring, const struct finding_sink *sink) NODISCARD
    NONNULL(1, 2);
/* The same from memory; NAME stands for the file. */
enum err tsig_file_parse(const char *name, const char *text, size_t len, struct tsig_ring *ring,
    const struct finding_sink *sink) NODISCARD NONNULL(1, 2, 4);

#endif
