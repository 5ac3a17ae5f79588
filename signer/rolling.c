#include "signer/rolling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "signer/keystore.h"
#include "zone/base/file.h"
#include "zone/sec/rollkeys.h"
#include "zone/sec/rollstamp.h"
#include "zone/text/report.h"
#include "zone/wire/name.h"

#define POLICY_MAX (1u << 20)

const char *rolling_policy, *rolling_format;

/* ---- the policy ---- */

static bool parse_policy(
    const char *text, size_t len, const char *path, const char *name, struct policy *policy)
{
    struct report report;
    report_init(&report, stderr);
    struct finding_sink sink = report_sink(&report);
    enum err err = policy_parse(text, len, path, name, &sink, policy);
    report_clear(&report);
    if (err == ERR_MISSING)
        complain("%s: there is no dnssec-policy \"%s\"", path, name != NULL ? name : "");
    return err == ERR_OK;
}

/* A file, perhaps with the name of one of its policies behind a colon; or one of the names that need no file.
 */
bool rolling_read_policy(const char *given, struct policy *policy)
{
    char path[4096];
    const char *colon = given != NULL ? strrchr(given, ':') : NULL;
    struct arena arena;
    char *text;
    size_t len;
    if (given == NULL || strcmp(given, "default") == 0 || strcmp(given, "insecure") == 0 ||
        strcmp(given, "none") == 0)
        return parse_policy("", 0, "policy", given != NULL ? given : "default", policy);
    snprintf(
        path, sizeof path, "%.*s", (int)(colon != NULL ? (size_t)(colon - given) : strlen(given)), given);
    arena_init(&arena, 0);
    enum err err = file_read(path, POLICY_MAX, &arena, &text, &len);
    bool read = err == ERR_OK && parse_policy(text, len, path, colon != NULL ? colon + 1 : NULL, policy);
    if (err != ERR_OK)
        complain_of(path, err);
    arena_clear(&arena);
    return read;
}

/* ---- keys ---- */

bool rolling_open(struct rolling *rolling, const char *zone, bool private)
{
    memset(rolling, 0, sizeof *rolling);
    if (!take_name_value("ZONE", zone, rolling->zone) ||
        !rolling_read_policy(rolling_policy, &rolling->policy))
        return false;
    name_print(rolling->zone, rolling->name);
    if (!keystore_load(rolling->zone, private, &rolling->keys)) {
        key_list_clear(&rolling->keys);
        return false;
    }
    if (roll_keys_read(&rolling->keys, clock_now(), &rolling->roll) == ERR_OK) {
        int64_t signed_s =
            rolling->keys.count > 0 ? roll_stamp_read(keystore_directory, rolling->keys.keys[0]) : 0;
        rolling->unseen = roll_stamp_hold(&rolling->roll, signed_s, clock_now());
        roll_keys_settle(&rolling->roll, &rolling->keys, signed_s);
        return true;
    }
    complain("%s: more than %d keys", keystore_directory, ROLL_KEYS_MAX);
    key_list_clear(&rolling->keys);
    return false;
}

void rolling_close(struct rolling *rolling)
{
    key_list_clear(&rolling->keys);
}

uint64_t rolling_find(const struct rolling *rolling, const char *text)
{
    const char *plus = strrchr(text, '+');
    char *end;
    unsigned long tag = strtoul(plus != NULL ? plus + 1 : text, &end, 10);
    uint64_t found = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < rolling->roll.count && end != text && tag <= 65535; i++) {
        if (rolling->roll.keys[i].tag != tag)
            continue;
        found = rolling->roll.keys[i].id;
        count++;
    }
    if (count == 1)
        return found;
    complain(count == 0 ? "%s: there is no key with this tag" : "%s: several keys have this tag", text);
    return 0;
}

/* ---- telling ---- */

const char *rolling_key(const struct roll_key *key, char out[ROLLING_KEY_MAX])
{
    static const char *const roles[] = {"key", "KSK", "ZSK", "CSK"};
    const struct algorithm *algorithm = algorithm_find(key->algorithm);
    const char *name = algorithm != NULL ? algorithm->name : "?";
    char text[ROLL_KEY_TEXT_MAX];
    snprintf(out, ROLLING_KEY_MAX, "%s %s %s", roles[key->role & 3], name, roll_key_text(key, text));
    return out;
}

const char *rolling_time(int64_t time_s, char out[ROLLING_TIME_MAX])
{
    time_t seconds = (time_t)time_s;
    struct tm tm;
    if (time_s == 0 || time_s == ROLL_NEVER || gmtime_r(&seconds, &tm) == NULL ||
        strftime(out, ROLLING_TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(out, ROLLING_TIME_MAX, "-");
    return out;
}

const char *rolling_what(const struct roll_event *event, char *out)
{
    static const char *const verbs[] = {[ROLL_CREATE] = "is made",
        [ROLL_WANT] = "is taken into use",
        [ROLL_RETIRE] = "is to go",
        [ROLL_PURGE] = "may be deleted",
        [ROLL_REFUSED] = "cannot be made"};
    if (event->verb == ROLL_MOVE)
        snprintf(out, ROLL_REASON_MAX, "%s becomes %s", roll_record_text(event->record),
            roll_state_text(event->state));
    else
        snprintf(out, ROLL_REASON_MAX, "%s", verbs[event->verb]);
    return out;
}

bool rolling_form(unsigned forms, enum rolling_form *form)
{
    static const char *const words[] = {"text", "json", "ics"};
    *form = FORM_TEXT;
    for (unsigned i = 0; rolling_format != NULL; i++) {
        if (i == forms) {
            complain("--format %s: this is none of those that there are", rolling_format);
            return false;
        }
        if (strcmp(words[i], rolling_format) == 0) {
            *form = (enum rolling_form)i;
            break;
        }
    }
    return true;
}
