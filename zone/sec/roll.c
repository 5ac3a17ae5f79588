#include "zone/sec/roll.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct step {
    struct roll *roll;
    const struct policy *policy;
    const struct roll_host *host;
    int64_t now_s;
};

const char *roll_state_text(enum roll_state state)
{
    static const char *const texts[] = {"-", "hidden", "rumoured", "omnipresent", "unretentive"};
    return (unsigned)state < ARRAY_COUNT(texts) ? texts[state] : "?";
}

const char *roll_record_text(enum roll_record record)
{
    static const char *const texts[] = {"DNSKEY", "KRRSIG", "ZRRSIG", "DS"};
    return (unsigned)record < ARRAY_COUNT(texts) ? texts[record] : "?";
}

bool roll_publishes(const struct roll_key *key, enum roll_record record)
{
    enum roll_state state = key->stages[record].state;
    return state == ROLL_RUMOURED || state == ROLL_OMNIPRESENT;
}

struct roll_key *roll_find(struct roll *roll, uint64_t id)
{
    for (unsigned i = 0; i < roll->count; i++)
        if (roll->keys[i].id == id)
            return &roll->keys[i];
    return NULL;
}

static bool has_record(enum policy_role role, enum roll_record record)
{
    if (record == ROLL_DNSKEY)
        return true;
    return (role & (record == ROLL_ZRRSIG ? POLICY_ZSK : POLICY_KSK)) != 0;
}

struct roll_key *roll_add(struct roll *roll, const struct roll_key *key, bool settled, int64_t now_s)
{
    if (roll->count == ROLL_KEYS_MAX)
        return NULL;
    struct roll_key *added = &roll->keys[roll->count++];
    *added = *key;
    for (unsigned record = 0; record < ROLL_RECORDS; record++) {
        added->stages[record].state = !has_record(key->role, record) ? ROLL_NONE
                                      : settled                      ? ROLL_OMNIPRESENT
                                                                     : ROLL_HIDDEN;
        added->stages[record].since_s = now_s;
    }
    return added;
}

/* Only what belongs to the stage that the DS is in: seen after it was asked for, gone after it was withdrawn.
 */
void roll_ds_seen(struct roll *roll, uint64_t id, int64_t now_s)
{
    struct roll_key *key = roll_find(roll, id);
    if (key != NULL && key->stages[ROLL_DS].state == ROLL_RUMOURED && key->ds_seen_s == 0)
        key->ds_seen_s = now_s;
}

void roll_ds_gone(struct roll *roll, uint64_t id, int64_t now_s)
{
    struct roll_key *key = roll_find(roll, id);
    if (key != NULL && key->stages[ROLL_DS].state == ROLL_UNRETENTIVE && key->ds_gone_s == 0)
        key->ds_gone_s = now_s;
}

enum err roll_request(struct roll *roll, uint64_t id, int64_t now_s)
{
    struct roll_key *key = roll_find(roll, id);
    if (key == NULL || !key->wanted || key->foreign)
        return ERR_MISSING;
    if (key->retire_s == 0 || key->retire_s > now_s)
        key->retire_s = now_s;
    return ERR_OK;
}

int64_t roll_time(struct roll *roll, int64_t wall_s, int64_t uptime_s, uint64_t boot)
{
    bool same = roll->clock_s != 0 && roll->boot == boot && uptime_s >= roll->uptime_s;
    int64_t now_s = same ? roll->clock_s + (uptime_s - roll->uptime_s) : wall_s;
    roll->clock_s = now_s > roll->clock_s ? now_s : roll->clock_s;
    roll->uptime_s = uptime_s;
    roll->boot = boot;
    return roll->clock_s;
}

/* ---- events ---- */

static void tell(struct step *step, enum roll_verb verb, const struct roll_key *key, enum roll_record record,
    const char *format, ...) PRINTF(5, 6);

static void tell(struct step *step, enum roll_verb verb, const struct roll_key *key, enum roll_record record,
    const char *format, ...)
{
    if (step->host->event == NULL)
        return;
    char reason[ROLL_REASON_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    struct roll_event event = {
        .at_s = step->now_s, .verb = verb, .key = key, .record = record, .reason = reason};
    if (key != NULL)
        event.state = key->stages[record].state;
    step->host->event(step->host->context, &event);
}

/* ---- time ---- */

/* What time alone brings about. */
static bool pass_time(struct step *step)
{
    bool moved = false;
    for (unsigned i = 0; i < step->roll->count; i++)
        for (unsigned record = 0; record < ROLL_RECORDS; record++) {
            struct roll_key *key = &step->roll->keys[i];
            struct roll_stage *stage = &key->stages[record];
            if (roll_due(step->roll, step->policy, key, record) > step->now_s)
                continue;
            bool coming = stage->state == ROLL_RUMOURED;
            char took[POLICY_DURATION_MAX];
            const char *duration =
                policy_duration_print(roll_interval(step->roll, step->policy, key, record), took);
            *stage =
                (struct roll_stage){.state = coming ? ROLL_OMNIPRESENT : ROLL_HIDDEN, .since_s = step->now_s};
            tell(step, ROLL_MOVE, key, record,
                coming ? "every cache can have it: %s have passed since %s"
                       : "no cache can have it any more: %s have passed since %s",
                duration,
                record != ROLL_DS ? "it changed"
                : coming          ? "it was seen at the parent"
                                  : "it left the parent");
            moved = true;
        }
    return moved;
}

/* ---- goals ---- */

static bool fits(const struct roll_key *key, const struct policy_key *want)
{
    return !key->foreign && key->role == want->role && key->algorithm == want->algorithm &&
           (want->bits == 0 || key->bits == 0 || key->bits == want->bits);
}

/* A key in use for WANT that no earlier row has taken. */
static struct roll_key *choose(
    struct roll *roll, const struct policy_key *want, key_mask *taken, bool standby)
{
    struct roll_key *chosen = NULL;
    for (unsigned i = 0; i < roll->count; i++) {
        struct roll_key *key = &roll->keys[i];
        if (key->wanted && key->standby == standby && fits(key, want) && (*taken & 1u << i) == 0 &&
            (chosen == NULL || key->created_s > chosen->created_s))
            chosen = key;
    }
    if (chosen != NULL)
        *taken |= 1u << (chosen - roll->keys);
    return chosen;
}

static struct roll_key *create(struct step *step, const struct policy_key *want, struct roll_key *predecessor,
    bool standby, key_mask *taken)
{
    struct roll_key made = {.role = want->role,
        .algorithm = want->algorithm,
        .bits = want->bits,
        .lifetime_s = want->lifetime_s,
        .wanted = true,
        .standby = standby,
        .created_s = step->now_s,
        .active_s = step->now_s};
    char name[ROLL_KEY_TEXT_MAX];
    if (step->roll->count == ROLL_KEYS_MAX) {
        tell(step, ROLL_REFUSED, NULL, ROLL_DNSKEY, "the zone has %d keys already", ROLL_KEYS_MAX);
        return NULL;
    }
    enum err err = step->host->create(step->host->context, want, step->now_s, &made);
    if (err != ERR_OK) {
        tell(step, ROLL_REFUSED, NULL, ROLL_DNSKEY, "a new key could not be made: %s", err_text(err));
        return NULL;
    }
    made.retire_s = made.lifetime_s != 0 && !standby ? step->now_s + made.lifetime_s : 0;
    if (predecessor != NULL) {
        made.predecessor = predecessor->id;
        predecessor->successor = made.id;
    }
    struct roll_key *key = roll_add(step->roll, &made, false, step->now_s);
    *taken |= 1u << (key - step->roll->keys);
    tell(step, ROLL_CREATE, key, ROLL_DNSKEY,
        standby               ? "the policy wants a standby key"
        : predecessor != NULL ? "it succeeds key %s"
                              : "the policy wants one of this kind",
        predecessor != NULL ? roll_key_text(predecessor, name) : "");
    return key;
}

const char *roll_key_text(const struct roll_key *key, char out[ROLL_KEY_TEXT_MAX])
{
    if (key->id >= ROLL_INVENTED)
        snprintf(out, ROLL_KEY_TEXT_MAX, "new-%u", (unsigned)(key->id - ROLL_INVENTED) + 1);
    else
        snprintf(out, ROLL_KEY_TEXT_MAX, "%u", key->tag);
    return out;
}

/* How long before a key's end its successor has to be published. */
static int64_t lead(const struct policy *policy, enum policy_role role)
{
    int64_t lead_s = policy->dnskey_ttl_s + policy->zone_propagation_delay_s + policy->publish_safety_s;
    if ((role & POLICY_KSK) != 0 && policy->ksk_method == POLICY_DOUBLE_DS)
        lead_s += policy->parent_ds_ttl_s + policy->parent_propagation_delay_s;
    return lead_s;
}

static void retire(struct step *step, struct roll_key *key, const char *reason)
{
    key->wanted = false;
    tell(step, ROLL_RETIRE, key, ROLL_DNSKEY, "%s", reason);
}

/* A standby key begins to be used; else a new one is made. */
static struct roll_key *replacement(
    struct step *step, const struct policy_key *want, struct roll_key *predecessor, key_mask *taken)
{
    key_mask nothing = 0;
    struct roll_key *spare = choose(step->roll, want, &nothing, true);
    if (spare == NULL)
        return create(step, want, predecessor, false, taken);
    *taken |= nothing;
    spare->standby = false;
    spare->active_s = step->now_s;
    spare->retire_s = spare->lifetime_s != 0 ? step->now_s + spare->lifetime_s : 0;
    if (predecessor != NULL) {
        spare->predecessor = predecessor->id;
        predecessor->successor = spare->id;
    }
    tell(step, ROLL_WANT, spare, ROLL_DNSKEY, "the standby key is taken into use");
    return spare;
}

/* Is anything about this key still on its way, so that replacing it would pile up keys? */
static bool settling(const struct roll *roll, const struct roll_key *key)
{
    for (unsigned i = 0; i < roll->count; i++)
        if (roll->keys[i].id == key->predecessor && !roll->keys[i].wanted)
            for (unsigned record = 0; record < ROLL_RECORDS; record++)
                if (roll_publishes(&roll->keys[i], record))
                    return true;
    return false;
}

static void set_goal(struct step *step, const struct policy_key *want, key_mask *taken)
{
    struct roll_key *key = choose(step->roll, want, taken, false);
    if (key == NULL)
        key = replacement(step, want, NULL, taken);
    else if (key->retire_s != 0 && step->now_s >= key->retire_s - lead(step->policy, key->role) &&
             !settling(step->roll, key)) {
        if (replacement(step, want, key, taken) != NULL)
            retire(step, key, "its lifetime ends: its successor takes over");
    } else if (key->retire_s == 0 && key->lifetime_s != want->lifetime_s) {
        key->lifetime_s = want->lifetime_s; /* the policy gave it an end */
        key->retire_s = key->active_s + key->lifetime_s;
    }
    if (want->standby && choose(step->roll, want, taken, true) == NULL)
        (void)create(step, want, NULL, true, taken);
}

static void set_goals(struct step *step)
{
    key_mask taken = 0;
    for (unsigned i = 0; i < step->policy->keys_count; i++)
        set_goal(step, &step->policy->keys[i], &taken);
    for (unsigned i = 0; i < step->roll->count; i++) {
        struct roll_key *key = &step->roll->keys[i];
        if (key->wanted && !key->foreign && (taken & 1u << i) == 0)
            retire(step, key,
                step->policy->keys_count == 0 ? "the zone is to be insecure"
                                              : "the policy has no place for it any more");
    }
}

/* ---- steps that change what is published ---- */

static bool other_signs(const struct roll *roll, const struct roll_key *key)
{
    for (unsigned i = 0; i < roll->count; i++)
        if (&roll->keys[i] != key && !roll->keys[i].foreign && roll->keys[i].algorithm == key->algorithm &&
            roll_publishes(&roll->keys[i], ROLL_ZRRSIG))
            return true;
    return false;
}

static bool other_has_ds(const struct roll *roll, const struct roll_key *key)
{
    for (unsigned i = 0; i < roll->count; i++)
        if (&roll->keys[i] != key && roll->keys[i].algorithm == key->algorithm &&
            roll_publishes(&roll->keys[i], ROLL_DS))
            return true;
    return false;
}

static bool omnipresent(const struct roll_key *key, enum roll_record record)
{
    return key->stages[record].state == ROLL_OMNIPRESENT;
}

/* What the policy's method has to be waited for before RECORD is published, or NULL. */
static const char *not_yet(
    const struct roll *roll, const struct policy *policy, const struct roll_key *key, enum roll_record record)
{
    bool double_ds = policy->ksk_method == POLICY_DOUBLE_DS && other_has_ds(roll, key);
    if (key->standby && record != ((key->role & POLICY_KSK) != 0 ? ROLL_DS : ROLL_DNSKEY))
        return "it is a standby key";
    switch (record) {
    case ROLL_DNSKEY:
        return double_ds && (key->role & POLICY_KSK) != 0 && !omnipresent(key, ROLL_DS)
                   ? "double-ds: its DS comes first"
                   : NULL;
    case ROLL_KRRSIG:
        return roll_publishes(key, ROLL_DNSKEY) ? NULL : "its DNSKEY comes first";
    case ROLL_ZRRSIG:
        if (key->foreign && !omnipresent(key, ROLL_DNSKEY))
            return "its DNSKEY has to be everywhere before the other signer may use it";
        return policy->zsk_method == POLICY_PRE_PUBLISH && other_signs(roll, key) &&
                       !omnipresent(key, ROLL_DNSKEY)
                   ? "pre-publish: its DNSKEY has to be everywhere first"
                   : NULL;
    default:
        if (key->standby)
            return other_has_ds(roll, key) ? NULL : "a standby DS comes after the first DS";
        if (policy->ksk_method == POLICY_DOUBLE_RRSET && other_has_ds(roll, key))
            return NULL;
        return double_ds || (omnipresent(key, ROLL_DNSKEY) && omnipresent(key, ROLL_KRRSIG))
                   ? NULL
                   : "double-signature: its DNSKEY has to be everywhere first";
    }
}

/* The last DS goes only when the zone is to be insecure: nothing but the policy may say that. */
static bool last_ds(const struct roll *roll, const struct roll_key *key)
{
    for (unsigned i = 0; i < roll->count; i++)
        if (&roll->keys[i] != key && roll_publishes(&roll->keys[i], ROLL_DS))
            return false;
    return true;
}

/* Would every view stay valid with RECORD of KEY in STATE? */
static bool safe(struct roll *roll, struct roll_key *key, enum roll_record record, enum roll_state state,
    int64_t now_s, struct view_failure *failure)
{
    struct views views;
    struct roll_stage was = key->stages[record];
    key->stages[record] = (struct roll_stage){.state = state, .since_s = now_s};
    bool valid = roll_views(roll, &views) && views_prove(&views, failure);
    key->stages[record] = was;
    return valid;
}

static enum roll_state aim(const struct roll_key *key, enum roll_record record)
{
    enum roll_state state = key->stages[record].state;
    if (key->wanted && state == ROLL_HIDDEN)
        return ROLL_RUMOURED;
    /* What is on its way arrives first: withdrawn before that, it would leave caches that never had it, and a
     * parent that may still be about to act, without a state that says so. */
    if (!key->wanted && state == ROLL_OMNIPRESENT)
        return ROLL_UNRETENTIVE;
    return ROLL_NONE;
}

static void move(struct step *step, struct roll_key *key, enum roll_record record, enum roll_state state)
{
    key->stages[record] = (struct roll_stage){.state = state, .since_s = step->now_s};
    if (record == ROLL_DS)
        key->ds_seen_s = key->ds_gone_s = 0;
    static const char *const coming[] = {"publish the DNSKEY", "sign the DNSKEY set with it",
        "sign the zone with it", "ask the parent for its DS (CDS, CDNSKEY)"};
    static const char *const going[] = {"withdraw the DNSKEY", "sign the DNSKEY set with it no more",
        "sign the zone with it no more", "ask the parent to remove its DS (CDS, CDNSKEY)"};
    tell(step, ROLL_MOVE, key, record, "%s: every view stays valid",
        state == ROLL_RUMOURED ? coming[record] : going[record]);
}

static bool move_if_safe(struct step *step, struct roll_key *key, enum roll_record record)
{
    enum roll_state state = aim(key, record);
    struct view_failure failure;
    if (state == ROLL_NONE)
        return false;
    if (state == ROLL_RUMOURED && not_yet(step->roll, step->policy, key, record) != NULL)
        return false;
    if (state == ROLL_UNRETENTIVE && record == ROLL_DS && step->policy->keys_count != 0 &&
        last_ds(step->roll, key))
        return false;
    if (!safe(step->roll, key, record, state, step->now_s, &failure))
        return false;
    move(step, key, record, state);
    return true;
}

/* What comes before what goes, so that one thing replaces another in one change of the set. */
static bool move_all(struct step *step)
{
    bool moved = false;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < step->roll->count; i++)
            for (unsigned record = 0; record < ROLL_RECORDS; record++)
                if (step->roll->keys[i].wanted == (pass == 0))
                    moved |= move_if_safe(step, &step->roll->keys[i], record);
    return moved;
}

static int64_t purge_due(const struct policy *policy, const struct roll_key *key)
{
    int64_t latest_s = 0;
    if (key->wanted || policy->purge_keys_s == 0)
        return ROLL_NEVER;
    for (unsigned record = 0; record < ROLL_RECORDS; record++) {
        const struct roll_stage *stage = &key->stages[record];
        if (stage->state > ROLL_HIDDEN)
            return ROLL_NEVER;
        if (stage->state == ROLL_HIDDEN && stage->since_s > latest_s)
            latest_s = stage->since_s;
    }
    return latest_s + policy->purge_keys_s;
}

static void purge(struct step *step)
{
    for (unsigned i = 0; i < step->roll->count;) {
        struct roll_key *key = &step->roll->keys[i];
        if (purge_due(step->policy, key) > step->now_s) {
            i++;
            continue;
        }
        tell(step, ROLL_PURGE, key, ROLL_DNSKEY, "it has been gone from everywhere for purge-keys");
        *key = step->roll->keys[--step->roll->count];
    }
}

static int64_t next_due(const struct roll *roll, const struct policy *policy, int64_t now_s)
{
    int64_t next_s = ROLL_NEVER;
    for (unsigned i = 0; i < roll->count; i++) {
        const struct roll_key *key = &roll->keys[i];
        int64_t due_s = purge_due(policy, key);
        for (unsigned record = 0; record < ROLL_RECORDS; record++) {
            int64_t moves_s = roll_due(roll, policy, key, record);
            due_s = moves_s < due_s ? moves_s : due_s;
        }
        int64_t end_s =
            key->wanted && key->retire_s != 0 ? key->retire_s - lead(policy, key->role) : ROLL_NEVER;
        if (end_s > now_s && end_s < due_s)
            due_s = end_s;
        next_s = due_s < next_s ? due_s : next_s;
    }
    return next_s;
}

void roll_step(struct roll *roll, const struct policy *policy, int64_t now_s, const struct roll_host *host,
    int64_t *next_s)
{
    struct step step = {.roll = roll, .policy = policy, .host = host};
    step.now_s = now_s > roll->stepped_s ? now_s : roll->stepped_s;
    roll->stepped_s = step.now_s;
    set_goals(&step);
    for (bool moved = true; moved;) {
        moved = pass_time(&step);
        moved |= move_all(&step);
    }
    purge(&step);
    *next_s = next_due(roll, policy, step.now_s);
}

/* ---- telling why ---- */

static void explain_view(const struct roll *roll, const struct view_failure *failure, char *out, size_t room)
{
    char ds[100] = "", keys[100] = "";
    size_t ds_len = 0, keys_len = 0;
    for (unsigned i = 0; i < roll->count; i++) {
        if ((failure->ds & 1u << i) != 0 && ds_len < sizeof ds)
            ds_len += (size_t)snprintf(ds + ds_len, sizeof ds - ds_len, " %u", roll->keys[i].tag);
        if ((failure->dnskey.keys & 1u << i) != 0 && keys_len < sizeof keys)
            keys_len += (size_t)snprintf(keys + keys_len, sizeof keys - keys_len, " %u", roll->keys[i].tag);
    }
    (void)snprintf(out, room, "a cache with DS%.60s and DNSKEY%.60s would find that %s", ds, keys,
        view_fault_text(failure->fault));
}

bool roll_waits(const struct roll *roll, const struct policy *policy, const struct roll_key *key,
    enum roll_record record, char out[ROLL_REASON_MAX])
{
    int64_t due_s = roll_due(roll, policy, key, record);
    enum roll_state state = key->stages[record].state, to = aim(key, record);
    struct view_failure failure;
    out[0] = '\0';
    if (due_s != ROLL_NEVER) {
        (void)snprintf(out, ROLL_REASON_MAX, "the TTLs in caches, until %" PRId64, due_s);
    } else if (state == ROLL_RUMOURED || state == ROLL_UNRETENTIVE) {
        (void)snprintf(out, ROLL_REASON_MAX, "%s",
            state == ROLL_RUMOURED ? "the DS to be seen at the parent" : "the DS to be gone from the parent");
    } else if (to != ROLL_NONE) {
        const char *policy_waits = to == ROLL_RUMOURED ? not_yet(roll, policy, key, record) : NULL;
        struct roll copy = *roll;
        if (policy_waits != NULL)
            (void)snprintf(out, ROLL_REASON_MAX, "%s", policy_waits);
        else if (to == ROLL_UNRETENTIVE && record == ROLL_DS && policy->keys_count != 0 && last_ds(roll, key))
            (void)snprintf(out, ROLL_REASON_MAX, "it is the last DS, and the policy wants the zone secure");
        else if (!safe(&copy, &copy.keys[key - roll->keys], record, to, roll->stepped_s, &failure))
            explain_view(roll, &failure, out, ROLL_REASON_MAX);
    }
    return out[0] != '\0';
}
