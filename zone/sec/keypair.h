/* Key pairs and signatures as DNSSEC writes them: the one door to OpenSSL and libsodium. A keypair is
 * frozen once made and shared by any number of threads. Each thread that signs takes a keypair_signer for
 * each key: what can be prepared once is prepared in it, so that a signature costs no more than its
 * mathematics.
 *
 * Private parts live in locked memory that is kept out of core dumps (sodium_malloc, OpenSSL's secure heap)
 * as far as the system lets us lock it. RSA: RFC 3110, 5702; ECDSA: RFC 6605; EdDSA: RFC 8080. */
#ifndef ZONE_SEC_KEYPAIR_H
#define ZONE_SEC_KEYPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/err.h"
#include "zone/sec/algorithm.h"

struct keypair;

/* A device that keeps the private key to itself, such as a PKCS#11 token. */
struct keypair_device {
    /* Signs LEN octets of a message; SIGNATURE has room for SIGNATURE_MAX, in the form of the RRSIG field.
     * Any thread. */
    enum err (*sign)(void *handle, const struct algorithm *algorithm, const uint8_t *message, size_t len,
        uint8_t *signature, size_t *signature_len);
    void (*release)(void *handle);
};

/* One named part of a private key as BIND's .private files have it ("Modulus", "PrivateKey" ...). */
struct keypair_part {
    const char *name;
    const uint8_t *bytes;
    size_t len;
};

#define KEYPAIR_PARTS_MAX 8
#define KEYPAIR_PARTS_OCTETS 4096 /* of all parts of a key together */

/* Makes what the calls below need, once; they do so themselves. False when the system has no randomness. */
bool keypair_ready(void);

/* A new key pair of BITS (RSA only; 0 for the usual). */
enum err keypair_generate(const struct algorithm *algorithm, unsigned bits, struct keypair **out) NODISCARD
    NONNULL(1, 3);

/* A public key from a DNSKEY's public key field. ERR_WIRE when it is none of the algorithm. */
enum err keypair_public(const struct algorithm *algorithm, const uint8_t *bytes, size_t len,
    struct keypair **out) NODISCARD NONNULL(1, 2, 4);

/* A key pair from its private parts. ERR_MISSING: a part is not there; ERR_INVALID: they do not fit together.
 */
enum err keypair_private(const struct algorithm *algorithm, const struct keypair_part *parts, unsigned count,
    struct keypair **out) NODISCARD NONNULL(1, 2, 4);

/* A key whose private part a device keeps; the handle is taken over. */
enum err keypair_foreign(const struct algorithm *algorithm, const uint8_t *bytes, size_t len,
    const struct keypair_device *device, void *handle, struct keypair **out) NODISCARD NONNULL(1, 2, 4, 6);

struct keypair *keypair_hold(struct keypair *key) NONNULL(1);
void keypair_release(struct keypair *key);

bool keypair_has_private(const struct keypair *key) NONNULL(1);

/* Does a device keep the private part? */
bool keypair_is_foreign(const struct keypair *key) NONNULL(1);

/* Bits of the key, as keygen lists tell them. */
unsigned keypair_bits(const struct keypair *key) NONNULL(1);

/* The DNSKEY's public key field into OUT of PUBLIC_MAX octets; returns its length. */
size_t keypair_write_public(const struct keypair *key, uint8_t *out) NONNULL(1, 2);

/* Takes the private key apart. The parts point into ROOM of KEYPAIR_PARTS_OCTETS, which the caller wipes.
 * ERR_UNSUPPORTED when a device keeps it. */
enum err keypair_parts(const struct keypair *key, struct keypair_part parts[KEYPAIR_PARTS_MAX],
    unsigned *count, uint8_t *room) NODISCARD NONNULL(1, 3, 4);

/* PEM (PKCS #8, not encrypted). The text printed is malloced and to be wiped. Reading: WANTED may be NULL;
 * without it RSA is RSASHA256. ERR_SYNTAX: it is no such PEM; ERR_UNSUPPORTED: it is no key of (that)
 * algorithm. */
enum err keypair_print_pem(const struct keypair *key, char **out, size_t *out_len) NODISCARD NONNULL(1, 2, 3);
enum err keypair_read_pem(const char *text, size_t len, const struct algorithm *wanted, struct keypair **out,
    const struct algorithm **algorithm) NODISCARD NONNULL(1, 4, 5);

/* One thread's means of signing with a key. */
struct keypair_signer;

enum err keypair_signer_new(struct keypair *key, struct keypair_signer **out) NODISCARD NONNULL(1, 2);
void keypair_signer_free(struct keypair_signer *signer);

/* Equal messages give equal signatures (RFC 6979 for ECDSA; the others do so anyway). */
void keypair_signer_deterministic(struct keypair_signer *signer, bool on) NONNULL(1);

/* Signs LEN octets; SIGNATURE has room for SIGNATURE_MAX and gets the form of the RRSIG field. */
enum err keypair_sign(struct keypair_signer *signer, const uint8_t *message, size_t len, uint8_t *signature,
    size_t *signature_len) NODISCARD NONNULL(1, 2, 4, 5);

/* True when the signature is the key's over the message. Any thread. */
bool keypair_verify(const struct keypair *key, const uint8_t *message, size_t len, const uint8_t *signature,
    size_t signature_len) NODISCARD NONNULL(1, 2, 4);

#endif
