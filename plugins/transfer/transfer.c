/* transfer: zones for secondaries, whole (AXFR, RFC 5936) or by their changes (IXFR, RFC 1995), and NOTIFY
 * (RFC 1996) to them when there is a new version. Zones are those of the other plugins of the block. */
#include "plugins/plugin.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/transfer/notifier.h"
#include "plugins/transfer/peers.h"
#include "plugins/zones.h"
#include "zone/base/log.h"
#include "zone/net/outbound.h"
#include "zone/sec/tsig.h"
#include "zone/wire/type.h"

/* One directive. */
struct rule {
    struct rule *next;
    struct option_zones zones;
    struct option_lines to;
    struct option_addresses sources;
    struct peers peers;
    union peer_address source[2]; /* for targets of IPv4 and of IPv6 */
};

struct transfer {
    struct zone_listener listener; /* first: heard() gets this */
    struct rule *rules;
    const struct block *block;
    struct tsig_ring *keys;
    bool started;
};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct rule, zones),
        .help = "the zones, and all below them; the block's own when left out"},
    {.word = "to",
        .arg = "ADDRESS|NETWORK|*... [tls [NAME]] [key NAME]",
        .kind = OPTION_LINES,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct rule, to),
        .help =
            "who may have them: an address (which is also sent NOTIFY), a network, or * for anybody; with "
            "tls, "
            "only by TLS, and with a name behind it, only who shows a certificate for that name; with a key, "
            "only who signs with it"},
    {.word = "source",
        .arg = "ADDRESS...",
        .kind = OPTION_ADDRESSES,
        .offset = offsetof(struct rule, sources),
        .min = 0,
        .help = "where NOTIFY is sent from: an IPv4 address, an IPv6 address, or one of each"},
    OPTIONS_END,
};

/* ---- setting up ---- */

/* Keys may be written behind the directive that names them. */
static enum err find_keys(void *arg, const struct finding_sink *sink)
{
    struct transfer *transfer = arg;
    unsigned missing = 0;
    for (struct rule *rule = transfer->rules; rule != NULL; rule = rule->next) {
        for (unsigned i = 0; i < rule->peers.count; i++) {
            struct peer_group *group = &rule->peers.groups[i];
            if (group->key_name == NULL)
                continue;
            group->key = tsig_ring_find(transfer->keys, group->key_name);
            if (group->key != NULL)
                continue;
            const struct token *at = group->key_at;
            struct finding finding = {.severity = SEVERITY_ERROR,
                .rule = "option",
                .file = at->file,
                .line = at->line,
                .column = at->column,
                .message = "there is no TSIG key of this name",
                .token = at->text,
                .token_len = at->source_len,
                .hint = "tsig { secret NAME KEY } makes one known"};
            sink->report(sink->context, &finding);
            missing++;
        }
    }
    return missing > 0 ? ERR_INVALID : ERR_OK;
}

static void set_sources(struct rule *rule)
{
    for (unsigned i = 0; i < rule->sources.count; i++) {
        const struct option_address *from = &rule->sources.at[i];
        union peer_address *to = &rule->source[from->family == 6];
        memset(to, 0, sizeof *to);
        if (from->family == 6) {
            to->v6.sin6_family = AF_INET6;
            to->v6.sin6_port = htons(from->port);
            memcpy(&to->v6.sin6_addr, from->ip, 16);
        } else {
            to->v4.sin_family = AF_INET;
            to->v4.sin_port = htons(from->port);
            memcpy(&to->v4.sin_addr, from->ip, 4);
        }
    }
}

static enum err setup(struct setup *setup, void **self)
{
    struct transfer *transfer = *self;
    struct rule *rule = ARENA_NEW(setup->world, struct rule);
    if (rule == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, rule);
    if (err == ERR_OK)
        err = peers_read(setup, rule->to.at, rule->to.count, &rule->peers);
    if (err != ERR_OK)
        return err;
    set_sources(rule);
    if (transfer == NULL) {
        transfer = ARENA_NEW(setup->world, struct transfer);
        if (transfer == NULL)
            return ERR_MEMORY;
        transfer->block = setup->block;
        transfer->keys = setup->keys;
        *self = transfer;
        err = setup_job(setup, find_keys, transfer);
    }
    rule->next = transfer->rules;
    transfer->rules = rule;
    return err;
}

/* The directive whose zone is nearest to NAME; the first of equals. */
static const struct rule *rule_for(const struct transfer *transfer, const uint8_t *name)
{
    const struct rule *best = NULL;
    unsigned labels = 0;
    for (const struct rule *rule = transfer->rules; rule != NULL; rule = rule->next) {
        for (unsigned i = 0; i < rule->zones.count; i++) {
            const uint8_t *zone = rule->zones.at[i];
            unsigned these = name_labels(zone);
            if (name_under(name, zone) && (best == NULL || these >= labels)) {
                best = rule;
                labels = these;
            }
        }
    }
    return best;
}

/* ---- NOTIFY ---- */

static void notify(const struct transfer *transfer, struct zone *zone, uint32_t serial)
{
    const struct rule *rule = rule_for(transfer, zone->name);
    for (unsigned g = 0; rule != NULL && g < rule->peers.count; g++) {
        const struct peer_group *group = &rule->peers.groups[g];
        for (unsigned i = 0; i < group->target_count; i++) {
            const union peer_address *target = &group->targets[i];
            notifier_tell(zone, serial, target, &rule->source[target->any.sa_family == AF_INET6], group->key);
        }
    }
}

static void heard(struct zone_listener *listener, struct zone *zone, enum zone_event event, uint32_t serial)
{
    const struct transfer *transfer = (const struct transfer *)(const void *)listener;
    (void)event; /* a new version, or somebody asks for it */
    if (block_zone(transfer->block, zone->name) == zone)
        notify(transfer, zone, serial);
}

/* At the start secondaries may have missed what changed before; after a reload, those of new zones. */
static void notify_first(void *context, struct zone *zone)
{
    const struct transfer *transfer = context;
    char text[8];
    struct snapshot *snapshot = zone_take(zone);
    if (snapshot != NULL && zone_noted(zone, ZONE_TOLD, text, sizeof text) == 0)
        notify(transfer, zone, snapshot->serial);
    snapshot_release(snapshot);
}

static bool has_targets(const struct transfer *transfer)
{
    for (const struct rule *rule = transfer->rules; rule != NULL; rule = rule->next) {
        for (unsigned g = 0; g < rule->peers.count; g++) {
            if (rule->peers.groups[g].target_count > 0)
                return true;
        }
    }
    return false;
}

static enum err start(void *self)
{
    struct transfer *transfer = self;
    if (!has_targets(transfer))
        return ERR_OK;
    transfer->started = true;
    transfer->listener.heard = heard;
    notifier_join();
    zones_listen(&transfer->listener);
    block_zones(transfer->block, notify_first, transfer);
    return ERR_OK;
}

static void stop(void *self)
{
    struct transfer *transfer = self;
    if (!transfer->started)
        return;
    zones_unlisten(&transfer->listener);
    notifier_part();
}

/* ---- sending zones ---- */

struct stream {
    struct reply_stream base;
    struct outbound *outbound;
    struct zone *zone;
    const char *kind;
    union address client;
    struct timespec began;
    uint64_t octets;
    unsigned messages;
};

static size_t stream_next(struct reply_stream *base, uint8_t *out, size_t limit, size_t reserve, bool *last)
{
    struct stream *stream = (struct stream *)(void *)base;
    size_t len = outbound_next(stream->outbound, out, limit, reserve);
    stream->messages += len > 0;
    stream->octets += len;
    *last = outbound_done(stream->outbound);
    return len;
}

static void stream_end(struct reply_stream *base, bool broken)
{
    struct stream *stream = (struct stream *)(void *)base;
    struct timespec now;
    char name[NAME_TEXT_MAX], address[INET6_ADDRSTRLEN];
    clock_gettime(CLOCK_MONOTONIC, &now);
    name_print(stream->zone->name, name);
    address_print(&stream->client, address);
    long ms = (now.tv_sec - stream->began.tv_sec) * 1000 + (now.tv_nsec - stream->began.tv_nsec) / 1000000;
    if (outbound_broken(stream->outbound))
        log_error(
            "plugin/transfer: %s: %s to %s: a record does not fit any message", name, stream->kind, address);
    else
        log_info("plugin/transfer: %s: %s to %s%s: %llu records, %llu octets, %u messages, %ld ms", name,
            stream->kind, address, broken ? " broken off" : "",
            (unsigned long long)outbound_records(stream->outbound), (unsigned long long)stream->octets,
            stream->messages, ms);
    outbound_free(stream->outbound);
    zone_release(stream->zone);
    free(stream);
}

/* OUTBOUND is taken over. */
static enum served send_stream(
    struct query *query, struct zone *zone, struct outbound *outbound, const char *kind)
{
    struct stream *stream = outbound != NULL ? calloc(1, sizeof *stream) : NULL;
    if (stream == NULL) {
        outbound_free(outbound);
        return query_fail(query, "transfer", RCODE_SERVFAIL, "out of memory");
    }
    *stream = (struct stream){.base = {.next = stream_next, .end = stream_end},
        .outbound = outbound,
        .zone = zone_hold(zone),
        .kind = kind,
        .client = query->client};
    clock_gettime(CLOCK_MONOTONIC, &stream->began);
    query->stream = &stream->base;
    return SERVED_ANSWERED;
}

/* One message, for UDP; when it does not fit, the SOA alone says that there is more (RFC 1995 2). */
static enum served send_datagram(struct query *query, struct snapshot *snapshot, struct outbound *outbound)
{
    size_t limit = message_udp_limit(&query->message, 1232);
    size_t reserve = query_tsig(query) != NULL ? tsig_room(query_tsig(query)) : 0;
    uint8_t *out = arena_alloc(query->scratch, limit, 1);
    size_t len = 0;
    if (out != NULL && outbound != NULL)
        len = outbound_next(outbound, out, limit, reserve);
    bool fits = len > 0 && outbound_done(outbound);
    outbound_free(outbound);
    if (len > 0 && !fits)
        return send_datagram(query, snapshot, outbound_soa(&query->message, snapshot));
    if (!fits)
        return query_fail(query, "transfer", RCODE_SERVFAIL, "the answer cannot be written");
    query->reply.raw = out;
    query->reply.raw_len = (uint32_t)len;
    return SERVED_ANSWERED;
}

/* ---- IXFR ---- */

/* Its history may have to be read from a file: not in a worker. */
struct looking_back {
    struct query *query;
    struct zone *zone;
    struct snapshot *snapshot;
    uint32_t from;
    struct history history;
};

/* Several steps as one, where that is less to send. */
static void condense(struct history *history)
{
    size_t all = 0;
    struct change sum;
    if (history->count < 2)
        return;
    const struct change **steps = calloc(history->count, sizeof *steps);
    for (size_t i = 0; steps != NULL && i < history->count; i++) {
        steps[i] = &history->steps[i];
        all += change_size(steps[i]);
    }
    enum err err = steps != NULL ? change_condense(steps, history->count, &sum) : ERR_MEMORY;
    free(steps);
    if (err != ERR_OK)
        return;
    if (change_size(&sum) >= all) {
        change_clear(&sum);
        return;
    }
    for (size_t i = 0; i < history->count; i++)
        change_clear(&history->steps[i]);
    history->steps[0] = sum;
    history->count = 1;
}

static bool is_worth_it(const struct history *history, const struct snapshot *snapshot)
{
    uint64_t size = 0;
    for (size_t i = 0; i < history->count; i++)
        size += change_size(&history->steps[i]);
    return size < outbound_zone_size(snapshot);
}

static void look_back(void *arg)
{
    struct looking_back *looking = arg;
    struct query *query = looking->query;
    struct snapshot *snapshot = looking->snapshot;
    enum err err = zone_history(looking->zone, looking->from, snapshot->serial, &looking->history);
    if (err == ERR_OK)
        condense(&looking->history);
    bool steps = err == ERR_OK && is_worth_it(&looking->history, snapshot);
    bool udp = query->transport == TRANSPORT_UDP;
    struct outbound *outbound;
    if (steps) {
        outbound = outbound_ixfr(&query->message, snapshot, looking->history.steps, looking->history.count);
        looking->history = (struct history){0};
    } else {
        outbound = udp ? outbound_soa(&query->message, snapshot) : outbound_axfr(&query->message, snapshot);
    }
    history_clear(&looking->history);
    enum served served = udp ? send_datagram(query, snapshot, outbound)
                             : send_stream(query, looking->zone, outbound, steps ? "IXFR" : "IXFR as AXFR");
    snapshot_release(snapshot);
    zone_release(looking->zone);
    free(looking);
    query_resume(query, served);
}

static enum served serve_steps(
    struct query *query, struct zone *zone, struct snapshot *snapshot, uint32_t from)
{
    struct looking_back *looking = query_may_wait(query) ? calloc(1, sizeof *looking) : NULL;
    if (looking == NULL)
        return query_fail(query, "transfer", RCODE_SERVFAIL, "too many queries wait");
    *looking = (struct looking_back){
        .query = query, .zone = zone_hold(zone), .snapshot = snapshot_hold(snapshot), .from = from};
    if (host_work(look_back, NULL, looking) == ERR_OK)
        return SERVED_SUSPENDED;
    snapshot_release(snapshot);
    zone_release(zone);
    free(looking);
    return query_fail(query, "transfer", RCODE_SERVFAIL, "out of memory");
}

/* RFC 1995 3: the client's SOA stands in the authority section. */
static bool read_serial(const struct message *message, const uint8_t *zone, uint32_t *serial)
{
    size_t at = message->body_at;
    struct message_record record;
    uint8_t owner[NAME_MAX + 1];
    size_t len;
    for (unsigned i = 0; i < message->ancount + 1u; i++) {
        if (message->nscount == 0 ||
            message_record_read(message->bytes, message->len, &at, &record) != ERR_OK)
            return false;
    }
    size_t name_at = record.name_at;
    if (record.type != TYPE_SOA || record.rdata_len < 22 ||
        name_read(message->bytes, message->len, &name_at, owner, &len) != ERR_OK || !name_equal(owner, zone))
        return false;
    const uint8_t *from = message->bytes + record.rdata_at + record.rdata_len - 20;
    *serial = (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
    return true;
}

static enum served serve_ixfr(struct query *query, struct zone *zone, struct snapshot *snapshot)
{
    uint32_t from;
    if (!read_serial(&query->message, zone->name, &from)) {
        query->reply.rcode = RCODE_FORMERR;
        return SERVED_ANSWERED;
    }
    if (serial_after(snapshot->serial, from))
        return serve_steps(query, zone, snapshot, from);
    struct outbound *soa = outbound_soa(&query->message, snapshot);
    if (query->transport == TRANSPORT_UDP)
        return send_datagram(query, snapshot, soa);
    return send_stream(query, zone, soa, "IXFR of nothing new");
}

/* ---- answering ---- */

static enum served refuse(struct query *query, uint16_t rcode, unsigned ede)
{
    query->reply.rcode = rcode;
    query->reply.ede = (uint16_t)(ede + 1);
    return SERVED_ANSWERED;
}

static enum served serve(void *self, struct query *query)
{
    const struct transfer *transfer = self;
    const struct question *question = query->question;
    if (LIKELY(question->type != TYPE_AXFR && question->type != TYPE_IXFR) || query->depth > 0)
        return SERVED_NEXT;
    const struct rule *rule = rule_for(transfer, question->lower);
    struct zone *zone = rule != NULL ? query_zone(query, question->lower) : NULL;
    if (zone == NULL)
        return SERVED_NEXT;
    if (!peers_allow(&rule->peers, query))
        return refuse(query, RCODE_REFUSED, EDE_PROHIBITED);
    struct snapshot *snapshot = atomic_load_explicit(&zone->current, memory_order_acquire);
    if (snapshot == NULL) {
        char name[NAME_TEXT_MAX];
        name_print(zone->name, name);
        enum served served = query_fail(query, "transfer", RCODE_SERVFAIL, "%s is not served yet", name);
        query->reply.ede = EDE_NOT_READY + 1;
        return served;
    }
    if (question->type == TYPE_IXFR)
        return serve_ixfr(query, zone, snapshot);
    if (query->transport == TRANSPORT_UDP) /* RFC 5936 4.2 */
        return refuse(query, RCODE_REFUSED, EDE_NOT_SUPPORTED);
    return send_stream(query, zone, outbound_axfr(&query->message, snapshot), "AXFR");
}

static const struct plugin transfer_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_OUTWARD,
    .name = "transfer",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .stop = stop,
};
PLUGIN(transfer)
