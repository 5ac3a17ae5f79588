/* The whole way of a query: an arbitrary packet is read, answered from the example zones and the reply
 * encoded. The first octets of the input choose the limits; then comes either the packet itself or a recipe
 * for one that asks near a name of the zones, so that the deep steps are reached.
 *
 * Whatever comes in: a response is never replied to; a reply is never longer than its limit, is a response to
 * this query, holds as many well-formed records as its counts say, and echoes the question. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/store/answer.h"
#include "zone/store/load.h"
#include "zone/wire/encode.h"
#include "zone/wire/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const paths[] = {"testdata/zones/example.org.zone", "testdata/zones/nsec.example.zone",
    "testdata/zones/nsec3.example.zone", "testdata/zones/optout.example.zone"};

#define ZONES ARRAY_COUNT(paths)

static struct snapshot *zones[ZONES];

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void tell(void *context UNUSED, const struct finding *finding)
{
    if (finding->severity == SEVERITY_ERROR)
        finding_print(stderr, finding);
}

static void load_zones(void)
{
    struct load_options options = {.threads = 1, .sink = {.report = tell}};
    struct load_result result;
    struct image *image;
    for (unsigned i = 0; i < ZONES; i++) {
        must(load_image(paths[i], &options, &result, &image) == ERR_OK, paths[i]);
        zones[i] = snapshot_new(image);
    }
}

/* The octets of the input, one after the other; zeros when it is used up. */
struct source {
    const uint8_t *at;
    size_t left;
};

static unsigned take(struct source *source)
{
    if (source->left == 0)
        return 0;
    source->left--;
    return *source->at++;
}

/* A name near one of the zone's: perhaps without its first label, perhaps with some of the input's before it.
 */
static size_t make_name(struct source *source, const struct snapshot *zone, uint8_t *out)
{
    uint8_t name[NAME_MAX];
    unsigned n = (take(source) | take(source) << 8) % zone->image->header->node_count;
    unsigned change = take(source);
    snapshot_owner(zone, image_node(zone->image, zone->image->order[n]), name);
    const uint8_t *from = name;
    size_t at = 0;
    for (unsigned i = 0; i < (change & 3); i++) {
        unsigned label_len = 1 + take(source) % (change & 0x80 ? 63 : 3);
        out[at++] = (uint8_t)label_len;
        for (unsigned j = 0; j < label_len; j++)
            out[at++] = (uint8_t)(change & 0x40 ? '*' : take(source));
    }
    if ((change & 4) != 0 && *from != 0)
        from += *from + 1;
    if (at + name_len(from) > NAME_MAX)
        at = 0;
    memcpy(out + at, from, name_len(from));
    return at + name_len(from);
}

static size_t make_packet(struct source *source, uint8_t *out)
{
    static const uint16_t types[] = {
        1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 43, 46, 47, 48, 50, 51, 64, 65, 255};
    const struct snapshot *zone = zones[take(source) % ZONES];
    uint16_t type = types[take(source) % ARRAY_COUNT(types)];
    unsigned edns = take(source);
    memcpy(out, "\1\2\1\0\0\1\0\0\0\0\0\0", 12);
    size_t at = 12 + make_name(source, zone, out + 12);
    const uint8_t fixed[4] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 1};
    memcpy(out + at, fixed, 4);
    at += 4;
    if ((edns & 1) == 0)
        return at;
    const uint8_t opt[] = {0, 0, 41, (uint8_t)take(source), 0, 0, 0, edns & 2 ? 0x80 : 0, 0, 0, 0};
    memcpy(out + at, opt, sizeof opt);
    out[11] = 1;
    return at + sizeof opt;
}

static const struct snapshot *choose_zone(const struct question *question)
{
    for (unsigned i = 0; i < ZONES; i++) {
        if (name_under(question->lower, zones[i]->image->header->apex_name))
            return zones[i];
    }
    return NULL;
}

static void answer(const struct message *query, struct reply *reply, struct arena *scratch)
{
    const struct snapshot *zone = choose_zone(&query->question);
    struct answer_options options = {.dnssec = query->edns.dnssec};
    struct find find;
    reply->rcode = RCODE_REFUSED;
    if (zone == NULL)
        return;
    reply->rcode = RCODE_NOERROR;
    find_name(&find, zone, &query->question);
    must(answer_found(&find, &options, reply, scratch) != VERDICT_OUTSIDE, "the zone holds the name");
}

static unsigned word(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

/* Names in the rdata of the types that may be compressed are whole and end where the rdata does. */
static void check_rdata(const uint8_t *out, size_t len, const struct message_record *record)
{
    uint8_t name[NAME_MAX];
    size_t at = record->rdata_at, end = at + record->rdata_len;
    if (!rrset_linked(record->type))
        return;
    at += rrset_name_at(record->type);
    must(name_read(out, len, &at, name, NULL) == ERR_OK, "a name in rdata is whole");
    if (record->type == TYPE_SOA) {
        must(name_read(out, len, &at, name, NULL) == ERR_OK, "the SOA's second name is whole");
        at += 20;
    }
    must(at == end, "rdata ends with its name");
}

static void check_reply(const struct message *query, const uint8_t *out, size_t len)
{
    must(len >= MESSAGE_HEADER_LEN && word(out) == query->id && (out[2] & 0x80) != 0,
        "a response to this query");
    must(word(out + 4) == (query->body_at != 0), "the question is echoed");
    size_t at = MESSAGE_HEADER_LEN;
    if (query->body_at != 0) {
        size_t question_len = query->question.name_len + 4u;
        must(memcmp(out + at, query->question.name, question_len) == 0, "octet for octet");
        at += question_len;
    }
    unsigned records = word(out + 6) + word(out + 8) + word(out + 10), opts = 0;
    for (unsigned i = 0; i < records; i++) {
        struct message_record record;
        uint8_t name[NAME_MAX];
        size_t name_at = at;
        must(name_read(out, len, &name_at, name, NULL) == ERR_OK, "an owner is whole");
        must(message_record_read(out, len, &at, &record) == ERR_OK, "a record is whole");
        check_rdata(out, len, &record);
        opts += record.type == TYPE_OPT;
    }
    must(at == len, "nothing is behind the records");
    must(opts <= query->edns.present, "OPT answers OPT");
}

static void run(const uint8_t *packet, size_t len, struct envelope *envelope)
{
    static uint8_t nothing[] = {0, 3, 0, 2, 'i', 'd'};
    struct message query;
    struct reply reply;
    struct arena scratch;
    enum message_verdict verdict = message_read(&query, packet, len);
    if (verdict == MESSAGE_DROP)
        return;
    must((packet[2] & 0x80) == 0, "a response is never replied to");
    arena_init(&scratch, 0);
    reply_clear(&reply);
    reply.rcode = (uint16_t)message_rcode(verdict);
    reply.ede = query.ede;
    if (verdict == MESSAGE_ANSWER)
        answer(&query, &reply, &scratch);
    envelope->query = &query;
    if (envelope->options_len > 0)
        envelope->options = nothing;
    if (envelope->limit < MESSAGE_MAX)
        envelope->limit = message_udp_limit(&query, envelope->limit);
    uint8_t *out = malloc(envelope->limit);
    size_t out_len = reply_encode(envelope, &reply, out);
    must(out_len <= envelope->limit, "the limit is kept");
    check_reply(&query, out, out_len);
    free(out);
    arena_clear(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (zones[ZONES - 1] == NULL)
        load_zones();
    struct source source = {bytes, len};
    unsigned mode = take(&source);
    struct envelope envelope = {.limit = mode & 1 ? MESSAGE_MAX : 512 + 16 * (take(&source) & 127),
        .reserve = mode & 2 ? 100 : 0,
        .pad = mode & 4 ? 128 : 0,
        .options_len = mode & 8 ? 6 : 0};
    uint8_t made[600];
    if ((mode & 16) == 0) {
        run(source.at, source.left, &envelope);
        return 0;
    }
    /* in memory of its own size, so that a read behind the packet is seen */
    size_t made_len = make_packet(&source, made);
    uint8_t *packet = malloc(made_len);
    memcpy(packet, made, made_len);
    run(packet, made_len, &envelope);
    free(packet);
    return 0;
}
