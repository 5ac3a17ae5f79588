#include "zone/sec/tsig.h"

#include <sodium.h>
#include <string.h>

#include "zone/wire/type.h"

#define FIXED_LEN 10 /* type, class, TTL and RDLENGTH */
#define RDATA_LEN 16 /* of the rdata, without algorithm, MAC and other data */
#define OTHER_MAX 6  /* of other data: the server's time, in BADTIME */

/* The record, taken apart; pointers go into the message. */
struct taken {
    uint8_t name[NAME_MAX + 1], algorithm[NAME_MAX + 1]; /* lower case */
    size_t name_len, algorithm_len;
    uint64_t time_s;
    uint16_t fudge, mac_len, original_id, error, other_len;
    const uint8_t *mac, *other;
};

static inline uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint64_t read48(const uint8_t *at)
{
    return (uint64_t)read16(at) << 32 | (uint64_t)read16(at + 2) << 16 | read16(at + 4);
}

static inline uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put48(uint8_t *at, uint64_t value)
{
    return put16(put16(put16(at, (unsigned)(value >> 32)), (unsigned)(value >> 16)), (unsigned)value);
}

static uint8_t *put_octets(uint8_t *at, const void *octets, size_t len)
{
    if (len > 0)
        memcpy(at, octets, len);
    return at + len;
}

const char *tsig_error_text(unsigned error)
{
    switch (error) {
    case TSIG_BADSIG:
        return "BADSIG";
    case TSIG_BADKEY:
        return "BADKEY";
    case TSIG_BADTIME:
        return "BADTIME";
    case TSIG_BADTRUNC:
        return "BADTRUNC";
    default:
        return NULL;
    }
}

/* ---- reading ---- */

/* The fields behind the algorithm's name (RFC 8945 4.2), in the rdata from AT to END. */
static bool take_fields(struct taken *taken, const uint8_t *at, const uint8_t *end)
{
    if ((size_t)(end - at) < RDATA_LEN)
        return false;
    taken->time_s = read48(at);
    taken->fudge = read16(at + 6);
    taken->mac_len = read16(at + 8);
    taken->mac = at + 10;
    at += 10;
    if ((size_t)(end - at) < (size_t)taken->mac_len + 6)
        return false;
    at += taken->mac_len;
    taken->original_id = read16(at);
    taken->error = read16(at + 2);
    taken->other_len = read16(at + 4);
    taken->other = at + 6;
    return (size_t)(end - at) - 6 == taken->other_len;
}

static bool take(struct taken *taken, const uint8_t *message, size_t len, size_t at)
{
    struct message_record record;
    size_t name_at = at, end = at;
    if (message_record_read(message, len, &end, &record) != ERR_OK || record.type != TYPE_TSIG ||
        record.class != CLASS_ANY || record.ttl != 0 || end != len)
        return false;
    size_t algorithm_at = record.rdata_at, rdata_end = (size_t)record.rdata_at + record.rdata_len;
    if (name_read(message, len, &name_at, taken->name, &taken->name_len) != ERR_OK ||
        name_read(message, rdata_end, &algorithm_at, taken->algorithm, &taken->algorithm_len) != ERR_OK)
        return false;
    name_lower(taken->name, taken->name);
    name_lower(taken->algorithm, taken->algorithm);
    return take_fields(taken, message + algorithm_at, message + rdata_end);
}

/* ---- digesting ---- */

static void digest_prior(struct hmac *hmac, const uint8_t *mac, size_t len)
{
    uint8_t size[2];
    put16(size, (unsigned)len);
    hmac_add(hmac, size, 2);
    hmac_add(hmac, mac, len);
}

/* RFC 8945 4.3.2: the message as it was before the record was added. */
static void digest_message(
    struct hmac *hmac, const uint8_t *message, size_t len, unsigned id, unsigned records_more)
{
    uint8_t header[MESSAGE_HEADER_LEN];
    memcpy(header, message, sizeof header);
    put16(header, id);
    put16(header + 10, read16(message + 10) - records_more);
    hmac_add(hmac, header, sizeof header);
    hmac_add(hmac, message + sizeof header, len - sizeof header);
}

struct variables {
    uint64_t time_s;
    uint16_t fudge, error, other_len;
    const uint8_t *other;
};

/* RFC 8945 4.3.3: all of them, or, in the later messages of a reply, the timers alone (5.3.1). */
static void digest_variables(
    struct hmac *hmac, const struct tsig *tsig, const struct variables *variables, bool timers_only)
{
    static const uint8_t class_and_ttl[6] = {0, CLASS_ANY, 0, 0, 0, 0};
    uint8_t fixed[12];
    put16(put16(put16(put48(fixed, variables->time_s), variables->fudge), variables->error),
        variables->other_len);
    if (timers_only) {
        hmac_add(hmac, fixed, 8);
        return;
    }
    hmac_add(hmac, tsig->name, tsig->name_len);
    hmac_add(hmac, class_and_ttl, sizeof class_and_ttl);
    hmac_add(hmac, tsig->algorithm_name, tsig->algorithm_len);
    hmac_add(hmac, fixed, sizeof fixed);
    hmac_add(hmac, variables->other, variables->other_len);
}

static void remember(struct tsig *tsig, const uint8_t *mac, size_t len)
{
    memcpy(tsig->mac, mac, len);
    tsig->mac_len = (uint8_t)len;
}

/* Starts the digest of what comes behind the message whose MAC is remembered. */
static void run_on(struct tsig *tsig)
{
    hmac_begin(&tsig->running, &tsig->key->hmac[tsig->algorithm]);
    digest_prior(&tsig->running, tsig->mac, tsig->mac_len);
    tsig->unsigned_count = 0;
}

/* Octets of MACs made with the key. */
static size_t sent_len(const struct tsig *tsig)
{
    return tsig->key->truncated != 0 ? tsig->key->truncated : hmac_len(tsig->algorithm);
}

static bool is_within(uint64_t a, uint64_t b, uint16_t fudge)
{
    return (a > b ? a - b : b - a) <= fudge;
}

static bool macs_differ(const uint8_t *a, const uint8_t *b, size_t len)
{
    return sodium_memcmp(a, b, len) != 0; /* takes the same time wherever they differ */
}

/* ---- writing ---- */

/* Appends the record and counts it. */
static size_t append(const struct tsig *tsig, uint8_t *message, size_t len, const struct variables *variables,
    const uint8_t *mac, size_t mac_len)
{
    uint8_t *at = put_octets(message + len, tsig->name, tsig->name_len);
    at = put16(put16(put16(put16(at, TYPE_TSIG), CLASS_ANY), 0), 0);
    at = put16(at, (unsigned)(tsig->algorithm_len + RDATA_LEN + mac_len + variables->other_len));
    at = put_octets(at, tsig->algorithm_name, tsig->algorithm_len);
    at = put16(put48(at, variables->time_s), variables->fudge);
    at = put_octets(put16(at, (unsigned)mac_len), mac, mac_len);
    at = put16(put16(at, tsig->original_id), variables->error);
    at = put_octets(put16(at, variables->other_len), variables->other, variables->other_len);
    put16(message + 10, read16(message + 10) + 1u);
    return (size_t)(at - message);
}

static size_t sign(
    struct tsig *tsig, struct hmac *hmac, uint8_t *message, size_t len, const struct variables *variables)
{
    uint8_t mac[HMAC_MAX];
    digest_message(hmac, message, len, read16(message), 0);
    digest_variables(hmac, tsig, variables, tsig->later);
    hmac_end(hmac, mac);
    remember(tsig, mac, sent_len(tsig));
    return append(tsig, message, len, variables, mac, tsig->mac_len);
}

static size_t room(size_t name_len, size_t algorithm_len)
{
    return name_len + FIXED_LEN + algorithm_len + RDATA_LEN + HMAC_MAX + OTHER_MAX;
}

size_t tsig_room(const struct tsig *tsig)
{
    return room(tsig->name_len, tsig->algorithm_len);
}

size_t tsig_key_room(const struct tsig_key *key)
{
    return room(key->name_len, name_len(tsig_algorithm_wire(key->algorithm)));
}

/* ---- the server's side ---- */

/* RFC 8945 5.2.2.1: lengths that no MAC has are malformed; one too short for our taste is told later. */
static bool is_length_allowed(size_t len, size_t full)
{
    return len <= full && len >= TSIG_MAC_MIN && len >= full / 2;
}

/* RFC 8945 5.2.1 to 5.2.4, in this order. */
static uint16_t judge(
    struct tsig *tsig, const struct taken *taken, const uint8_t *message, size_t tsig_at, uint64_t now_s)
{
    struct variables variables = {taken->time_s, taken->fudge, taken->error, taken->other_len, taken->other};
    struct hmac hmac;
    uint8_t mac[HMAC_MAX];
    hmac_begin(&hmac, &tsig->key->hmac[tsig->algorithm]);
    digest_message(&hmac, message, tsig_at, taken->original_id, 1);
    digest_variables(&hmac, tsig, &variables, false);
    hmac_end(&hmac, mac);
    if (macs_differ(mac, taken->mac, taken->mac_len))
        return TSIG_BADSIG;
    remember(tsig, taken->mac, taken->mac_len);
    if (!is_within(taken->time_s, now_s, taken->fudge))
        return TSIG_BADTIME;
    return taken->mac_len < sent_len(tsig) ? TSIG_BADTRUNC : 0;
}

static bool find_key(struct tsig *tsig, const struct tsig_ring *ring)
{
    const struct tsig_key *key = tsig_ring_find(ring, tsig->name);
    tsig->key = NULL;
    if (key == NULL || !tsig_algorithm_find(tsig->algorithm_name, &tsig->algorithm) ||
        (!key->any && key->algorithm != tsig->algorithm))
        return false;
    tsig->key = key;
    return true;
}

enum rcode tsig_check_request(struct tsig *tsig, const struct tsig_ring *ring, const uint8_t *message,
    size_t len, size_t tsig_at, uint64_t now_s)
{
    struct taken taken;
    if (!take(&taken, message, len, tsig_at))
        return RCODE_FORMERR;
    tsig->later = false;
    tsig->mac_len = 0;
    tsig->fudge = taken.fudge;
    tsig->time_s = taken.time_s;
    tsig->original_id = taken.original_id;
    tsig->name_len = (uint8_t)taken.name_len;
    tsig->algorithm_len = (uint8_t)taken.algorithm_len;
    memcpy(tsig->name, taken.name, taken.name_len);
    memcpy(tsig->algorithm_name, taken.algorithm, taken.algorithm_len);
    if (!find_key(tsig, ring))
        tsig->error = TSIG_BADKEY;
    else if (!is_length_allowed(taken.mac_len, hmac_len(tsig->algorithm)))
        return RCODE_FORMERR;
    else
        tsig->error = judge(tsig, &taken, message, tsig_at, now_s);
    return tsig->error == 0 ? RCODE_NOERROR : RCODE_NOTAUTH;
}

/* RFC 8945 5.2: the answer to a request whose MAC could not be checked has no MAC itself, and BADTIME has the
 * client's time and, besides, ours (5.2.3). */
size_t tsig_sign_reply(struct tsig *tsig, uint8_t *message, size_t len, uint64_t now_s)
{
    uint8_t other[OTHER_MAX];
    struct variables variables = {
        .time_s = now_s, .fudge = TSIG_FUDGE_S, .error = tsig->error, .other = other};
    struct hmac hmac;
    tsig->original_id = read16(message);
    if (tsig->error == TSIG_BADKEY || tsig->error == TSIG_BADSIG) {
        variables.time_s = tsig->time_s;
        return append(tsig, message, len, &variables, NULL, 0);
    }
    if (tsig->error == TSIG_BADTIME) {
        put48(other, now_s);
        variables.other_len = OTHER_MAX;
        variables.time_s = tsig->time_s;
    }
    hmac_begin(&hmac, &tsig->key->hmac[tsig->algorithm]);
    digest_prior(&hmac, tsig->mac, tsig->mac_len);
    len = sign(tsig, &hmac, message, len, &variables);
    tsig->later = true;
    return len;
}

/* ---- the client's side ---- */

size_t tsig_sign_request(
    struct tsig *tsig, const struct tsig_key *key, uint8_t *message, size_t len, uint64_t now_s)
{
    struct variables variables = {.time_s = now_s, .fudge = TSIG_FUDGE_S};
    struct hmac hmac;
    const uint8_t *algorithm = tsig_algorithm_wire(key->algorithm);
    *tsig = (struct tsig){.key = key, .algorithm = key->algorithm, .fudge = TSIG_FUDGE_S};
    tsig->original_id = read16(message);
    tsig->name_len = key->name_len;
    memcpy(tsig->name, key->name, key->name_len);
    tsig->algorithm_len = (uint8_t)name_len(algorithm);
    memcpy(tsig->algorithm_name, algorithm, tsig->algorithm_len);
    hmac_begin(&hmac, &key->hmac[key->algorithm]);
    len = sign(tsig, &hmac, message, len, &variables);
    run_on(tsig);
    return len;
}

void tsig_forward(struct tsig *out, const struct tsig *request)
{
    *out = *request;
    run_on(out);
}

/* Where the message's TSIG record begins, 0 when it has none; it must be the last (RFC 8945 5.1). */
static enum err find_record(const uint8_t *message, size_t len, size_t *tsig_at)
{
    size_t at = MESSAGE_HEADER_LEN;
    struct message_record record;
    unsigned questions = len < MESSAGE_HEADER_LEN ? 0 : read16(message + 4);
    *tsig_at = 0;
    if (len < MESSAGE_HEADER_LEN)
        return ERR_WIRE;
    for (uint8_t name[NAME_MAX + 1]; questions > 0; questions--) {
        if (name_read(message, len, &at, name, NULL) != ERR_OK || len - at < 4)
            return ERR_WIRE;
        at += 4;
    }
    unsigned total = (unsigned)read16(message + 6) + read16(message + 8) + read16(message + 10);
    for (unsigned i = 0; i < total; i++) {
        size_t begin = at;
        if (*tsig_at != 0 || message_record_read(message, len, &at, &record) != ERR_OK)
            return ERR_WIRE;
        if (record.type == TYPE_TSIG)
            *tsig_at = begin;
    }
    return at == len ? ERR_OK : ERR_WIRE;
}

static enum err refuse(const char **why, const char *phrase)
{
    *why = phrase;
    return ERR_INVALID;
}

static const char *error_phrase(unsigned error)
{
    switch (error) {
    case TSIG_BADSIG:
        return "the server says BADSIG: its secret for this key is another";
    case TSIG_BADKEY:
        return "the server says BADKEY: it does not know this key with this algorithm";
    case TSIG_BADTIME:
        return "the server says BADTIME: its clock and ours differ by more than 300 seconds";
    case TSIG_BADTRUNC:
        return "the server says BADTRUNC: it wants longer MACs";
    default:
        return "the server's TSIG record says there was an error";
    }
}

static enum err check_unsigned(struct tsig *tsig, const uint8_t *message, size_t len, const char **why)
{
    if (!tsig->later)
        return refuse(why, "the reply is not signed");
    if (tsig->unsigned_count == TSIG_UNSIGNED_MAX)
        return refuse(why, "too many messages came without a signature");
    tsig->unsigned_count++;
    digest_message(&tsig->running, message, len, read16(message), 0);
    return ERR_OK;
}

static enum err check_signed(struct tsig *tsig, const struct taken *taken, const uint8_t *message,
    size_t tsig_at, uint64_t now_s, const char **why)
{
    struct variables variables = {taken->time_s, taken->fudge, taken->error, taken->other_len, taken->other};
    uint8_t mac[HMAC_MAX];
    if (!name_equal(taken->name, tsig->name) || !name_equal(taken->algorithm, tsig->algorithm_name))
        return refuse(why, "the reply is signed with another key or algorithm");
    if (taken->error != 0 && taken->mac_len == 0) /* cannot be proved, but is no answer either way */
        return refuse(why, error_phrase(taken->error));
    if (!is_length_allowed(taken->mac_len, hmac_len(tsig->algorithm)) || taken->mac_len < sent_len(tsig))
        return refuse(why, "the reply's MAC has a length that is not taken");
    digest_message(&tsig->running, message, tsig_at, taken->original_id, 1);
    digest_variables(&tsig->running, tsig, &variables, tsig->later);
    hmac_end(&tsig->running, mac);
    if (macs_differ(mac, taken->mac, taken->mac_len))
        return refuse(why, "the reply's signature is wrong");
    if (taken->error != 0)
        return refuse(why, error_phrase(taken->error));
    if (!is_within(taken->time_s, now_s, taken->fudge) || taken->time_s < tsig->time_s)
        return refuse(
            why, "the reply was signed at another time: its clock and ours differ, or it is a replay");
    return ERR_OK;
}

enum err tsig_check_reply(struct tsig *tsig, uint8_t *message, size_t *len, uint64_t now_s, const char **why)
{
    struct taken taken;
    size_t tsig_at;
    if (find_record(message, *len, &tsig_at) != ERR_OK)
        return refuse(why, "the reply is malformed");
    if (tsig_at == 0)
        return check_unsigned(tsig, message, *len, why);
    if (!take(&taken, message, *len, tsig_at))
        return refuse(why, "the reply's TSIG record is malformed");
    enum err err = check_signed(tsig, &taken, message, tsig_at, now_s, why);
    if (err != ERR_OK)
        return err;
    remember(tsig, taken.mac, taken.mac_len);
    tsig->time_s = taken.time_s;
    tsig->later = true;
    run_on(tsig);
    put16(message + 10, read16(message + 10) - 1u);
    *len = tsig_at;
    return ERR_OK;
}

enum err tsig_check_end(const struct tsig *tsig, const char **why)
{
    return tsig->unsigned_count == 0 ? ERR_OK : refuse(why, "the last message is not signed");
}
