/* A DNSSEC key: a DNSKEY with its owner, perhaps its private part, the times of its life and what it is for.
 * Made by key_generate or read from BIND's files (keyfile.h); shared by reference count; frozen but for its
 * times and flags, which their owner changes before others see it. RFC 4034 2, RFC 5011 (REVOKE), RFC 7583.
 */
#ifndef ZONE_SEC_KEY_H
#define ZONE_SEC_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/err.h"
#include "zone/sec/keypair.h"
#include "zone/wire/name.h"
#include "zone/wire/rrset.h"

enum key_flag {
    KEY_ZONE = 0x0100, /* signs zone data; without it a DNSKEY is none for DNSSEC (RFC 4034 2.1.1) */
    KEY_REVOKE = 0x0080,
    KEY_SEP = 0x0001
};

/* What a key signs. A CSK has both. */
enum key_role {
    ROLE_KSK = 1, /* the apex DNSKEY, CDS and CDNSKEY RRsets */
    ROLE_ZSK = 2  /* all others */
};

/* When things happen to a key; the names are those of BIND's files. */
enum key_time {
    TIME_CREATED,
    TIME_PUBLISH,
    TIME_ACTIVATE,
    TIME_REVOKE,
    TIME_INACTIVE,
    TIME_DELETE,
    TIME_DS_PUBLISH,
    TIME_DS_DELETE,
    TIME_SYNC_PUBLISH, /* CDS and CDNSKEY */
    TIME_SYNC_DELETE,
    KEY_TIMES
};

#define DNSKEY_RDATA_MAX (4 + PUBLIC_MAX)
#define DS_RDATA_MAX (4 + DIGEST_MAX)

struct key_state; /* keyfile.h */

struct key {
    const struct algorithm *algorithm;
    struct keypair *pair;
    uint32_t ttl; /* of the DNSKEY RRset; 0: as its file or caller says */
    uint16_t flags;
    uint16_t tag;  /* of the DNSKEY with these flags */
    uint8_t roles; /* enum key_role */
    bool has_ttl;
    bool sealed;  /* its private part lies in a .sealed file */
    bool foreign; /* it has none here, nor in a token: another signs with it (RFC 8901), or later */
    int64_t times[KEY_TIMES]; /* seconds since the epoch; 0: not set */
    uint16_t predecessor, successor;
    bool has_predecessor, has_successor;
    char *base;              /* path of its files without ".key", or NULL */
    char *extra;             /* lines of its .private file that are kept as they are, or NULL */
    struct key_state *state; /* what its .state file says, or NULL */
    int refs;
    uint8_t owner_len;
    uint8_t owner[NAME_MAX + 1]; /* lower case */
    uint16_t public_len;
    uint8_t public_octets[PUBLIC_MAX];
};

/* A new key pair. BITS 0: the usual. The flags follow from ROLES: ROLE_KSK sets SEP. No times are set. */
enum err key_generate(const uint8_t *owner, const struct algorithm *algorithm, unsigned bits, unsigned roles,
    struct key **out) NODISCARD NONNULL(1, 2, 5);

/* A key around PAIR, which is taken over. */
struct key *key_new(const uint8_t *owner, const struct algorithm *algorithm, uint16_t flags,
    struct keypair *pair) NODISCARD NONNULL(1, 2, 4);

/* A public key from DNSKEY rdata. ERR_UNSUPPORTED: unknown algorithm or protocol (RFC 4034 2.1.2). */
enum err key_from_dnskey(const uint8_t *owner, const uint8_t *rdata, size_t len, struct key **out) NODISCARD
    NONNULL(1, 2, 4);

struct key *key_hold(struct key *key) NONNULL(1);
void key_release(struct key *key);

bool key_has_private(const struct key *key) NONNULL(1);

/* DNSKEY rdata (CDNSKEY has the same form) into OUT of DNSKEY_RDATA_MAX; returns its length. */
size_t key_write_dnskey(const struct key *key, uint8_t *out) NONNULL(1, 2);

/* DS rdata (CDS has the same form) into OUT of DS_RDATA_MAX; returns its length. RFC 4034 5.1.4. */
size_t key_write_ds(const struct key *key, const struct ds_digest *digest, uint8_t *out) NONNULL(1, 2, 3);

/* Sets or clears a flag; the tag follows. */
void key_set_flag(struct key *key, enum key_flag flag, bool on) NONNULL(1);

/* The tag that the key has with REVOKE set or unset: never to be that of another key (RFC 5011 2.1). */
uint16_t key_other_tag(const struct key *key) NONNULL(1);

/* May A and B be confused by validators: the same algorithm and tag, revoked tags included? */
bool key_collides(const struct key *a, const struct key *b) NONNULL(1, 2);

bool key_same(const struct key *a, const struct key *b) NONNULL(1, 2);

/* Key tag of DNSKEY rdata (RFC 4034 appendix B). */
uint16_t dnskey_tag(const uint8_t *rdata, size_t len) NONNULL(1);

/* Does DS rdata name DNSKEY rdata of that owner? False also for digests that are not known. */
bool ds_matches(const uint8_t *ds, size_t ds_len, const uint8_t *owner, const uint8_t *dnskey,
    size_t dnskey_len) NONNULL(1, 3, 4);

/* Where a key stands at a time. */
bool key_published_at(const struct key *key, int64_t now) NONNULL(1);
bool key_active_at(const struct key *key, int64_t now) NONNULL(1);

/* A list of keys, growing. Owner: whoever made it. */
struct key_list {
    struct key **keys; /* held */
    unsigned count, capacity;
};

/* Takes the reference over. */
enum err key_list_add(struct key_list *list, struct key *key) NODISCARD NONNULL(1, 2);
void key_list_clear(struct key_list *list) NONNULL(1);

#endif
