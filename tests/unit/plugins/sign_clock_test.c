/* Which clocks the sign plugin believes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/sign/clock.h"

#define NOW INT64_C(1800000000)

struct row {
    int64_t wall_s, uptime_s, newest_s;
    const char *why; /* NULL: believed */
};

static void run(const struct row *rows, size_t count)
{
    struct sign_clock clock = {0};
    for (size_t i = 0; i < count; i++) {
        char why[CLOCK_WHY_MAX] = "";
        bool good = sign_clock_good(&clock, rows[i].wall_s, rows[i].uptime_s, rows[i].newest_s, why);
        if (good != (rows[i].why == NULL) || (!good && strstr(why, rows[i].why) == NULL))
            fail_msg("row %zu: %s, \"%s\"", i, good ? "believed" : "not believed", why);
    }
}

#define RUN(rows) run(rows, sizeof rows / sizeof *rows)

static void test_a_clock_that_starts_in_1970(void **state)
{
    (void)state;
    static const struct row rows[] = {{100, 5, 0, "19700101"},
        {101, 6, NOW - 3600, "newest signature begins"}, {NOW, 7, NOW - 3600, NULL},
        {NOW + 60, 67, NOW, NULL}};
    RUN(rows);
}

static void test_a_clock_that_is_set_back(void **state)
{
    (void)state;
    static const struct row rows[] = {{NOW, 10, 0, NULL}, {NOW - 86400, 20, NOW - 3600, "newest"},
        {NOW - 1800, 30, NOW - 3600, "jumped by about -30 minutes"}, {NOW + 30, 40, NOW - 3600, NULL}};
    RUN(rows);
}

static void test_a_clock_that_jumps_ahead(void **state)
{
    (void)state;
    static const struct row rows[] = {{NOW, 10, 0, NULL}, {NOW + 86400, 20, NOW, "about 1440 minutes"},
        {NOW + 86400 + 3500, 3520, NOW, "jumped"}, {NOW + 3600, 3610, NOW, NULL}, /* it goes right again */
        {NOW + 2 * 86400, 3620, NOW, "jumped"}, {NOW + 2 * 86400 + 3500, 7120, NOW, "jumped"},
        {NOW + 2 * 86400 + 3600, 7220, NOW, NULL}, /* it has stayed so */
        {NOW + 2 * 86400 + 3700, 7320, NOW, NULL}};
    RUN(rows);
}

static void test_a_clock_that_is_slewed(void **state)
{
    (void)state;
    struct sign_clock clock = {0};
    char why[CLOCK_WHY_MAX];
    for (int64_t i = 0; i < 100; i++) /* ten minutes an hour, and both are followed */
        assert_true(sign_clock_good(&clock, NOW + i * 4200, 10 + i * 3600, 0, why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clock_that_starts_in_1970),
        cmocka_unit_test(test_a_clock_that_is_set_back),
        cmocka_unit_test(test_a_clock_that_jumps_ahead),
        cmocka_unit_test(test_a_clock_that_is_slewed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
