#include "plugins/serving.h"

#include "plugins/follow.h"
#include "zone/store/answer.h"
#include "zone/wire/type.h"

enum err serving_init(struct serving *serving, const char *plugin, unsigned count)
{
    serving->plugin = plugin;
    serving->mark = serving;
    arena_init(&serving->memory, 4096); /* many blocks have one zone each */
    return suffix_init(&serving->table, &serving->memory, count);
}

void serving_clear(struct serving *serving)
{
    arena_clear(&serving->memory);
}

enum err serving_add(struct serving *serving, struct serving_zone *zone)
{
    return suffix_add(&serving->table, zone->zone->name, zone);
}

struct serving_zone *serving_find(const struct serving *serving, const uint8_t *name)
{
    const struct suffix_entry *entry = serving->table.count > 0 ? suffix_exact(&serving->table, name) : NULL;
    return entry != NULL ? entry->value : NULL;
}

/* Which zone, and its present snapshot. */
static bool choose_zone(const struct serving *serving, struct query *query)
{
    struct lookup *lookup = &query->lookup;
    const struct suffix_entry *entry = lookup->owner == NULL && serving->table.count > 0
                                           ? suffix_route(&serving->table, query->question)
                                           : NULL;
    if (entry == NULL)
        return false;
    const struct serving_zone *chosen = entry->value;
    struct snapshot *snapshot = atomic_load_explicit(&chosen->zone->current, memory_order_acquire);
    lookup->owner = serving->mark;
    lookup->zone = chosen;
    lookup->find.snapshot = snapshot;
    __builtin_prefetch(snapshot);
    return snapshot != NULL;
}

/* zone -> snapshot -> image -> header -> index bucket -> node: each step starts the read that the next needs.
 */
bool serving_prefetch(const struct serving *serving, struct query *query, unsigned step)
{
    struct find *find = &query->lookup.find;
    if (step == 0)
        return choose_zone(serving, query);
    if (query->lookup.owner != serving->mark || find->snapshot == NULL)
        return false;
    return find_approach(find, query->question, step);
}

static bool falls(const struct serving_zone *zone, const struct question *question)
{
    for (unsigned i = 0; i < zone->fall_count; i++) {
        if (name_under(question->lower, zone->fall[i]))
            return true;
    }
    return false;
}

/* RFC 8914 4.15: a zone that has not come yet, or that nobody has confirmed for longer than its SOA allows
 * (RFC 1035 3.3.13). */
static enum served not_ready(const struct serving *serving, struct query *query, const struct zone *zone)
{
    bool expired = atomic_load_explicit(&zone->expired, memory_order_relaxed);
    enum served served = query_fail(query, serving->plugin, RCODE_SERVFAIL, "%s",
        expired ? "the zone has expired" : "the zone has not been transferred yet");
    query->reply.ede = EDE_NOT_READY + 1;
    query->reply.ede_text = expired ? "zone expired" : "zone not transferred yet";
    return served;
}

enum served serving_no_transfer(struct query *query, const struct zone *zone)
{
    bool apex = name_equal(query->question->lower, zone->name);
    query->reply.rcode = apex ? RCODE_REFUSED : RCODE_NOTAUTH; /* RFC 5936 2.2.1 */
    query->reply.ede = (apex ? EDE_PROHIBITED : EDE_NOT_AUTHORITATIVE) + 1;
    return SERVED_ANSWERED;
}

/* An alias led out of the zone, or to what it delegates. */
static enum served go_on(
    const struct serving *serving, const struct serving_zone *chosen, struct query *query)
{
    const uint8_t *target = follow_target(&query->reply);
    struct question question;
    if (target == NULL)
        return SERVED_ANSWERED;
    question_set(&question, target, query->question->type, CLASS_IN);
    const struct suffix_entry *entry = suffix_route(&serving->table, &question);
    return entry != NULL && entry->value != chosen ? follow(query) : follow_elsewhere(query);
}

enum served serving_serve(const struct serving *serving, struct query *query)
{
    struct lookup *lookup = &query->lookup;
    const struct question *question = query->question;
    if (lookup->owner != serving->mark) {
        for (unsigned step = 0; serving_prefetch(serving, query, step); step++)
            continue;
        if (lookup->owner != serving->mark)
            return SERVED_NEXT;
    }
    const struct serving_zone *chosen = lookup->zone;
    if (UNLIKELY(lookup->find.snapshot == NULL))
        return not_ready(serving, query, chosen->zone);
    if (UNLIKELY(question->type == TYPE_AXFR || question->type == TYPE_IXFR))
        return serving_no_transfer(query, chosen->zone);
    find_end(&lookup->find);
    struct answer_options how = {.dnssec = query->dnssec, .iterations = chosen->iterations};
    enum verdict verdict = answer_found(&lookup->find, &how, &query->reply, query->scratch);
    if (UNLIKELY(chosen->fall_count > 0) && verdict == VERDICT_NXDOMAIN && falls(chosen, question)) {
        reply_clear(&query->reply);
        lookup->owner = NULL;
        return SERVED_NEXT;
    }
    if (UNLIKELY(query->reply.count > 0 && (verdict == VERDICT_ALIAS || verdict == VERDICT_REFERRAL)))
        return go_on(serving, chosen, query);
    return SERVED_ANSWERED;
}
