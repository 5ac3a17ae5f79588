#include "server/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/version.h"
#include "zone/wire/name.h"

struct text {
    char *at;
    size_t len, room;
};

/* One line to be: everything before the number, and the number. */
struct sample {
    char *series;
    uint64_t hash;
    double value;
};

/* Series are found by hash: plugins of two server blocks may count the same thing. */
struct family {
    const struct metric *metric;
    struct sample *samples;
    uint32_t *slots; /* index of a sample + 1, 0: none */
    size_t count, mask;
};

struct metrics {
    struct family *families;
    size_t count, room;
};

struct metrics *metrics_new(void)
{
    return calloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics)
{
    for (size_t i = 0; metrics != NULL && i < metrics->count; i++) {
        for (size_t n = 0; n < metrics->families[i].count; n++)
            free(metrics->families[i].samples[n].series);
        free(metrics->families[i].samples);
        free(metrics->families[i].slots);
    }
    free(metrics != NULL ? metrics->families : NULL);
    free(metrics);
}

/* ---- text ---- */

static char *text_room(struct text *text, size_t more)
{
    if (text->len + more > text->room) {
        size_t room = (text->len + more) * 2 + 256;
        char *grown = realloc(text->at, room);
        if (grown == NULL)
            return NULL;
        text->at = grown;
        text->room = room;
    }
    return text->at + text->len;
}

static void text_add(struct text *text, const char *bytes, size_t len)
{
    char *at = text_room(text, len);
    if (at == NULL)
        return;
    memcpy(at, bytes, len);
    text->len += len;
}

static void text_print(struct text *text, const char *format, ...) PRINTF(2, 3);

static void text_print(struct text *text, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len > 0)
        text_add(text, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

/* Backslash, quote and newline are escaped in label values, as the format says. */
static void text_value(struct text *text, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            text_add(text, "\\", 1);
        text_add(text, *value == '\n' ? "\\n" : value, *value == '\n' ? 2 : 1);
    }
}

static void text_labels(struct text *text, const char *const *labels, const char *bound)
{
    const char *before = "{";
    for (; labels[0] != NULL; labels += 2, before = ",") {
        text_print(text, "%s%s=\"", before, labels[0]);
        text_value(text, labels[1]);
        text_add(text, "\"", 1);
    }
    if (bound != NULL)
        text_print(text, "%sle=\"%s\"", before, bound);
    if (*before == ',' || bound != NULL)
        text_add(text, "}", 1);
}

/* ---- samples ---- */

static struct family *family_of(struct metrics *metrics, const struct metric *metric)
{
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->families[i].metric == metric ||
            strcmp(metrics->families[i].metric->name, metric->name) == 0)
            return &metrics->families[i];
    if (metrics->count == metrics->room) {
        size_t room = metrics->room * 2 + 32;
        struct family *grown = realloc(metrics->families, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        metrics->families = grown;
        metrics->room = room;
    }
    struct family *family = &metrics->families[metrics->count++];
    *family = (struct family){.metric = metric};
    return family;
}

/* Whole numbers in full: a counter must not lose its last digits. */
static void text_number(struct text *text, double value)
{
    if (value >= -9e15 && value <= 9e15 && value == (double)(int64_t)value)
        text_print(text, " %" PRId64 "\n", (int64_t)value);
    else
        text_print(text, " %.9g\n", value);
}

static bool family_grow(struct family *family)
{
    size_t size = family->mask == 0 ? 16 : (family->mask + 1) * 2;
    uint32_t *slots = calloc(size, sizeof *slots);
    struct sample *samples = realloc(family->samples, size / 2 * sizeof *samples);
    if (samples != NULL)
        family->samples = samples;
    if (slots == NULL || samples == NULL) {
        free(slots);
        return false;
    }
    free(family->slots);
    family->slots = slots;
    family->mask = size - 1;
    for (size_t i = 0; i < family->count; i++) {
        size_t at = samples[i].hash & family->mask;
        while (slots[at] != 0)
            at = (at + 1) & family->mask;
        slots[at] = (uint32_t)i + 1;
    }
    return true;
}

static uint64_t hash_text(const struct text *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text->len; i++)
        hash = (hash ^ (uint8_t)text->at[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* The same thing counted twice is the sum; the same gauge keeps what was said last. */
static void family_put(struct family *family, struct text *series, double value)
{
    if ((family->count + 1) * 2 > family->mask && !family_grow(family))
        return;
    uint64_t hash = hash_text(series);
    size_t at = hash & family->mask;
    for (; family->slots[at] != 0; at = (at + 1) & family->mask) {
        struct sample *sample = &family->samples[family->slots[at] - 1];
        if (sample->hash != hash || strcmp(sample->series, series->at) != 0)
            continue;
        sample->value = family->metric->kind == METRIC_GAUGE ? value : sample->value + value;
        return;
    }
    family->samples[family->count] = (struct sample){.series = series->at, .hash = hash, .value = value};
    family->slots[at] = (uint32_t)++family->count;
    series->at = NULL;
}

static void put(
    struct family *family, const char *suffix, const char *const *labels, const char *bound, double value)
{
    struct text series = {.at = NULL};
    text_print(&series, "%s%s", family->metric->name, suffix);
    text_labels(&series, labels, bound);
    text_add(&series, "", 1);
    if (series.at != NULL && series.at[series.len - 1] == '\0')
        family_put(family, &series, value);
    free(series.at);
}

void metrics_add(
    struct metrics *metrics, const struct metric *metric, double value, const char *const *labels)
{
    struct family *family = family_of(metrics, metric);
    if (family != NULL)
        put(family, "", labels, NULL, value);
}

void metrics_histogram(struct metrics *metrics, const struct metric *metric, const double *bounds,
    size_t count, const uint64_t *buckets, double sum, const char *const *labels)
{
    struct family *family = family_of(metrics, metric);
    uint64_t below = 0;
    if (family == NULL)
        return;
    for (size_t i = 0; i <= count; i++) {
        char bound[32] = "+Inf";
        if (i < count)
            snprintf(bound, sizeof bound, "%g", bounds[i]);
        below += buckets[i];
        put(family, "_bucket", labels, bound, (double)below);
    }
    put(family, "_sum", labels, NULL, sum);
    put(family, "_count", labels, NULL, (double)below);
}

char *metrics_print(const struct metrics *metrics, size_t *len)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    struct text text = {.at = NULL};
    for (size_t i = 0; i < metrics->count; i++) {
        const struct family *family = &metrics->families[i];
        text_print(&text, "# HELP %s %s\n# TYPE %s %s\n", family->metric->name, family->metric->help,
            family->metric->name, kinds[family->metric->kind]);
        for (size_t n = 0; n < family->count; n++) {
            text_add(&text, family->samples[n].series, strlen(family->samples[n].series));
            text_number(&text, family->samples[n].value);
        }
    }
    *len = text.len;
    return text.at;
}

/* ---- the server's own ---- */

static const struct row {
    struct metric metric;
    size_t offset; /* in struct server_counters */
} rows[] = {
#define ROW(name, field, kind, text)                                                                         \
    {                                                                                                        \
        {"bailiwick_" name, kind, text}, offsetof(struct server_counters, field)                             \
    }
    ROW("queries_udp_total", queries[0], METRIC_COUNTER, "Messages received by UDP."),
    ROW("queries_tcp_total", queries[1], METRIC_COUNTER, "Messages received by TCP."),
    ROW("replies_total", replies, METRIC_COUNTER, "Replies sent."),
    ROW("dropped_total", dropped, METRIC_COUNTER, "Messages that got no reply."),
    ROW("malformed_total", malformed, METRIC_COUNTER, "Messages answered with FORMERR, NOTIMP or BADVERS."),
    ROW("truncated_total", truncated, METRIC_COUNTER, "Replies with the TC bit."),
    ROW("batches_total", batches, METRIC_COUNTER, "Batches of UDP messages received."),
    ROW("tcp_connections_total", connections, METRIC_COUNTER, "TCP connections accepted."),
    ROW("tcp_connections", connections_now, METRIC_GAUGE, "TCP connections open."),
    ROW("tcp_evicted_total", connections_evicted, METRIC_COUNTER,
        "Idle TCP connections closed to make room."),
    ROW("tcp_refused_total", connections_refused, METRIC_COUNTER,
        "TCP connections refused by the limit for a client."),
    ROW("suspended_total", suspended, METRIC_COUNTER, "Queries that waited for something."),
    ROW("send_errors_total", send_errors, METRIC_COUNTER, "Replies that the system did not take."),
#undef ROW
};

static void add_status(struct metrics *metrics, const struct server_status *status)
{
    static const struct metric
        build = {"coredns_build_info", METRIC_GAUGE,
            "The version that runs; under CoreDNS's name, so that its dashboards find it."},
        panics = {"coredns_panics_total", METRIC_COUNTER,
            "Panics: none, for a failure here ends the process, and its supervisor starts it again."},
        process = {"process_start_time_seconds", METRIC_GAUGE,
            "Start time of the process since unix epoch in seconds."},
        failed = {"coredns_reload_failed_total", METRIC_COUNTER, "Reloads that failed."},
        reloads = {"bailiwick_reloads_total", METRIC_COUNTER, "Reloads that succeeded."},
        started = {"bailiwick_start_time_seconds", METRIC_GAUGE, "When the server started."},
        loaded = {"bailiwick_config_time_seconds", METRIC_GAUGE,
            "When the running configuration was taken into use."};
    metrics_add(
        metrics, &build, 1, METRIC_LABELS("version", BAILIWICK_VERSION, "revision", "", "goversion", ""));
    metrics_add(metrics, &panics, 0, METRIC_NO_LABELS);
    metrics_add(metrics, &process, (double)status->started_s, METRIC_NO_LABELS);
    metrics_add(metrics, &failed, (double)status->reload_failures, METRIC_NO_LABELS);
    metrics_add(metrics, &reloads, (double)status->reloads, METRIC_NO_LABELS);
    metrics_add(metrics, &started, (double)status->started_s, METRIC_NO_LABELS);
    metrics_add(metrics, &loaded, (double)status->reloaded_s, METRIC_NO_LABELS);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t value;
        memcpy(&value, (const char *)&status->counters + rows[i].offset, sizeof value);
        metrics_add(metrics, &rows[i].metric, (double)value, METRIC_NO_LABELS);
    }
}

static void add_zone(void *context, const struct zone_status *zone)
{
    static const struct metric serial = {"bailiwick_zone_serial", METRIC_GAUGE,
                                   "Serial of the version served."},
                               records = {"bailiwick_zone_records", METRIC_GAUGE, "Records of the zone."},
                               loaded = {"bailiwick_zone_loaded_time_seconds", METRIC_GAUGE,
                                   "When the version served was loaded."},
                               fault = {"bailiwick_zone_error", METRIC_GAUGE,
                                   "1 when the newest version could not be taken into use, else 0."};
    struct metrics *metrics = context;
    char name[NAME_TEXT_MAX];
    name_print(zone->name, name);
    const char *const *labels = METRIC_LABELS("zone", name, "plugin", zone->plugin);
    metrics_add(metrics, &serial, zone->serial, labels);
    metrics_add(metrics, &records, (double)zone->records, labels);
    metrics_add(metrics, &loaded, (double)zone->loaded_s, labels);
    metrics_add(metrics, &fault, zone->error != NULL, labels);
}

void metrics_of_server(struct metrics *metrics, const struct server *server)
{
    struct server_status status;
    server_status(server, &status);
    add_status(metrics, &status);
    server_zones(server, add_zone, metrics);
}
