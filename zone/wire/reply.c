#include "zone/wire/reply.h"

void reply_clear(struct reply *reply)
{
    reply->refs = reply->inline_refs;
    reply->count = 0;
    reply->capacity = REPLY_INLINE;
    reply->rcode = 0;
    reply->authoritative = false;
    reply->truncated = false;
    reply->authentic = false;
    reply->recursion = false;
    reply->compact = false;
    reply->ede = 0;
    reply->ede_text = NULL;
    reply->raw = NULL;
    reply->raw_len = 0;
    reply->body = NULL;
    reply->retimed = false;
}

static bool reply_grow(struct reply *reply, struct arena *scratch)
{
    size_t capacity = (size_t)reply->capacity * 2;
    if (capacity > UINT16_MAX)
        return false;
    struct rr_ref *refs = arena_alloc(scratch, capacity * sizeof(struct rr_ref), _Alignof(struct rr_ref));
    if (refs == NULL)
        return false;
    memcpy(refs, reply->refs, reply->count * sizeof(struct rr_ref));
    reply->refs = refs;
    reply->capacity = (uint16_t)capacity;
    return true;
}

/* Makes room at the end of SECTION; references to what moves are led there. */
static struct rr_ref *reply_insert(struct reply *reply, enum section section)
{
    unsigned at = reply->count;
    while (at > 0 && reply->refs[at - 1].section > section)
        at--;
    memmove(&reply->refs[at + 1], &reply->refs[at], (reply->count - at) * sizeof(struct rr_ref));
    for (unsigned i = at + 1; i <= reply->count; i++) {
        if (reply->refs[i].owner == OWNER_TARGET && reply->refs[i].ref >= at)
            reply->refs[i].ref++;
    }
    reply->count++;
    return &reply->refs[at];
}

struct rr_ref *reply_add_slow(struct reply *reply, enum section section, struct arena *scratch)
{
    if (reply->count == reply->capacity && !reply_grow(reply, scratch))
        return NULL;
    if (reply->count > 0 && reply->refs[reply->count - 1].section > section)
        return reply_insert(reply, section);
    return &reply->refs[reply->count++];
}
