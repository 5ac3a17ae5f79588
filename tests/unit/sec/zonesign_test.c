/* Whole zones: what is signed verifies, what is signed again after a change verifies, and is what signing all
 * anew makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/zonemd.h"
#include "zone/sec/zonesign.h"
#include "zone/sec/zoneverify.h"
#include "zone/store/diff.h"
#include "zone/wire/type.h"

#define NOW 1700000000
#define NAMES 40
#define ROUNDS 120

static const uint8_t apex[] = "\7example";
static struct key *zone_key;
static uint32_t random_state = 1;

static uint32_t any(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* What stands at a name: bits. */
enum content { HAS_A = 1, HAS_TXT = 2, HAS_NS = 4, HAS_DS = 8, HAS_DNAME = 16, HAS_WILDCARD = 32 };

struct names {
    uint8_t content[NAMES];
    uint32_t serial;
};

/* Names one to three labels below the apex, some right below others. */
static size_t make_name(unsigned number, uint8_t *out)
{
    uint8_t *at = out;
    if (number >= NAMES / 2) {
        *at++ = 1;
        *at++ = (uint8_t)('a' + number % 7);
    }
    if (number % 4 == 3) {
        *at++ = 2;
        *at++ = 'm';
        *at++ = (uint8_t)('a' + number % 3);
    }
    *at++ = 1;
    *at++ = (uint8_t)('a' + number % (NAMES / 4));
    memcpy(at, apex, sizeof apex);
    return (size_t)(at - out) + sizeof apex;
}

static void add(struct change_list *list, const uint8_t *owner, uint16_t type, const char *rdata, size_t len)
{
    assert_int_equal(change_list_add(list, owner, type, 3600, (const uint8_t *)rdata, len), ERR_OK);
}

static void add_name(struct change_list *list, unsigned number, uint8_t content)
{
    uint8_t name[NAME_MAX + 1], wildcard[NAME_MAX + 1] = "\1*";
    make_name(number, name);
    if ((content & HAS_A) != 0)
        add(list, name, TYPE_A, "\300\0\2\1", 4);
    if ((content & HAS_TXT) != 0)
        add(list, name, TYPE_TXT, "\1x", 2);
    if ((content & HAS_NS) != 0)
        add(list, name, TYPE_NS, "\2ns\7example", 12);
    if ((content & (HAS_NS | HAS_DS)) == (HAS_NS | HAS_DS))
        add(list, name, TYPE_DS, "\1\2\15\2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 36);
    if ((content & HAS_DNAME) != 0 && (content & HAS_NS) == 0)
        add(list, name, TYPE_DNAME, "\1d\7example", 11);
    if ((content & HAS_WILDCARD) != 0) {
        memcpy(wildcard + 2, name, name_len(name));
        add(list, wildcard, TYPE_TXT, "\1w", 2);
    }
}

static struct snapshot *make_zone(const struct names *names)
{
    struct change_list list = {0};
    struct image *image;
    char soa[64] = "\2ns\7example\0\1h\7example\0", why[CHANGE_WHY_MAX];
    uint32_t numbers[] = {__builtin_bswap32(names->serial), 0x100e0000, 0x84030000, 0x803a0900, 0x2c010000};
    memcpy(soa + 23, numbers, sizeof numbers);
    add(&list, apex, TYPE_SOA, soa, 23 + sizeof numbers);
    add(&list, apex, TYPE_NS, "\2ns\7example", 12);
    for (unsigned i = 0; i < NAMES; i++)
        add_name(&list, i, names->content[i]);
    enum err err = change_build(apex, &list, 1, why, &image);
    if (err != ERR_OK)
        fail_msg("%s", why);
    change_list_clear(&list);
    return snapshot_new(image);
}

static uint8_t any_content(void)
{
    return (uint8_t)(any(3) == 0 ? 0 : any(2) == 0 ? HAS_NS | (any(3) == 0 ? HAS_DS : 0) : any(64));
}

static void change_names(struct names *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        names->content[any(NAMES)] = any_content();
    names->serial++;
}

static void print_finding(void *context, const struct finding *finding)
{
    fprintf(stderr, "%s [%s]\n", finding->message, finding->rule);
    (void)context;
}

static void expect_valid(const struct snapshot *snapshot, int64_t now)
{
    struct zoneverify_result result;
    struct zoneverify_options options = {
        .from = now, .to = now + 86400, .threads = 1, .warnings = true, .sink = {print_finding, NULL}};
    assert_int_equal(zone_verify(snapshot, &options, &result), ERR_OK);
    assert_int_equal(result.errors + result.warnings, 0);
}

static void set_mode(struct zonesign_options *options, unsigned mode)
{
    static struct zonesign_key keys[1];
    keys[0] = (struct zonesign_key){zone_key, true, true, true, true};
    zonesign_options_init(options);
    options->keys = keys;
    options->key_count = 1;
    options->now = NOW;
    options->threads = 1;
    options->nsec3 = (mode & 3) > 0;
    options->opt_out = (mode & 3) == 2;
    options->zonemd = (mode & 4) != 0;
}

/* The records of both but signatures and SOA are the same. */
static void expect_same(const struct snapshot *a, const struct snapshot *b)
{
    struct change change = {0};
    struct change_record record;
    assert_int_equal(diff_snapshots(a, b, 0, &change), ERR_OK);
    const struct change_list *lists[] = {&change.removed, &change.added};
    for (unsigned i = 0; i < 2; i++) {
        for (size_t at = 0; change_next(lists[i], &at, &record);)
            assert_true(record.type == TYPE_RRSIG || record.type == TYPE_SOA || record.type == TYPE_ZONEMD);
    }
    change_clear(&change);
}

static void resign_once(const struct zonesign_options *options, struct snapshot **before, struct names *names,
    struct snapshot **signed_zone)
{
    struct zonesign_result result, full;
    struct change change;
    struct snapshot *after, *made, *anew, *applied;
    change_names(names, 1 + any(4));
    after = make_zone(names);
    enum err err = zone_resign(options, *before, after, *signed_zone, &result, &change, &made);
    if (err != ERR_OK)
        fail_msg("%s: %s", err_text(err), result.why);
    expect_valid(made, options->now);
    assert_int_equal(change_apply(*signed_zone, &change, 1, NULL, &applied), ERR_OK);
    expect_same(applied, made);
    assert_int_equal(zone_sign(options, after, *signed_zone, &full, &anew), ERR_OK);
    expect_same(anew, made);
    change_clear(&change);
    snapshot_release(anew);
    snapshot_release(applied);
    snapshot_release(*before);
    snapshot_release(*signed_zone);
    *before = after;
    *signed_zone = made;
}

static void changed_zones_are_as_if_signed_anew(void **state UNUSED)
{
    for (unsigned mode = 0; mode < 7; mode++) {
        struct zonesign_options options;
        struct zonesign_result result;
        struct names names = {.serial = 1};
        struct snapshot *before, *signed_zone;
        set_mode(&options, mode);
        for (unsigned i = 0; i < NAMES; i++)
            names.content[i] = any_content();
        before = make_zone(&names);
        assert_int_equal(zone_sign(&options, before, NULL, &result, &signed_zone), ERR_OK);
        assert_int_equal(result.kept, 0);
        expect_valid(signed_zone, NOW);
        for (unsigned round = 0; round < (mode < 3 ? ROUNDS : 10); round++)
            resign_once(&options, &before, &names, &signed_zone);
        snapshot_release(before);
        snapshot_release(signed_zone);
    }
}

static void what_does_not_change_costs_nothing_until_it_is_due(void **state UNUSED)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct zonesign_options options;
        struct zonesign_result result, again;
        struct names names = {.serial = 1};
        struct snapshot *zone, *signed_zone, *made;
        struct change change;
        set_mode(&options, mode);
        memset(names.content, HAS_A, sizeof names.content);
        zone = make_zone(&names);
        assert_int_equal(zone_sign(&options, zone, NULL, &result, &signed_zone), ERR_OK);
        options.earliest = result.earliest;
        assert_int_equal(zone_resign(&options, zone, zone, signed_zone, &again, &change, &made), ERR_OK);
        assert_ptr_equal(made, signed_zone);
        assert_int_equal(again.made, 0);
        assert_int_equal(again.earliest, result.earliest);
        snapshot_release(made);
        /* Some are due, then all. */
        options.now = result.earliest - options.refresh_s + 3600;
        assert_int_equal(zone_resign(&options, zone, zone, signed_zone, &again, &change, &made), ERR_OK);
        assert_in_range(again.made, 1, result.made - 1);
        assert_true(again.earliest > result.earliest);
        expect_valid(made, options.now);
        change_clear(&change);
        snapshot_release(made);
        options.now = NOW + 10 * 86400;
        assert_int_equal(zone_resign(&options, zone, zone, signed_zone, &again, &change, &made), ERR_OK);
        assert_true(again.made >= result.made);
        expect_valid(made, options.now);
        change_clear(&change);
        snapshot_release(made);
        snapshot_release(zone);
        snapshot_release(signed_zone);
    }
}

static void other_options_ask_for_signing_all(void **state UNUSED)
{
    struct zonesign_options options;
    struct zonesign_result result;
    struct names names = {.serial = 1, .content = {HAS_A, HAS_TXT}};
    struct snapshot *zone = make_zone(&names), *signed_zone, *made;
    struct change change;
    set_mode(&options, 0);
    assert_int_equal(zone_sign(&options, zone, NULL, &result, &signed_zone), ERR_OK);
    options.nsec3 = true;
    assert_int_equal(zone_resign(&options, zone, zone, signed_zone, &result, &change, &made), ERR_STALE);
    options.nsec3 = false;
    struct zonesign_key other = {.publish = true, .sign_keys = true, .sign_zone = true};
    assert_int_equal(key_generate(apex, algorithm_find(15), 0, ROLE_KSK, &other.key), ERR_OK);
    options.keys = &other;
    assert_int_equal(zone_resign(&options, zone, zone, signed_zone, &result, &change, &made), ERR_STALE);
    key_release(other.key);
    snapshot_release(zone);
    snapshot_release(signed_zone);
}

static void nothing_is_signed_with_keys_that_are_not_published(void **state UNUSED)
{
    struct zonesign_options options;
    struct zonesign_result result;
    struct names names = {.serial = 1};
    struct snapshot *zone = make_zone(&names), *made;
    set_mode(&options, 0);
    struct zonesign_key keys[2] = {options.keys[0], {.sign_zone = true}};
    assert_int_equal(key_generate(apex, algorithm_find(15), 0, ROLE_ZSK, &keys[1].key), ERR_OK);
    options.keys = keys;
    options.key_count = 2;
    assert_int_equal(zone_sign(&options, zone, NULL, &result, &made), ERR_INVALID);
    assert_non_null(strstr(result.why, "its DNSKEY is not to be published"));
    options.key_count = 0;
    assert_int_equal(zone_sign(&options, zone, NULL, &result, &made), ERR_INVALID);
    key_release(keys[1].key);
    snapshot_release(zone);
}

/* A handle whose private part is another key's (DENIC, May 2026). */
static void nothing_is_signed_with_a_handle_of_another_key(void **state UNUSED)
{
    struct zonesign_options options;
    struct zonesign_result result;
    struct names names = {.serial = 1};
    struct snapshot *zone = make_zone(&names), *made;
    set_mode(&options, 0);
    struct zonesign_key mixed = options.keys[0];
    struct key *other;
    assert_int_equal(key_generate(apex, zone_key->algorithm, 0, ROLE_KSK, &other), ERR_OK);
    mixed.key = key_new(apex, zone_key->algorithm, zone_key->flags, keypair_hold(other->pair));
    memcpy(mixed.key->public_octets, zone_key->public_octets, zone_key->public_len);
    mixed.key->tag = zone_key->tag;
    options.keys = &mixed;
    assert_int_equal(zone_sign(&options, zone, NULL, &result, &made), ERR_INVALID);
    assert_non_null(strstr(result.why, "its private part is that of another key"));
    key_release(mixed.key);
    key_release(other);
    snapshot_release(zone);
}

static void zonemd_tells_one_changed_record(void **state UNUSED)
{
    struct zonesign_options options;
    struct zonesign_result result;
    struct names names = {.serial = 1, .content = {HAS_A, HAS_TXT, HAS_NS, HAS_A | HAS_TXT}};
    struct snapshot *zone = make_zone(&names), *made, *other;
    struct change change = {0};
    struct record soa;
    set_mode(&options, 5);
    assert_int_equal(zone_sign(&options, zone, NULL, &result, &made), ERR_OK);
    assert_int_equal(zonemd_verify(made), ZONEMD_VALID);
    assert_int_equal(zonemd_verify(zone), ZONEMD_NONE);
    record_read(made->soa->data, true, &soa);
    assert_int_equal(change_remove(&change, apex, TYPE_SOA, 3600, soa.rdata, soa.rdata_len), ERR_OK);
    assert_int_equal(change_add(&change, apex, TYPE_SOA, 3600, soa.rdata, soa.rdata_len), ERR_OK);
    assert_int_equal(
        change_add(&change, (const uint8_t *)"\1a\7example", TYPE_TXT, 60, (const uint8_t *)"\1y", 2),
        ERR_OK);
    assert_int_equal(change_apply(made, &change, 1, NULL, &other), ERR_OK);
    assert_int_equal(zonemd_verify(other), ZONEMD_WRONG);
    change_clear(&change);
    snapshot_release(other);
    snapshot_release(made);
    snapshot_release(zone);
}

static int make_key(void **state UNUSED)
{
    return key_generate(apex, algorithm_find(15), 0, ROLE_KSK, &zone_key);
}

static int drop_key(void **state UNUSED)
{
    key_release(zone_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_zones_are_as_if_signed_anew),
        cmocka_unit_test(what_does_not_change_costs_nothing_until_it_is_due),
        cmocka_unit_test(other_options_ask_for_signing_all),
        cmocka_unit_test(nothing_is_signed_with_keys_that_are_not_published),
        cmocka_unit_test(nothing_is_signed_with_a_handle_of_another_key),
        cmocka_unit_test(zonemd_tells_one_changed_record),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
