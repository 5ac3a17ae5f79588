/* TSIG (RFC 8945): messages signed with a secret that both sides share. One struct tsig is one exchange, on
 * either side: a request and the message or messages that answer it, each of whose MACs covers the one
 * before.
 *
 *     server:  tsig_check_request --> tsig_sign_reply, once for each message of the reply
 *     client:  tsig_sign_request  --> tsig_check_reply, once for each message, tsig_check_end
 *
 * Every message sent is signed. Of those received in a transfer up to 99 in a row may come without (5.3.1),
 * but not the first and not the last. Whoever verifies decides what becomes of the message: nothing of one
 * that failed may be believed but what the error says.
 *
 * One thread at a time; no memory, no lock. The keys outlive it. */
#ifndef ZONE_SEC_TSIG_H
#define ZONE_SEC_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/sec/tsig_key.h"
#include "zone/wire/message.h"

#define TSIG_FUDGE_S 300 /* RFC 8945 10: the recommended value */
#define TSIG_UNSIGNED_MAX 99

/* The error field of the record; RCODE_BADVERS is BADSIG here. */
#define TSIG_BADSIG 16
#define TSIG_BADKEY 17
#define TSIG_BADTIME 18
#define TSIG_BADTRUNC 22

struct tsig {
    const struct tsig_key *key; /* NULL: the server does not know it */
    enum hmac_algorithm algorithm;
    uint16_t error; /* server: 0, or why the request is not to be believed */
    uint16_t fudge;
    uint16_t original_id;
    uint8_t mac_len;
    uint8_t mac[HMAC_MAX];   /* of the last message that was signed, as it was sent */
    bool later;              /* a message of the reply has been */
    unsigned unsigned_count; /* messages received since the last that was signed */
    uint64_t time_s;         /* the last message's time, as signed: no later one may be older */
    struct hmac running;     /* over what came since */
    uint8_t name_len, algorithm_len;
    uint8_t name[NAME_MAX + 1]; /* of the key, lower case, also of one not known */
    uint8_t algorithm_name[NAME_MAX + 1];
};

/* ---- the server's side ---- */

/* Checks the request, whose TSIG record begins at TSIG_AT (struct message tells). The rcode to answer with:
 * NOERROR, FORMERR or NOTAUTH; TSIG is fit for tsig_sign_reply but after FORMERR. */
enum rcode tsig_check_request(struct tsig *tsig, const struct tsig_ring *ring, const uint8_t *message,
    size_t len, size_t tsig_at, uint64_t now_s) NODISCARD NONNULL(1, 2, 3);

/* Octets that the TSIG record of a reply takes at most. */
size_t tsig_room(const struct tsig *tsig) NONNULL(1);

/* Appends the TSIG record to the LEN octets of a reply; returns the new length. A request that was not
 * believed gets the error, and a MAC where it can have one. */
size_t tsig_sign_reply(struct tsig *tsig, uint8_t *message, size_t len, uint64_t now_s) NONNULL(1, 2);

/* ---- the client's side ---- */

/* Begins an exchange: appends a TSIG record made with KEY to a request of LEN octets, which has
 * tsig_key_room() octets of room behind it; returns the new length. */
size_t tsig_sign_request(struct tsig *tsig, const struct tsig_key *key, uint8_t *message, size_t len,
    uint64_t now_s) NONNULL(1, 2, 3);

/* The same where a request that was believed goes on to another server as it came (RFC 8945 5.5): OUT checks
 * what that one replies. */
void tsig_forward(struct tsig *out, const struct tsig *request) NONNULL(1, 2);

/* The most that a record with this key takes. */
size_t tsig_key_room(const struct tsig_key *key) NONNULL(1);

/* Checks the next message of the reply and takes its TSIG record away: *LEN shrinks, ARCOUNT goes down.
 * ERR_INVALID, and *WHY says what is wrong, when it is not to be believed. */
enum err tsig_check_reply(struct tsig *tsig, uint8_t *message, size_t *len, uint64_t now_s,
    const char **why) NODISCARD NONNULL(1, 2, 3, 5);

/* After the last message. */
enum err tsig_check_end(const struct tsig *tsig, const char **why) NODISCARD NONNULL(1, 2);

/* "BADKEY", or NULL. */
const char *tsig_error_text(unsigned error) __attribute__((const));

#endif
