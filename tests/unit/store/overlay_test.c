/* Overlays: a random zone is edited again and again, and after each edit the snapshot that load_changes makes
 * must be the zone of the edited text (zone_oracle.h). ZONES and SEED in the environment change how many
 * zones and which. */
#include "tests/unit/store/zone_edit.h"
#include "tests/unit/store/zone_oracle.h"

#include <unistd.h>

#include "zone/store/load.h"
#include "zone/store/overlay.h"

#define EDITS 12

static struct made_zone zone, before;
static struct oracle oracle;
static char text[MADE_TEXT_MAX + 64];
static char inner_text[MADE_TEXT_MAX];
static char path[64], inner_path[96];
static unsigned told; /* errors */
static uint64_t at_seed;
static struct {
    unsigned edits, overlays, anew, same, refused;
} seen;

static uint64_t from_environment(const char *name, uint64_t usual)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 0) : usual;
}

static void write_file(const char *to, const char *octets, size_t len)
{
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* The zone as it is now, in one file or in two, with WORDS behind. */
static void write_zone(const char *words)
{
    size_t len, inner_len = 0;
    if (made_one_in(&zone, 3))
        len = made_print_two(&zone, text, inner_path, inner_text, &inner_len);
    else
        len = made_print(&zone, text);
    memcpy(text + len, words, strlen(words));
    write_file(path, text, len + strlen(words));
    write_file(inner_path, inner_text, inner_len);
}

static void tell(void *context, const struct finding *finding)
{
    (void)context;
    told += finding->severity == SEVERITY_ERROR;
    if (getenv("SHOW") != NULL)
        finding_print(stderr, finding);
}

static struct load_options options_for(unsigned way)
{
    static const size_t chunks[] = {0, 23, 64, 300, 1000, 128, 0, 7};
    static const size_t segments[] = {0, 1, 3, 8};
    return (struct load_options){.origin = zone.apex,
        .threads = 1 + way % 3,
        .checks = way % 2 == 0,
        .chunk_size = chunks[way % 8],
        .segment = segments[way % 4],
        .sink = {.report = tell}};
}

/* ---- judging ---- */

static void judge(struct snapshot *snapshot)
{
    judge_walk(&oracle, snapshot, false);
    judge_lookups(&oracle, &zone, snapshot);
    const struct made_record *soa[MADE_RECORDS_MAX];
    assert_true(oracle_records(&oracle, &oracle.nodes[0], TYPE_SOA, false, soa) == 1);
    const uint8_t *serial = soa[0]->rdata + soa[0]->rdata_len - 20;
    assert_int_equal(snapshot->serial,
        (uint32_t)serial[0] << 24 | (uint32_t)serial[1] << 16 | (uint32_t)serial[2] << 8 | serial[3]);
}

static enum err change(struct snapshot *current, uint32_t *changes, struct snapshot **out)
{
    struct load_options options = options_for(made_any(&zone, 1000));
    struct load_result result;
    told = 0;
    *changes = UINT32_MAX;
    *out = NULL;
    enum err err = load_changes(path, &options, current, &result, changes, out);
    assert_int_equal(told, result.errors);
    return err;
}

/* The text said in another way changes nothing, be there duplicates or unequal TTLs. */
static void say_the_same(struct snapshot *current)
{
    struct snapshot *next;
    uint32_t changes;
    write_zone("");
    assert_int_equal(change(current, &changes, &next), ERR_OK);
    assert_int_equal(changes, 0);
    assert_ptr_equal(next, current);
    snapshot_release(next);
    seen.same++;
}

/* A text with errors leaves all as it was. */
static void say_it_wrong(struct snapshot *current)
{
    struct snapshot *next;
    uint32_t changes;
    write_zone("\n$WRONG\n");
    assert_int_equal(change(current, &changes, &next), ERR_INVALID);
    assert_true(told > 0);
    assert_null(next);
    seen.refused++;
}

static struct snapshot *edit_and_judge(struct snapshot *current)
{
    struct snapshot *next;
    uint32_t changes;
    uint64_t random = zone.random;
    before = zone;
    zone.lawless = made_one_in(&zone, 10);
    edit_zone(&zone);
    if (made_one_in(&zone, 5))
        made_shuffle(&zone);
    write_zone("");
    enum err err = change(current, &changes, &next);
    seen.edits++;
    if (made_fatal(&zone)) {
        assert_int_equal(err, ERR_INVALID);
        assert_true(told > 0);
        assert_null(next);
        random = zone.random ^ random;
        zone = before;
        zone.random = random;
        judge(current);
        seen.refused++;
        return current;
    }
    zone.lawless = false;
    assert_int_equal(err, ERR_OK);
    seen.overlays += next->overlay != NULL;
    seen.anew += next->overlay == NULL && changes > 0;
    oracle_init(&oracle, &zone);
    judge(next);
    snapshot_release(current);
    return next;
}

static void judge_zone(uint64_t seed)
{
    struct image *image;
    struct load_result result;
    made_zone(&zone, seed);
    zone.lawless = false;
    if (made_fatal(&zone))
        return;
    write_zone("");
    struct load_options options = options_for(made_any(&zone, 1000));
    assert_int_equal(load_image(path, &options, &result, &image), ERR_OK);
    struct snapshot *snapshot = snapshot_new(image);
    assert_non_null(snapshot);
    oracle_init(&oracle, &zone);
    for (unsigned i = 0; i < EDITS; i++) {
        if (made_one_in(&zone, 3))
            say_the_same(snapshot);
        if (made_one_in(&zone, 8))
            say_it_wrong(snapshot);
        snapshot = edit_and_judge(snapshot);
    }
    snapshot_release(snapshot);
}

static void edited_text_becomes_the_snapshot(void **state)
{
    uint64_t seed = from_environment("SEED", 1), zones = from_environment("ZONES", 200);
    (void)state;
    snprintf(path, sizeof path, "/tmp/bailiwick-overlay-%d.zone", (int)getpid());
    snprintf(inner_path, sizeof inner_path, "%s.inner", path);
    for (uint64_t i = 0; i < zones; i++) {
        at_seed = seed + i;
        judge_zone(at_seed);
    }
    at_seed = 0;
    print_message("%llu zones, %u edits: %u overlays, %u new images, %u refused, %u changed nothing\n",
        (unsigned long long)zones, seen.edits, seen.overlays, seen.anew, seen.refused, seen.same);
    assert_true(seen.overlays > seen.edits / 2);
}

/* What failed can be run again alone. */
static int say_seed(void **state)
{
    (void)state;
    if (at_seed != 0)
        print_message("SEED=%llu ZONES=1 shows it\n", (unsigned long long)at_seed);
    unlink(path);
    unlink(inner_path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(edited_text_becomes_the_snapshot, say_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
