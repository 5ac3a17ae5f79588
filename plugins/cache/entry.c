/* From replies to entries and back. What is kept for how long are CoreDNS's rules (plugin/pkg/response,
 * dnsutil), which those of RFC 2308 are in. */
#include <stdlib.h>
#include <string.h>

#include "plugins/cache/cache.h"
#include "zone/wire/encode.h"
#include "zone/wire/response.h"
#include "zone/wire/type.h"

#define MESSAGE_KEPT 16384 /* octets; what is larger is not worth its place */
#define TTL_DEFAULT 5      /* of an answer without records */

/* ---- the octets ---- */

/* A reply made of references (of another plugin than forward) becomes octets first. */
static bool read_references(struct cache_side *side, struct query *query, struct response *response)
{
    struct message message = {.flags = query->message.flags,
        .body_at = (uint32_t)(MESSAGE_HEADER_LEN + query->question->name_len + 4),
        .question = *query->question,
        .edns = {.size = EDNS_SIZE_MIN}};
    struct envelope envelope = {.query = &message, .limit = MESSAGE_KEPT};
    if (side->encoded == NULL && (side->encoded = malloc(MESSAGE_KEPT)) == NULL)
        return false;
    size_t len = reply_encode(&envelope, &query->reply, side->encoded);
    return response_read(response, side->encoded, len) == ERR_OK && (response->flags & MESSAGE_TC) == 0;
}

/* ---- how long ---- */

static uint64_t clamp_ms(const struct cache *cache, enum kind kind, uint32_t ttl)
{
    if (ttl < cache->min_ttl[kind])
        ttl = cache->min_ttl[kind];
    if (ttl > cache->max_ttl[kind])
        ttl = cache->max_ttl[kind];
    return (uint64_t)ttl * 1000;
}

static bool is_disabled(const struct cache *cache, enum kind kind, const uint8_t *name)
{
    for (unsigned i = 0; i < cache->disabled[kind].count; i++) {
        if (name_under(name, cache->disabled[kind].zones[i]))
            return true;
    }
    return false;
}

/* RFC 2308 5: a denial holds as long as its SOA says; without one it is not kept. RFC 2308 7.1: failures at
 * most five minutes. */
static uint64_t judge(
    const struct cache *cache, const struct reply *reply, const struct reply_body *body, enum kind *kind)
{
    bool answer = body->counts[SECTION_ANSWER] > 0;
    *kind = KIND_SUCCESS;
    if (reply->truncated || reply->rcode == RCODE_SERVFAIL) {
        *kind = KIND_DENIAL;
        return reply->truncated ? 0 : cache->servfail_ms;
    }
    if (reply->rcode != RCODE_NOERROR && reply->rcode != RCODE_NXDOMAIN)
        return 0;
    if (answer && reply->rcode == RCODE_NOERROR)
        return clamp_ms(cache, KIND_SUCCESS, body->ttl);
    if (body->soa) {
        *kind = KIND_DENIAL;
        return clamp_ms(cache, KIND_DENIAL, body->soa_ttl < body->ttl ? body->soa_ttl : body->ttl);
    }
    if (reply->rcode == RCODE_NXDOMAIN)
        return 0;
    return clamp_ms(cache, KIND_SUCCESS, body->ttl == UINT32_MAX ? TTL_DEFAULT : body->ttl);
}

/* ---- entries ---- */

static uint8_t *write_question(uint8_t *at, const struct flight *flight)
{
    memset(at, 0, MESSAGE_HEADER_LEN);
    at += MESSAGE_HEADER_LEN;
    memcpy(at, flight->name, flight->name_len);
    at += flight->name_len;
    at[0] = (uint8_t)(flight->type >> 8);
    at[1] = (uint8_t)flight->type;
    at[2] = 0;
    at[3] = CLASS_IN;
    return at + 4;
}

static struct entry *build(
    const struct flight *flight, const struct reply *reply, const struct reply_body *body)
{
    size_t places = body->ttl_count * sizeof(uint16_t);
    struct entry *entry = malloc(sizeof *entry + places + body->end);
    if (entry == NULL)
        return NULL;
    *entry = (struct entry){.hash = flight->hash,
        .rcode = reply->rcode,
        .ede = reply->ede_text == NULL ? reply->ede : 0,
        .flags = flight->flags,
        .name_len = flight->name_len,
        .authentic = reply->authentic,
        .recursion = reply->recursion,
        .truncated = reply->truncated,
        .body = *body};
    uint8_t *message = (uint8_t *)entry->places + places;
    if (places > 0)
        memcpy(entry->places, body->ttl_at, places);
    uint8_t *at = write_question(message, flight);
    memcpy(at, body->message + body->at, body->end - body->at);
    entry->body.message = message;
    entry->body.ttl_at = entry->places;
    return entry;
}

struct entry *entry_make(
    struct cache *cache, const struct flight *flight, struct query *query, enum kind *kind, uint64_t *ttl_ms)
{
    struct reply *reply = &query->reply;
    struct response response;
    const struct reply_body *body = reply->body;
    if (body == NULL) {
        if (reply->raw != NULL && query_open(query) != ERR_OK)
            return NULL;
        if (!read_references(&cache->sides[query->worker], query, &response))
            return NULL;
        body = &response.body;
    }
    if (!body->ttls_whole || body->end > MESSAGE_KEPT ||
        body->at != (uint32_t)(MESSAGE_HEADER_LEN + flight->name_len + 4))
        return NULL;
    struct entry *entry = build(flight, reply, body);
    if (entry == NULL)
        return NULL;
    *ttl_ms = judge(cache, reply, body, kind);
    if (is_disabled(cache, *kind, flight->name))
        *ttl_ms = 0;
    uint64_t now = worker_now_ms(query->worker);
    bool failed = reply->rcode == RCODE_SERVFAIL;
    entry->denial = *kind == KIND_DENIAL;
    entry->ttl = (uint32_t)(*ttl_ms / 1000);
    entry->stored_ms = now;
    entry->expires_ms = now + *ttl_ms;
    entry->stale_ms = entry->expires_ms + (failed ? 0 : cache->stale_ms);
    entry->used = (uint32_t)(now / CACHE_USED_MS);
    return entry;
}

static uint32_t ttl_left(const struct cache *cache, const struct entry *entry, uint64_t now)
{
    uint64_t age = (now - entry->stored_ms) / 1000;
    return cache->keep_ttl ? entry->ttl : age < entry->ttl ? entry->ttl - (uint32_t)age : 0;
}

/* RFC 8767 4: a stale answer has a TTL of its own; RFC 8914 4.4, 4.20. AA is nobody's who tells from memory.
 */
void entry_answer(const struct cache *cache, const struct entry *entry, struct query *query, bool stale)
{
    struct reply *reply = &query->reply;
    reply->rcode = entry->rcode;
    reply->authentic = entry->authentic;
    reply->recursion = entry->recursion;
    reply->truncated = entry->truncated;
    reply->body = &entry->body;
    reply->retimed = true;
    reply->ede = entry->ede;
    if (UNLIKELY(stale)) {
        reply->body_ttl = cache->stale_ttl;
        reply->ede = (entry->rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE) + 1;
        return;
    }
    reply->body_ttl = ttl_left(cache, entry, worker_now_ms(query->worker));
    if (UNLIKELY(entry->rcode == RCODE_SERVFAIL && reply->ede == 0))
        reply->ede = EDE_CACHED_ERROR + 1;
}
