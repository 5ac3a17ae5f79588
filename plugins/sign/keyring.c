#include "plugins/sign/keyring.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "zone/base/log.h"
#include "zone/net/parent.h"
#include "zone/sec/assign.h"
#include "zone/sec/bundle_file.h"
#include "zone/sec/keyfile.h"
#include "zone/sec/rollkeys.h"
#include "zone/sec/rollstamp.h"

/* What one step of the machine needs. */
struct step {
    struct keyring *keyring;
    struct terms *terms;
    const uint8_t *zone;
    char *why;
};

struct timespec keyring_stamp(const struct terms *terms)
{
    struct stat status;
    if (terms->keys == NULL || stat(terms->keys, &status) != 0)
        return (struct timespec){0};
    return status.st_mtim;
}

void keyring_clear(struct keyring *keyring)
{
    key_list_clear(&keyring->list);
    if (keyring->offline)
        bundles_clear(&keyring->bundles);
    *keyring = (struct keyring){.parent_s = keyring->parent_s, .signed_s = keyring->signed_s};
}

/* ---- reading ---- */

static void tell_trouble(char *why, const struct keyfile_trouble *trouble)
{
    if (trouble->line > 0)
        snprintf(why, KEYRING_WHY_MAX, "%.200s:%u: %.150s", trouble->path, trouble->line, trouble->message);
    else
        snprintf(why, KEYRING_WHY_MAX, "%.200s: %.150s", trouble->path, trouble->message);
}

static void keep_first(void *context, const struct keyfile_trouble *trouble)
{
    char *why = context;
    if (why[0] == '\0')
        tell_trouble(why, trouble);
}

static enum err read_file(
    struct keyring *keyring, struct terms *terms, const char *path, const uint8_t *zone, char *why)
{
    struct keyfile_trouble trouble = {.message = ""};
    struct key *key;
    enum err err = keyfile_read(path, true, secrets_opener(&terms->secrets), &key, &trouble);
    if (err != ERR_OK) {
        tell_trouble(why, &trouble);
        return err == ERR_MEMORY ? err : ERR_INVALID;
    }
    if (name_equal(key->owner, zone))
        return key_list_add(&keyring->list, key);
    key_release(key); /* of another zone of the line */
    return ERR_OK;
}

/* What a safe has signed (signer take). */
static enum err read_bundles(struct keyring *keyring, const struct terms *terms, char *why)
{
    struct keyfile_trouble trouble;
    if (terms->keys == NULL || keyring->list.count == 0)
        return ERR_OK;
    enum err err = bundles_load(terms->keys, &keyring->list, &keyring->bundles, &trouble);
    if (err != ERR_OK && err != ERR_MISSING)
        tell_trouble(why, &trouble);
    keyring->offline = err == ERR_OK;
    return err == ERR_MISSING ? ERR_OK : err;
}

/* A key that cannot be read must not vanish from the zone: all of them, or none. */
static enum err read_keys(struct keyring *keyring, struct terms *terms, const uint8_t *zone, char *why)
{
    enum err err = ERR_OK;
    struct timespec stamp = keyring_stamp(terms);
    why[0] = '\0';
    for (unsigned i = 0; i < terms->key_file_count && err == ERR_OK; i++)
        err = read_file(keyring, terms, terms->key_files[i], zone, why);
    if (err == ERR_OK && terms->keys != NULL)
        err = keyfile_read_signing(
            terms->keys, zone, secrets_opener(&terms->secrets), &keyring->list, keep_first, why);
    if (err == ERR_OK && why[0] != '\0')
        err = ERR_INVALID;
    if (err == ERR_OK)
        err = read_bundles(keyring, terms, why);
    if (err == ERR_OK && terms->has_policy && !keyring->offline &&
        roll_keys_read(&keyring->list, (int64_t)time(NULL), &keyring->roll) != ERR_OK) {
        snprintf(why, KEYRING_WHY_MAX, "%s: more than %d keys", terms->keys, ROLL_KEYS_MAX);
        err = ERR_LIMIT;
    }
    if (err == ERR_OK && terms->has_policy && !keyring->offline)
        roll_keys_settle(&keyring->roll, &keyring->list, keyring->signed_s);
    if (err != ERR_OK) {
        if (why[0] == '\0')
            snprintf(
                why, KEYRING_WHY_MAX, "%s: %s", terms->keys != NULL ? terms->keys : "keys", err_text(err));
        keyring_clear(keyring);
        return err;
    }
    keyring->read_at = stamp;
    return ERR_OK;
}

static bool is_fresh(const struct keyring *keyring, const struct terms *terms)
{
    struct timespec stamp = keyring_stamp(terms);
    return keyring->list.count > 0 && stamp.tv_sec == keyring->read_at.tv_sec &&
           stamp.tv_nsec == keyring->read_at.tv_nsec;
}

/* ---- the machine ---- */

/* The key is on disk before the machine counts on it. */
static enum err create(void *context, const struct policy_key *want, int64_t now_s, struct roll_key *made)
{
    struct step *step = context;
    struct keyfile_trouble trouble = {.message = ""};
    struct key *key;
    enum err err = roll_key_make(step->zone, want, &step->keyring->list, now_s, &key);
    if (err != ERR_OK)
        return err;
    err = keyfile_write(key, step->terms->keys, false, secrets_sealer(&step->terms->secrets), &trouble);
    if (err == ERR_OK)
        err = key_list_add(&step->keyring->list, key_hold(key));
    else
        tell_trouble(step->why, &trouble);
    made->id = roll_key_id(key);
    made->tag = key->tag;
    key_release(key);
    return err;
}

static const char *verb(const struct roll_event *event, char out[ROLL_REASON_MAX])
{
    static const char *const verbs[] = {[ROLL_CREATE] = "is made",
        [ROLL_WANT] = "is taken into use",
        [ROLL_RETIRE] = "is to go",
        [ROLL_PURGE] = "is deleted",
        [ROLL_REFUSED] = "cannot be made"};
    if (event->verb != ROLL_MOVE)
        return verbs[event->verb];
    snprintf(out, ROLL_REASON_MAX, "%s becomes %s", roll_record_text(event->record),
        roll_state_text(event->state));
    return out;
}

static void tell(void *context, const struct roll_event *event)
{
    const struct step *step = context;
    struct keyring *keyring = step->keyring;
    char zone[NAME_TEXT_MAX], text[ROLL_REASON_MAX];
    name_print(step->zone, zone);
    if (event->key != NULL)
        log_info("plugin/sign: %s: key %u: %s (%s)", zone, event->key->tag, verb(event, text), event->reason);
    else
        log_warning("plugin/sign: %s: a key %s (%s)", zone, verb(event, text), event->reason);
    keyring->moved = true;
    if (event->verb == ROLL_PURGE && event->key != NULL && keyring->purged_count < ROLL_KEYS_MAX)
        keyring->purged[keyring->purged_count++] = event->key->id;
}

/* Some key's DS has been changed, and the parent has not been seen to follow. */
static bool waits_for_parent(const struct roll *roll)
{
    for (unsigned i = 0; i < roll->count; i++) {
        const struct roll_key *key = &roll->keys[i];
        enum roll_state state = key->stages[ROLL_DS].state;
        if ((state == ROLL_RUMOURED && key->ds_seen_s == 0) ||
            (state == ROLL_UNRETENTIVE && key->ds_gone_s == 0))
            return true;
    }
    return false;
}

static void ask_parent(struct step *step, int64_t now_s)
{
    struct keyring *keyring = step->keyring;
    char why[PARENT_WHY_MAX], zone[NAME_TEXT_MAX];
    struct roll before = keyring->roll;
    if (!step->terms->has_parent || !waits_for_parent(&keyring->roll) || now_s < keyring->parent_s)
        return;
    keyring->parent_s = now_s + step->terms->parent_every_s;
    name_print(step->zone, zone);
    if (parent_observe(&step->terms->parent, step->zone, &keyring->list, &keyring->roll, now_s, why) !=
        ERR_OK)
        log_warning("plugin/sign: %s: the parent's DS set is not known: %s", zone, why);
    else if (memcmp(&before, &keyring->roll, sizeof before) != 0)
        keyring->moved = true;
}

static enum err note_states(const struct keyring *keyring)
{
    for (unsigned i = 0; i < keyring->roll.count; i++) {
        struct key *key = roll_key_of(&keyring->list, keyring->roll.keys[i].id);
        enum err err = key != NULL ? roll_key_write(&keyring->roll.keys[i], key) : ERR_OK;
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static bool all_managed(const struct keyring *keyring)
{
    for (unsigned i = 0; i < keyring->roll.count; i++) {
        const struct key *key = roll_key_of(&keyring->list, keyring->roll.keys[i].id);
        if (key != NULL && !roll_manages(key))
            return false;
    }
    return true;
}

static enum err roll_on(struct step *step, int64_t now_s, int64_t *next_s)
{
    struct keyring *keyring = step->keyring;
    struct roll_host host = {.create = create, .event = tell, .context = step};
    int64_t next;
    keyring->moved |= !all_managed(keyring);
    ask_parent(step, now_s);
    roll_step(&keyring->roll, &step->terms->policy, now_s, &host, &next);
    if (step->why[0] != '\0')
        return ERR_INVALID;
    *next_s = next < *next_s ? next : *next_s;
    if (step->terms->has_parent && waits_for_parent(&keyring->roll) && keyring->parent_s < *next_s)
        *next_s = keyring->parent_s > now_s ? keyring->parent_s : now_s + 1;
    return keyring->moved ? note_states(keyring) : ERR_OK;
}

/* ---- assigning ---- */

/* CoreDNS looks at no times: each key signs everything. */
static unsigned assign_all(const struct key_list *list, struct zonesign_key *out)
{
    unsigned count = list->count < ZONESIGN_KEYS_MAX ? list->count : ZONESIGN_KEYS_MAX;
    for (unsigned i = 0; i < count; i++)
        out[i] = (struct zonesign_key){
            .key = list->keys[i], .publish = true, .sign_keys = true, .sign_zone = true, .sync = true};
    return count;
}

static void next_time(const struct key_list *list, int64_t now_s, int64_t *next_s)
{
    for (unsigned i = 0; i < list->count; i++) {
        for (unsigned t = 0; t < KEY_TIMES; t++) {
            int64_t time_s = list->keys[i]->times[t];
            if (time_s > now_s && time_s < *next_s)
                *next_s = time_s;
        }
    }
}

/* The safe's set that holds now, and when the next one does. */
static enum err assign_offline(const struct keyring *keyring, const struct terms *terms, int64_t now_s,
    struct zonesign_key *out, unsigned count, int64_t *next_s, char *why)
{
    const struct bundles *bundles = &keyring->bundles;
    int64_t bundle_s = bundles_next(bundles, now_s);
    char end[16];
    time_print(bundles->end_s, end);
    if (bundles_find(bundles, now_s) == NULL) {
        snprintf(why, KEYRING_WHY_MAX,
            "%.200s: the safe's response has no keys for this time (it ends %s): signer request asks for "
            "more",
            terms->keys, end);
        return ERR_MISSING;
    }
    for (unsigned i = 0; i < count; i++)
        out[i].sign_keys = false; /* that has been done */
    *next_s = bundle_s < *next_s ? bundle_s : *next_s;
    return ERR_OK;
}

unsigned keyring_ready(
    const struct keyring *keyring, int64_t now_s, const struct rrset **sets, int64_t *from_s)
{
    const struct bundle *bundle = keyring->offline ? bundles_find(&keyring->bundles, now_s) : NULL;
    unsigned count = 0;
    *from_s = bundle != NULL ? bundle->from_s : 0;
    for (unsigned i = 0; bundle != NULL && i < BUNDLE_SETS; i++) {
        if (bundle->sets[i] != NULL)
            sets[count++] = bundle->sets[i];
    }
    return count;
}

enum err keyring_assign(struct keyring *keyring, struct terms *terms, const uint8_t *zone, int64_t now_s,
    struct zonesign_key *out, unsigned *count, int64_t *next_s, char why[KEYRING_WHY_MAX])
{
    struct step step = {.keyring = keyring, .terms = terms, .zone = zone, .why = why};
    enum err err = ERR_OK;
    why[0] = '\0';
    *next_s = ROLL_NEVER;
    if (!is_fresh(keyring, terms)) {
        keyring_clear(keyring);
        err = read_keys(keyring, terms, zone, why);
    }
    bool rolls = terms->has_policy && !keyring->offline;
    if (err == ERR_OK && rolls)
        err = roll_on(&step, now_s, next_s);
    if (err != ERR_OK)
        return err;
    if (keyring->list.count == 0) {
        snprintf(why, KEYRING_WHY_MAX,
            "there is no key of the zone in %s: `signer keygen` makes one, or a policy",
            terms->keys != NULL ? terms->keys : "the files named");
        return ERR_MISSING;
    }
    if (!rolls)
        next_time(&keyring->list, now_s, next_s);
    *count = terms->path != NULL ? assign_all(&keyring->list, out) : keys_assign(&keyring->list, now_s, out);
    if (keyring->offline)
        return assign_offline(keyring, terms, now_s, out, *count, next_s, why);
    return ERR_OK;
}

/* ---- afterwards ---- */

static bool is_purged(const struct keyring *keyring, const struct key *key)
{
    for (unsigned i = 0; i < keyring->purged_count; i++) {
        if (keyring->purged[i] == roll_key_id(key))
            return true;
    }
    return false;
}

/* Times are those of what is served here; what `signer sign` has published is past. */
static void forget_signer(const struct key *key)
{
    char directory[4096];
    const char *slash = strrchr(key->base, '/');
    snprintf(directory, sizeof directory, "%.*s", slash != NULL ? (int)(slash - key->base) : 1,
        slash != NULL ? key->base : ".");
    roll_stamp_remove(directory, key);
}

enum err keyring_commit(struct keyring *keyring, char why[KEYRING_WHY_MAX])
{
    struct keyfile_trouble trouble = {.message = ""};
    enum err err = ERR_OK;
    if (!keyring->moved)
        return ERR_OK;
    for (unsigned i = 0; i < keyring->list.count && err == ERR_OK; i++) {
        struct key *key = keyring->list.keys[i];
        if (is_purged(keyring, key))
            err = keyfile_remove(key);
        else if (roll_manages(key))
            err = keyfile_update(key, &trouble);
    }
    if (err != ERR_OK)
        tell_trouble(why, &trouble);
    else if (keyring->list.count > 0 && keyring->list.keys[0]->base != NULL)
        forget_signer(keyring->list.keys[0]);
    keyring_clear(keyring); /* read again: what is on disk is what holds */
    return err;
}
