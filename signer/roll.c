/* One step of the rollover machine on the keys on disk: makes keys, notes states and times, says what it did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/keystore.h"
#include "signer/parent.h"
#include "signer/rolling.h"
#include "zone/base/json.h"
#include "zone/sec/rollkeys.h"

static const char *request, *seen, *gone, *parent;
static bool dry;

const struct option_row roll_rows[] = {
    KEYSTORE_ROW,
    POLICY_ROW,
    {0, "key", "TAG", "replace this key as soon as may be", NULL, &request, NULL},
    {0, "ds-seen", "TAG", "the parent publishes the DS of this key", NULL, &seen, NULL},
    {0, "ds-gone", "TAG", "the parent publishes it no more", NULL, &gone, NULL},
    {0, "parent", "ADDRESS", "ask this server of the parent which DS it publishes", NULL, &parent, NULL},
    {'n', "dry-run", NULL, "say what would be done", &dry, NULL, NULL},
    FORMAT_ROW("text|json"),
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

struct work {
    struct rolling *rolling;
    struct json json;
    enum rolling_form form;
    uint32_t foreseen; /* of a dry run */
};

/* The key is on disk before the machine counts on it. */
static enum err make_key(struct work *work, const struct policy_key *want, int64_t now_s, struct key **out)
{
    struct keyfile_trouble trouble;
    struct key *key;
    enum err err = roll_key_make(work->rolling->zone, want, &work->rolling->keys, now_s, &key);
    if (err != ERR_OK)
        return err;
    err = keystore_write(key, &trouble);
    if (err == ERR_OK)
        err = key_list_add(&work->rolling->keys, key_hold(key));
    else
        (void)keystore_complain(&trouble);
    key_release(key);
    *out = key; /* the list holds it */
    return err;
}

static enum err create(void *context, const struct policy_key *want, int64_t now_s, struct roll_key *made)
{
    struct work *work = context;
    struct key *key;
    if (dry) {
        made->id = ((uint64_t)1 << 32) + work->foreseen++;
        return ERR_OK;
    }
    enum err err = make_key(work, want, now_s, &key);
    if (err == ERR_OK) {
        made->id = roll_key_id(key);
        made->tag = key->tag;
    }
    return err;
}

static void tell(void *context, const struct roll_event *event)
{
    struct work *work = context;
    char key[ROLLING_KEY_MAX] = "a key", what[ROLL_REASON_MAX];
    if (event->key != NULL)
        rolling_key(event->key, key);
    rolling_what(event, what);
    if (work->form == FORM_JSON) {
        json_open(&work->json, NULL, '{');
        json_text(&work->json, "key", key);
        json_text(&work->json, "what", what);
        json_text(&work->json, "reason", event->reason);
        json_close(&work->json, '}');
        return;
    }
    printf("%s: %s (%s)\n", key, what, event->reason);
}

static bool observe(struct rolling *rolling)
{
    uint64_t id;
    if (seen != NULL) {
        if ((id = rolling_find(rolling, seen)) == 0)
            return false;
        roll_ds_seen(&rolling->roll, id, clock_now());
    }
    if (gone != NULL) {
        if ((id = rolling_find(rolling, gone)) == 0)
            return false;
        roll_ds_gone(&rolling->roll, id, clock_now());
    }
    if (request != NULL) {
        if ((id = rolling_find(rolling, request)) == 0)
            return false;
        if (roll_request(&rolling->roll, id, clock_now()) != ERR_OK) {
            complain("%s: this key is not in use", request);
            return false;
        }
    }
    return parent == NULL || parent_look(rolling, parent);
}

static bool write_back(const struct rolling *rolling)
{
    for (unsigned i = 0; i < rolling->roll.count; i++) {
        const struct roll_key *from = &rolling->roll.keys[i];
        struct key *key = roll_key_of(&rolling->keys, from->id);
        struct keyfile_trouble trouble;
        if (key == NULL)
            continue;
        enum err err = roll_key_write(from, key);
        if (err == ERR_OK)
            err = keyfile_update(key, &trouble);
        else
            snprintf(trouble.message, sizeof trouble.message, "%s", err_text(err));
        if (err != ERR_OK) {
            (void)keystore_complain(&trouble);
            return false;
        }
    }
    return true;
}

/* What only a person can do, or the parent by CDS. */
static void tell_parent(const struct roll *roll)
{
    for (unsigned i = 0; i < roll->count; i++) {
        const struct roll_key *key = &roll->keys[i];
        enum roll_state state = key->stages[ROLL_DS].state;
        char name[ROLLING_KEY_MAX];
        if (state == ROLL_RUMOURED && key->ds_seen_s == 0)
            printf("%s: the parent is to publish its DS, which \"signer ds\" prints; then --ds-seen %u, or "
                   "--parent\n",
                rolling_key(key, name), key->tag);
        if (state == ROLL_UNRETENTIVE && key->ds_gone_s == 0)
            printf("%s: the parent is to remove its DS; then --ds-gone %u, or --parent\n",
                rolling_key(key, name), key->tag);
    }
}

static void tell_next(struct work *work, int64_t next_s)
{
    char time[ROLLING_TIME_MAX];
    if (work->form == FORM_TEXT && work->rolling->unseen > 0)
        puts("earlier steps are in no signed zone yet: their time begins when \"signer sign\" has published "
             "them");
    if (work->form == FORM_TEXT)
        tell_parent(&work->rolling->roll);
    if (work->form == FORM_JSON) {
        json_close(&work->json, ']');
        if (next_s == ROLL_NEVER)
            json_text(&work->json, "next", NULL);
        else
            json_number(&work->json, "next", (uint64_t)next_s);
        json_close(&work->json, '}');
        putchar('\n');
    } else if (next_s != ROLL_NEVER) {
        printf("next step: %s UTC, by \"signer roll\" then or later\n", rolling_time(next_s, time));
    } else {
        puts("nothing more is due by time alone; \"signer status\" tells what waits");
    }
}

enum outcome roll_run(const struct operands *operands)
{
    struct rolling rolling;
    struct work work = {.rolling = &rolling};
    struct roll_host host = {.create = create, .event = tell, .context = &work};
    int64_t next_s;
    if (!rolling_form(2, &work.form) || !rolling_open(&rolling, operands->words[0], false))
        return OUTCOME_TROUBLE;
    enum outcome outcome = OUTCOME_TROUBLE;
    if (observe(&rolling)) {
        json_init(&work.json, stdout);
        if (work.form == FORM_JSON) {
            json_open(&work.json, NULL, '{');
            json_text(&work.json, "zone", rolling.name);
            json_open(&work.json, "steps", '[');
        }
        roll_step(&rolling.roll, &rolling.policy, clock_now(), &host, &next_s);
        outcome = dry || write_back(&rolling) ? OUTCOME_GOOD : OUTCOME_TROUBLE;
        tell_next(&work, next_s);
    }
    rolling_close(&rolling);
    return outcome;
}
