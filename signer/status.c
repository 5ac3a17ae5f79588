/* Where each key stands, and what waits for what. */
#include <stdio.h>

#include "signer/keystore.h"
#include "signer/rolling.h"
#include "zone/base/json.h"

const struct option_row status_rows[] = {
    KEYSTORE_ROW,
    POLICY_ROW,
    FORMAT_ROW("text|json"),
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

static void print_record(const struct rolling *rolling, const struct roll_key *key, enum roll_record record)
{
    char time[ROLLING_TIME_MAX], due[ROLLING_TIME_MAX], why[ROLL_REASON_MAX];
    const struct roll_stage *stage = &key->stages[record];
    if (stage->state == ROLL_NONE)
        return;
    printf("    %-6s %-11s since %s", roll_record_text(record), roll_state_text(stage->state),
        rolling_time(stage->since_s, time));
    int64_t due_s = roll_due(&rolling->roll, &rolling->policy, key, record);
    if (due_s != ROLL_NEVER)
        printf(", goes on at %s", rolling_time(due_s, due));
    else if (roll_waits(&rolling->roll, &rolling->policy, key, record, why))
        printf(", waits: %s", why);
    putchar('\n');
}

static void print_key(const struct rolling *rolling, const struct roll_key *key)
{
    char name[ROLLING_KEY_MAX], time[ROLLING_TIME_MAX];
    printf("%s: %s%s", rolling_key(key, name), key->wanted ? "in use" : "going",
        key->standby ? ", standby" : "");
    if (key->foreign)
        printf(", another signer's");
    if (key->wanted && key->retire_s != 0)
        printf(", until %s", rolling_time(key->retire_s, time));
    putchar('\n');
    for (unsigned record = 0; record < ROLL_RECORDS; record++)
        print_record(rolling, key, (enum roll_record)record);
}

static void json_key(struct json *json, const struct rolling *rolling, const struct roll_key *key)
{
    char name[ROLLING_KEY_MAX], why[ROLL_REASON_MAX];
    json_open(json, NULL, '{');
    json_text(json, "key", rolling_key(key, name));
    json_number(json, "tag", key->tag);
    json_number(json, "algorithm", key->algorithm);
    json_bool(json, "in_use", key->wanted);
    json_bool(json, "standby", key->standby);
    json_number(json, "retires", (uint64_t)key->retire_s);
    for (unsigned record = 0; record < ROLL_RECORDS; record++) {
        const struct roll_stage *stage = &key->stages[record];
        if (stage->state == ROLL_NONE)
            continue;
        int64_t due_s = roll_due(&rolling->roll, &rolling->policy, key, record);
        json_open(json, roll_record_text(record), '{');
        json_text(json, "state", roll_state_text(stage->state));
        json_number(json, "since", (uint64_t)stage->since_s);
        if (due_s != ROLL_NEVER)
            json_number(json, "due", (uint64_t)due_s);
        else if (roll_waits(&rolling->roll, &rolling->policy, key, record, why))
            json_text(json, "waits", why);
        json_close(json, '}');
    }
    json_close(json, '}');
}

/* What resolvers may see at this moment. */
static enum outcome judge(const struct rolling *rolling, enum rolling_form form, struct json *json)
{
    struct views views;
    struct view_failure failure = {.fault = VIEW_SECURE};
    bool valid = roll_views(&rolling->roll, &views) && views_prove(&views, &failure);
    if (form == FORM_JSON) {
        json_bool(json, "valid", valid);
        if (!valid)
            json_text(json, "fault", view_fault_text(failure.fault));
    } else {
        printf("%s\n", valid ? "Every view that a cache may have validates, or is unsigned."
                             : view_fault_text(failure.fault));
    }
    return valid ? OUTCOME_GOOD : OUTCOME_REFUSED;
}

enum outcome status_run(const struct operands *operands)
{
    struct rolling rolling;
    struct json json;
    enum rolling_form form;
    if (!rolling_form(2, &form) || !rolling_open(&rolling, operands->words[0], false))
        return OUTCOME_TROUBLE;
    json_init(&json, stdout);
    if (form == FORM_JSON) {
        json_open(&json, NULL, '{');
        json_text(&json, "zone", rolling.name);
        json_text(&json, "policy", rolling.policy.name);
        json_open(&json, "keys", '[');
    } else {
        printf("%s by policy \"%s\", %u key%s\n", rolling.name, rolling.policy.name, rolling.roll.count,
            rolling.roll.count == 1 ? "" : "s");
    }
    for (unsigned i = 0; i < rolling.roll.count; i++) {
        if (form == FORM_JSON)
            json_key(&json, &rolling, &rolling.roll.keys[i]);
        else
            print_key(&rolling, &rolling.roll.keys[i]);
    }
    if (form == FORM_JSON)
        json_close(&json, ']');
    else if (rolling.unseen > 0)
        puts("The last steps are in no signed zone yet: \"signer sign\" publishes them, and their time "
             "begins then.");
    enum outcome outcome = judge(&rolling, form, &json);
    if (form == FORM_JSON) {
        json_close(&json, '}');
        putchar('\n');
    }
    rolling_close(&rolling);
    return outcome;
}
