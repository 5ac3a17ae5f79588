/* Journals: what was appended is read back, in memory and from a file opened again; a file cut off at any
 * octet still has every whole step; a damaged one ends before the damage; the limit drops the oldest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/store/journal.h"
#include "zone/wire/type.h"

static const uint8_t apex[] = "\7example";
static char path[64];

static void soa_rdata(uint8_t rdata[22], uint32_t serial)
{
    memset(rdata, 0, 22);
    for (unsigned i = 0; i < 4; i++)
        rdata[2 + i] = (uint8_t)(serial >> (24 - 8 * i));
}

/* From SERIAL to the next, with SIZE octets of text in it. */
static void make(struct change *change, uint32_t serial, size_t size)
{
    static const uint8_t owner[] = "\1T\7example";
    uint8_t rdata[22], *text = calloc(1, size + 1);
    *change = (struct change){0};
    assert_non_null(text);
    memset(text, (int)serial, size);
    soa_rdata(rdata, serial);
    assert_int_equal(change_remove(change, apex, TYPE_SOA, 60, rdata, 22), ERR_OK);
    soa_rdata(rdata, serial + 1);
    assert_int_equal(change_add(change, owner, 65280, 60, text, size), ERR_OK);
    assert_int_equal(change_add(change, apex, TYPE_SOA, 60, rdata, 22), ERR_OK);
    free(text);
}

static enum err append(struct journal *journal, uint32_t serial, size_t size)
{
    struct change change;
    make(&change, serial, size);
    enum err err = journal_append(journal, &change);
    change_clear(&change);
    return err;
}

static struct journal *open_journal(const char *at, uint64_t max)
{
    struct journal *journal;
    assert_int_equal(journal_open(at, apex, max, &journal), ERR_OK);
    return journal;
}

static void assert_way(struct journal *journal, uint32_t from, uint32_t to)
{
    struct change *changes;
    size_t count;
    assert_int_equal(journal_read(journal, from, to, &changes, &count), ERR_OK);
    assert_int_equal(count, to - from);
    for (uint32_t i = 0; i < count; i++) {
        struct change wanted;
        make(&wanted, from + i, 0);
        assert_int_equal(changes[i].from, from + i);
        assert_int_equal(changes[i].to, from + i + 1);
        assert_int_equal(changes[i].removed.len, wanted.removed.len);
        assert_memory_equal(changes[i].removed.bytes, wanted.removed.bytes, wanted.removed.len);
        assert_true(change_check(&changes[i]));
        change_clear(&wanted);
        change_clear(&changes[i]);
    }
    free(changes);
}

static void assert_no_way(struct journal *journal, uint32_t from, uint32_t to)
{
    struct change *changes;
    size_t count;
    assert_int_equal(journal_read(journal, from, to, &changes, &count), ERR_MISSING);
}

static void use(const char *at)
{
    struct journal *journal = open_journal(at, 1 << 20);
    for (uint32_t serial = 1; serial < 10; serial++)
        assert_int_equal(append(journal, serial, serial * 10), ERR_OK);
    assert_way(journal, 1, 10);
    assert_way(journal, 4, 6);
    assert_no_way(journal, 0, 10);
    assert_no_way(journal, 5, 11);
    assert_no_way(journal, 6, 5);
    struct journal_span span = journal_span(journal);
    assert_int_equal(span.from, 1);
    assert_int_equal(span.to, 10);
    assert_int_equal(span.count, 9);
    if (at != NULL) {
        journal_close(journal);
        journal = open_journal(at, 1 << 20);
        assert_way(journal, 1, 10);
    }
    assert_int_equal(append(journal, 20, 5), ERR_OK); /* does not go on: begins anew */
    assert_no_way(journal, 1, 10);
    assert_way(journal, 20, 21);
    journal_close(journal);
}

static void steps_are_kept(void **state)
{
    (void)state;
    use(NULL);
    use(path);
    unlink(path);
}

static size_t read_file(uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(bytes, 1, room, file);
    fclose(file);
    return len;
}

static void write_file(const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* A crash leaves a beginning of what was being written. */
static void cut_off_anywhere(void **state)
{
    static uint8_t bytes[8192];
    uint64_t ends[6];
    (void)state;
    struct journal *journal = open_journal(path, 1 << 20);
    for (uint32_t serial = 1; serial < 6; serial++) {
        assert_int_equal(append(journal, serial, serial * 7), ERR_OK);
        ends[serial] = journal_span(journal).size;
    }
    journal_close(journal);
    size_t len = read_file(bytes, sizeof bytes);
    assert_int_equal(len, ends[5]);
    for (size_t cut = 0; cut < len; cut++) {
        uint32_t whole = 0;
        write_file(bytes, cut);
        while (whole < 5 && ends[whole + 1] <= cut)
            whole++;
        journal = open_journal(path, 1 << 20);
        assert_int_equal(journal_span(journal).count, whole);
        if (whole > 0)
            assert_way(journal, 1, whole + 1);
        assert_int_equal(append(journal, whole + 1, 3), ERR_OK); /* and it goes on from there */
        journal_close(journal);
        journal = open_journal(path, 1 << 20);
        assert_way(journal, 1, whole + 2);
        journal_close(journal);
    }
    unlink(path);
}

static void damage_ends_it(void **state)
{
    static uint8_t bytes[8192];
    (void)state;
    struct journal *journal = open_journal(path, 1 << 20);
    for (uint32_t serial = 1; serial < 4; serial++)
        assert_int_equal(append(journal, serial, 9), ERR_OK);
    journal_close(journal);
    size_t len = read_file(bytes, sizeof bytes);
    for (size_t at = 0; at < len; at++) {
        bytes[at] ^= 0x20;
        write_file(bytes, len);
        bytes[at] ^= 0x20;
        journal = open_journal(path, 1 << 20);
        assert_true(journal_span(journal).count < 4);
        if (journal_span(journal).count > 0)
            assert_way(journal, 1, journal_span(journal).to);
        journal_close(journal);
    }
    unlink(path);
}

static void limit(const char *at)
{
    struct journal *journal = open_journal(at, 20000);
    for (uint32_t serial = 1; serial < 200; serial++) {
        assert_int_equal(append(journal, serial, 900), ERR_OK);
        struct journal_span span = journal_span(journal);
        assert_true(span.size <= 20000);
        assert_int_equal(span.to, serial + 1);
        assert_way(journal, span.from, span.to);
    }
    assert_true(journal_span(journal).count >= 8);
    journal_keep(journal, 200); /* from here on nothing may go */
    for (uint32_t serial = 200; serial < 240; serial++)
        assert_int_equal(append(journal, serial, 900), ERR_OK);
    assert_way(journal, 200, 240);
    assert_int_equal(append(journal, 240, 21000), ERR_LIMIT);
    assert_int_equal(journal_span(journal).count, 0);
    journal_close(journal);
}

static void the_oldest_go(void **state)
{
    (void)state;
    limit(NULL);
    limit(path);
    unlink(path);
}

/* A directory that is not there: the error is told and nothing else changes. */
static void no_room(void **state)
{
    (void)state;
    struct journal *journal = open_journal("/nowhere/at.journal", 1 << 20);
    assert_int_equal(append(journal, 1, 10), ERR_IO);
    assert_int_equal(journal_span(journal).count, 0);
    journal_close(journal);
}

static void of_another_zone(void **state)
{
    (void)state;
    struct journal *journal = open_journal(path, 1 << 20);
    assert_int_equal(append(journal, 1, 10), ERR_OK);
    journal_close(journal);
    assert_int_equal(journal_open(path, (const uint8_t *)"\5other", 1 << 20, &journal), ERR_OK);
    assert_int_equal(journal_span(journal).count, 0);
    journal_close(journal);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_kept),
        cmocka_unit_test(cut_off_anywhere),
        cmocka_unit_test(damage_ends_it),
        cmocka_unit_test(the_oldest_go),
        cmocka_unit_test(no_room),
        cmocka_unit_test(of_another_zone),
    };
    snprintf(path, sizeof path, "/tmp/bailiwick-journal-%d", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
