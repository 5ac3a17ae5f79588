/* The reader's fast path must read what the careful one reads: the same random and damaged records of the
 * hot types through both, octet for octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/text/rdata_make.h"
#include "tests/unit/text/rdata_test.h"
#include "zone/text/reader.h"

#define ROUNDS 3000

static const uint16_t hot[] = {TYPE_A, TYPE_NS, TYPE_CNAME, TYPE_PTR, TYPE_MX, TYPE_TXT, TYPE_AAAA, TYPE_SRV,
    TYPE_DS, TYPE_RRSIG, TYPE_NSEC, TYPE_NSEC3, TYPE_DNSKEY, TYPE_CAA, TYPE_TLSA, TYPE_HTTPS, TYPE_SOA,
    TYPE_NSEC3PARAM, TYPE_ANY, TYPE_NULL};

static uint8_t wire[RDATA_MAX];
static char text[TEXT_MAX];

/* One or two characters changed, dropped or put in, half of the time. */
static void damage(struct make *make, char *line)
{
    static const char marks[] = "0123456789abcxyzAZ.-:/=+,\\\"!_@* ;\t";
    for (unsigned changes = make_any(make, 4) / 2 * make_any(make, 3); changes > 0; changes--) {
        size_t len = strlen(line), at = make_any(make, (unsigned)len + 1);
        char mark = marks[make_any(make, sizeof marks - 1)];
        unsigned way = make_any(make, 3);
        if (way == 0 && at < len)
            line[at] = mark;
        else if (way == 1 && at < len)
            memmove(line + at, line + at + 1, len - at);
        else
            memmove(line + at + 1, line + at, len - at + 1), line[at] = mark;
    }
}

static size_t make_zone(uint64_t seed, char *out)
{
    struct make make = {.seed = seed, .plain = true};
    char *at = out + sprintf(out, "$TTL 60\n");
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint16_t type = hot[make_any(&make, ARRAY_COUNT(hot))];
        size_t len = make_rdata(&make, type, wire);
        rdata_print(type, wire, len, text, sizeof text);
        damage(&make, text);
        at += sprintf(at, "n%u %s %s\n", round, type_info(type)->name, text);
    }
    return (size_t)(at - out);
}

/* Reads the whole text by one path; returns the errors it found. */
static unsigned read_zone(const char *zone, size_t len, bool careful, struct tape *tape)
{
    struct arena arena;
    struct reader reader;
    struct sources sources;
    struct pending_list findings = {.arena = &arena};
    uint16_t file;
    arena_init(&arena, 0);
    assert_int_equal(tape_init(tape, 0), ERR_OK);
    assert_int_equal(sources_init(&sources), ERR_OK);
    assert_int_equal(sources_add(&sources, "zone", zone, len, &file), ERR_OK);
    reader_init(&reader, &sources, file, tape, &findings, test_origin);
    if (!careful)
        reader_run(&reader, reader.end);
    while (reader.at < reader.end && reader.failure == ERR_OK)
        reader_entry(&reader);
    assert_int_equal(reader.failure, ERR_OK);
    unsigned errors = findings.errors;
    sources_clear(&sources);
    arena_clear(&arena);
    return errors;
}

/* Record by record; runs may be empty. */
struct walk {
    const struct run *run;
    const struct tape_record *record;
    uint32_t left;
};

static struct walk walk_begin(const struct tape *tape)
{
    const struct run *run = tape_first(tape);
    return (struct walk){run, run_first(run), run->record_count};
}

static const struct tape_record *walk_next(struct walk *walk)
{
    while (walk->left == 0) {
        walk->run = run_next(walk->run);
        walk->record = run_first(walk->run);
        walk->left = walk->run->record_count;
    }
    const struct tape_record *record = walk->record;
    walk->record = tape_record_next(record);
    walk->left--;
    return record;
}

static void both_paths_read_the_same(void **state)
{
    (void)state;
    static char zone[ROUNDS * 4096];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct tape fast, careful;
        size_t len = make_zone(seed, zone);
        unsigned errors = read_zone(zone, len, false, &fast);
        assert_int_equal(read_zone(zone, len, true, &careful), errors);
        assert_true(errors > ROUNDS / 20 && errors < ROUNDS);
        assert_int_equal(fast.record_count, careful.record_count);
        assert_true(fast.record_count > ROUNDS / 2);
        struct walk a = walk_begin(&fast), b = walk_begin(&careful);
        for (size_t i = 0; i < fast.record_count; i++) {
            const struct tape_record *x = walk_next(&a), *y = walk_next(&b);
            assert_memory_equal(a.run->name, b.run->name, a.run->name_len);
            assert_int_equal(x->type, y->type);
            assert_int_equal(x->rdata_len, y->rdata_len);
            assert_memory_equal(x->rdata, y->rdata, x->rdata_len);
        }
        tape_clear(&fast);
        tape_clear(&careful);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_paths_read_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
