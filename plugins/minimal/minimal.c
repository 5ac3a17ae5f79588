/* minimal: answers without what nobody asked for. A reply with records in its answer section loses its
 * additional section and its authority section; referrals and denials need theirs and stay whole. So do the
 * NSEC and NSEC3 records that prove an answer made from a wildcard (RFC 4035 3.1.3.3, RFC 5155 7.2.6). */
#include "plugins/plugin.h"
#include "zone/wire/type.h"

static enum err setup(struct setup *setup, void **self)
{
    *self = setup->block;
    return options_parse(setup, NULL, NULL);
}

static bool is_proof(const struct rr_ref *ref)
{
    return ref->section == SECTION_AUTHORITY &&
           (ref->rrset->type == TYPE_NSEC || ref->rrset->type == TYPE_NSEC3);
}

/* References name each other by place, so none that is kept behind the answer may point to one that goes. */
static bool stands_alone(const struct rr_ref *ref, unsigned answers)
{
    return ref->owner != OWNER_TARGET || ref->ref < answers;
}

static void finish(void *self, struct query *query)
{
    struct reply *reply = &query->reply;
    unsigned answers = 0, kept;
    (void)self;
    if (query_open(query) != ERR_OK)
        return;
    while (answers < reply->count && reply->refs[answers].section == SECTION_ANSWER)
        answers++;
    if (reply->rcode != RCODE_NOERROR || answers == 0)
        return;
    kept = answers;
    for (unsigned i = answers; i < reply->count; i++) {
        if (UNLIKELY(is_proof(&reply->refs[i])) && stands_alone(&reply->refs[i], answers))
            reply->refs[kept++] = reply->refs[i];
    }
    reply->count = (uint16_t)kept;
}

static const struct plugin minimal_plugin = {
    .abi = PLUGIN_ABI,
    .name = "minimal",
    .setup = setup,
    .finish = finish,
};
PLUGIN(minimal)
