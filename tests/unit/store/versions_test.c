/* Two versions of a zone: what differs by RRset, and the property that the difference, applied to the old
 * version, makes the new one, whatever forms the two come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/store/load.h"
#include "zone/store/versions.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

static const uint8_t apex[] = "\1z";

struct text {
    struct sources sources;
    uint16_t file;
};

static struct version open_text(struct text *text, const char *content)
{
    assert_int_equal(sources_init(&text->sources), ERR_OK);
    assert_int_equal(sources_add(&text->sources, "z.zone", content, strlen(content), &text->file), ERR_OK);
    return (struct version){.sources = &text->sources, .file = text->file, .origin = apex};
}

static struct snapshot *snapshot_of(const char *content)
{
    struct text text;
    struct image *image;
    struct load_result result;
    struct load_options options = {.origin = apex};
    (void)open_text(&text, content);
    assert_int_equal(load_source(&text.sources, text.file, &options, &result, &image), ERR_OK);
    sources_clear(&text.sources);
    struct snapshot *snapshot = snapshot_new(image);
    assert_non_null(snapshot);
    return snapshot;
}

static void put_records(
    char *out, size_t size, const struct set_change *set, const struct set_version *version, char sign)
{
    for (uint32_t i = 0; i < version->count; i++) {
        char owner[NAME_TEXT_MAX], type[16], rdata[600];
        const struct set_record *record = &version->records[i];
        name_print(set->owner, owner);
        type[type_print(set->type, type)] = '\0';
        rdata_print(set->type, record->rdata, record->len, rdata, sizeof(rdata));
        size_t len = strlen(out);
        snprintf(out + len, size - len, "%c%s %s %u %s %s\n", record->alone ? sign : ' ', owner, "",
            version->ttl, type, rdata);
    }
}

#define SOA1 "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS ns.x.\n"
#define SOA2 "@ 60 SOA a b 2 2 3 4 5\n@ 60 NS ns.x.\n"

static const struct row {
    const char *name, *old, *new, *expected;
} rows[] = {
    {"nothing", SOA1 "a 5 A 192.0.2.1\nb 5 A 192.0.2.2\n", SOA1 "b 5 A 192.0.2.2\nA 5 A 192.0.2.1\n", ""},
    {"duplicates and the TTL of a set", SOA1 "a 5 A 192.0.2.1\na 5 A 192.0.2.1\na 6 A 192.0.2.2\n",
        SOA1 "a 5 A 192.0.2.2\na 5 A 192.0.2.1\n", ""},
    {"a record of a set", SOA1 "a 5 A 192.0.2.1\na 5 A 192.0.2.2\n",
        SOA1 "a 5 A 192.0.2.2\na 5 A 192.0.2.3\n",
        "-a.z.  5 A 192.0.2.1\n a.z.  5 A 192.0.2.2\n a.z.  5 A 192.0.2.2\n+a.z.  5 A 192.0.2.3\n"},
    {"a TTL", SOA1 "a 5 A 192.0.2.1\n", SOA1 "a 6 A 192.0.2.1\n",
        " a.z.  5 A 192.0.2.1\n a.z.  6 A 192.0.2.1\n"},
    {"a name moves", SOA1 "a 5 A 192.0.2.1\n", SOA1 "c 5 A 192.0.2.1\n",
        "-a.z.  5 A 192.0.2.1\n+c.z.  5 A 192.0.2.1\n"},
    {"the SOA comes first", SOA1 "@ 60 A 192.0.2.1\n", SOA2,
        "-z.  60 SOA a.z. b.z. 1 2 3 4 5\n+z.  60 SOA a.z. b.z. 2 2 3 4 5\n-z.  60 A 192.0.2.1\n"},
};

static void sets_that_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        for (unsigned way = 0; way < 8; way++) {
            struct text texts[2];
            struct version old = open_text(&texts[0], rows[i].old), new = open_text(&texts[1], rows[i].new);
            struct snapshot *snapshots[2] = {snapshot_of(rows[i].old), snapshot_of(rows[i].new)};
            if ((way & 1) != 0)
                old = (struct version){.snapshot = snapshots[0]};
            if ((way & 2) != 0)
                new = (struct version){.snapshot = snapshots[1]};
            struct versions_options options = {.chunk_size = (way & 4) != 0 ? 20 : 0, .threads = 2};
            struct versions versions;
            char got[2000] = "";
            assert_int_equal(versions_compare(&old, &new, &options, &versions), ERR_OK);
            for (size_t s = 0; s < versions.count; s++) {
                put_records(got, sizeof(got), &versions.sets[s], &versions.sets[s].old, '-');
                put_records(got, sizeof(got), &versions.sets[s], &versions.sets[s].new, '+');
            }
            assert_string_equal(got, rows[i].expected);
            assert_int_equal(versions.from, 1);
            versions_clear(&versions);
            for (unsigned s = 0; s < 2; s++) {
                snapshot_release(snapshots[s]);
                sources_clear(&texts[s].sources);
            }
        }
    }
}

/* A zone of random records; the same seed with another salt differs in some of them. */
static void make_zone(char *out, size_t size, unsigned seed, unsigned salt)
{
    size_t len = (size_t)snprintf(out, size, "$TTL 60\n@ SOA a b %u 2 3 4 5\n@ NS ns.x.\n", salt);
    for (unsigned i = 0; i < 300; i++) {
        unsigned number = (seed * 7919 + i * 104729) % 1000;
        bool differs = salt > 0 && (number * 31 + salt) % 9 == 0;
        unsigned shown = differs ? number + salt : number;
        if (differs && shown % 3 == 0)
            continue;
        len += (size_t)snprintf(out + len, size - len, "n%u.e%u %u TXT t%u\n", number % 80, number % 7,
            60 + (differs && shown % 5 == 0), shown);
        if (i % 4 == 0)
            len += (size_t)snprintf(out + len, size - len, " A 192.0.2.%u\n", shown % 256);
    }
}

static void the_difference_makes_the_new_of_the_old(void **state)
{
    (void)state;
    static char old_text[40000], new_text[40000];
    for (unsigned seed = 0; seed < 20; seed++) {
        make_zone(old_text, sizeof(old_text), seed, 1);
        make_zone(new_text, sizeof(new_text), seed, 2 + seed % 5);
        struct text texts[2];
        struct version old = open_text(&texts[0], old_text), new = open_text(&texts[1], new_text);
        struct snapshot *from = snapshot_of(old_text), *to = snapshot_of(new_text), *made;
        struct versions_options options = {.chunk_size = 500};
        struct versions versions;
        struct change change;
        char why[CHANGE_WHY_MAX] = "";
        assert_int_equal(versions_compare(&old, &new, &options, &versions), ERR_OK);
        assert_true(versions.count > 1);
        assert_int_equal(versions_change(&versions, &change), ERR_OK);
        if (change_apply(from, &change, 1, why, &made) != ERR_OK)
            fail_msg("seed %u: %s", seed, why);
        struct version applied = {.snapshot = made};
        struct versions rest;
        assert_int_equal(versions_compare(&applied, &new, &options, &rest), ERR_OK);
        assert_int_equal(rest.count, 0);
        versions_clear(&rest);
        versions_clear(&versions);
        change_clear(&change);
        snapshot_release(from);
        snapshot_release(to);
        snapshot_release(made);
        sources_clear(&texts[0].sources);
        sources_clear(&texts[1].sources);
    }
}

static void zones_of_two_names_are_refused(void **state)
{
    (void)state;
    struct text texts[2];
    struct version old = open_text(&texts[0], SOA1), new = open_text(&texts[1], "$ORIGIN y.\n" SOA1);
    struct versions_options options = {.threads = 1};
    struct versions versions;
    assert_int_equal(versions_compare(&old, &new, &options, &versions), ERR_INVALID);
    assert_int_equal(versions.apex[0], 0);
    sources_clear(&texts[0].sources);
    sources_clear(&texts[1].sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_that_differ),
        cmocka_unit_test(the_difference_makes_the_new_of_the_old),
        cmocka_unit_test(zones_of_two_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
