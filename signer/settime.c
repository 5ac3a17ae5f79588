/* settime, delete, revoke: the life of a key that is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signer/keystore.h"
#include "zone/sec/rollkeys.h"

static int64_t times[KEY_TIMES];
static bool has_time[KEY_TIMES], force;

static bool take_time(enum key_time which, const char *option, const char *value)
{
    has_time[which] = true;
    return take_time_value(option, value, &times[which]);
}

#define TAKER(name, which, option)                                                                           \
    static bool name(const char *value)                                                                      \
    {                                                                                                        \
        return take_time(which, option, value);                                                              \
    }
TAKER(take_publish, TIME_PUBLISH, "--publish")
TAKER(take_activate, TIME_ACTIVATE, "--activate")
TAKER(take_revoke, TIME_REVOKE, "--revoke")
TAKER(take_inactive, TIME_INACTIVE, "--inactive")
TAKER(take_delete, TIME_DELETE, "--delete")
TAKER(take_sync, TIME_SYNC_PUBLISH, "--sync")
TAKER(take_sync_delete, TIME_SYNC_DELETE, "--sync-delete")

const struct option_row settime_rows[] = {
    KEYSTORE_ROW,
    {'P', "publish", "TIME", "when its DNSKEY is published", NULL, NULL, take_publish},
    {'A', "activate", "TIME", "when it begins to sign", NULL, NULL, take_activate},
    {'R', "revoke", "TIME", "when it is to be revoked", NULL, NULL, take_revoke},
    {'I', "inactive", "TIME", "when it ends to sign", NULL, NULL, take_inactive},
    {'D', "delete", "TIME", "when its DNSKEY is removed", NULL, NULL, take_delete},
    {0, "sync", "TIME", "when its CDS and CDNSKEY are published", NULL, NULL, take_sync},
    {0, "sync-delete", "TIME", "when they are removed", NULL, NULL, take_sync_delete},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

const struct option_row delete_rows[] = {
    KEYSTORE_ROW,
    {'f', "force", NULL, "also keys that are in use", &force, NULL, NULL},
    NOW_ROW,
    {0},
};

const struct option_row revoke_rows[] = {
    KEYSTORE_ROW,
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

static enum outcome update(struct key *key)
{
    struct keyfile_trouble trouble;
    return keyfile_update(key, &trouble) == ERR_OK ? OUTCOME_GOOD : keystore_complain(&trouble);
}

/* A .state file says the same as the times beside it. What the rollover machine has done stays as it is: of a
 * key that it manages only the time to retire is new to it. */
static void note_times(struct key *key)
{
    static const struct {
        enum key_time time;
        enum state_time stated;
        bool past; /* tells what happened, not what is to happen */
    } rows[] = {{TIME_PUBLISH, STATED_PUBLISHED, true}, {TIME_ACTIVATE, STATED_ACTIVE, true},
        {TIME_REVOKE, STATED_REVOKED, false}, {TIME_INACTIVE, STATED_RETIRED, false},
        {TIME_DELETE, STATED_REMOVED, true}, {TIME_SYNC_PUBLISH, STATED_PUBLISH_CDS, false},
        {TIME_SYNC_DELETE, STATED_DELETE_CDS, false}};
    if (key->state == NULL)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (has_time[rows[i].time] && !(rows[i].past && roll_manages(key)))
            key->state->times[rows[i].stated] = key->times[rows[i].time];
}

/* The states of such a key decide, so that other times change nothing. */
static bool is_heeded(const struct key *key, const char *name)
{
    static const enum key_time vain[] = {TIME_PUBLISH, TIME_ACTIVATE, TIME_DELETE};
    for (size_t i = 0; i < ARRAY_COUNT(vain) && roll_manages(key); i++) {
        if (!has_time[vain[i]])
            continue;
        complain("%s: signer roll manages this key, and publishes and removes it when that is safe; "
                 "-I says when it is to be replaced, signer roll --key replaces it now",
            name);
        return false;
    }
    return true;
}

static int64_t time_of(const struct key *key, enum key_time which)
{
    return has_time[which] ? times[which] : key->times[which];
}

/* A key that signs before it is published, or is removed while it signs, breaks the zone. */
static bool check_order(const struct key *key, const char *name)
{
    static const enum key_time order[] = {TIME_PUBLISH, TIME_ACTIVATE, TIME_INACTIVE, TIME_DELETE};
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        for (size_t j = i + 1; j < ARRAY_COUNT(order); j++) {
            int64_t first = time_of(key, order[i]), second = time_of(key, order[j]);
            if (first == 0 || second == 0 || first <= second)
                continue;
            complain("%s: %s would be after %s", name, key_time_name(order[i]), key_time_name(order[j]));
            return false;
        }
    }
    return true;
}

static enum outcome set_times(const char *name)
{
    struct key *key = keystore_open(name, false);
    if (key == NULL)
        return OUTCOME_TROUBLE;
    enum outcome outcome = check_order(key, name) && is_heeded(key, name) ? OUTCOME_GOOD : OUTCOME_TROUBLE;
    for (unsigned i = 0; i < KEY_TIMES; i++) {
        if (has_time[i])
            key->times[i] = times[i];
    }
    note_times(key);
    if (outcome == OUTCOME_GOOD)
        outcome = update(key);
    key_release(key);
    return outcome;
}

static enum outcome each(const struct operands *operands, enum outcome (*task)(const char *name))
{
    enum outcome worst = OUTCOME_GOOD;
    for (unsigned i = 0; i < operands->count; i++) {
        enum outcome outcome = task(operands->words[i]);
        if (outcome > worst)
            worst = outcome;
    }
    return worst;
}

enum outcome settime_run(const struct operands *operands)
{
    return each(operands, set_times);
}

static enum outcome delete_one(const char *name)
{
    struct key *key = keystore_open(name, false);
    enum outcome outcome = OUTCOME_GOOD;
    if (key == NULL)
        return OUTCOME_TROUBLE;
    if (!force && key_published_at(key, clock_now())) {
        complain("%s: is published by its times; settime -D, or --force", name);
        outcome = OUTCOME_REFUSED;
    } else if (keyfile_remove(key) != ERR_OK) {
        outcome = complain_of(key->base, ERR_IO);
    }
    key_release(key);
    return outcome;
}

enum outcome delete_run(const struct operands *operands)
{
    return each(operands, delete_one);
}

/* The tag changes with the flag (RFC 5011 2.1), and with it the names of the files: the new ones are written
 * first. */
static enum outcome revoke_one(const char *name)
{
    struct keyfile_trouble trouble;
    struct key *key = keystore_open(name, true);
    if (key == NULL)
        return OUTCOME_TROUBLE;
    if ((key->flags & (KEY_REVOKE | KEY_SEP)) != KEY_SEP) {
        complain("%s: %s", name,
            (key->flags & KEY_REVOKE) != 0 ? "is revoked already" : "is no KSK: only those are revoked");
        key_release(key);
        return OUTCOME_REFUSED;
    }
    char *old_base = key->base;
    key->base = NULL;
    key_set_flag(key, KEY_REVOKE, true);
    key->times[TIME_REVOKE] = clock_now();
    if (key->state != NULL)
        key->state->times[STATED_REVOKED] = clock_now();
    enum outcome outcome =
        keystore_write(key, &trouble) == ERR_OK ? OUTCOME_GOOD : keystore_complain(&trouble);
    if (outcome == OUTCOME_GOOD) {
        char made[KEYFILE_NAME_MAX];
        keyfile_name(key, made);
        puts(made);
        free(key->base);
        key->base = old_base;
        if (keyfile_remove(key) != ERR_OK)
            outcome = complain_of(old_base, ERR_IO);
    } else {
        free(old_base);
    }
    key_release(key);
    return outcome;
}

enum outcome revoke_run(const struct operands *operands)
{
    return each(operands, revoke_one);
}
