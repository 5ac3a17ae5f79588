/* Private keys that a PKCS#11 token keeps (an HSM, SoftHSM). The module is loaded when the first key of it is
 * opened, and one session with each token
 * is shared by all threads under a lock: tokens sign one after the other. A token that was away is logged in
 * to again when its keys are opened the next time. Needs no library but the module itself. */
#ifndef ZONE_SEC_PKCS11_H
#define ZONE_SEC_PKCS11_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/err.h"
#include "zone/sec/key.h"

/* Gives KEY, public so far, the private part that MODULE's token keeps under URI (RFC 7512:
 * "pkcs11:token=dns;object=ksk;pin-source=/etc/pin", of which token, object, id, pin-value and pin-source
 * count). PIN may be NULL when the URI has one. On failure WHY says what to do. */
enum err pkcs11_open(const char *module, const char *uri, const uint8_t *pin, size_t pin_len, struct key *key,
    char *why, size_t why_size) NODISCARD NONNULL(2, 5, 6);

/* Makes a key pair in the token, under the URI's object name and id, and a key of it. */
enum err pkcs11_generate(const char *module, const char *uri, const uint8_t *pin, size_t pin_len,
    const uint8_t *owner, const struct algorithm *algorithm, unsigned bits, uint16_t flags, struct key **out,
    char *why, size_t why_size) NODISCARD NONNULL(2, 5, 6, 9, 10);

#endif
