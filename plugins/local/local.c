/* local: answers for names that must not leave the host (RFC 6761 6.3, RFC 6303): localhost, the reverse
 * zones of 0/8, 127/8 and 255/8, and clients' mistakes of the form localhost.DOMAIN. */
#include <string.h>

#include "plugins/keep.h"
#include "plugins/metrics.h"
#include "plugins/plugin.h"
#include "zone/wire/type.h"

#define TTL 604800 /* a week, as CoreDNS */

struct local {
    bool localhost_prefix;
    const char *tally_name;
    struct tally *tally; /* [0]: localhost.DOMAIN */
};

static const struct option options[] = {
    {.word = "localhost_prefix",
        .arg = "on|off",
        .kind = OPTION_ON_OFF,
        .offset = offsetof(struct local, localhost_prefix),
        .fallback = "on",
        .help = "answer localhost.DOMAIN with the loopback addresses, too"},
    OPTIONS_END,
};

static const uint8_t localhost[] = "\011localhost";
static const uint8_t loopback4[4] = {127, 0, 0, 1}, loopback6[16] = {[15] = 1};
static const uint8_t reverse_loopback[] = "\0011\0010\0010\003127\007in-addr\004arpa";

static const uint8_t *const zones[] = {
    localhost,
    (const uint8_t *)"\0010\007in-addr\004arpa",
    (const uint8_t *)"\003127\007in-addr\004arpa",
    (const uint8_t *)"\003255\007in-addr\004arpa",
};

static enum err setup(struct setup *setup, void **self)
{
    struct local *local = ARENA_NEW(setup->world, struct local);
    if (local == NULL)
        return ERR_MEMORY;
    *self = local;
    local->tally_name = keep_name(setup, KEEP_KEYS, "queries");
    return local->tally_name == NULL ? ERR_MEMORY : options_parse(setup, options, local);
}

static enum err start(void *self)
{
    struct local *local = self;
    local->tally = tally_take(local->tally_name);
    return local->tally != NULL ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    const struct local *local = self;
    keep_drop(local->tally_name, local->tally);
}

static enum served add(struct query *query, enum section section, const uint8_t *owner, uint16_t type,
    const void *rdata, size_t len)
{
    struct rdata_ref ref = {rdata, (uint16_t)len};
    struct rrset *rrset = rrset_make(query->scratch, type, TTL, &ref, 1);
    struct rr_ref *added = rrset != NULL ? reply_add(&query->reply, section, rrset, query->scratch) : NULL;
    if (added == NULL || reply_set_owner(added, owner, query->question, query->scratch) != ERR_OK)
        return query_fail(query, "local", RCODE_SERVFAIL, "out of memory");
    return SERVED_ANSWERED;
}

/* localhost. as its own name server; the zones have nothing else. */
static enum served add_soa(struct query *query, enum section section, const uint8_t *zone)
{
    uint8_t rdata[2 * NAME_MAX];
    size_t len = name_len(localhost);
    static const uint8_t root[] = "\004root";
    static const uint32_t numbers[5] = {1, 0, 0, 0, TTL};
    memcpy(rdata, localhost, len);
    memcpy(rdata + len, root, sizeof root);
    len += sizeof root;
    for (unsigned i = 0; i < 5; i++, len += 4) {
        uint32_t number = __builtin_bswap32(numbers[i]);
        memcpy(rdata + len, &number, 4);
    }
    return add(query, section, zone, TYPE_SOA, rdata, len);
}

static enum served answer_address(struct query *query)
{
    const uint8_t *name = query->question->name;
    query->reply.authoritative = true;
    if (query->question->type == TYPE_A)
        return add(query, SECTION_ANSWER, name, TYPE_A, loopback4, sizeof loopback4);
    if (query->question->type == TYPE_AAAA)
        return add(query, SECTION_ANSWER, name, TYPE_AAAA, loopback6, sizeof loopback6);
    return SERVED_ANSWERED;
}

static enum served answer_zone(struct query *query, const uint8_t *zone)
{
    const struct question *question = query->question;
    bool apex = name_equal(question->lower, zone);
    query->reply.authoritative = true;
    if (zone == localhost && (question->type == TYPE_A || question->type == TYPE_AAAA))
        return answer_address(query);
    if (question->type == TYPE_PTR && name_equal(question->lower, reverse_loopback))
        return add(query, SECTION_ANSWER, question->name, TYPE_PTR, localhost, sizeof localhost);
    if (apex && question->type == TYPE_NS)
        return add(query, SECTION_ANSWER, zone, TYPE_NS, localhost, sizeof localhost);
    return add_soa(query, apex && question->type == TYPE_SOA ? SECTION_ANSWER : SECTION_AUTHORITY, zone);
}

/* All of the zones are below one of two names. */
static bool may_be_local(const struct question *question)
{
    const uint8_t *top =
        question->lower + question->label_at[question->labels > 0 ? question->labels - 1 : 0];
    return (top[0] == 4 && memcmp(top, "\004arpa", 5) == 0) ||
           (top[0] == 9 && memcmp(top, localhost, 10) == 0);
}

static enum served serve(void *self, struct query *query)
{
    const struct local *local = self;
    const struct question *question = query->question;
    for (unsigned i = 0; UNLIKELY(may_be_local(question)) && i < ARRAY_COUNT(zones); i++) {
        if (question_under(question, zones[i]))
            return answer_zone(query, zones[i]);
    }
    if (local->localhost_prefix && question->labels > 1 && question->lower[0] == 9 &&
        memcmp(question->lower, localhost, 10) == 0) {
        tally_add(local->tally, query->worker, 0, 1);
        return answer_address(query);
    }
    return SERVED_NEXT;
}

static void metrics(void *self, struct metrics *out)
{
    static const struct metric requests = {
        "coredns_local_localhost_requests_total", METRIC_COUNTER, "Counter of localhost.<domain> requests."};
    metrics_add(out, &requests, (double)tally_sum(((struct local *)self)->tally, 0), METRIC_NO_LABELS);
}

static const struct plugin local_plugin = {
    .abi = PLUGIN_ABI,
    .name = "local",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(local)
