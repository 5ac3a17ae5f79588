#include "zone/sec/forecast.h"

#include <string.h>

#define POLL_S 3600 /* how often parent and observer look */
#define VERSIONS_MAX 64

/* One published version of a set; bits are places in struct truth. */
struct published {
    key_mask keys, signers;
    int64_t gone_s;    /* when the last cache has dropped it; ROLL_NEVER while it is published */
    int64_t in_zone_s; /* signatures: until when some set in the zone has these; ROLL_NEVER: as gone_s */
};

struct list {
    struct published versions[VERSIONS_MAX];
    unsigned count;
};

/* What is true, whatever the machine believes. */
struct truth {
    uint64_t ids[VIEWS_KEYS_MAX];
    uint8_t algorithms[VIEWS_KEYS_MAX];
    uint16_t tags[VIEWS_KEYS_MAX];
    struct list ds, dnskey, zone;
    int64_t ds_asked_s; /* since when the parent has to do something; 0: nothing */
    bool overflow;
};

struct run {
    struct roll roll;
    const struct policy *policy;
    const struct forecast_world *world;
    struct truth truth;
    struct forecast result;
    void (*event)(void *context, const struct roll_event *event);
    void *context;
    uint64_t next_id;
    int64_t signer_off_s; /* since when; 0: it is on */
    bool publish_break;
};

/* ---- the world ---- */

static bool within(const struct forecast_outage *outages, unsigned count, int64_t now_s)
{
    for (unsigned i = 0; i < count; i++)
        if (now_s >= outages[i].at_s && now_s - outages[i].at_s < outages[i].for_s)
            return true;
    return false;
}

static int64_t clock_of_signer(const struct forecast_world *world, int64_t now_s)
{
    int64_t shown_s = now_s;
    for (unsigned i = 0; i < world->jumps_count; i++)
        if (now_s >= world->jumps[i].at_s && now_s - world->jumps[i].at_s < world->jumps[i].for_s)
            shown_s += world->jumps[i].by_s;
    return shown_s;
}

static key_mask used_places(const struct truth *truth)
{
    key_mask used = 0;
    const struct list *const lists[] = {&truth->ds, &truth->dnskey, &truth->zone};
    for (unsigned l = 0; l < ARRAY_COUNT(lists); l++)
        for (unsigned i = 0; i < lists[l]->count; i++)
            used |= lists[l]->versions[i].keys | lists[l]->versions[i].signers;
    return used;
}

/* The bit of a key, given anew when no version speaks of its last owner any more. */
static key_mask place(struct truth *truth, const struct roll_key *key)
{
    key_mask used = used_places(truth);
    for (unsigned i = 0; i < VIEWS_KEYS_MAX; i++)
        if (truth->ids[i] == key->id)
            return 1u << i;
    for (unsigned i = 0; i < VIEWS_KEYS_MAX; i++)
        if ((used & 1u << i) == 0 && truth->ids[i] == 0) {
            truth->ids[i] = key->id;
            truth->algorithms[i] = key->algorithm;
            truth->tags[i] = key->tag;
            return 1u << i;
        }
    truth->overflow = true;
    return 0;
}

static void free_places(struct run *run)
{
    key_mask used = used_places(&run->truth);
    for (unsigned i = 0; i < VIEWS_KEYS_MAX; i++)
        if ((used & 1u << i) == 0 && roll_find(&run->roll, run->truth.ids[i]) == NULL)
            run->truth.ids[i] = 0;
}

static void drop_gone(struct list *list, int64_t now_s)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < list->count; i++)
        if (list->versions[i].gone_s > now_s)
            list->versions[kept++] = list->versions[i];
    list->count = kept;
}

/* The set is now KEYS by SIGNERS; what was published before lives for KEEP_S more. */
static bool publish(
    struct run *run, struct list *list, key_mask keys, key_mask signers, int64_t keep_s, int64_t now_s)
{
    struct published *last = list->count != 0 ? &list->versions[list->count - 1] : NULL;
    if (last != NULL && last->gone_s == ROLL_NEVER && last->keys == keys && last->signers == signers)
        return false;
    if (last != NULL && last->gone_s == ROLL_NEVER)
        last->gone_s = now_s + keep_s;
    if (list->count == VERSIONS_MAX) {
        run->truth.overflow = true;
        return false;
    }
    list->versions[list->count++] =
        (struct published){.keys = keys, .signers = signers, .gone_s = ROLL_NEVER, .in_zone_s = ROLL_NEVER};
    return true;
}

/* The keys of which RECORD is published; FOREIGN: those of another signer instead of ours. */
static key_mask now_published(struct run *run, enum roll_record record)
{
    key_mask mask = 0;
    for (unsigned i = 0; i < run->roll.count; i++)
        if (roll_publishes(&run->roll.keys[i], record) &&
            (!run->roll.keys[i].foreign || record == ROLL_DNSKEY))
            mask |= place(&run->truth, &run->roll.keys[i]);
    return mask;
}

/* Keys of CHANGED whose algorithm no other signer has: their signatures come and go at once, those of the
 * others as signatures fall due. */
static key_mask at_once(const struct run *run, key_mask changed, key_mask signers)
{
    key_mask found = 0;
    for (key_mask left = changed; left != 0; left &= left - 1) {
        unsigned key = (unsigned)__builtin_ctz(left), sharing = 0;
        for (key_mask other = signers & ~(1u << key); other != 0; other &= other - 1)
            sharing += run->truth.algorithms[__builtin_ctz(other)] == run->truth.algorithms[key];
        found |= sharing == 0 || run->policy->resign_at_once ? 1u << key : 0;
    }
    return found;
}

/* The zone is signed by other keys from now on. Sets signed by every earlier choice that is still in the zone
 * get and lose what changes at once; each set gets the rest when its signatures fall due. */
static bool publish_signatures(struct run *run, key_mask is, int64_t now_s)
{
    const struct policy *policy = run->policy;
    struct list *list = &run->truth.zone;
    struct published *last = list->count != 0 ? &list->versions[list->count - 1] : NULL;
    key_mask was = last != NULL ? last->signers : 0;
    if (last != NULL && was == is)
        return false;
    int64_t keep_s = policy->max_zone_ttl_s + policy->zone_propagation_delay_s;
    int64_t due_s = now_s + policy->signatures_validity_s - policy->signatures_refresh_s;
    key_mask added = at_once(run, is & ~was, was | is), removed = at_once(run, was & ~is, was | is);
    unsigned before = list->count;
    for (unsigned i = 0; i < before; i++) {
        struct published old = list->versions[i], *version = &list->versions[i];
        if (old.in_zone_s <= now_s)
            continue;
        key_mask next = (old.signers | added) & ~removed;
        old.in_zone_s = old.in_zone_s == ROLL_NEVER ? due_s : old.in_zone_s;
        old.gone_s = old.in_zone_s + keep_s;
        *version = old;
        if (next != old.signers) {
            version->in_zone_s = now_s;
            version->gone_s = now_s + keep_s;
        }
        if (next == old.signers || next == is)
            continue;
        if (list->count == VERSIONS_MAX) {
            run->truth.overflow = true;
            return false;
        }
        old.signers = next;
        list->versions[list->count++] = old;
    }
    return publish(run, list, 0, is, 0, now_s);
}

/* Puts what the machine says into the world. True when a version was added. */
static bool publish_zone(struct run *run, int64_t now_s)
{
    int64_t keep_s = run->policy->dnskey_ttl_s + run->policy->zone_propagation_delay_s;
    bool added = publish(run, &run->truth.dnskey, now_published(run, ROLL_DNSKEY),
        now_published(run, ROLL_KRRSIG), keep_s, now_s);
    return publish_signatures(run, now_published(run, ROLL_ZRRSIG), now_s) | added;
}

/* The parent does what our CDS says, when it has had its time. */
static bool parent_acts(struct run *run, int64_t now_s)
{
    struct truth *truth = &run->truth;
    key_mask wanted = now_published(run, ROLL_DS);
    key_mask is = truth->ds.count != 0 ? truth->ds.versions[truth->ds.count - 1].keys : 0;
    if (wanted == is) {
        truth->ds_asked_s = 0;
        return false;
    }
    if (truth->ds_asked_s == 0)
        truth->ds_asked_s = now_s;
    if (now_s - truth->ds_asked_s < run->world->parent_takes_s ||
        within(run->world->parent, run->world->parent_count, now_s))
        return false;
    truth->ds_asked_s = 0;
    return publish(run, &truth->ds, wanted, 0,
        run->policy->parent_ds_ttl_s + run->policy->parent_propagation_delay_s, now_s);
}

static void observe(struct run *run, int64_t now_s, int64_t shown_s)
{
    if (within(run->world->observing, run->world->observing_count, now_s))
        return;
    struct truth *truth = &run->truth;
    key_mask is = truth->ds.count != 0 ? truth->ds.versions[truth->ds.count - 1].keys : 0;
    for (unsigned i = 0; i < run->roll.count; i++) {
        uint64_t id = run->roll.keys[i].id;
        if (run->roll.keys[i].stages[ROLL_DS].state == ROLL_NONE)
            continue;
        if ((place(truth, &run->roll.keys[i]) & is) != 0)
            roll_ds_seen(&run->roll, id, shown_s);
        else
            roll_ds_gone(&run->roll, id, shown_s);
    }
}

/* ---- the proof ---- */

static void fail(struct run *run, enum forecast_fault fault, int64_t now_s)
{
    if (run->result.fault != FORECAST_VALID)
        return;
    run->result.fault = fault;
    run->result.at_s = now_s;
    memcpy(run->result.tags, run->truth.tags, sizeof run->result.tags);
    memcpy(run->result.ids, run->truth.ids, sizeof run->result.ids);
}

static bool gather(struct run *run, struct views *views)
{
    const struct truth *truth = &run->truth;
    bool fits = !truth->overflow;
    views_clear(views);
    memcpy(views->algorithms, truth->algorithms, sizeof views->algorithms);
    for (unsigned i = 0; i < truth->ds.count; i++)
        fits = fits && views_add_ds(views, truth->ds.versions[i].keys);
    for (unsigned i = 0; i < truth->dnskey.count; i++)
        fits = fits &&
               views_add_dnskey(views, truth->dnskey.versions[i].keys, truth->dnskey.versions[i].signers);
    for (unsigned i = 0; i < truth->zone.count; i++)
        fits = fits && views_add_zone(views, truth->zone.versions[i].signers);
    for (unsigned i = 0; i < run->roll.count; i++)
        if (run->roll.keys[i].foreign && roll_publishes(&run->roll.keys[i], ROLL_ZRRSIG))
            fits = fits && views_add_zone(views, place(&run->truth, &run->roll.keys[i]));
    return fits;
}

static void prove(struct run *run, int64_t now_s)
{
    struct views views;
    drop_gone(&run->truth.ds, now_s);
    drop_gone(&run->truth.dnskey, now_s);
    drop_gone(&run->truth.zone, now_s);
    if (!gather(run, &views))
        fail(run, FORECAST_TOO_MANY, now_s);
    else if (!views_prove(&views, &run->result.failure))
        fail(run, FORECAST_BOGUS, now_s);
    run->result.proofs++;
    run->result.views += (uint64_t)views.ds_count * views.dnskey_count * views.zone_count;
    free_places(run);
}

/* ---- the machine ---- */

static enum err invent(void *context, const struct policy_key *want, int64_t now_s, struct roll_key *key)
{
    struct run *run = context;
    (void)want;
    (void)now_s;
    key->id = run->next_id++;
    key->tag = (uint16_t)(key->id % 65521);
    return ERR_OK;
}

static void hear(void *context, const struct roll_event *event)
{
    struct run *run = context;
    run->result.steps++;
    if (run->event != NULL)
        run->event(run->context, event);
}

static bool mistake_due(const struct run *run, int64_t now_s)
{
    return run->world->break_at_s != 0 && now_s >= run->world->break_at_s;
}

/* The mistake goes past the machine; the views are what stands before publication. */
static void make_mistake(struct run *run, int64_t now_s)
{
    struct roll_key *key = roll_find(&run->roll, run->world->break_id);
    struct views views;
    struct view_failure failure = {.fault = VIEW_SECURE};
    if (key == NULL || !roll_publishes(key, run->world->break_record))
        return;
    key->stages[run->world->break_record] =
        (struct roll_stage){.state = ROLL_UNRETENTIVE, .since_s = run->roll.stepped_s};
    if (!run->publish_break && (!roll_views(&run->roll, &views) || !views_prove(&views, &failure))) {
        run->result.failure = failure;
        fail(run, FORECAST_REFUSED, now_s);
    }
}

/* Signatures are made anew when signatures-refresh is left of them: the oldest last that long without a
 * signer. */
static bool signer_works(struct run *run, int64_t now_s)
{
    bool off = within(run->world->signer, run->world->signer_count, now_s);
    if (!off) {
        run->signer_off_s = 0;
        return true;
    }
    if (run->signer_off_s == 0)
        run->signer_off_s = now_s;
    if (run->truth.zone.count != 0 && now_s - run->signer_off_s > run->policy->signatures_refresh_s &&
        run->truth.ds.count != 0 && run->truth.ds.versions[run->truth.ds.count - 1].keys != 0)
        fail(run, FORECAST_EXPIRED, now_s);
    return false;
}

/* One moment; returns the next at which anything may happen. */
static int64_t moment(struct run *run, int64_t now_s)
{
    const struct forecast_world *world = run->world;
    struct roll_host host = {.create = invent, .event = hear, .context = run};
    int64_t due_s = ROLL_NEVER, shown_s = 0;
    if (world->policy_at_s != 0 && now_s >= world->policy_at_s)
        run->policy = world->policy_next;
    if (signer_works(run, now_s)) {
        shown_s = roll_time(&run->roll, clock_of_signer(world, now_s), now_s, 1);
        if (world->roll_id != 0 && now_s >= world->roll_at_s && now_s - world->roll_at_s < POLL_S)
            (void)!roll_request(&run->roll, world->roll_id, shown_s);
        observe(run, now_s, shown_s);
        roll_step(&run->roll, run->policy, shown_s, &host, &due_s);
        if (mistake_due(run, now_s) && now_s - world->break_at_s < POLL_S)
            make_mistake(run, now_s);
        (void)publish_zone(run, now_s);
    }
    (void)parent_acts(run, now_s);
    prove(run, now_s);
    int64_t next_s = now_s - now_s % POLL_S + POLL_S;
    if (due_s != ROLL_NEVER && due_s > shown_s && now_s + (due_s - shown_s) < next_s)
        next_s = now_s + (due_s - shown_s);
    return next_s;
}

/* ---- the beginning ---- */

static bool in_transition(const struct run *run, const struct roll_key *key, enum roll_record record)
{
    enum roll_state state = key->stages[record].state;
    bool theirs = key->foreign && record != ROLL_DNSKEY;
    /* What the parent has not been seen to do, it has not done. */
    bool done = record != ROLL_DS || roll_due(&run->roll, run->policy, key, record) != ROLL_NEVER;
    return (state == ROLL_RUMOURED || state == ROLL_UNRETENTIVE) && !theirs && done;
}

/* The keys that had RECORD before any change that is still under way. */
static key_mask before_changes(struct run *run, enum roll_record record)
{
    key_mask mask = 0;
    for (unsigned i = 0; i < run->roll.count; i++) {
        struct roll_key *key = &run->roll.keys[i];
        enum roll_state state = key->stages[record].state;
        if ((!key->foreign || record == ROLL_DNSKEY) &&
            (state == ROLL_OMNIPRESENT || state == ROLL_UNRETENTIVE))
            mask |= place(&run->truth, key);
    }
    return mask;
}

/* Applies to MASK the changes of RECORD made at SINCE_S; returns when caches have followed, 0: there are
 * none. */
static int64_t apply_changes(struct run *run, enum roll_record record, int64_t since_s, key_mask *mask)
{
    int64_t due_s = 0;
    for (unsigned i = 0; i < run->roll.count; i++) {
        struct roll_key *key = &run->roll.keys[i];
        if (!in_transition(run, key, record) || key->stages[record].since_s != since_s)
            continue;
        int64_t one_s = roll_due(&run->roll, run->policy, key, record);
        due_s = one_s > due_s ? one_s : due_s;
        *mask = key->stages[record].state == ROLL_RUMOURED ? *mask | place(&run->truth, key)
                                                           : *mask & ~place(&run->truth, key);
    }
    return due_s;
}

static int64_t next_change(const struct run *run, enum roll_record record, int64_t after_s)
{
    int64_t next_s = ROLL_NEVER;
    for (unsigned i = 0; i < run->roll.count; i++) {
        int64_t since_s = run->roll.keys[i].stages[record].since_s;
        if (in_transition(run, &run->roll.keys[i], record) && since_s > after_s && since_s < next_s)
            next_s = since_s;
    }
    return next_s;
}

/* The versions that caches hold at the start, from the states; KEYS and SIGNERS: which records make the set.
 */
static void seed(
    struct run *run, struct list *list, const enum roll_record *keys, const enum roll_record *signers)
{
    key_mask now_keys = keys != NULL ? before_changes(run, *keys) : 0;
    key_mask now_signers = signers != NULL ? before_changes(run, *signers) : 0;
    for (int64_t at_s = INT64_MIN; list->count < VERSIONS_MAX;) {
        int64_t a_s = keys != NULL ? next_change(run, *keys, at_s) : ROLL_NEVER;
        int64_t b_s = signers != NULL ? next_change(run, *signers, at_s) : ROLL_NEVER;
        at_s = a_s < b_s ? a_s : b_s;
        struct published *version = &list->versions[list->count++];
        *version = (struct published){
            .keys = now_keys, .signers = now_signers, .gone_s = ROLL_NEVER, .in_zone_s = ROLL_NEVER};
        if (at_s == ROLL_NEVER)
            return;
        a_s = keys != NULL ? apply_changes(run, *keys, at_s, &now_keys) : 0;
        b_s = signers != NULL ? apply_changes(run, *signers, at_s, &now_signers) : 0;
        version->gone_s = version->in_zone_s = a_s > b_s ? a_s : b_s;
    }
    run->truth.overflow = true;
}

struct forecast forecast_run(const struct roll *roll, const struct policy *policy,
    const struct forecast_world *world, int64_t from_s, int64_t until_s, bool publish_break,
    void (*event)(void *context, const struct roll_event *event), void *context)
{
    struct run run = {.roll = *roll,
        .policy = policy,
        .world = world,
        .event = event,
        .context = context,
        .next_id = ROLL_INVENTED,
        .publish_break = publish_break};
    static const enum roll_record ds = ROLL_DS, dnskey = ROLL_DNSKEY, krrsig = ROLL_KRRSIG,
                                  zrrsig = ROLL_ZRRSIG;
    seed(&run, &run.truth.ds, &ds, NULL);
    seed(&run, &run.truth.dnskey, &dnskey, &krrsig);
    seed(&run, &run.truth.zone, NULL, &zrrsig);
    for (int64_t now_s = from_s; now_s < until_s && run.result.fault == FORECAST_VALID;)
        now_s = moment(&run, now_s);
    if (run.result.fault == FORECAST_VALID)
        run.result.at_s = until_s;
    return run.result;
}
