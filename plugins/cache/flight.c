#include <stdlib.h>
#include <string.h>

#include "plugins/cache/cache.h"
#include "zone/wire/type.h"

static struct flight **bucket_of(struct cache_side *side, uint64_t hash)
{
    return &side->flights[(hash >> 32) % FLIGHT_BUCKETS];
}

struct flight *flight_find(struct cache_side *side, const struct cache_key *key)
{
    const struct question *question = key->question;
    for (struct flight *f = *bucket_of(side, key->hash); f != NULL; f = f->next) {
        if (f->hash == key->hash && f->flags == key->flags && f->type == question->type &&
            f->name_len == question->name_len && memcmp(f->name, question->lower, f->name_len) == 0)
            return f;
    }
    return NULL;
}

static void on_alarm(struct alarm *alarm, bool ending);

struct flight *flight_new(struct cache *cache, unsigned worker, const struct cache_key *key)
{
    struct cache_side *side = &cache->sides[worker];
    struct flight *flight = side->free_flights;
    if (flight != NULL)
        side->free_flights = flight->next;
    else if ((flight = malloc(sizeof *flight)) == NULL)
        return NULL;
    struct flight **bucket = bucket_of(side, key->hash);
    flight->cache = cache;
    flight->leader = NULL;
    flight->tcp = false;
    flight->waiters = NULL;
    flight->stale = NULL;
    flight->alarm.link = NULL;
    flight->alarm.ring = on_alarm;
    flight->worker = (uint16_t)worker;
    flight->hash = key->hash;
    flight->flags = key->flags;
    flight->type = key->question->type;
    flight->name_len = key->question->name_len;
    memcpy(flight->name, key->question->lower, key->question->name_len);
    flight->next = *bucket;
    flight->link = bucket;
    if (flight->next != NULL)
        flight->next->link = &flight->next;
    *bucket = flight;
    return flight;
}

void flight_give(struct flight *flight)
{
    struct cache_side *side = &flight->cache->sides[flight->worker];
    alarm_clear(&flight->alarm);
    *flight->link = flight->next;
    if (flight->next != NULL)
        flight->next->link = flight->link;
    flight->next = side->free_flights;
    side->free_flights = flight;
}

bool flight_join(struct flight *flight, struct query *query)
{
    struct cache_side *side = &flight->cache->sides[flight->worker];
    struct waiter *waiter = side->free_waiters;
    if (!query_may_wait(query) || (!flight->tcp && query->transport != TRANSPORT_UDP))
        return false;
    if (waiter != NULL)
        side->free_waiters = waiter->next;
    else if ((waiter = malloc(sizeof *waiter)) == NULL)
        return false;
    waiter->query = query;
    waiter->next = flight->waiters;
    flight->waiters = waiter;
    return true;
}

/* Everybody who waits gets ENTRY; NULL: nothing. */
static void resume_all(struct flight *flight, const struct entry *entry, bool stale)
{
    struct cache_side *side = &flight->cache->sides[flight->worker];
    while (flight->waiters != NULL) {
        struct waiter *waiter = flight->waiters;
        flight->waiters = waiter->next;
        waiter->next = side->free_waiters;
        side->free_waiters = waiter;
        if (entry != NULL)
            entry_answer(flight->cache, entry, waiter->query, stale);
        query_resume(waiter->query, entry != NULL ? SERVED_ANSWERED : SERVED_DROPPED);
    }
}

/* RFC 8767 5: the upstream takes too long, the client gets the old answer now. */
static void on_alarm(struct alarm *alarm, bool ending)
{
    struct flight *flight = (struct flight *)(void *)((char *)alarm - offsetof(struct flight, alarm));
    if (ending || flight->stale == NULL)
        return;
    cache_count(&flight->cache->store->counters[flight->worker].stale);
    resume_all(flight, flight->stale, true);
    flight->stale = NULL; /* nobody is left who keeps it from being freed */
}

void flight_fall_back(struct flight *flight, struct entry *stale)
{
    const struct cache *cache = flight->cache;
    flight->stale = stale;
    if (cache->verify_ms != 0 && flight->alarm.link == NULL)
        alarm_set(&flight->alarm, flight->worker, cache->verify_ms);
}

/* ---- landing ---- */

/* An answer of one kind takes the place of one of the other; a failure does not take that of an answer which
 * may still be given stale. */
static bool keep(struct cache *cache, struct flight *flight, struct entry *entry, enum kind kind)
{
    struct cache_counters *counters = &cache->store->counters[flight->worker];
    struct question question;
    question_set(&question, entry->body.message + MESSAGE_HEADER_LEN, flight->type, CLASS_IN);
    struct cache_key key = {flight->hash, &question, flight->flags};
    struct cache_table *other = &cache->tables[kind == KIND_SUCCESS ? KIND_DENIAL : KIND_SUCCESS];
    const struct entry *before = cache_table_find(other, &key);
    bool failed = entry->rcode == RCODE_SERVFAIL;
    if (before == NULL)
        before = cache_table_find(&cache->tables[kind], &key);
    if (failed && before != NULL && before->rcode != RCODE_SERVFAIL && entry->stored_ms < before->stale_ms)
        return false;
    bool denies_positive = kind == KIND_DENIAL && cache->prefer_positive && cache->stale_mode != STALE_OFF;
    if (!denies_positive)
        cache_table_remove(other, &key);
    if (cache_table_add(&cache->tables[kind], entry, entry->stored_ms))
        cache_count(&counters->evictions[kind]);
    return true;
}

/* RFC 8767 4: a failure to refresh means that the old answer is given. */
static const struct entry *stale_instead(struct flight *flight, const struct query *query)
{
    bool failed =
        query == NULL || query->reply.rcode == RCODE_SERVFAIL || query->reply.rcode == RCODE_REFUSED;
    return failed ? flight->stale : NULL;
}

/* Who asked first gets the TTL that all others will, so that it does not jump (CoreDNS, and RFC 2308 5 for
 * denials). */
static void retime(const struct cache *cache, const struct entry *entry, struct query *query)
{
    struct reply *reply = &query->reply;
    if (reply->body == NULL) {
        entry_answer(cache, entry, query, false);
        return;
    }
    reply->retimed = true;
    reply->body_ttl = entry->ttl;
}

void flight_land(struct flight *flight, struct query *query)
{
    struct cache *cache = flight->cache;
    const struct entry *stale = stale_instead(flight, query);
    struct entry *entry = NULL;
    enum kind kind;
    uint64_t ttl_ms = 0;
    if (query != NULL)
        entry = entry_make(cache, flight, query, &kind, &ttl_ms);
    bool kept = entry != NULL && ttl_ms > 0 && keep(cache, flight, entry, kind);
    if (kept && query == flight->leader && entry->rcode != RCODE_SERVFAIL)
        retime(cache, entry, query);
    if (entry != NULL && !kept)
        host_retire(free, entry); /* those who wait are answered before it goes */
    if (stale != NULL && flight->waiters != NULL)
        cache_count(&cache->store->counters[flight->worker].stale);
    resume_all(flight, stale != NULL ? stale : entry, stale != NULL);
    flight_give(flight);
}

/* ---- in the background ---- */

static void on_copy_done(struct query *copy, enum served verdict, void *context)
{
    flight_land(context, verdict == SERVED_ANSWERED ? copy : NULL);
}

bool flight_begin_behind(struct flight *flight, struct query *query)
{
    if (query_behind(query, on_copy_done, flight) == ERR_OK)
        return true;
    flight_land(flight, NULL);
    return false;
}
