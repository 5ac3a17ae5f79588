/* Transfers out: what outbound.h writes of a random zone, read by inbound.h, is the zone; what it writes of
 * change sets are those change sets; whatever the size of the messages. ZONES and SEED in the environment. */
#include "tests/unit/store/zone_edit.h"
#include "tests/unit/store/zone_oracle.h"

#include <unistd.h>

#include "zone/net/inbound.h"
#include "zone/net/outbound.h"
#include "zone/net/request.h"
#include "zone/store/diff.h"
#include "zone/store/load.h"
#include "zone/wire/rdata.h"

static struct made_zone zone;
static char text[MADE_TEXT_MAX + 64];
static char path[64];
static uint64_t at_seed;
static uint8_t packet[REQUEST_MAX];

static uint64_t from_environment(const char *name, uint64_t usual)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 0) : usual;
}

static struct snapshot *load(void)
{
    FILE *file = fopen(path, "w");
    struct load_options options = {.origin = zone.apex, .threads = 1};
    struct load_result result;
    struct image *image;
    size_t len = made_print(&zone, text);
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(load_image(path, &options, &result, &image), ERR_OK);
    struct snapshot *snapshot = snapshot_new(image);
    assert_non_null(snapshot);
    return snapshot;
}

static bool is_unfit(void)
{
    for (unsigned i = 0; i < zone.count; i++) {
        if (zone.records[i].type == TYPE_SOA && !name_equal(zone.records[i].owner, zone.apex))
            return true;
    }
    return made_fatal(&zone);
}

static void ask(struct message *message, bool incremental, uint32_t from)
{
    struct request request = {.name = zone.apex,
        .type = incremental ? TYPE_IXFR : TYPE_AXFR,
        .has_serial = incremental,
        .serial = from,
        .edns = made_one_in(&zone, 2)};
    size_t len = request_write(&request, packet);
    assert_int_equal(message_read(message, packet, len), MESSAGE_ANSWER);
}

/* Reads all messages, each in its own memory, so that nothing is read behind its end. */
static void receive(struct outbound *outbound, struct inbound *in, size_t limit)
{
    static uint8_t out[MESSAGE_MAX];
    size_t reserve = made_any(&zone, 200), len;
    while ((len = outbound_next(outbound, out, limit, reserve)) > 0) {
        assert_true(len + reserve <= limit);
        assert_true(request_matches(packet, REQUEST_MAX, out, len, true));
        uint8_t *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, out, len);
        memset(out, 0xee, sizeof out);
        enum err err = inbound_message(in, copy, len);
        free(copy);
        if (err != ERR_OK)
            print_message("%s\n", in->why);
        assert_int_equal(err, ERR_OK);
    }
    assert_false(outbound_broken(outbound));
    assert_true(outbound_done(outbound));
    assert_true(inbound_is_done(in));
    outbound_free(outbound);
}

static size_t some_limit(void)
{
    static const size_t limits[] = {65535, 16384, 2000, 40000, 1500};
    return limits[made_any(&zone, 5)];
}

static bool has_like(const struct change_list *list, const struct change_record *wanted)
{
    static uint8_t a[65536], b[65536];
    struct change_record record;
    for (size_t at = 0; change_next(list, &at, &record);) {
        if (!name_equal(record.owner, wanted->owner) || record.type != wanted->type ||
            record.ttl != wanted->ttl || record.rdata_len != wanted->rdata_len)
            continue;
        memcpy(a, record.rdata, record.rdata_len);
        memcpy(b, wanted->rdata, record.rdata_len);
        rdata_canonical(record.type, a, record.rdata_len);
        rdata_canonical(record.type, b, record.rdata_len);
        if (memcmp(a, b, record.rdata_len) == 0)
            return true;
    }
    return false;
}

/* A name that is a pointer has the case of what it points to (RFC 4343 4). */
static void assert_only_case(const struct change_list *a, const struct change_list *b)
{
    struct change_record record;
    assert_int_equal(a->count, b->count);
    for (size_t at = 0; change_next(a, &at, &record);)
        assert_true(has_like(b, &record));
}

static void whole_zone(struct snapshot *snapshot, bool on_tapes)
{
    struct message message;
    struct inbound in;
    struct image *image;
    struct change none;
    char why[CHANGE_WHY_MAX];
    ask(&message, false, 0);
    assert_int_equal(inbound_init(&in, zone.apex, false, 0, 0), ERR_OK);
    in.on_tapes = on_tapes;
    receive(outbound_axfr(&message, snapshot), &in, some_limit());
    assert_int_equal(in.kind, INBOUND_FULL);
    enum err err = on_tapes ? whole_build(&in.tapes, zone.apex, 1, why, &image)
                            : change_build(zone.apex, &in.whole, 1, why, &image);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(on_tapes ? in.tapes.count : in.whole.count, in.records);
    struct snapshot *got = snapshot_new(image);
    assert_non_null(got);
    assert_int_equal(diff_snapshots(snapshot, got, 0, &none), ERR_OK);
    assert_only_case(&none.removed, &none.added);
    assert_only_case(&none.added, &none.removed);
    change_clear(&none);
    snapshot_release(got);
    inbound_clear(&in);
}

static void steps(struct snapshot *from, struct snapshot *to)
{
    struct message message;
    struct inbound in;
    struct change *sent = calloc(1, sizeof *sent), kept;
    assert_int_equal(diff_snapshots(from, to, 0, sent), ERR_OK);
    assert_int_equal(diff_snapshots(from, to, 0, &kept), ERR_OK);
    ask(&message, true, from->serial);
    assert_int_equal(inbound_init(&in, zone.apex, true, from->serial, 0), ERR_OK);
    receive(outbound_ixfr(&message, to, sent, 1), &in, some_limit());
    assert_int_equal(in.kind, INBOUND_STEPS);
    assert_int_equal(in.step_count, 1);
    assert_only_case(&in.steps[0].removed, &kept.removed);
    assert_only_case(&in.steps[0].added, &kept.added);
    change_clear(&kept);
    inbound_clear(&in);
}

static void only_soa(struct snapshot *snapshot)
{
    struct message message;
    struct inbound in;
    ask(&message, true, snapshot->serial);
    assert_int_equal(inbound_init(&in, zone.apex, true, snapshot->serial, 0), ERR_OK);
    receive(outbound_soa(&message, snapshot), &in, 1500);
    assert_int_equal(in.kind, INBOUND_CURRENT);
    inbound_clear(&in);
}

static void send_zone(uint64_t seed)
{
    made_zone(&zone, seed);
    zone.lawless = false;
    if (is_unfit())
        return;
    struct snapshot *before = load();
    whole_zone(before, false);
    whole_zone(before, true);
    only_soa(before);
    struct made_zone kept = zone;
    edit_zone(&zone);
    edit_new_serial(&zone);
    if (!is_unfit()) {
        struct snapshot *after = load();
        if (serial_after(after->serial, before->serial))
            steps(before, after);
        snapshot_release(after);
    }
    zone = kept;
    snapshot_release(before);
}

static void what_is_sent_is_received(void **state)
{
    uint64_t seed = from_environment("SEED", 1), zones = from_environment("ZONES", 400);
    (void)state;
    for (uint64_t i = 0; i < zones; i++) {
        at_seed = seed + i;
        send_zone(at_seed);
    }
    at_seed = 0;
}

static int say_seed(void **state)
{
    (void)state;
    if (at_seed != 0)
        print_message("SEED=%llu ZONES=1 shows it\n", (unsigned long long)at_seed);
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_sent_is_received, say_seed),
    };
    snprintf(path, sizeof path, "/tmp/bailiwick-outbound-%d.zone", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
