/* rrl: response rate limiting, so that forged queries do not make this server flood somebody (the idea and
 * the classes are BIND's, the words those of CoreDNS's external plugin). Replies over UDP are charged to an
 * account of the client's network, the kind of reply and what it is about; when that is overdrawn they are
 * dropped, but every Nth slips through, empty and truncated, so that an honest client comes by TCP.
 *
 * Each worker has accounts of its own. The kernel spreads queries over the workers by address and port, so
 * each worker gives out its share of the rate. */
#include <arpa/inet.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/plugin.h"
#include "plugins/rrl/table.h"
#include "zone/base/hash.h"
#include "zone/base/log.h"
#include "zone/store/overlay.h"
#include "zone/wire/netset.h"
#include "zone/wire/type.h"

#define SECOND_NS INT64_C(1000000000)
#define REPORT_MS 10000 /* how often the log tells of limited replies */

enum kind { KIND_ANSWER, KIND_NODATA, KIND_NXDOMAIN, KIND_REFERRAL, KIND_ERROR, KIND_REQUEST, KIND_COUNT };

/* One worker's side. It alone writes; the control thread reads the counters. */
struct side {
    struct rrl_table table;
    _Atomic uint64_t limited, slipped;
    _Atomic uint64_t last; /* the client limited last: IPv4 address, or the upper half of an IPv6 one */
};

struct rrl {
    const uint8_t *const *zones;
    unsigned zones_count;
    bool whole_block;                  /* the zones are the block's: names need no comparing */
    struct rrl_rate rates[KIND_COUNT]; /* cost 0: not limited */
    struct netset exempt;
    uint64_t mask4, mask6[2]; /* of the client's network; IPv4 in the lower 32 bits */
    uint64_t seed;
    uint32_t slip;
    bool report_only;
    const struct block *block;
    int64_t table_size;
    struct side *sides;
    unsigned sides_count;
    struct host_timer *timer;
    uint64_t told_limited, told_slipped;
};

struct written {
    struct option_zones zones;
    int64_t window_s, prefix4, prefix6, slip, table_size;
    const char *rates[KIND_COUNT];
    struct option_networks exempt;
    bool report_only;
};

#define RATE(kind_, word_, help_)                                                                            \
    {                                                                                                        \
        .word = word_, .arg = "RATE", .kind = OPTION_STRING,                                                 \
        .offset = offsetof(struct written, rates) + (kind_) * sizeof(const char *), .help = help_            \
    }

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "names whose replies are limited; the block's zones when left out"},
    RATE(KIND_ANSWER, "responses-per-second",
        "replies with an answer, for each name and type; from 0.001 to 1000000, 0: not limited, which is the "
        "default"),
    RATE(KIND_NODATA, "nodata-per-second",
        "replies that there is no such type, for each name; as responses-per-second when left out"),
    RATE(KIND_NXDOMAIN, "nxdomains-per-second",
        "replies that there is no such name, for each zone; as responses-per-second when left out"),
    RATE(KIND_REFERRAL, "referrals-per-second",
        "referrals, for each delegation; as responses-per-second when left out"),
    RATE(KIND_ERROR, "errors-per-second",
        "other replies, all together; as responses-per-second when left out"),
    RATE(KIND_REQUEST, "requests-per-second",
        "queries of any kind, all together; what is over this limit is dropped unanswered; not limited when "
        "left out"),
    {.word = "window",
        .arg = "SECONDS",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, window_s),
        .min = 1,
        .max = 3600,
        .fallback = "15",
        .help = "for how long at most a client stays limited when its queries stop"},
    {.word = "slip-ratio",
        .arg = "N",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, slip),
        .max = 1000,
        .fallback = "2",
        .help = "every Nth reply over the limit is sent empty and truncated; 0: none"},
    {.word = "ipv4-prefix-length",
        .arg = "BITS",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, prefix4),
        .min = 1,
        .max = 32,
        .fallback = "24",
        .help = "how much of an IPv4 address is one client"},
    {.word = "ipv6-prefix-length",
        .arg = "BITS",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, prefix6),
        .min = 1,
        .max = 128,
        .fallback = "56",
        .help = "how much of an IPv6 address is one client"},
    {.word = "exempt",
        .arg = "NETWORKS...",
        .kind = OPTION_NETWORKS,
        .offset = offsetof(struct written, exempt),
        .help = "clients that are never limited"},
    {.word = "max-table-size",
        .arg = "N",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, table_size),
        .min = 64,
        .max = 100000000,
        .fallback = "100000",
        .help = "accounts there are, 16 octets each; a new one takes the place of one with much credit"},
    {.word = "report-only",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct written, report_only),
        .help = "nothing is limited; the log tells what would have been"},
    OPTIONS_END,
};

/* ---- setting up ---- */

static enum err read_rate(struct setup *setup, const char *text, double *rate)
{
    char *end;
    size_t len = strspn(text, "0123456789.");
    *rate = strtod(text, &end);
    if (len == 0 || text[len] != '\0' || *end != '\0' || *rate > 1e6 || (*rate > 0 && *rate < 0.001))
        return setup_error(setup, &setup->directive->name, "write 10 or 0.5",
            "'%s' is not a rate from 0.001 to 1000000, or 0", text);
    return ERR_OK;
}

static enum err read_rates(struct setup *setup, const struct written *written, struct rrl *rrl)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const char *text = written->rates[kind];
        if (text == NULL)
            text = kind == KIND_REQUEST ? NULL : written->rates[KIND_ANSWER];
        double rate = 0;
        enum err err = text != NULL ? read_rate(setup, text, &rate) : ERR_OK;
        if (err != ERR_OK)
            return err;
        rrl->rates[kind].cost_ns = rate > 0 ? (int64_t)((double)SECOND_NS / rate) : 0;
        rrl->rates[kind].window_ns = written->window_s * SECOND_NS;
    }
    return ERR_OK;
}

static uint64_t upper_bits(int64_t count)
{
    return count <= 0 ? 0 : count >= 64 ? UINT64_MAX : ~(UINT64_MAX >> count);
}

static enum err setup(struct setup *setup, void **self)
{
    struct rrl *rrl = ARENA_NEW(setup->world, struct rrl);
    struct written written = {0};
    if (rrl == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "put it all into one", "a second rrl line");
    *self = rrl;
    enum err err = options_parse(setup, options, &written);
    if (err == ERR_OK)
        err = read_rates(setup, &written, rrl);
    if (err != ERR_OK)
        return err;
    rrl->zones = (const uint8_t *const *)written.zones.at;
    rrl->zones_count = written.zones.count;
    rrl->whole_block = option_zones_cover_block(setup, &written.zones);
    rrl->mask4 = upper_bits(32 + written.prefix4);
    rrl->mask6[0] = upper_bits(written.prefix6);
    rrl->mask6[1] = upper_bits(written.prefix6 - 64);
    rrl->slip = (uint32_t)written.slip;
    rrl->report_only = written.report_only;
    rrl->table_size = written.table_size;
    rrl->block = setup->block;
    setup->block->times = true; /* accounts live by the time */
    return netset_init(&rrl->exempt, written.exempt.at, written.exempt.count, setup->world);
}

/* ---- living ---- */

static void tell(void *arg)
{
    struct rrl *rrl = arg;
    uint64_t limited = 0, slipped = 0, last = 0;
    union address address = {.any.sa_family = AF_INET};
    char text[INET6_ADDRSTRLEN];
    for (unsigned i = 0; i < rrl->sides_count; i++) {
        const struct side *side = &rrl->sides[i];
        limited += atomic_load_explicit(&side->limited, memory_order_relaxed);
        slipped += atomic_load_explicit(&side->slipped, memory_order_relaxed);
        uint64_t client = atomic_load_explicit(&side->last, memory_order_relaxed);
        last = client != 0 ? client : last;
    }
    if (limited == rrl->told_limited)
        return;
    if (last >> 32 != 0) {
        address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
        last = __builtin_bswap64(last);
        memcpy(address.v6.sin6_addr.s6_addr, &last, 8);
    } else {
        address.v4.sin_addr.s_addr = htonl((uint32_t)last);
    }
    address_print(&address, text);
    log_warning("plugin/rrl: %llu replies over the limit %s, %llu of them sent truncated; the last to the "
                "network of %s",
        (unsigned long long)(limited - rrl->told_limited),
        rrl->report_only ? "would be held back" : "held back",
        (unsigned long long)(slipped - rrl->told_slipped), text);
    rrl->told_limited = limited;
    rrl->told_slipped = slipped;
}

static enum err start(void *self)
{
    struct rrl *rrl = self;
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    size_t size = workers * ((sizeof(struct side) + 63) & ~(size_t)63);
    rrl->sides = aligned_alloc(64, size);
    if (rrl->sides == NULL)
        return ERR_MEMORY;
    memset(rrl->sides, 0, size);
    randombytes_buf(&rrl->seed, sizeof rrl->seed);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        rrl->rates[kind].cost_ns *= workers; /* each gives out its share */
    for (; rrl->sides_count < workers; rrl->sides_count++) {
        enum err err = rrl_table_init(
            &rrl->sides[rrl->sides_count].table, ((uint64_t)rrl->table_size + workers - 1) / workers);
        if (err != ERR_OK)
            return err;
    }
    rrl->timer = host_timer_start(REPORT_MS, tell, rrl);
    return rrl->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    struct rrl *rrl = self;
    if (rrl->timer != NULL)
        host_timer_stop(rrl->timer);
    for (unsigned i = 0; i < rrl->sides_count; i++)
        rrl_table_clear(&rrl->sides[i].table);
    free(rrl->sides);
}

/* ---- whose account ---- */

struct client {
    uint64_t high, low; /* the network; IPv4 in the lower half of `low` */
};

static uint64_t read64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, 8);
    return __builtin_bswap64(value);
}

static struct client client_of(const struct rrl *rrl, const union address *address)
{
    if (address->any.sa_family == AF_INET6) {
        const uint8_t *ip = address->v6.sin6_addr.s6_addr;
        return (struct client){read64(ip) & rrl->mask6[0], read64(ip + 8) & rrl->mask6[1]};
    }
    return (struct client){0, ntohl(address->v4.sin_addr.s_addr) & rrl->mask4};
}

static bool is_exempt(const struct rrl *rrl, const struct query *query)
{
    if (query->transport != TRANSPORT_UDP || query->depth > 0)
        return true;
    if (rrl->block->cookies && query->verified)
        return true;
    if (rrl->exempt.v4_count + rrl->exempt.v6_count > 0) {
        if (query->client.any.sa_family == AF_INET6
                ? netset_has6(&rrl->exempt, query->client.v6.sin6_addr.s6_addr)
                : netset_has4(&rrl->exempt, (const uint8_t *)&query->client.v4.sin_addr))
            return true;
    }
    for (unsigned i = 0; !rrl->whole_block; i++) {
        if (i == rrl->zones_count)
            return true;
        if (name_under(query->question->lower, rrl->zones[i]))
            break;
    }
    return false;
}

/* The first reference in SECTION of TYPE (0: of any), or NULL. */
static const struct rr_ref *first_ref(const struct reply *reply, enum section section, uint16_t type)
{
    for (unsigned i = 0; i < reply->count; i++) {
        const struct rr_ref *ref = &reply->refs[i];
        if (ref->section == section && (type == 0 || ref->rrset->type == type))
            return ref;
    }
    return NULL;
}

static enum kind kind_of(const struct reply *reply)
{
    if (reply->rcode == RCODE_NXDOMAIN)
        return KIND_NXDOMAIN;
    if (reply->rcode != RCODE_NOERROR)
        return KIND_ERROR;
    if (reply->count > 0 && reply->refs[0].section == SECTION_ANSWER)
        return KIND_ANSWER;
    bool referral = first_ref(reply, SECTION_AUTHORITY, TYPE_NS) != NULL &&
                    first_ref(reply, SECTION_AUTHORITY, TYPE_SOA) == NULL;
    return referral ? KIND_REFERRAL : KIND_NODATA;
}

static bool lies_in(const void *at, const uint8_t *base, size_t size)
{
    return (uintptr_t)at - (uintptr_t)base < size;
}

/* Answers from a zone are told apart by their RRset: all names made from one wildcard are one account, or
 * random names would each have their own. RRsets of the zone's snapshot stay where they are; others lie in
 * scratch memory and say nothing. */
static bool is_of_zone(const struct query *query, const struct rrset *rrset)
{
    const struct snapshot *snapshot = query->lookup.owner != NULL ? query->lookup.find.snapshot : NULL;
    if (snapshot == NULL)
        return false;
    return lies_in(rrset, snapshot->image->base, snapshot->image->size) ||
           (snapshot->overlay != NULL && lies_in(rrset, snapshot->overlay->base, snapshot->overlay->size));
}

/* The question's name from label LABEL on. */
static uint64_t add_name(uint64_t key, const struct question *question, unsigned label)
{
    for (unsigned i = question->labels; i > label; i--) {
        const uint8_t *at = question->lower + question->label_at[i - 1];
        key = hash_label(key, at + 1, *at);
    }
    return key;
}

/* What the reply is about: the RRset of an answer, the name of a delegation, the zone of a name that is not
 * there, the name that lacks a type; nothing for errors. */
static uint64_t add_subject(uint64_t key, const struct query *query, enum kind kind)
{
    const struct reply *reply = &query->reply;
    const struct rr_ref *ref = NULL;
    switch (kind) {
    case KIND_ANSWER:
        key = hash_mix(key ^ query->question->type, HASH_K1);
        if (is_of_zone(query, reply->refs[0].rrset))
            return hash_mix(key ^ (uintptr_t)reply->refs[0].rrset, HASH_K0);
        return add_name(key, query->question, 0);
    case KIND_NXDOMAIN:
        ref = first_ref(reply, SECTION_AUTHORITY, TYPE_SOA);
        break;
    case KIND_REFERRAL:
        ref = first_ref(reply, SECTION_AUTHORITY, TYPE_NS);
        break;
    case KIND_NODATA:
        return add_name(key, query->question, 0);
    default:
        return key;
    }
    return add_name(key, query->question, ref != NULL && ref->owner == OWNER_QNAME ? ref->label : 0);
}

/* ---- limiting ---- */

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* Charges one reply; true when it is over the limit. */
static bool charge(struct rrl *rrl, const struct query *query, enum kind kind, uint32_t *limited)
{
    struct side *side = &rrl->sides[query->worker];
    struct client client = client_of(rrl, &query->client);
    uint64_t key = hash_mix(rrl->seed ^ client.high, HASH_K1 ^ client.low);
    key = hash_mix(key ^ kind, HASH_K0);
    if (kind != KIND_REQUEST)
        key = add_subject(key, query, kind);
    if (LIKELY(!rrl_table_charge(
            &side->table, hash_mix(key, HASH_K1), &rrl->rates[kind], (int64_t)query->begin_ns, limited)))
        return false;
    count(&side->limited);
    atomic_store_explicit(&side->last, client.high != 0 ? client.high : client.low, memory_order_relaxed);
    return true;
}

static enum served serve(void *self, struct query *query)
{
    struct rrl *rrl = self;
    uint32_t limited;
    if (LIKELY(rrl->rates[KIND_REQUEST].cost_ns == 0) || is_exempt(rrl, query) ||
        !charge(rrl, query, KIND_REQUEST, &limited) || rrl->report_only)
        return SERVED_NEXT;
    return SERVED_DROPPED;
}

static void finish(void *self, struct query *query)
{
    struct rrl *rrl = self;
    uint32_t limited;
    if (query_open(query) != ERR_OK)
        return;
    enum kind kind = kind_of(&query->reply);
    if (rrl->rates[kind].cost_ns == 0 || is_exempt(rrl, query) || !charge(rrl, query, kind, &limited) ||
        rrl->report_only)
        return;
    if (rrl->slip == 0 || limited % rrl->slip != 0) {
        query_drop(query);
        return;
    }
    query->reply.count = 0;
    query->reply.truncated = true;
    count(&rrl->sides[query->worker].slipped);
}

static const struct plugin rrl_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "rrl",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .finish = finish,
    .stop = stop,
};
PLUGIN(rrl)
