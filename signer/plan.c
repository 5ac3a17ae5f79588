/* Every step that is to come, with its reason: the machine run against a clock that is made up. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "signer/keystore.h"
#include "signer/rolling.h"
#include "zone/base/json.h"
#include "zone/sec/forecast.h"

#define ICS_LINE_MAX 75
#define YEAR_S ((int64_t)365 * 86400)

static int64_t until_s, parent_takes_s = -1;

static bool take_until(const char *value)
{
    return take_time_value("--until", value, &until_s);
}

static bool take_parent_takes(const char *value)
{
    return take_span_value("--parent-takes", value, &parent_takes_s);
}

const struct option_row plan_rows[] = {
    KEYSTORE_ROW,
    POLICY_ROW,
    {0, "until", "TIME", "how far to look ahead (now+1y)", NULL, NULL, take_until},
    {0, "parent-takes", "SPAN", "from our CDS to the parent's DS (parent-propagation-delay)", NULL, NULL,
        take_parent_takes},
    FORMAT_ROW("text|json|ics"),
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

struct telling {
    const struct rolling *rolling;
    struct json json;
    enum rolling_form form;
    unsigned number;
};

static void stamp(int64_t time_s, char out[ROLLING_TIME_MAX])
{
    time_t seconds = (time_t)time_s;
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL || strftime(out, ROLLING_TIME_MAX, "%Y%m%dT%H%M%SZ", &tm) == 0)
        out[0] = '\0';
}

/* A content line of RFC 5545 3.1: in TEXT comma, semicolon and backslash are escaped (3.3.11), lines end in
 * CR LF and are folded at 75 octets. All of it is ASCII. */
static void put_line(const char *name, const char *text)
{
    unsigned column = (unsigned)printf("%s:", name);
    for (; *text != '\0'; text++) {
        bool escape = strchr(",;\\", *text) != NULL;
        if (column + 1 + escape > ICS_LINE_MAX) {
            fputs("\r\n ", stdout);
            column = 1;
        }
        if (escape)
            putchar('\\');
        putchar(*text);
        column += 1 + escape;
    }
    fputs("\r\n", stdout);
}

/* RFC 5545 3.6.1. */
static void tell_ics(
    struct telling *telling, const struct roll_event *event, const char *key, const char *what)
{
    char at[ROLLING_TIME_MAX], now[ROLLING_TIME_MAX], uid[NAME_TEXT_MAX + 64], summary[NAME_TEXT_MAX + 320];
    stamp(event->at_s, at);
    stamp(clock_now(), now);
    snprintf(uid, sizeof uid, "%u-%s-%s@signer", telling->number++, at, telling->rolling->name);
    fputs("BEGIN:VEVENT\r\n", stdout);
    put_line("UID", uid);
    printf("DTSTAMP:%s\r\nDTSTART:%s\r\n", now, at);
    snprintf(summary, sizeof summary, "%s %s: %s", telling->rolling->name, key, what);
    put_line("SUMMARY", summary);
    put_line("DESCRIPTION", event->reason);
    fputs("END:VEVENT\r\n", stdout);
}

static void tell(void *context, const struct roll_event *event)
{
    struct telling *telling = context;
    char key[ROLLING_KEY_MAX] = "a key", what[ROLL_REASON_MAX], time[ROLLING_TIME_MAX];
    if (event->key != NULL)
        rolling_key(event->key, key);
    rolling_what(event, what);
    if (telling->form == FORM_ICS) {
        tell_ics(telling, event, key, what);
    } else if (telling->form == FORM_JSON) {
        json_open(&telling->json, NULL, '{');
        json_number(&telling->json, "at", (uint64_t)event->at_s);
        json_text(&telling->json, "key", key);
        json_text(&telling->json, "what", what);
        json_text(&telling->json, "reason", event->reason);
        json_close(&telling->json, '}');
    } else {
        printf("%s  %-26s %-26s %s\n", rolling_time(event->at_s, time), key, what, event->reason);
    }
}

static void begin(struct telling *telling)
{
    json_init(&telling->json, stdout);
    if (telling->form == FORM_ICS)
        printf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Bailiwick//signer//EN\r\n");
    if (telling->form != FORM_JSON)
        return;
    json_open(&telling->json, NULL, '{');
    json_text(&telling->json, "zone", telling->rolling->name);
    json_text(&telling->json, "policy", telling->rolling->policy.name);
    json_open(&telling->json, "steps", '[');
}

static void end(struct telling *telling)
{
    if (telling->form == FORM_ICS)
        printf("END:VCALENDAR\r\n");
    if (telling->form != FORM_JSON)
        return;
    json_close(&telling->json, ']');
    json_close(&telling->json, '}');
    putchar('\n');
}

enum outcome plan_run(const struct operands *operands)
{
    struct rolling rolling;
    struct telling telling = {.rolling = &rolling};
    struct forecast_world world = {0};
    if (!rolling_form(3, &telling.form) || !rolling_open(&rolling, operands->words[0], false))
        return OUTCOME_TROUBLE;
    world.parent_takes_s = parent_takes_s >= 0 ? parent_takes_s : rolling.policy.parent_propagation_delay_s;
    begin(&telling);
    struct forecast forecast = forecast_run(&rolling.roll, &rolling.policy, &world, clock_now(),
        until_s != 0 ? until_s : clock_now() + YEAR_S, true, tell, &telling);
    end(&telling);
    rolling_close(&rolling);
    if (forecast.fault == FORECAST_VALID)
        return OUTCOME_GOOD;
    complain("the plan does not hold: %s", view_fault_text(forecast.failure.fault));
    return OUTCOME_REFUSED;
}
