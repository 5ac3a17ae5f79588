#include "zonetool/effect.h"

#include <stdlib.h>
#include <string.h>

#include "zone/wire/type.h"

#define ALIAS_STEPS 16
#define PROBE_LABEL "\7example" /* "any name below" */

struct finding_effects {
    struct effects *effects;
    const struct versions *versions;
    const struct snapshot *old, *new;
    struct arena scratch;
    const uint8_t **exchangers; /* hosts of the zone that MX records name; in order once all are there */
    size_t exchanger_count, exchanger_room;
    enum err failure;
};

/* ---- which questions ---- */

static void push(struct finding_effects *finding, const uint8_t *name, uint16_t type, bool below)
{
    struct effects *effects = finding->effects;
    if (effects->count == effects->room) {
        size_t room = effects->room * 2 + 64;
        struct effect *items = realloc(effects->items, room * sizeof *items);
        if (items == NULL) {
            finding->failure = ERR_MEMORY;
            return;
        }
        effects->items = items;
        effects->room = room;
    }
    const char *kept = arena_copy(&effects->arena, name, name_len(name));
    if (kept == NULL)
        finding->failure = ERR_MEMORY;
    else
        effects->items[effects->count++] =
            (struct effect){.name = (const uint8_t *)kept, .type = type, .below = below};
}

static const struct node *node_of(const struct snapshot *snapshot, const uint8_t *name)
{
    size_t apex_len = snapshot->image->header->apex_len, len = name_len(name);
    return snapshot_find(snapshot, false, name, (unsigned)(len - apex_len));
}

/* Has the name come or gone? Empty non-terminals are there, too. */
static bool existence_changes(const struct finding_effects *finding, const uint8_t *name)
{
    return (node_of(finding->old, name) == NULL) != (node_of(finding->new, name) == NULL);
}

static bool is_wildcard(const uint8_t *name)
{
    return name[0] == 1 && name[1] == '*';
}

/* The types at the wildcards that may speak for NAME. */
static void push_wildcard_types(struct finding_effects *finding, const uint8_t *name, bool below)
{
    const struct snapshot *const snapshots[] = {finding->old, finding->new};
    unsigned labels = name_labels(name), apex = finding->old->image->header->apex_labels;
    for (unsigned skip = 1; skip <= labels - apex; skip++) {
        uint8_t source[NAME_MAX + 3] = {1, '*'};
        const uint8_t *parent = name_skip(name, skip);
        size_t len = name_len(parent);
        memcpy(source + 2, parent, len);
        for (unsigned i = 0; i < 2 && len + 2 <= NAME_MAX; i++) {
            const struct node *node = node_of(snapshots[i], source);
            const struct rrset *rrset = node != NULL ? node_rrsets(node) : NULL;
            for (unsigned r = 0; node != NULL && r < node->rrset_count; r++, rrset = rrset_next(rrset)) {
                if (rrset->count > 0)
                    push(finding, name, rrset->type, below);
            }
        }
    }
}

/* A name that comes or goes hides or uncovers wildcards, at itself and below, and makes or unmakes the empty
 * names above it (RFC 4592 2.2.2). */
static void push_existence(struct finding_effects *finding, const uint8_t *name, uint16_t type)
{
    const uint8_t *apex = finding->versions->apex;
    if (!existence_changes(finding, name))
        return;
    push_wildcard_types(finding, name, false);
    push_wildcard_types(finding, name, true);
    for (name = name_skip(name, 1); !name_equal(name, apex) && existence_changes(finding, name);
         name = name_skip(name, 1)) {
        push(finding, name, type, false);
        push_wildcard_types(finding, name, false);
        push_wildcard_types(finding, name, true);
    }
}

static void push_types(struct finding_effects *finding, const uint8_t *name)
{
    static const uint16_t usual[] = {TYPE_A, TYPE_AAAA, TYPE_MX, TYPE_TXT};
    for (size_t i = 0; i < ARRAY_COUNT(usual); i++)
        push(finding, name, usual[i], false);
}

static void push_set(struct finding_effects *finding, const struct set_change *set)
{
    bool apex = name_equal(set->owner, finding->versions->apex);
    if (set->type == TYPE_RRSIG || set->type == TYPE_NSEC || set->type == TYPE_NSEC3 ||
        (set->type == TYPE_SOA && apex))
        return;
    if (is_wildcard(set->owner))
        push(finding, name_skip(set->owner, 1), set->type, true);
    push(finding, set->owner, set->type, false);
    if (set->type == TYPE_CNAME)
        push_types(finding, set->owner);
    if (set->type == TYPE_DNAME || (set->type == TYPE_NS && !apex))
        push(finding, set->owner, TYPE_A, true); /* one type speaks for all */
    push_existence(finding, set->owner, set->type);
}

/* The changed set of NAME whose type is not CNAME, from the first one on; binary search, sets stand in order.
 */
static size_t first_set(const struct versions *versions, const uint8_t *name)
{
    size_t low = 0, high = versions->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(versions->sets[middle].owner, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const uint8_t *alias_target(const struct snapshot *snapshot, const struct node *node)
{
    const struct rrset *rrset = node != NULL ? node_rrset(node, TYPE_CNAME) : NULL;
    struct record record;
    if (rrset == NULL || rrset->count == 0)
        return NULL;
    record_read(rrset->data, true, &record);
    return name_under(record.rdata, snapshot->image->header->apex_name) ? record.rdata : NULL;
}

/* An alias is asked about the types that change at the end of its chain. */
static void push_alias(
    struct finding_effects *finding, const struct snapshot *snapshot, const struct node *node)
{
    uint8_t owner[NAME_MAX + 1], target[NAME_MAX + 1];
    const struct versions *versions = finding->versions;
    snapshot_owner(snapshot, node, owner);
    for (unsigned step = 0; step < ALIAS_STEPS; step++) {
        const uint8_t *next = alias_target(snapshot, node);
        if (next == NULL)
            return;
        name_lower(target, next);
        for (size_t i = first_set(versions, target);
             i < versions->count && name_equal(versions->sets[i].owner, target); i++)
            push(finding, owner, versions->sets[i].type, false);
        node = node_of(snapshot, target);
    }
}

static void push_exchanger(struct finding_effects *finding, const uint8_t *name)
{
    if (finding->exchanger_count == finding->exchanger_room) {
        size_t room = finding->exchanger_room * 2 + 16;
        const uint8_t **wider = realloc(finding->exchangers, room * sizeof *wider);
        if (wider == NULL) {
            finding->failure = ERR_MEMORY;
            return;
        }
        finding->exchangers = wider;
        finding->exchanger_room = room;
    }
    uint8_t *kept = arena_alloc(&finding->effects->arena, name_len(name), 1);
    if (kept == NULL) {
        finding->failure = ERR_MEMORY;
        return;
    }
    name_lower(kept, name);
    finding->exchangers[finding->exchanger_count++] = kept;
}

static void push_exchangers(struct finding_effects *finding, const struct rrset *rrset)
{
    const uint8_t *at = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        at = record_read(at, rrset_linked(rrset->type), &record);
        if (name_under(record.rdata + 2, finding->versions->apex))
            push_exchanger(finding, record.rdata + 2);
    }
}

static void push_aliases(struct finding_effects *finding, const struct snapshot *snapshot)
{
    struct snapshot_walk walk;
    snapshot_walk_start(&walk, snapshot);
    for (const struct node *node; (node = snapshot_walk_next(&walk)) != NULL;) {
        if ((node->flags & (NODE_CNAME | NODE_NSEC3)) == NODE_CNAME)
            push_alias(finding, snapshot, node);
        const struct rrset *mx = (node->flags & NODE_NSEC3) == 0 ? node_rrset(node, TYPE_MX) : NULL;
        if (mx != NULL)
            push_exchangers(finding, mx);
    }
}

/* ---- asking ---- */

static int compare_effects(const void *a, const void *b)
{
    const struct effect *x = a, *y = b;
    int order = name_compare(x->name, y->name);
    if (order == 0)
        order = x->below - y->below;
    return order != 0 ? order : x->type - y->type;
}

static void drop_repeated(struct effects *effects)
{
    size_t kept = 0;
    if (effects->count > 0)
        qsort(effects->items, effects->count, sizeof *effects->items, compare_effects);
    for (size_t i = 0; i < effects->count; i++) {
        if (kept == 0 || compare_effects(&effects->items[kept - 1], &effects->items[i]) != 0)
            effects->items[kept++] = effects->items[i];
    }
    effects->count = kept;
}

static bool begins_with(const struct rrset *rrset, const char *what)
{
    size_t len = strlen(what);
    const uint8_t *at = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        at = record_read(at, rrset_linked(rrset->type), &record);
        if (record.rdata_len > len && memcmp(record.rdata + 1, what, len) == 0)
            return true;
    }
    return false;
}

static bool has_label(const uint8_t *name, const char *label)
{
    for (; *name != 0; name += 1 + *name) {
        if (*name == strlen(label) && memcmp(name + 1, label, *name) == 0)
            return true;
    }
    return false;
}

static int compare_names(const void *a, const void *b)
{
    return name_compare(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

static bool is_exchanger(const struct finding_effects *finding, const uint8_t *name)
{
    return finding->exchanger_count > 0 && bsearch(&name, finding->exchangers, finding->exchanger_count,
                                               sizeof *finding->exchangers, compare_names) != NULL;
}

/* MX and the hosts it names, and what receivers look up to believe a sender: SPF, DKIM, DMARC, MTA-STS, BIMI,
 * TLSA at port 25, TLS reports. */
static bool is_mail(const struct finding_effects *finding, const struct effect *effect)
{
    static const char *const labels[] = {
        "_domainkey", "_dmarc", "_mta-sts", "mta-sts", "_smtp", "_25", "_bimi"};
    const struct snapshot *const snapshots[] = {finding->old, finding->new};
    if (effect->type == TYPE_MX || is_exchanger(finding, effect->name))
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(labels); i++) {
        if (has_label(effect->name, labels[i]))
            return true;
    }
    for (unsigned i = 0; i < 2 && effect->type == TYPE_TXT; i++) {
        const struct node *node = node_of(snapshots[i], effect->name);
        const struct rrset *rrset = node != NULL ? node_rrset(node, TYPE_TXT) : NULL;
        if (rrset != NULL && begins_with(rrset, "v=spf1"))
            return true;
    }
    return false;
}

static enum effect_area area_of(const struct finding_effects *finding, const struct effect *effect)
{
    if (effect->type == TYPE_DNSKEY || effect->type == TYPE_DS || effect->type == TYPE_CDS ||
        effect->type == TYPE_CDNSKEY || effect->type == TYPE_NSEC3PARAM)
        return AREA_DNSSEC;
    if (effect->old.kind == TOLD_REFERRAL || effect->new.kind == TOLD_REFERRAL || effect->type == TYPE_NS)
        return AREA_DELEGATION;
    return is_mail(finding, effect) ? AREA_MAIL : AREA_SERVICE;
}

static void ask_both(struct finding_effects *finding, struct effect *effect)
{
    uint8_t name[NAME_MAX + sizeof PROBE_LABEL];
    const uint8_t *asked = effect->name;
    size_t len = name_len(asked);
    if (effect->below && len + sizeof PROBE_LABEL - 1 <= NAME_MAX) {
        memcpy(name, PROBE_LABEL, sizeof PROBE_LABEL - 1);
        memcpy(name + sizeof PROBE_LABEL - 1, effect->name, len);
        asked = name;
    }
    ask(finding->old, asked, effect->type, false, &finding->scratch, &effect->old);
    ask(finding->new, asked, effect->type, false, &finding->scratch, &effect->new);
}

static void ask_all(struct finding_effects *finding)
{
    struct effects *effects = finding->effects;
    size_t kept = 0;
    for (size_t i = 0; i < effects->count; i++) {
        struct effect *effect = &effects->items[i];
        ask_both(finding, effect);
        if (told_same(&effect->old, &effect->new))
            continue;
        effect->area = (uint8_t)area_of(finding, effect);
        effects->chain |= effect->area == AREA_DNSSEC;
        if (effect->old.ttl > effects->old_life)
            effects->old_life = effect->old.ttl;
        if (effect->new.ttl > effects->new_life)
            effects->new_life = effect->new.ttl;
        effects->items[kept++] = *effect;
    }
    effects->count = kept;
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void note_times(struct effects *effects, const struct versions *versions)
{
    const struct set_version *soa = &versions->soa.old;
    if (soa->count == 0 || soa->records[0].len < 22)
        return;
    const uint8_t *end = soa->records[0].rdata + soa->records[0].len;
    effects->refresh = get32(end - 16);
    effects->expire = get32(end - 8);
}

enum err effects_find(struct effects *effects, const struct versions *versions, const struct snapshot *old,
    const struct snapshot *new)
{
    struct finding_effects finding = {.effects = effects, .versions = versions, .old = old, .new = new};
    memset(effects, 0, sizeof *effects);
    arena_init(&effects->arena, 0);
    arena_init(&finding.scratch, 0);
    for (size_t i = 0; i < versions->count; i++)
        push_set(&finding, &versions->sets[i]);
    push_aliases(&finding, old);
    push_aliases(&finding, new);
    if (finding.failure == ERR_OK) {
        drop_repeated(effects);
        if (finding.exchanger_count > 0)
            qsort(finding.exchangers, finding.exchanger_count, sizeof *finding.exchangers, compare_names);
        ask_all(&finding);
        note_times(effects, versions);
        effects->signed_before = (old->image->header->flags & IMAGE_SIGNED) != 0;
        effects->signed_after = (new->image->header->flags &IMAGE_SIGNED) != 0;
    }
    arena_clear(&finding.scratch);
    free(finding.exchangers);
    if (finding.failure != ERR_OK)
        effects_clear(effects);
    return finding.failure;
}

void effects_clear(struct effects *effects)
{
    free(effects->items);
    arena_clear(&effects->arena);
    memset(effects, 0, sizeof *effects);
}
