/* RFC 4034 6.3: the order of the records within an RRset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "zone/wire/canonical.h"
#include "zone/wire/type.h"

#define RECORDS_MAX 40

struct bytes {
    const char *octets;
    uint16_t len;
};

#define BYTES(text)                                                                                          \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

/* Sorts and checks that the records come out as the rows say. */
static void check_order(uint16_t type, const struct bytes *rows, const unsigned *expected, unsigned count)
{
    struct arena scratch;
    struct rdata_ref refs[RECORDS_MAX];
    arena_init(&scratch, 0);
    for (unsigned i = 0; i < count; i++)
        refs[i] = (struct rdata_ref){(const uint8_t *)rows[i].octets, rows[i].len};
    struct rrset *rrset = rrset_make(&scratch, type, 60, refs, count);
    assert_non_null(rrset);
    struct canonical_record *sorted = canonical_sort(&scratch, type, rrset->data, count, rrset_linked(type));
    assert_non_null(sorted);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(sorted[i].record.rdata_len, rows[expected[i]].len);
        assert_memory_equal(sorted[i].record.rdata, rows[expected[i]].octets, rows[expected[i]].len);
    }
    arena_clear(&scratch);
}

static void sorts_octets_shorter_first(void **state UNUSED)
{
    const struct bytes rows[] = {BYTES("\2ab"), BYTES("\1\377"), BYTES("\1a"), BYTES("\1a\1b"), BYTES("\0")};
    const unsigned expected[] = {4, 2, 3, 1, 0};
    check_order(TYPE_TXT, rows, expected, ARRAY_COUNT(rows));
}

/* The names of NS are lowered for the comparison (RFC 4034 6.2), and printed as they are. */
static void lowers_names(void **state UNUSED)
{
    const struct bytes rows[] = {BYTES("\1b\0"), BYTES("\1C\0"), BYTES("\1A\0")};
    const unsigned expected[] = {2, 0, 1};
    check_order(TYPE_NS, rows, expected, ARRAY_COUNT(rows));
}

static void keeps_case_of_data(void **state UNUSED)
{
    const struct bytes rows[] = {BYTES("\1b"), BYTES("\1C"), BYTES("\1A")};
    const unsigned expected[] = {2, 1, 0};
    check_order(TYPE_TXT, rows, expected, ARRAY_COUNT(rows));
}

static void sorts_many(void **state UNUSED)
{
    static char octets[RECORDS_MAX][4];
    struct bytes rows[RECORDS_MAX];
    unsigned expected[RECORDS_MAX];
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        unsigned place = i * 7 % RECORDS_MAX; /* 7 and 40 have no common factor */
        octets[i][3] = (char)place;
        rows[i] = (struct bytes){octets[i], 4};
        expected[place] = i;
    }
    check_order(TYPE_A, rows, expected, RECORDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_octets_shorter_first),
        cmocka_unit_test(lowers_names),
        cmocka_unit_test(keeps_case_of_data),
        cmocka_unit_test(sorts_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
