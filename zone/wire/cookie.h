/* DNS cookies (RFC 7873) in the form that servers of several makes share (RFC 9018 4): a client that shows
 * the cookie it got from us did receive it, so its address is not forged.
 *
 *     | client cookie 8 | version 1 | reserved 3 | timestamp 4 | hash 8 |
 *
 *     hash = SipHash-2-4(client cookie | version | reserved | timestamp | client address, secret)
 *
 * The server keeps nothing but its secrets. Pure; any thread. */
#ifndef ZONE_WIRE_COOKIE_H
#define ZONE_WIRE_COOKIE_H

#include <stdint.h>

#include "zone/base/attr.h"

#define COOKIE_CLIENT_LEN 8
#define COOKIE_LEN 24 /* client and server cookie together */
#define COOKIE_SECRET_LEN 16
#define COOKIE_SECRETS_MAX 8

/* The first secret makes cookies; those made with the others are still taken (RFC 9018 5). */
struct cookie_secrets {
    uint8_t secret[COOKIE_SECRETS_MAX][COOKIE_SECRET_LEN];
    unsigned count;
};

/* Who asks, and when. */
struct cookie_client {
    const uint8_t *ip; /* network order */
    uint8_t ip_len;    /* 4 or 16 */
    uint32_t now_s;    /* seconds since 1970, modulo 2^32 */
};

enum cookie_verdict {
    COOKIE_MALFORMED, /* of a length that RFC 7873 5.2.2 answers by FORMERR */
    COOKIE_CLIENT,    /* the client's cookie alone */
    COOKIE_UNKNOWN,   /* a server cookie that is not ours, or is too old */
    COOKIE_AGED,      /* ours, but so old (or of an old secret) that the client should get a new one */
    COOKIE_FRESH      /* ours, to be sent back as it is */
};

/* Judges the LEN octets of a COOKIE option. */
enum cookie_verdict cookie_check(const struct cookie_secrets *secrets, const struct cookie_client *client,
    const uint8_t *option, unsigned len) NONNULL(1, 2, 3);

/* Writes the option for the reply; ASKED begins with the client's cookie. */
void cookie_make(const struct cookie_secrets *secrets, const struct cookie_client *client,
    const uint8_t *asked, uint8_t out[COOKIE_LEN]) NONNULL(1, 2, 3, 4);

#endif
