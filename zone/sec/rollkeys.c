#include "zone/sec/rollkeys.h"

#include <stdlib.h>

#include "zone/sec/keyfile.h"

#define SETTLED_S 86400

uint64_t roll_key_id(const struct key *key)
{
    return (uint64_t)key->algorithm->number << 16 | key->tag;
}

struct key *roll_key_of(const struct key_list *list, uint64_t id)
{
    for (unsigned i = 0; i < list->count; i++)
        if (roll_key_id(list->keys[i]) == id)
            return list->keys[i];
    return NULL;
}

bool roll_manages(const struct key *key)
{
    return key->state != NULL && key->state->times[STATED_DNSKEY_CHANGE] != 0;
}

/* The machine's records beside the file's names for their states and times. */
static const struct {
    enum state_of state;
    enum state_time change;
} names[ROLL_RECORDS] = {
    [ROLL_DNSKEY] = {STATE_DNSKEY, STATED_DNSKEY_CHANGE},
    [ROLL_KRRSIG] = {STATE_KRRSIG, STATED_KRRSIG_CHANGE},
    [ROLL_ZRRSIG] = {STATE_ZRRSIG, STATED_ZRRSIG_CHANGE},
    [ROLL_DS] = {STATE_DS, STATED_DS_CHANGE},
};
_Static_assert((int)ROLL_NONE == (int)STATE_NA && (int)ROLL_UNRETENTIVE == (int)STATE_UNRETENTIVE,
    "the machine's states are those of the files");

/* ---- reading ---- */

static void from_state(const struct key_state *state, struct roll_key *out)
{
    out->bits = state->bits;
    out->lifetime_s = state->lifetime;
    out->wanted = state->states[STATE_GOAL] == STATE_OMNIPRESENT;
    out->active_s = state->times[STATED_ACTIVE];
    out->standby = out->wanted && out->active_s == 0;
    out->retire_s = out->wanted ? state->times[STATED_RETIRED] : 0;
    out->ds_seen_s = state->times[STATED_DS_PUBLISH];
    out->ds_gone_s = state->times[STATED_DS_REMOVED];
    for (unsigned record = 0; record < ROLL_RECORDS; record++)
        out->stages[record] =
            (struct roll_stage){.state = (enum roll_state)state->states[names[record].state],
                .since_s = state->times[names[record].change]};
}

/* RUMOURED since then: the machine's next step sees how long ago that is. */
static void stage_from(struct roll_stage *stage, int64_t since_s, int64_t until_s, int64_t now_s)
{
    if (since_s == 0 || since_s > now_s)
        *stage = (struct roll_stage){ROLL_HIDDEN, now_s};
    else if (until_s != 0 && until_s <= now_s)
        *stage = (struct roll_stage){ROLL_UNRETENTIVE, until_s};
    else
        *stage = (struct roll_stage){ROLL_RUMOURED, since_s};
}

static void from_times(const struct key *key, int64_t now_s, struct roll_key *out)
{
    const int64_t *times = key->times;
    int64_t active_s = times[TIME_ACTIVATE] != 0 ? times[TIME_ACTIVATE] : times[TIME_CREATED];
    int64_t publish_s = times[TIME_PUBLISH] != 0 ? times[TIME_PUBLISH] : active_s;
    out->active_s = active_s != 0 ? active_s : now_s;
    out->retire_s = times[TIME_INACTIVE] > now_s ? times[TIME_INACTIVE] : 0;
    out->wanted = (times[TIME_INACTIVE] == 0 || times[TIME_INACTIVE] > now_s) &&
                  (times[TIME_DELETE] == 0 || times[TIME_DELETE] > now_s);
    stage_from(&out->stages[ROLL_DNSKEY], publish_s, times[TIME_DELETE], now_s);
    out->stages[ROLL_KRRSIG] = out->stages[ROLL_DNSKEY];
    stage_from(&out->stages[ROLL_ZRRSIG], active_s, times[TIME_INACTIVE], now_s);
    bool settled = active_s != 0 && now_s - active_s > SETTLED_S;
    out->stages[ROLL_DS] = (struct roll_stage){settled ? ROLL_OMNIPRESENT : ROLL_HIDDEN, now_s};
    if (times[TIME_DS_PUBLISH] != 0 && times[TIME_DS_PUBLISH] <= now_s) {
        out->stages[ROLL_DS] = (struct roll_stage){ROLL_RUMOURED, times[TIME_DS_PUBLISH]};
        out->ds_seen_s = times[TIME_DS_PUBLISH];
    }
    if ((key->roles & ROLE_KSK) == 0)
        out->stages[ROLL_KRRSIG].state = out->stages[ROLL_DS].state = ROLL_NONE;
    if ((key->roles & ROLE_ZSK) == 0)
        out->stages[ROLL_ZRRSIG].state = ROLL_NONE;
}

static uint64_t related(const struct key *key, bool has, uint16_t tag)
{
    return has ? (uint64_t)key->algorithm->number << 16 | tag : 0;
}

enum err roll_keys_read(const struct key_list *list, int64_t now_s, struct roll *roll)
{
    *roll = (struct roll){.count = 0};
    for (unsigned i = 0; i < list->count; i++) {
        const struct key *key = list->keys[i];
        if ((key->flags & KEY_REVOKE) != 0 || (key->flags & KEY_ZONE) == 0)
            continue;
        if (roll->count == ROLL_KEYS_MAX)
            return ERR_LIMIT;
        struct roll_key *out = &roll->keys[roll->count++];
        *out = (struct roll_key){.id = roll_key_id(key),
            .tag = key->tag,
            .algorithm = key->algorithm->number,
            .role = (enum policy_role)key->roles,
            .created_s = key->times[TIME_CREATED],
            .foreign = key->foreign && (key->roles & ROLE_KSK) == 0,
            .predecessor = related(key, key->has_predecessor, key->predecessor),
            .successor = related(key, key->has_successor, key->successor)};
        if (roll_manages(key))
            from_state(key->state, out);
        else
            from_times(key, now_s, out);
        for (unsigned record = 0; record < ROLL_RECORDS; record++)
            if (roll->stepped_s < out->stages[record].since_s && out->stages[record].since_s <= now_s)
                roll->stepped_s = out->stages[record].since_s;
    }
    return ERR_OK;
}

void roll_keys_settle(struct roll *roll, const struct key_list *list, int64_t signed_s)
{
    for (unsigned i = 0; i < roll->count; i++) {
        struct roll_key *key = &roll->keys[i];
        const struct key *file = roll_key_of(list, key->id);
        if (file == NULL || roll_manages(file) || !key->wanted || key->active_s > signed_s)
            continue;
        for (unsigned record = 0; record < ROLL_RECORDS; record++) {
            struct roll_stage *stage = &key->stages[record];
            bool moves = stage->state == ROLL_RUMOURED || (record == ROLL_DS && stage->state == ROLL_HIDDEN);
            if (moves)
                stage->state = ROLL_OMNIPRESENT;
        }
    }
}

/* ---- writing ---- */

/* When a record was withdrawn; 0: it is not. */
static int64_t withdrawn_at(const struct roll_key *key, enum roll_record record, int64_t before_s)
{
    enum roll_state state = key->stages[record].state;
    if (state == ROLL_UNRETENTIVE)
        return key->stages[record].since_s;
    return state == ROLL_HIDDEN && !key->wanted ? before_s : 0;
}

static int64_t published_at(const struct roll_key *key, enum roll_record record, int64_t before_s)
{
    return key->stages[record].state == ROLL_RUMOURED ? key->stages[record].since_s : before_s;
}

static void write_times(const struct roll_key *from, struct key *key)
{
    enum roll_record signs = (from->role & POLICY_ZSK) != 0 ? ROLL_ZRRSIG : ROLL_KRRSIG;
    int64_t *times = key->times;
    times[TIME_PUBLISH] = published_at(from, ROLL_DNSKEY, times[TIME_PUBLISH]);
    times[TIME_ACTIVATE] = published_at(from, signs, times[TIME_ACTIVATE]);
    times[TIME_INACTIVE] = withdrawn_at(from, signs, times[TIME_INACTIVE]);
    times[TIME_DELETE] = withdrawn_at(from, ROLL_DNSKEY, times[TIME_DELETE]);
    if ((from->role & POLICY_KSK) == 0)
        return;
    times[TIME_SYNC_PUBLISH] = published_at(from, ROLL_DS, times[TIME_SYNC_PUBLISH]);
    times[TIME_SYNC_DELETE] = withdrawn_at(from, ROLL_DS, times[TIME_SYNC_DELETE]);
}

enum err roll_key_write(const struct roll_key *from, struct key *key)
{
    struct key_state *state = key->state != NULL ? key->state : calloc(1, sizeof *state);
    if (state == NULL)
        return ERR_MEMORY;
    key->state = state;
    write_times(from, key);
    state->lifetime = (uint32_t)from->lifetime_s;
    state->bits = from->bits != 0 ? from->bits : (uint16_t)keypair_bits(key->pair);
    state->ksk = (from->role & POLICY_KSK) != 0;
    state->zsk = (from->role & POLICY_ZSK) != 0;
    state->states[STATE_GOAL] = from->wanted ? STATE_OMNIPRESENT : STATE_HIDDEN;
    state->times[STATED_GENERATED] = from->created_s;
    state->times[STATED_PUBLISHED] = key->times[TIME_PUBLISH];
    state->times[STATED_ACTIVE] = from->standby ? 0 : from->active_s;
    state->times[STATED_RETIRED] = from->wanted ? from->retire_s : key->times[TIME_INACTIVE];
    state->times[STATED_REMOVED] = key->times[TIME_DELETE];
    state->times[STATED_DS_PUBLISH] = from->ds_seen_s;
    state->times[STATED_DS_REMOVED] = from->ds_gone_s;
    for (unsigned record = 0; record < ROLL_RECORDS; record++) {
        state->states[names[record].state] = (uint8_t)from->stages[record].state;
        state->times[names[record].change] =
            from->stages[record].state == ROLL_NONE ? 0 : from->stages[record].since_s;
    }
    key->has_predecessor = state->has_predecessor = from->predecessor != 0;
    key->has_successor = state->has_successor = from->successor != 0;
    key->predecessor = state->predecessor = (uint16_t)from->predecessor;
    key->successor = state->successor = (uint16_t)from->successor;
    return ERR_OK;
}

static bool published(const struct key *key, enum state_of which)
{
    return key->state->states[which] == STATE_RUMOURED || key->state->states[which] == STATE_OMNIPRESENT;
}

void roll_key_assign(const struct key *key, struct zonesign_key *out)
{
    out->publish = published(key, STATE_DNSKEY);
    out->sign_keys = published(key, STATE_KRRSIG);
    out->sign_zone = published(key, STATE_ZRRSIG);
    out->sync = published(key, STATE_DS);
}

/* ---- making ---- */

#define TRIES 100

static bool collides(const struct key *key, const struct key_list *others)
{
    for (unsigned i = 0; i < others->count; i++)
        if (key_collides(key, others->keys[i]))
            return true;
    return false;
}

enum err roll_key_make(const uint8_t *zone, const struct policy_key *want, const struct key_list *others,
    int64_t now_s, struct key **out)
{
    const struct algorithm *algorithm = algorithm_find(want->algorithm);
    for (unsigned i = 0; algorithm != NULL && i < TRIES; i++) {
        struct key *key;
        enum err err = key_generate(zone, algorithm, want->bits, want->role, &key);
        if (err != ERR_OK)
            return err;
        if (!collides(key, others)) {
            key->times[TIME_CREATED] = now_s;
            *out = key;
            return ERR_OK;
        }
        key_release(key);
    }
    return algorithm == NULL ? ERR_UNSUPPORTED : ERR_LIMIT;
}
