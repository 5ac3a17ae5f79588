/* Verifying many ECDSA P-256 signatures of one key. A signature (r, s) over e holds when r is x of
 * (e/s)G + (r/s)Q. OpenSSL has a table of multiples for G alone; with one for Q, too, both products are sums
 * of table entries, and a verification costs less than half. The table takes 150 kB and some milliseconds, as
 * much as it saves in five hundred verifications. Public values only: nothing here is constant in time. */
#ifndef ZONE_SEC_EC_TABLE_H
#define ZONE_SEC_EC_TABLE_H

#include <openssl/ec.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

struct ec_table;

/* Of KEY's public point; NULL: there is no memory, or the curve is another one. */
struct ec_table *ec_table_new(const EC_KEY *key) NODISCARD NONNULL(1);
void ec_table_free(struct ec_table *table);

/* Is SIGNATURE (r | s, 32 octets each) the key's over DIGEST (32 octets)? Any thread. */
enum ec_verdict { EC_VALID, EC_INVALID, EC_NO_MEMORY };
enum ec_verdict ec_table_verify(
    const struct ec_table *table, const uint8_t *digest, const uint8_t *signature) NODISCARD NONNULL(1, 2, 3);

#endif
