/* Accounts of rate limiting (plugins/rrl/table.h): what passes at which rate, credit and debt, full buckets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "plugins/rrl/table.h"

#define SECOND INT64_C(1000000000)
#define BEGIN (INT64_C(1700000000) * SECOND)

static bool charge(struct rrl_table *table, uint64_t key, const struct rrl_rate *rate, int64_t now)
{
    uint32_t limited;
    return rrl_table_charge(table, key, rate, now, &limited);
}

/* Steady streams for 100 seconds: what passes is the rate, and one second's allowance at the beginning. */
static void streams(void **state)
{
    static const struct {
        int64_t per_second, sent_per_second;
        unsigned passed;
    } cases[] = {
        {10, 5, 500},   /* below the limit */
        {10, 10, 1000}, /* at it */
        {10, 11,
            1000}, /* an overdrawn account is charged for what is held back, too: it recovers in pauses */
        {10, 1000, 10}, /* a flood gets the first second's allowance and no more */
        {1000, 900, 90000},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct rrl_table table;
        struct rrl_rate rate = {SECOND / cases[i].per_second, 15 * SECOND};
        unsigned passed = 0, sent = (unsigned)cases[i].sent_per_second * 100;
        assert_int_equal(rrl_table_init(&table, 100), ERR_OK);
        for (unsigned n = 0; n < sent; n++)
            passed += !charge(&table, 77, &rate, BEGIN + n * (SECOND / cases[i].sent_per_second));
        if (cases[i].sent_per_second == 11)
            assert_in_range(passed, 90, 1000);
        else
            assert_in_range(passed, cases[i].passed, cases[i].passed + 1);
        rrl_table_clear(&table);
    }
}

static void debt_ends_with_the_window(void **state)
{
    struct rrl_table table;
    struct rrl_rate rate = {SECOND / 5, 15 * SECOND};
    (void)state;
    assert_int_equal(rrl_table_init(&table, 100), ERR_OK);
    for (unsigned n = 0; n < 100000; n++)
        charge(&table, 5, &rate, BEGIN);
    assert_true(charge(&table, 5, &rate, BEGIN + 14 * SECOND));
    assert_false(charge(&table, 5, &rate, BEGIN + 30 * SECOND));
    rrl_table_clear(&table);
}

static void slow_rates_let_one_pass(void **state)
{
    struct rrl_table table;
    struct rrl_rate rate = {4 * SECOND, 15 * SECOND}; /* one in four seconds */
    (void)state;
    assert_int_equal(rrl_table_init(&table, 100), ERR_OK);
    assert_false(charge(&table, 5, &rate, BEGIN));
    assert_true(charge(&table, 5, &rate, BEGIN + SECOND));
    assert_false(charge(&table, 5, &rate, BEGIN + 9 * SECOND));
    rrl_table_clear(&table);
}

static void limited_are_counted(void **state)
{
    struct rrl_table table;
    struct rrl_rate rate = {SECOND, 15 * SECOND};
    uint32_t limited = 0;
    (void)state;
    assert_int_equal(rrl_table_init(&table, 100), ERR_OK);
    assert_false(rrl_table_charge(&table, 1, &rate, BEGIN, &limited));
    for (uint32_t n = 1; n < 10; n++) {
        assert_true(rrl_table_charge(&table, 1, &rate, BEGIN, &limited));
        assert_int_equal(limited, n);
    }
    assert_false(rrl_table_charge(&table, 1, &rate, BEGIN + 60 * SECOND, &limited));
    assert_true(rrl_table_charge(&table, 1, &rate, BEGIN + 60 * SECOND, &limited));
    assert_int_equal(limited, 1);
    rrl_table_clear(&table);
}

/* A clock that is set back must not leave a client limited for longer than the window. */
static void clock_set_back(void **state)
{
    struct rrl_table table;
    struct rrl_rate rate = {SECOND / 10, 15 * SECOND};
    (void)state;
    assert_int_equal(rrl_table_init(&table, 100), ERR_OK);
    assert_false(charge(&table, 1, &rate, BEGIN));
    charge(&table, 1, &rate, BEGIN - 3600 * SECOND);
    assert_false(charge(&table, 1, &rate, BEGIN - 3600 * SECOND + 16 * SECOND));
    rrl_table_clear(&table);
}

/* Thousands of others push out accounts in credit, not one that is deep in debt. */
static void limited_accounts_stay(void **state)
{
    struct rrl_table table;
    struct rrl_rate rate = {SECOND / 10, 15 * SECOND};
    (void)state;
    srandom(3);
    assert_int_equal(rrl_table_init(&table, 64), ERR_OK);
    for (unsigned n = 0; n < 1000; n++)
        charge(&table, UINT64_C(0x123456789abcdef0), &rate, BEGIN);
    for (unsigned n = 0; n < 10000; n++)
        charge(&table, (uint64_t)random() << 33 ^ (uint64_t)random(), &rate, BEGIN + n);
    assert_true(charge(&table, UINT64_C(0x123456789abcdef0), &rate, BEGIN + SECOND));
    rrl_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams),
        cmocka_unit_test(debt_ends_with_the_window),
        cmocka_unit_test(slow_rates_let_one_pass),
        cmocka_unit_test(limited_are_counted),
        cmocka_unit_test(clock_set_back),
        cmocka_unit_test(limited_accounts_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
