/* Bringing runs into canonical order: many random names, with labels that agree in their first octets or hold
 * the octets that end labels in the sort keys, against qsort with name_compare. Runs of one name must keep
 * the order of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "zone/store/sort.h"
#include "zone/wire/name.h"

#define RUNS_MAX 20000
#define RUN_ROOM 320

static uint64_t state_of_random = 1;
static uint8_t *runs;
static struct sort_entry entries[RUNS_MAX], expected[RUNS_MAX];

static uint32_t any(uint32_t below)
{
    state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state_of_random >> 33) % below);
}

static unsigned put_label(uint8_t *at, unsigned way)
{
    static const uint8_t octets[] = {0, 1, 2, 'a', 'b', 'z', '-', '*', 0xff, 'a'};
    unsigned len = way == 0 ? 1 + any(3) : way == 1 ? 16 + any(3) : 1 + any(20);
    *at = (uint8_t)len;
    for (unsigned i = 0; i < len; i++)
        at[1 + i] = way == 1 && i < 15 ? 'x' : octets[any(way == 2 ? 10 : 6)];
    return len + 1;
}

/* A run below "\1z", in one of the ways to be hard to sort. */
static const struct run *make_run(unsigned number, unsigned way)
{
    struct run *run = (struct run *)(void *)(runs + (size_t)number * RUN_ROOM);
    unsigned len = 0, depth = any(4) + (way == 3 ? any(60) : 0);
    memset(run, 0, RUN_ROOM);
    run->labels = 1;
    for (; depth > 0 && len < 220; depth--, run->labels++)
        len += put_label(run->name + len, way == 3 ? 0 : way);
    memcpy(run->name + len, "\1z", 3);
    run->name_len = (uint8_t)(len + 3);
    run->at = number;
    return run;
}

static int by_name(const void *a, const void *b)
{
    const struct sort_entry *x = a, *y = b;
    int order = name_compare(x->run->name, y->run->name);
    return order != 0 ? order : x->run->at < y->run->at ? -1 : 1;
}

static void check(unsigned count, unsigned way, unsigned threads, bool ordered)
{
    for (unsigned i = 0; i < count; i++) {
        entries[i].run = make_run(i, way);
        sort_key(entries[i].run, 1, entries[i].key);
    }
    memcpy(expected, entries, count * sizeof *entries);
    qsort(expected, count, sizeof *expected, by_name);
    if (ordered) { /* as a text that is sorted but for a few names */
        memcpy(entries, expected, count * sizeof *entries);
        for (unsigned i = 0; i < count; i++) /* positions in the text, so that equal names are in order */
            ((struct run *)(uintptr_t)entries[i].run)->at = i;
        struct sort_entry first = entries[0];
        memmove(entries, entries + 1, (count - 1) * sizeof *entries);
        entries[count - 1] = first;
        ((struct run *)(uintptr_t)first.run)->at = count;
        memcpy(expected, entries, count * sizeof *entries);
        qsort(expected, count, sizeof *expected, by_name);
    }
    assert_int_equal(sort_entries(entries, count, threads), ERR_OK);
    for (unsigned i = 0; i < count; i++)
        assert_ptr_equal(entries[i].run, expected[i].run);
    for (unsigned i = 1; i < count; i++)
        assert_true(sort_compare(&entries[i - 1], &entries[i]) <= 0);
}

static void agrees_with_name_compare(void **state)
{
    static const unsigned counts[] = {1, 2, 3, 16, 17, 100, 511, 512, 513, 1500, 5000, RUNS_MAX};
    (void)state;
    runs = malloc((size_t)RUNS_MAX * RUN_ROOM);
    assert_non_null(runs);
    for (unsigned way = 0; way < 4; way++) {
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            check(counts[i], way, 1, false);
            check(counts[i], way, 1 + any(7), false);
            check(counts[i], way, 1 + any(7), true);
        }
    }
    free(runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_name_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
