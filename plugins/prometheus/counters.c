#include "plugins/prometheus/counters.h"

#include <stdio.h>
#include <string.h>

#include "zone/wire/type.h"

static const struct metric requests = {"coredns_dns_requests_total", METRIC_COUNTER,
                               "Counter of DNS requests made per zone, protocol and family."},
                           responses = {"coredns_dns_responses_total", METRIC_COUNTER,
                               "Counter of response status codes."},
                           dnssec = {"coredns_dns_do_requests_total", METRIC_COUNTER,
                               "Counter of DNS requests with DO bit set per zone."},
                           durations = {"coredns_dns_request_duration_seconds", METRIC_HISTOGRAM,
                               "Seconds each request took, from its arrival to its reply."},
                           request_sizes = {"coredns_dns_request_size_bytes", METRIC_HISTOGRAM,
                               "Octets of each request, by protocol."},
                           response_sizes = {"coredns_dns_response_size_bytes", METRIC_HISTOGRAM,
                               "Octets of each response, by protocol."};

/* CoreDNS counts these types by name and the rest as "other". */
static const uint16_t types[] = {TYPE_AAAA, TYPE_A, TYPE_CNAME, TYPE_DNSKEY, TYPE_DS, TYPE_MX, TYPE_NSEC3,
    TYPE_NSEC, TYPE_NS, TYPE_PTR, TYPE_RRSIG, TYPE_SOA, TYPE_SRV, TYPE_TXT, TYPE_HTTPS, TYPE_SVCB, TYPE_NAPTR,
    TYPE_ANY, TYPE_AXFR, TYPE_IXFR, TYPE_CAA, TYPE_TLSA};
_Static_assert(ARRAY_COUNT(types) < TYPES, "one place is left for other types");

static const double size_bounds[SIZE_BOUNDS] = {
    0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3};

/* 0.25 ms, and twice the one before. */
#define TIME_FIRST_NS 250000u

static inline void add(counter *counted, uint64_t more)
{
    atomic_store_explicit(
        counted, atomic_load_explicit(counted, memory_order_relaxed) + more, memory_order_relaxed);
}

static unsigned type_place(uint16_t type)
{
    for (unsigned i = 0; i < ARRAY_COUNT(types); i++)
        if (types[i] == type)
            return i;
    return ARRAY_COUNT(types);
}

static unsigned size_place(uint32_t size)
{
    unsigned place = 0;
    while (place < SIZE_BOUNDS && size > size_bounds[place])
        place++;
    return place;
}

static unsigned time_place(uint64_t ns)
{
    if (ns <= TIME_FIRST_NS)
        return 0;
    unsigned place = 64 - (unsigned)__builtin_clzll((ns - 1) / TIME_FIRST_NS);
    return place < TIME_BOUNDS ? place : TIME_BOUNDS;
}

void counters_add(struct counters *counters, const struct query *query, unsigned plugin)
{
    unsigned proto = query->transport, rcode = query->reply.rcode;
    unsigned family = query->client.any.sa_family == AF_INET6;
    uint64_t took_ns = query->end_ns > query->begin_ns ? query->end_ns - query->begin_ns : 0;
    add(&counters->requests[proto][family][type_place(query->message.question.type)], 1);
    add(&counters->responses[plugin][rcode < RCODES ? rcode : RCODES - 1], 1);
    if (query->message.edns.dnssec)
        add(&counters->dnssec, 1);
    add(&counters->times[time_place(took_ns)], 1);
    add(&counters->time_sum_ns, took_ns);
    add(&counters->request_sizes[proto][size_place(query->message.len)], 1);
    add(&counters->request_sum[proto], query->message.len);
    add(&counters->response_sizes[proto][size_place(query->reply_len)], 1);
    add(&counters->response_sum[proto], query->reply_len);
}

/* ---- telling ---- */

struct telling {
    const struct counters *counters;
    unsigned workers;
    size_t stride;
    const struct labels *labels;
    struct metrics *out;
};

static uint64_t sum(const struct telling *telling, const counter *first)
{
    uint64_t total = 0;
    for (unsigned w = 0; w < telling->workers; w++)
        total += atomic_load_explicit(
            (counter *)((char *)(uintptr_t)first + w * telling->stride * sizeof(struct counters)),
            memory_order_relaxed);
    return total;
}

static const char *proto_text(unsigned proto)
{
    static const char *const texts[PROTOS] = {"udp", "tcp", "tls", "https", "quic", "grpc"};
    return texts[proto];
}

static void tell_requests(const struct telling *telling, unsigned proto)
{
    for (unsigned family = 0; family < FAMILIES; family++)
        for (unsigned type = 0; type <= ARRAY_COUNT(types); type++) {
            uint64_t count = sum(telling, &telling->counters->requests[proto][family][type]);
            char name[16] = "other";
            if (count == 0)
                continue;
            if (type < ARRAY_COUNT(types))
                type_print(types[type], name);
            metrics_add(telling->out, &requests, (double)count,
                METRIC_LABELS("server", telling->labels->server, "zone", telling->labels->zone, "view",
                    telling->labels->view, "proto", proto_text(proto), "family", family == 0 ? "1" : "2",
                    "type", name));
        }
}

static void tell_sizes(const struct telling *telling, unsigned proto, const struct metric *metric,
    const counter *places, const counter *total)
{
    uint64_t buckets[SIZE_BOUNDS + 1], any = 0;
    for (unsigned i = 0; i <= SIZE_BOUNDS; i++)
        any += buckets[i] = sum(telling, &places[i]);
    if (any != 0)
        metrics_histogram(telling->out, metric, size_bounds, SIZE_BOUNDS, buckets,
            (double)sum(telling, total),
            METRIC_LABELS("server", telling->labels->server, "zone", telling->labels->zone, "view",
                telling->labels->view, "proto", proto_text(proto)));
}

static void tell_responses(const struct telling *telling, unsigned plugin)
{
    const char *name = telling->labels->plugins[plugin];
    for (unsigned rcode = 0; rcode < RCODES; rcode++) {
        uint64_t count = sum(telling, &telling->counters->responses[plugin][rcode]);
        char number[16];
        snprintf(number, sizeof number, "%u", rcode);
        if (count != 0)
            metrics_add(telling->out, &responses, (double)count,
                METRIC_LABELS("server", telling->labels->server, "zone", telling->labels->zone, "view",
                    telling->labels->view, "rcode", rcode_name(rcode) != NULL ? rcode_name(rcode) : number,
                    "plugin", name != NULL ? name : ""));
    }
}

static void tell_durations(const struct telling *telling)
{
    double bounds[TIME_BOUNDS];
    uint64_t buckets[TIME_BOUNDS + 1], any = 0;
    for (unsigned i = 0; i <= TIME_BOUNDS; i++) {
        any += buckets[i] = sum(telling, &telling->counters->times[i]);
        if (i < TIME_BOUNDS)
            bounds[i] = (double)((uint64_t)TIME_FIRST_NS << i) / 1e9;
    }
    if (any != 0)
        metrics_histogram(telling->out, &durations, bounds, TIME_BOUNDS, buckets,
            (double)sum(telling, &telling->counters->time_sum_ns) / 1e9,
            METRIC_LABELS("server", telling->labels->server, "zone", telling->labels->zone, "view",
                telling->labels->view));
}

void counters_tell(const struct counters *counters, unsigned workers, size_t stride,
    const struct labels *labels, struct metrics *out)
{
    struct telling telling = {counters, workers, stride, labels, out};
    for (unsigned proto = 0; proto < PROTOS; proto++) {
        tell_requests(&telling, proto);
        tell_sizes(
            &telling, proto, &request_sizes, counters->request_sizes[proto], &counters->request_sum[proto]);
        tell_sizes(&telling, proto, &response_sizes, counters->response_sizes[proto],
            &counters->response_sum[proto]);
    }
    for (unsigned plugin = 0; plugin < PLUGINS; plugin++)
        tell_responses(&telling, plugin);
    uint64_t wanted = sum(&telling, &counters->dnssec);
    if (wanted != 0)
        metrics_add(out, &dnssec, (double)wanted,
            METRIC_LABELS("server", labels->server, "zone", labels->zone, "view", labels->view));
    tell_durations(&telling);
}
