/* Change sets: a random zone is edited again and again. What diff says of two versions, applied to the first,
 * must be the second (zone_oracle.h), whether both stand on one image or not; the change sets of a whole way,
 * condensed, must lead from its beginning to its end; and what is not so must be refused. ZONES and SEED in
 * the environment change how many zones and which. */
#include "tests/unit/store/zone_edit.h"
#include "tests/unit/store/zone_oracle.h"

#include <unistd.h>

#include "zone/store/change.h"
#include "zone/store/diff.h"
#include "zone/store/load.h"
#include "zone/wire/rdata.h"

#define EDITS 8

static struct made_zone zone, before;
static struct oracle oracle;
static char text[MADE_TEXT_MAX + 64];
static char path[64];
static uint64_t at_seed;

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

static void judge(struct snapshot *snapshot)
{
    judge_walk(&oracle, snapshot, false);
    judge_lookups(&oracle, &zone, snapshot);
}

static void show(const char *mark, const struct change_list *list)
{
    struct change_record record;
    for (size_t at = 0; change_next(list, &at, &record);) {
        char owner[NAME_TEXT_MAX], type[16], rdata[4096];
        name_print(record.owner, owner);
        type_print(record.type, type);
        rdata_print(record.type, record.rdata, record.rdata_len, rdata, sizeof rdata);
        print_message("%s %s %u %s %s\n", mark, owner, record.ttl, type, rdata);
    }
}

static void assert_same(struct snapshot *a, struct snapshot *b)
{
    struct change none;
    assert_int_equal(diff_snapshots(a, b, 0, &none), ERR_OK);
    show("-", &none.removed);
    show("+", &none.added);
    assert_int_equal(none.removed.count + none.added.count, 0);
    change_clear(&none);
}

static struct snapshot *apply(struct snapshot *from, const struct change *change)
{
    char why[CHANGE_WHY_MAX];
    struct snapshot *made = NULL;
    enum err err = change_apply(from, change, 1, why, &made);
    if (err != ERR_OK)
        print_message("%s: %s\n", err_text(err), why);
    assert_int_equal(err, ERR_OK);
    return made;
}

/* What was removed cannot be removed again, and what was added is there. */
static void refuse_twice(struct snapshot *made, const struct change *change)
{
    char why[CHANGE_WHY_MAX];
    struct snapshot *none;
    if (change->removed.count < 2 || change_only_soa(change))
        return;
    assert_int_equal(change_apply(made, change, 1, why, &none), ERR_INVALID);
    assert_true(why[0] != '\0');
}

static void fold(struct snapshot *made)
{
    struct image *image;
    assert_int_equal(change_fold(made, 1, &image), ERR_OK);
    struct snapshot *folded = snapshot_new(image);
    assert_non_null(folded);
    judge(folded);
    assert_same(made, folded);
    assert_same(folded, made);
    snapshot_release(folded);
}

/* A SOA below the apex is in no change set: transfers cannot tell it from the one that ends them. */
static bool is_unfit(void)
{
    for (unsigned i = 0; i < zone.count; i++) {
        if (zone.records[i].type == TYPE_SOA && !name_equal(zone.records[i].owner, zone.apex))
            return true;
    }
    return made_fatal(&zone);
}

/* Edits the zone to another that may be served; false when that went wrong. */
static bool edit(void)
{
    before = zone;
    edit_zone(&zone);
    edit_new_serial(&zone);
    if (!is_unfit()) {
        oracle_init(&oracle, &zone);
        return true;
    }
    uint64_t random = zone.random;
    zone = before;
    zone.random = random;
    return false;
}

static void edit_and_judge(struct snapshot **current, struct change *change)
{
    struct snapshot *target = load();
    assert_int_equal(diff_snapshots(*current, target, 0, change), ERR_OK);
    assert_int_equal(change->from, (*current)->serial);
    assert_int_equal(change->to, target->serial);
    assert_true(change_check(change));
    struct snapshot *made = apply(*current, change);
    if (getenv("SHOW") != NULL) {
        show("-", &change->removed);
        show("+", &change->added);
    }
    judge(made);
    assert_same(made, target);
    if (made->image == (*current)->image) { /* the same difference by the overlays alone */
        struct change shared;
        assert_int_equal(diff_snapshots(*current, made, 0, &shared), ERR_OK);
        assert_int_equal(shared.removed.count, change->removed.count);
        assert_int_equal(shared.added.count, change->added.count);
        assert_int_equal(shared.removed.len, change->removed.len);
        assert_memory_equal(shared.removed.bytes, change->removed.bytes, shared.removed.len);
        change_clear(&shared);
    }
    refuse_twice(made, change);
    if (made_one_in(&zone, 4))
        fold(made);
    snapshot_release(target);
    snapshot_release(*current);
    *current = made;
}

static void judge_zone(uint64_t seed)
{
    struct change changes[EDITS], sum;
    const struct change *way[EDITS];
    unsigned count = 0;
    made_zone(&zone, seed);
    zone.lawless = false;
    if (is_unfit())
        return;
    struct snapshot *first = load(), *last = snapshot_hold(first);
    while (count < EDITS && edit()) {
        edit_and_judge(&last, &changes[count]);
        way[count] = &changes[count];
        count++;
    }
    if (count > 0) {
        assert_int_equal(change_condense(way, count, &sum), ERR_OK);
        assert_true(change_check(&sum));
        struct snapshot *made = apply(first, &sum);
        assert_same(made, last);
        snapshot_release(made);
        change_clear(&sum);
    }
    for (unsigned i = 0; i < count; i++)
        change_clear(&changes[i]);
    snapshot_release(first);
    snapshot_release(last);
}

static void diff_then_apply_is_the_target(void **state)
{
    uint64_t seed = from_environment("SEED", 1), zones = from_environment("ZONES", 120);
    (void)state;
    for (uint64_t i = 0; i < zones; i++) {
        at_seed = seed + i;
        judge_zone(at_seed);
    }
    at_seed = 0;
}

/* AXFR brings records in any order. */
static void any_order_builds_the_zone(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct change_list list = {0};
        struct image *image;
        char why[CHANGE_WHY_MAX];
        made_zone(&zone, seed);
        zone.lawless = false;
        if (is_unfit())
            continue;
        struct snapshot *wanted = load();
        for (unsigned i = 0; i < zone.count; i++) {
            const struct made_record *record = &zone.records[(i * 7) % zone.count];
            if (zone.count % 7 != 0)
                assert_int_equal(change_list_add(&list, record->owner, record->type, record->ttl,
                                     record->rdata, record->rdata_len),
                    ERR_OK);
        }
        if (zone.tidy && list.count > 0) {
            assert_int_equal(change_build(zone.apex, &list, 1, why, &image), ERR_OK);
            struct snapshot *made = snapshot_new(image);
            assert_non_null(made);
            assert_same(made, wanted);
            snapshot_release(made);
        }
        change_list_clear(&list);
        snapshot_release(wanted);
    }
}

/* A SOA that is not the present one, a record from elsewhere, a zone without SOA. */
static void nonsense_is_refused(void **state)
{
    static const uint8_t apex[] = "\7example", other[] = "\5other", a[] = {192, 0, 2, 1};
    static const uint8_t soa[] = "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";
    static const uint8_t next[] = "\0\0\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";
    static const uint8_t ns[] = "\2ns\5other";
    struct change_list list = {0};
    struct image *image;
    char why[CHANGE_WHY_MAX];
    struct snapshot *none;
    (void)state;
    assert_int_equal(change_list_add(&list, apex, TYPE_NS, 60, ns, sizeof ns), ERR_OK);
    assert_int_equal(change_build(apex, &list, 1, why, &image), ERR_INVALID);
    assert_non_null(strstr(why, "SOA"));
    assert_int_equal(change_list_add(&list, apex, TYPE_SOA, 60, soa, 22), ERR_OK);
    assert_int_equal(change_build(apex, &list, 1, why, &image), ERR_OK);
    struct snapshot *snapshot = snapshot_new(image);
    assert_non_null(snapshot);

    struct change change = {0};
    assert_int_equal(change_remove(&change, apex, TYPE_SOA, 60, next, 22), ERR_OK);
    assert_int_equal(change_remove(&change, apex, TYPE_SOA, 60, next, 22), ERR_EXISTS);
    assert_int_equal(change_add(&change, apex, TYPE_SOA, 60, soa, 22), ERR_OK);
    assert_int_equal(change.from, 2);
    assert_int_equal(change_apply(snapshot, &change, 1, why, &none), ERR_INVALID);
    change_clear(&change);

    assert_int_equal(change_remove(&change, apex, TYPE_SOA, 60, soa, 22), ERR_OK);
    assert_int_equal(change_apply(snapshot, &change, 1, why, &none), ERR_INVALID); /* no SOA is left */
    assert_int_equal(change_add(&change, apex, TYPE_SOA, 60, next, 22), ERR_OK);
    assert_int_equal(change_add(&change, other, TYPE_A, 60, a, 4), ERR_OK);
    assert_int_equal(change_apply(snapshot, &change, 1, why, &none), ERR_INVALID);
    assert_non_null(strstr(why, "outside"));
    change_clear(&change);
    change_list_clear(&list);
    snapshot_release(snapshot);
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
        cmocka_unit_test_teardown(diff_then_apply_is_the_target, say_seed),
        cmocka_unit_test_teardown(any_order_builds_the_zone, say_seed),
        cmocka_unit_test(nonsense_is_refused),
    };
    snprintf(path, sizeof path, "/tmp/bailiwick-change-%d.zone", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
