/* Authenticated denial: RFC 4035 3.1.3 with NSEC, RFC 5155 7.2 with NSEC3. */
#include "zone/store/answering.h"
#include "zone/wire/edns.h"
#include "zone/wire/type.h"

/* One record may serve two purposes of a proof; it is sent once. */
static void note(struct answering *answering, const struct node *node)
{
    if (node == NULL)
        return;
    for (unsigned i = 0; i < answering->proof_count; i++) {
        if (answering->proof[i] == node)
            return;
    }
    if (answering->proof_count < PROOFS_MAX)
        answering->proof[answering->proof_count++] = node;
}

/* The present name without its first LABEL labels. */
static const uint8_t *suffix(const struct answering *answering, unsigned label)
{
    return answering->question->lower + answering->question->label_at[label];
}

static unsigned suffix_len(const struct answering *answering, unsigned label)
{
    return (unsigned)answering->question->name_len - answering->question->label_at[label];
}

/* Writes "*." before the suffix at LABEL; returns the length. The suffix is a proper one, so it fits. */
static unsigned wildcard_name(const struct answering *answering, unsigned label, uint8_t out[NAME_MAX])
{
    unsigned len = suffix_len(answering, label);
    out[0] = 1;
    out[1] = '*';
    memcpy(out + 2, suffix(answering, label), len);
    return len + 2;
}

static unsigned encloser_label(const struct answering *answering)
{
    return answering_label(answering, answering->find->node);
}

/* NSEC. Names are relative to the apex: what the apex takes of a whole name is cut off. */

static void nsec_cover(struct answering *answering, const uint8_t *name, unsigned len)
{
    unsigned apex_len = answering->snapshot->image->header->apex_len;
    note(answering, find_nsec(answering->snapshot, name, len - apex_len));
}

static void nsec_cover_suffix(struct answering *answering, unsigned label)
{
    nsec_cover(answering, suffix(answering, label), suffix_len(answering, label));
}

/* RFC 4035 3.1.3.2: neither the name nor a wildcard that could have made it. */
static void nsec_no_name(struct answering *answering)
{
    unsigned label = encloser_label(answering);
    uint8_t wildcard[NAME_MAX];
    nsec_cover_suffix(answering, 0);
    if (LIKELY(label == answering->find->depth)) {
        note(answering, answering->snapshot->wildcard_denial);
        return;
    }
    unsigned len = wildcard_name(answering, label, wildcard);
    nsec_cover(answering, wildcard, len);
}

/* RFC 4035 3.1.3.1: the NSEC of the name itself. An empty non-terminal has none: the one before it tells, by
 * its next name, that there is something below. */
static void nsec_no_data(struct answering *answering, const struct node *node)
{
    const struct rrset *nsec = node_rrset(node, TYPE_NSEC);
    if (nsec != NULL && nsec->count > 0)
        note(answering, node);
    else
        note(answering, find_nsec(answering->snapshot, node->name, node->name_len));
}

/* NSEC3. */

static const struct node *nsec3_find(
    const struct answering *answering, const uint8_t *name, unsigned len, bool *exact)
{
    uint8_t hash[20];
    nsec3_hash(answering->snapshot, name, len, hash);
    return find_nsec3(answering->snapshot, hash, exact);
}

static bool nsec3_match(struct answering *answering, const uint8_t *name, unsigned len)
{
    bool exact;
    const struct node *node = nsec3_find(answering, name, len, &exact);
    if (node == NULL || !exact)
        return false;
    note(answering, node);
    return true;
}

static void nsec3_cover(struct answering *answering, const uint8_t *name, unsigned len)
{
    bool exact;
    const struct node *node = nsec3_find(answering, name, len, &exact);
    if (!exact)
        note(answering, node);
}

static void nsec3_cover_suffix(struct answering *answering, unsigned label)
{
    nsec3_cover(answering, suffix(answering, label), suffix_len(answering, label));
}

/* RFC 5155 7.2.1, the closest encloser proof: the nearest ancestor, from LABEL upwards, that has an NSEC3,
 * and that the name one label longer has none. With opt-out the nearest ancestor of all may be missing from
 * the chain. Returns the encloser's label. */
static unsigned nsec3_encloser(struct answering *answering, unsigned label)
{
    unsigned apex = (unsigned)answering->find->depth;
    while (label < apex && !nsec3_match(answering, suffix(answering, label), suffix_len(answering, label)))
        label++;
    if (label == apex)
        note(answering, answering->snapshot->apex_nsec3);
    nsec3_cover_suffix(answering, label - 1);
    return label;
}

/* RFC 5155 7.2.2. */
static void nsec3_no_name(struct answering *answering)
{
    uint8_t wildcard[NAME_MAX];
    unsigned label = nsec3_encloser(answering, encloser_label(answering));
    if (LIKELY(label == answering->find->depth)) {
        note(answering, answering->snapshot->wildcard_denial);
        return;
    }
    unsigned len = wildcard_name(answering, label, wildcard);
    nsec3_cover(answering, wildcard, len);
}

/* RFC 5155 7.2.3, 7.2.4, 7.2.7: the NSEC3 of the name; when opt-out left it out, that it is within such a
 * span. */
static void nsec3_no_data(struct answering *answering, const struct node *node)
{
    unsigned label = answering_label(answering, node);
    if (!nsec3_match(answering, suffix(answering, label), suffix_len(answering, label)) && node->labels > 0)
        nsec3_encloser(answering, label + 1);
}

/* RFC 5155 7.2.5: that the name is not there, and that the wildcard has not the type. */
static void nsec3_wildcard_no_data(struct answering *answering)
{
    uint8_t wildcard[NAME_MAX];
    unsigned label = encloser_label(answering);
    nsec3_encloser(answering, label);
    unsigned len = wildcard_name(answering, label, wildcard);
    nsec3_match(answering, wildcard, len);
}

/* Is there a chain of denial, and is it wanted? A zone owner must not make others compute for him without
 * bounds (RFC 9276 2.3, 3.1). */
static bool proves(struct answering *answering)
{
    if (UNLIKELY(answering->costly))
        answering->reply->ede = EDE_ITERATIONS + 1;
    return answering->proofs && !answering->costly;
}

/* The name does not exist. */
void denial_no_name(struct answering *answering)
{
    if (!proves(answering))
        return;
    if (answering->nsec3)
        nsec3_no_name(answering);
    else
        nsec_no_name(answering);
}

/* NODE, which is the present name, has not the type. */
void denial_no_data(struct answering *answering, const struct node *node)
{
    if (!proves(answering))
        return;
    if (answering->nsec3)
        nsec3_no_data(answering, node);
    else
        nsec_no_data(answering, node);
}

/* The delegation is insecure (RFC 4035 3.1.4, RFC 5155 7.2.7): same proof, of an ancestor. */
void denial_no_ds(struct answering *answering, const struct node *cut)
{
    denial_no_data(answering, cut);
}

/* A wildcard answered: nothing closer exists (RFC 4035 3.1.3.3, RFC 5155 7.2.6). */
void denial_nothing_closer(struct answering *answering)
{
    if (!proves(answering))
        return;
    if (answering->nsec3)
        nsec3_cover_suffix(answering, encloser_label(answering) - 1);
    else
        nsec_cover_suffix(answering, 0);
}

/* A wildcard applies but has not the type (RFC 4035 3.1.3.4, RFC 5155 7.2.5). */
void denial_wildcard_no_data(struct answering *answering, const struct node *wildcard)
{
    if (!proves(answering))
        return;
    if (answering->nsec3) {
        nsec3_wildcard_no_data(answering);
        return;
    }
    nsec_no_data(answering, wildcard);
    nsec_cover_suffix(answering, 0);
}

/* How a proof's owner is named: as part of the present name when it is that, else from the apex. */
static void own(struct answering *answering, struct rr_ref *ref, const struct node *node)
{
    if (node == answering->find->node || node == answering->cut) {
        answering_own(answering, ref, answering_label(answering, node));
    } else if (LIKELY(answering->apex_in_qname)) {
        ref->owner = OWNER_RELATIVE;
        ref->name = node->name;
        ref->name_len = node->name_len;
        ref->label = answering->apex_label;
    } else {
        uint8_t *name = arena_alloc(answering->scratch, NAME_MAX, 1);
        if (name == NULL) {
            answering->failed = true;
            return;
        }
        ref->owner = OWNER_NAME;
        ref->name = name;
        ref->name_len = (uint8_t)snapshot_owner(answering->snapshot, node, name);
    }
}

void denial_write(struct answering *answering)
{
    uint16_t type = answering->nsec3 ? TYPE_NSEC3 : TYPE_NSEC;
    for (unsigned i = 0; i < answering->proof_count; i++) {
        const struct rrset *rrset = node_rrset(answering->proof[i], type);
        if (rrset != NULL && rrset->count > 0)
            own(answering, answering_add(answering, SECTION_AUTHORITY, rrset), answering->proof[i]);
    }
}
