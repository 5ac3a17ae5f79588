#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/forecast.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)
#define START ((int64_t)1800000000)

/* ---- hearing what happens ---- */

struct log {
    unsigned count;
    struct heard {
        int64_t at_s;
        enum roll_verb verb;
        uint64_t id;
        uint8_t algorithm;
        enum policy_role role;
        enum roll_record record;
        enum roll_state state;
    } events[4096];
};

static void note(void *context, const struct roll_event *event)
{
    struct log *log = context;
    assert_true(log->count < ARRAY_COUNT(log->events));
    assert_non_null(event->reason);
    assert_true(strlen(event->reason) > 5);
    struct heard *heard = &log->events[log->count++];
    *heard = (struct heard){
        .at_s = event->at_s, .verb = event->verb, .record = event->record, .state = event->state};
    if (event->key != NULL) {
        heard->id = event->key->id;
        heard->algorithm = event->key->algorithm;
        heard->role = event->key->role;
    }
}

/* When the N-th key of this role and algorithm (in order of making) went to STATE with RECORD; 0: never. */
static int64_t when(const struct log *log, enum policy_role role, uint8_t algorithm, unsigned nth,
    enum roll_record record, enum roll_state state)
{
    uint64_t id = 0;
    for (unsigned i = 0; i < log->count; i++) {
        const struct heard *heard = &log->events[i];
        if (heard->verb == ROLL_CREATE && heard->role == role && heard->algorithm == algorithm && nth-- == 0)
            id = heard->id;
        if (id != 0 && heard->id == id && heard->verb == ROLL_MOVE && heard->record == record &&
            heard->state == state)
            return heard->at_s;
    }
    return 0;
}

static void read_policy(const char *text, struct policy *policy);

static struct forecast run_log(
    const struct policy *policy, struct forecast_world *world, int64_t days, struct log *log)
{
    struct roll empty = {.count = 0};
    log->count = 0;
    if (world->parent_takes_s == 0)
        world->parent_takes_s = 2 * HOUR;
    return forecast_run(&empty, policy, world, START, START + days * DAY, true, note, log);
}

static void print_sink(void *context, const struct finding *finding)
{
    unsigned *count = context;
    (void)finding;
    ++*count;
}

static void read_policy(const char *text, struct policy *policy)
{
    unsigned findings = 0;
    struct finding_sink sink = {.report = print_sink, .context = &findings};
    assert_int_equal(policy_parse(text, strlen(text), "policy", NULL, &sink, policy), ERR_OK);
    assert_int_equal(findings, 0);
}

/* ---- rollovers ---- */

static const char split_keys[] = "dnssec-policy p { keys { ksk lifetime 200d algorithm 13; zsk lifetime 60d "
                                 "algorithm 13; }; %s };";

static void going_secure_waits_for_every_cache_before_the_ds(void **state)
{
    (void)state;
    static struct log log;
    struct policy policy;
    struct forecast_world world = {0};
    policy_default(&policy);
    struct forecast forecast = run_log(&policy, &world, 30, &log);
    assert_int_equal(forecast.fault, FORECAST_VALID);
    int64_t ds = when(&log, POLICY_CSK, 13, 0, ROLL_DS, ROLL_RUMOURED);
    assert_int_equal(when(&log, POLICY_CSK, 13, 0, ROLL_DNSKEY, ROLL_RUMOURED), START);
    assert_int_equal(when(&log, POLICY_CSK, 13, 0, ROLL_ZRRSIG, ROLL_RUMOURED), START);
    assert_true(ds >= START + DAY); /* max-zone-ttl: unsigned sets may be in caches for a day */
    assert_true(ds <= START + DAY + 3 * HOUR);
    assert_true(when(&log, POLICY_CSK, 13, 0, ROLL_DS, ROLL_OMNIPRESENT) >= ds + DAY + 2 * HOUR);
}

static void a_zsk_is_published_before_it_signs(void **state)
{
    (void)state;
    static struct log log;
    char text[400];
    struct policy policy;
    struct forecast_world world = {0};
    (void)snprintf(text, sizeof text, split_keys, "");
    read_policy(text, &policy);
    assert_int_equal(run_log(&policy, &world, 150, &log).fault, FORECAST_VALID);
    int64_t published = when(&log, POLICY_ZSK, 13, 1, ROLL_DNSKEY, ROLL_RUMOURED);
    int64_t everywhere = when(&log, POLICY_ZSK, 13, 1, ROLL_DNSKEY, ROLL_OMNIPRESENT);
    int64_t signs = when(&log, POLICY_ZSK, 13, 1, ROLL_ZRRSIG, ROLL_RUMOURED);
    assert_true(published > START + 59 * DAY && published < START + 60 * DAY);
    assert_int_equal(everywhere, published + 2 * HOUR + 300);
    assert_int_equal(signs, everywhere);
    assert_int_equal(when(&log, POLICY_ZSK, 13, 0, ROLL_ZRRSIG, ROLL_UNRETENTIVE), signs);
    int64_t gone = when(&log, POLICY_ZSK, 13, 0, ROLL_ZRRSIG, ROLL_HIDDEN);
    assert_true(gone >= signs + 9 * DAY + DAY); /* signatures fall due, then the largest TTL */
    assert_true(when(&log, POLICY_ZSK, 13, 0, ROLL_DNSKEY, ROLL_UNRETENTIVE) >= gone);
}

static void each_ksk_method_has_its_order(void **state)
{
    (void)state;
    static struct log log;
    static const struct {
        const char *method;
        unsigned parent_changes; /* moments at which the parent is asked for something, after going secure */
        bool ds_first;
    } methods[] = {{"ksk-rollover double-signature;", 1, false}, {"ksk-rollover double-ds;", 2, true},
        {"ksk-rollover double-rrset;", 2, true}};
    for (unsigned m = 0; m < ARRAY_COUNT(methods); m++) {
        char text[400];
        struct policy policy;
        struct forecast_world world = {.parent_takes_s = 30 * HOUR};
        (void)snprintf(text, sizeof text, split_keys, methods[m].method);
        read_policy(text, &policy);
        assert_int_equal(run_log(&policy, &world, 300, &log).fault, FORECAST_VALID);
        int64_t dnskey = when(&log, POLICY_KSK, 13, 1, ROLL_DNSKEY, ROLL_RUMOURED);
        int64_t ds = when(&log, POLICY_KSK, 13, 1, ROLL_DS, ROLL_RUMOURED);
        assert_true(dnskey != 0 && ds != 0);
        assert_int_equal(ds <= dnskey, methods[m].ds_first);
        assert_true(when(&log, POLICY_KSK, 13, 0, ROLL_DNSKEY, ROLL_HIDDEN) != 0);
        int64_t old_ds = when(&log, POLICY_KSK, 13, 0, ROLL_DS, ROLL_UNRETENTIVE);
        assert_int_equal(old_ds == ds ? 1 : 2, methods[m].parent_changes);
    }
}

static void an_algorithm_rolls_signatures_first(void **state)
{
    (void)state;
    static struct log log;
    struct policy before, after;
    read_policy("dnssec-policy p { keys { ksk algorithm 8; zsk algorithm 8; }; };", &before);
    read_policy("dnssec-policy p { keys { csk algorithm 15; }; };", &after);
    struct forecast_world world = {.policy_at_s = START + 30 * DAY, .policy_next = &after};
    assert_int_equal(run_log(&before, &world, 120, &log).fault, FORECAST_VALID);
    int64_t signs = when(&log, POLICY_CSK, 15, 0, ROLL_ZRRSIG, ROLL_RUMOURED);
    int64_t dnskey = when(&log, POLICY_CSK, 15, 0, ROLL_DNSKEY, ROLL_RUMOURED);
    int64_t ds = when(&log, POLICY_CSK, 15, 0, ROLL_DS, ROLL_RUMOURED);
    int64_t old_dnskey = when(&log, POLICY_ZSK, 8, 0, ROLL_DNSKEY, ROLL_UNRETENTIVE);
    int64_t old_signs = when(&log, POLICY_ZSK, 8, 0, ROLL_ZRRSIG, ROLL_UNRETENTIVE);
    assert_true(signs >= START + 30 * DAY && dnskey >= signs + DAY && ds >= dnskey + HOUR);
    assert_true(when(&log, POLICY_KSK, 8, 0, ROLL_DS, ROLL_HIDDEN) <= old_dnskey);
    assert_true(old_dnskey != 0 && old_signs >= old_dnskey + HOUR); /* RFC 6781 4.1.4 */
    assert_true(when(&log, POLICY_ZSK, 8, 0, ROLL_ZRRSIG, ROLL_HIDDEN) > old_signs);
}

static void going_insecure_takes_the_ds_away_first(void **state)
{
    (void)state;
    static struct log log;
    struct policy before, after;
    policy_default(&before);
    policy_default(&after);
    after.keys_count = 0;
    struct forecast_world world = {.policy_at_s = START + 30 * DAY, .policy_next = &after};
    assert_int_equal(run_log(&before, &world, 60, &log).fault, FORECAST_VALID);
    int64_t ds_gone = when(&log, POLICY_CSK, 13, 0, ROLL_DS, ROLL_HIDDEN);
    assert_true(ds_gone > START + 31 * DAY);
    assert_true(when(&log, POLICY_CSK, 13, 0, ROLL_DNSKEY, ROLL_UNRETENTIVE) >= ds_gone);
    assert_true(when(&log, POLICY_CSK, 13, 0, ROLL_ZRRSIG, ROLL_HIDDEN) > ds_gone);
}

static void the_parent_is_waited_for_however_long_it_takes(void **state)
{
    (void)state;
    static struct log log;
    struct policy policy;
    read_policy("dnssec-policy p { keys { csk lifetime 90d algorithm 13; }; };", &policy);
    struct forecast_world world = {.parent = {{START + 80 * DAY, 40 * DAY}}, .parent_count = 1};
    assert_int_equal(run_log(&policy, &world, 200, &log).fault, FORECAST_VALID);
    assert_true(when(&log, POLICY_CSK, 13, 1, ROLL_DS, ROLL_RUMOURED) < START + 95 * DAY);
    assert_true(when(&log, POLICY_CSK, 13, 1, ROLL_DS, ROLL_OMNIPRESENT) > START + 120 * DAY);
    assert_true(when(&log, POLICY_CSK, 13, 0, ROLL_DNSKEY, ROLL_UNRETENTIVE) > START + 120 * DAY);
}

static void a_standby_key_takes_over_at_once(void **state)
{
    (void)state;
    static struct log log;
    struct policy policy;
    read_policy(
        "dnssec-policy p { keys { ksk standby algorithm 13; zsk standby algorithm 13; }; };", &policy);
    struct forecast_world world = {.roll_id = ((uint64_t)1 << 32) + 2, .roll_at_s = START + 20 * DAY};
    struct roll empty = {.count = 0};
    log.count = 0;
    world.parent_takes_s = HOUR;
    assert_int_equal(forecast_run(&empty, &policy, &world, START, START + 60 * DAY, true, note, &log).fault,
        FORECAST_VALID);
    int64_t signs = when(&log, POLICY_ZSK, 13, 1, ROLL_ZRRSIG, ROLL_RUMOURED);
    assert_true(signs >= START + 20 * DAY && signs < START + 20 * DAY + 2 * HOUR);
}

/* RFC 8901 4.2: another signer's key has to be everywhere before it signs, and stays until its signatures are
 * gone. */
static void another_signers_key_is_kept_while_it_signs(void **state)
{
    (void)state;
    struct policy policy;
    struct roll roll = {.count = 0};
    struct roll_host host = {0};
    int64_t next;
    policy_default(&policy);
    struct roll_key own = {.id = 1, .tag = 1, .algorithm = 13, .role = POLICY_CSK, .wanted = true};
    struct roll_key other = {
        .id = 2, .tag = 2, .algorithm = 13, .role = POLICY_ZSK, .wanted = true, .foreign = true};
    assert_non_null(roll_add(&roll, &own, true, START));
    assert_non_null(roll_add(&roll, &other, false, START));
    roll_step(&roll, &policy, START, &host, &next);
    assert_true(roll_publishes(&roll.keys[1], ROLL_DNSKEY));
    assert_false(roll_publishes(&roll.keys[1], ROLL_ZRRSIG));
    roll_step(&roll, &policy, START + 3 * HOUR, &host, &next);
    assert_true(roll_publishes(&roll.keys[1], ROLL_ZRRSIG));
    roll_step(&roll, &policy, START + 15 * DAY, &host, &next);
    roll_find(&roll, 2)->wanted = false;
    roll_step(&roll, &policy, START + 16 * DAY, &host, &next);
    assert_false(roll_publishes(&roll.keys[1], ROLL_ZRRSIG));
    assert_true(roll_publishes(&roll.keys[1], ROLL_DNSKEY));
    roll_step(&roll, &policy, START + 40 * DAY, &host, &next);
    assert_false(roll_publishes(&roll.keys[1], ROLL_DNSKEY));
}

/* ---- mistakes ---- */

static void a_broken_step_is_refused_and_would_have_shown(void **state)
{
    (void)state;
    static struct log log;
    struct policy policy;
    struct roll empty = {.count = 0};
    policy_default(&policy);
    for (unsigned record = 0; record < ROLL_DS; record++)
        for (unsigned published = 0; published < 2; published++) {
            struct forecast_world world = {.parent_takes_s = HOUR,
                .break_at_s = START + 20 * DAY,
                .break_id = (uint64_t)1 << 32,
                .break_record = (enum roll_record)record};
            log.count = 0;
            struct forecast forecast =
                forecast_run(&empty, &policy, &world, START, START + 40 * DAY, published != 0, note, &log);
            assert_int_equal(forecast.fault, published != 0 ? FORECAST_BOGUS : FORECAST_REFUSED);
            assert_int_not_equal(forecast.failure.fault, VIEW_SECURE);
            assert_true(forecast.at_s >= START + 20 * DAY && forecast.at_s < START + 20 * DAY + HOUR);
        }
}

static void a_signer_that_is_off_too_long_is_told(void **state)
{
    (void)state;
    static struct log log;
    struct policy policy;
    policy_default(&policy);
    struct forecast_world world = {.signer = {{START + 40 * DAY, 4 * DAY}}, .signer_count = 1};
    assert_int_equal(run_log(&policy, &world, 90, &log).fault, FORECAST_VALID);
    world.signer[0].for_s = 10 * DAY;
    struct forecast forecast = run_log(&policy, &world, 90, &log);
    assert_int_equal(forecast.fault, FORECAST_EXPIRED);
    assert_true(forecast.at_s > START + 45 * DAY && forecast.at_s <= START + 45 * DAY + 2 * HOUR);
}

static void a_clock_that_jumps_hurries_nothing(void **state)
{
    (void)state;
    struct roll roll = {.count = 0};
    assert_int_equal(roll_time(&roll, START, 100, 7), START);
    assert_int_equal(roll_time(&roll, START + 10 * DAY, 160, 7), START + 60);
    assert_int_equal(roll_time(&roll, START - 10 * DAY, 260, 7), START + 160);
    assert_int_equal(roll_time(&roll, START + DAY, 5, 8), START + DAY); /* started again */
    assert_int_equal(roll_time(&roll, START, 5, 9), START + DAY);
}

/* ---- two years of everything ---- */

static uint32_t seed;

static uint32_t random_below(uint32_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % limit;
}

static int64_t random_days(unsigned from, unsigned to)
{
    return (int64_t)(from + random_below(to - from)) * DAY + random_below(86400);
}

static void random_policy(struct policy *policy)
{
    static const uint8_t algorithms[] = {8, 13, 14, 15};
    uint8_t algorithm = algorithms[random_below(4)];
    policy_default(policy);
    policy->ksk_method = (enum policy_ksk_method)random_below(3);
    policy->zsk_method = (enum policy_zsk_method)random_below(2);
    policy->resign_at_once = random_below(2) != 0;
    policy->dnskey_ttl_s = (1 + random_below(48)) * HOUR;
    policy->parent_ds_ttl_s = (1 + random_below(72)) * HOUR;
    policy->max_zone_ttl_s = (1 + random_below(72)) * HOUR;
    if (random_below(2) == 0) {
        policy->keys[0] = (struct policy_key){
            .role = POLICY_CSK, .algorithm = algorithm, .lifetime_s = random_days(30, 200)};
    } else {
        policy->keys_count = 2;
        policy->keys[0] = (struct policy_key){.role = POLICY_KSK,
            .algorithm = algorithm,
            .lifetime_s = random_days(60, 300),
            .standby = random_below(4) == 0};
        policy->keys[1] = (struct policy_key){.role = POLICY_ZSK,
            .algorithm = algorithm,
            .lifetime_s = random_days(25, 90),
            .standby = random_below(4) == 0};
    }
}

static void random_outages(struct forecast_outage *outages, unsigned *count, unsigned longest_days)
{
    *count = random_below(8);
    for (unsigned i = 0; i < *count; i++)
        outages[i] = (struct forecast_outage){
            .at_s = START + random_days(1, 720), .for_s = random_below(longest_days * 86400u)};
}

static void every_view_validates_for_two_years(void **state)
{
    (void)state;
    static struct log log;
    const char *wanted = getenv("ROLL_SEEDS");
    unsigned seeds = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : 60, secure = 0;
    uint64_t steps = 0, proofs = 0;
    for (unsigned n = 1; n <= seeds; n++) {
        seed = n * 2654435761u;
        struct policy policy, next;
        struct forecast_world world = {.parent_takes_s = random_below(5 * 86400u)};
        random_policy(&policy);
        random_policy(&next);
        if (random_below(8) == 0)
            next.keys_count = 0;
        /* The TTLs of what was published under the first policy stay those of the first. */
        next.dnskey_ttl_s = policy.dnskey_ttl_s;
        next.parent_ds_ttl_s = policy.parent_ds_ttl_s;
        next.max_zone_ttl_s = policy.max_zone_ttl_s;
        next.resign_at_once = policy.resign_at_once;
        world.policy_at_s = START + random_days(1, 600);
        world.policy_next = &next;
        random_outages(world.parent, &world.parent_count, 60);
        random_outages(world.observing, &world.observing_count, 60);
        random_outages(world.signer, &world.signer_count, 2);
        world.jumps_count = random_below(5);
        for (unsigned i = 0; i < world.jumps_count; i++)
            world.jumps[i] = (struct forecast_jump){.at_s = START + random_days(1, 720),
                .for_s = random_below(20 * 86400u),
                .by_s = (int64_t)random_below(60 * 86400u) - 30 * DAY};
        struct forecast forecast = run_log(&policy, &world, 730, &log);
        if (forecast.fault != FORECAST_VALID)
            print_message("seed %u: fault %d at day %lld: %s\n", n, forecast.fault,
                (long long)((forecast.at_s - START) / DAY), view_fault_text(forecast.failure.fault));
        assert_int_equal(forecast.fault, FORECAST_VALID);
        steps += forecast.steps;
        proofs += forecast.proofs;
        secure += next.keys_count != 0;
    }
    print_message("%u runs of two years (%u secure to the end): %llu steps, %llu moments proved\n", seeds,
        secure, (unsigned long long)steps, (unsigned long long)proofs);
    assert_true(steps > seeds * 20u);
}

/* Rollovers come to an end: no key waits for ever, and the set does not grow. */
static void keys_do_not_pile_up(void **state)
{
    (void)state;
    struct policy policy;
    struct roll roll = {.count = 0};
    static struct log log;
    struct forecast_world world = {0};
    read_policy("dnssec-policy p { keys { ksk lifetime 60d algorithm 13; zsk lifetime 20d algorithm 13; }; "
                "purge-keys 10d; };",
        &policy);
    (void)roll;
    assert_int_equal(run_log(&policy, &world, 1000, &log).fault, FORECAST_VALID);
    unsigned created = 0, purged = 0;
    for (unsigned i = 0; i < log.count; i++) {
        created += log.events[i].verb == ROLL_CREATE;
        purged += log.events[i].verb == ROLL_PURGE;
    }
    assert_true(created > 50);
    assert_true(created - purged <= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(going_secure_waits_for_every_cache_before_the_ds),
        cmocka_unit_test(a_zsk_is_published_before_it_signs),
        cmocka_unit_test(each_ksk_method_has_its_order),
        cmocka_unit_test(an_algorithm_rolls_signatures_first),
        cmocka_unit_test(going_insecure_takes_the_ds_away_first),
        cmocka_unit_test(the_parent_is_waited_for_however_long_it_takes),
        cmocka_unit_test(a_standby_key_takes_over_at_once),
        cmocka_unit_test(another_signers_key_is_kept_while_it_signs),
        cmocka_unit_test(a_broken_step_is_refused_and_would_have_shown),
        cmocka_unit_test(a_signer_that_is_off_too_long_is_told),
        cmocka_unit_test(a_clock_that_jumps_hurries_nothing),
        cmocka_unit_test(every_view_validates_for_two_years),
        cmocka_unit_test(keys_do_not_pile_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
