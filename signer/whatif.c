/* Would every resolver validate at every moment, whatever it has cached, if this and that happened? Yes, or
 * the counter-example. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/keystore.h"
#include "signer/rolling.h"
#include "zone/sec/forecast.h"
#include "zone/sec/keyfile.h"

#define YEARS_S ((int64_t)2 * 365 * 86400)

static struct forecast_world world = {.parent_takes_s = -1};
static const char *roll_at, *next_policy, *mistake;
static int64_t until_s;
static bool publish;

/* "TIME/SPAN" */
static bool take_outage(
    const char *option, const char *value, struct forecast_outage *outages, unsigned *count)
{
    char time[64];
    const char *slash = strchr(value, '/');
    if (*count == FORECAST_OUTAGES_MAX || slash == NULL || (size_t)(slash - value) >= sizeof time) {
        complain("%s %s: TIME/SPAN is wanted, as in now+10d/2d, at most %d times", option, value,
            FORECAST_OUTAGES_MAX);
        return false;
    }
    snprintf(time, sizeof time, "%.*s", (int)(slash - value), value);
    struct forecast_outage *outage = &outages[(*count)++];
    return take_time_value(option, time, &outage->at_s) && take_span_value(option, slash + 1, &outage->for_s);
}

static bool take_parent_out(const char *value)
{
    return take_outage("--parent-out", value, world.parent, &world.parent_count);
}

static bool take_blind(const char *value)
{
    return take_outage("--blind", value, world.observing, &world.observing_count);
}

static bool take_signer_out(const char *value)
{
    return take_outage("--signer-out", value, world.signer, &world.signer_count);
}

static bool take_parent_takes(const char *value)
{
    return take_span_value("--parent-takes", value, &world.parent_takes_s);
}

static bool take_until(const char *value)
{
    return take_time_value("--until", value, &until_s);
}

/* "TIME/SPAN/BY", BY perhaps with a minus sign. */
static bool take_clock(const char *value)
{
    char head[128];
    const char *slash = strrchr(value, '/');
    struct forecast_outage outage;
    unsigned none = 0;
    if (world.jumps_count == FORECAST_OUTAGES_MAX || slash == NULL ||
        (size_t)(slash - value) >= sizeof head) {
        complain("--clock %s: TIME/SPAN/BY is wanted, as in now+10d/2h/-30d", value);
        return false;
    }
    snprintf(head, sizeof head, "%.*s", (int)(slash - value), value);
    bool back = slash[1] == '-';
    struct forecast_jump *jump = &world.jumps[world.jumps_count];
    if (!take_outage("--clock", head, &outage, &none) ||
        !take_span_value("--clock", slash + 1 + back, &jump->by_s))
        return false;
    jump->at_s = outage.at_s;
    jump->for_s = outage.for_s;
    jump->by_s = back ? -jump->by_s : jump->by_s;
    world.jumps_count++;
    return true;
}

const struct option_row whatif_rows[] = {
    KEYSTORE_ROW,
    POLICY_ROW,
    {0, "until", "TIME", "how far to look ahead (now+2y)", NULL, NULL, take_until},
    {0, "parent-takes", "SPAN", "the parent needs so long for a DS", NULL, NULL, take_parent_takes},
    {0, "parent-out", "TIME/SPAN", "the parent acts on nothing", NULL, NULL, take_parent_out},
    {0, "blind", "TIME/SPAN", "the parent cannot be seen", NULL, NULL, take_blind},
    {0, "signer-out", "TIME/SPAN", "the signer is off", NULL, NULL, take_signer_out},
    {0, "clock", "TIME/SPAN/BY", "the signer's clock is wrong", NULL, NULL, take_clock},
    {0, "roll", "TAG@TIME", "a key is replaced by request", NULL, &roll_at, NULL},
    {0, "next-policy", "POLICY@TIME", "another policy holds from then on", NULL, &next_policy, NULL},
    {0, "mistake", "TAG:RECORD@TIME", "somebody withdraws DNSKEY, KRRSIG, ZRRSIG or DS by hand", NULL,
        &mistake, NULL},
    {0, "unguarded", NULL, "let the mistake through, to see what it does", &publish, NULL, NULL},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

/* Cuts "WHAT@TIME" in two; WHAT goes into OUT. */
static bool split_at(const char *option, const char *value, char *out, size_t room, int64_t *time_s)
{
    const char *at = strrchr(value, '@');
    if (at == NULL || (size_t)(at - value) >= room) {
        complain("%s %s: it ends in @TIME", option, value);
        return false;
    }
    snprintf(out, room, "%.*s", (int)(at - value), value);
    return take_time_value(option, at + 1, time_s);
}

static bool read_mistake(const struct rolling *rolling)
{
    char what[128];
    if (!split_at("--mistake", mistake, what, sizeof what, &world.break_at_s))
        return false;
    char *colon = strchr(what, ':');
    if (colon != NULL)
        *colon++ = '\0';
    for (unsigned record = 0; colon != NULL && record < ROLL_RECORDS; record++) {
        if (strcmp(colon, roll_record_text(record)) != 0)
            continue;
        world.break_record = (enum roll_record)record;
        return (world.break_id = rolling_find(rolling, what)) != 0;
    }
    complain("--mistake %s: TAG:DNSKEY, :KRRSIG, :ZRRSIG or :DS is wanted", mistake);
    return false;
}

static bool read_world(const struct rolling *rolling, struct policy *next)
{
    char what[4096];
    if (world.parent_takes_s < 0)
        world.parent_takes_s = rolling->policy.parent_propagation_delay_s;
    if (roll_at != NULL && (!split_at("--roll", roll_at, what, sizeof what, &world.roll_at_s) ||
                               (world.roll_id = rolling_find(rolling, what)) == 0))
        return false;
    if (next_policy != NULL) {
        if (!split_at("--next-policy", next_policy, what, sizeof what, &world.policy_at_s) ||
            !rolling_read_policy(what, next))
            return false;
        world.policy_next = next;
    }
    return mistake == NULL || read_mistake(rolling);
}

static void print_keys(const struct forecast *forecast, const char *what, key_mask mask)
{
    char text[ROLL_KEY_TEXT_MAX];
    printf("  %-22s", what);
    if (mask == 0)
        printf(" none");
    for (; mask != 0; mask &= mask - 1) {
        int place = __builtin_ctz(mask);
        const struct roll_key key = {.id = forecast->ids[place], .tag = forecast->tags[place]};
        printf(" %s", roll_key_text(&key, text));
    }
    putchar('\n');
}

static enum outcome judge(const struct forecast *forecast)
{
    char time[ROLLING_TIME_MAX];
    rolling_time(forecast->at_s, time);
    if (forecast->fault == FORECAST_VALID) {
        printf("valid until %s: %u steps, %llu views at %u moments, each validates or is unsigned\n", time,
            forecast->steps, (unsigned long long)forecast->views, forecast->proofs);
        return OUTCOME_GOOD;
    }
    if (forecast->fault == FORECAST_EXPIRED) {
        printf(
            "%s UTC: signatures expire: the signer has been off for longer than signatures-refresh\n", time);
        return OUTCOME_REFUSED;
    }
    if (forecast->fault == FORECAST_TOO_MANY) {
        printf("%s UTC: more keys at one time than can be looked at\n", time);
        return OUTCOME_REFUSED;
    }
    printf("%s UTC: %s%s\n", time, view_fault_text(forecast->failure.fault),
        forecast->fault == FORECAST_REFUSED ? "; it is refused before it is published" : "");
    printf("a cache could hold:\n");
    print_keys(forecast, "DS of", forecast->failure.ds);
    print_keys(forecast, "DNSKEY set with", forecast->failure.dnskey.keys);
    print_keys(forecast, "signed by", forecast->failure.dnskey.signers);
    print_keys(forecast, "other sets signed by", forecast->failure.zone);
    return OUTCOME_REFUSED;
}

enum outcome whatif_run(const struct operands *operands)
{
    struct rolling rolling;
    struct policy next;
    enum outcome outcome = OUTCOME_TROUBLE;
    if (!rolling_open(&rolling, operands->words[0], false))
        return OUTCOME_TROUBLE;
    if (read_world(&rolling, &next)) {
        struct forecast forecast = forecast_run(&rolling.roll, &rolling.policy, &world, clock_now(),
            until_s != 0 ? until_s : clock_now() + YEARS_S, publish, NULL, NULL);
        outcome = judge(&forecast);
    }
    rolling_close(&rolling);
    return outcome;
}
