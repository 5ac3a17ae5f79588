#include "plugins/file/follow.h"

#include "zone/wire/type.h"

struct following {
    struct query *query;
    bool over;    /* the target's answer has come */
    bool waiting; /* serve has returned */
};

static unsigned answers(const struct reply *reply)
{
    unsigned count = 0;
    while (count < reply->count && reply->refs[count].section == SECTION_ANSWER)
        count++;
    return count;
}

static const uint8_t *last_target(const struct reply *reply)
{
    for (unsigned i = answers(reply); i > 0; i--) {
        struct record record;
        const struct rr_ref *ref = &reply->refs[i - 1];
        if (ref->rrset->type != TYPE_CNAME || !ref->records || ref->rrset->count == 0)
            continue;
        record_read(ref->rrset->data, true, &record);
        return record.rdata;
    }
    return NULL;
}

bool follow_wants(const struct reply *reply)
{
    return last_target(reply) != NULL;
}

/* The alias is ours, what it leads to is the other's: its rcode and the proof of its denial (RFC 6604 3). */
static void add(struct query *query, struct query *child)
{
    struct reply *reply = &query->reply;
    if (child->reply.rcode == QUERY_DROPPED || !child->answered)
        return;
    enum err err = reply_rebase(&child->reply, child->question, query->question, query->scratch);
    for (unsigned s = SECTION_ANSWER; s <= SECTION_ADDITIONAL && err == ERR_OK; s++)
        err = reply_join(reply, &child->reply, (enum section)s, query->scratch);
    if (err == ERR_OK)
        reply->rcode = child->reply.rcode;
    else
        query_fail(query, "file", RCODE_SERVFAIL, "the alias's target: %s", err_text(err));
}

static void done(struct query *child, enum served verdict, void *context)
{
    struct following *following = context;
    following->over = true;
    if (verdict == SERVED_ANSWERED)
        add(following->query, child);
    if (following->waiting)
        query_resume(following->query, SERVED_ANSWERED);
}

enum served follow(struct query *query)
{
    const uint8_t *target = last_target(&query->reply);
    struct following *following = ARENA_NEW(query->scratch, struct following);
    if (target == NULL || following == NULL || !query_may_wait(query))
        return SERVED_ANSWERED;
    following->query = query;
    if (reply_rebase(&query->reply, query->question, query->question, query->scratch) != ERR_OK)
        return query_fail(query, "file", RCODE_SERVFAIL, "out of memory");
    query->reply.count = (uint16_t)answers(&query->reply); /* a denial of the target was ours alone */
    query->reply.rcode = RCODE_NOERROR;
    if (query_sub(query, target, query->question->type, done, following) != ERR_OK || following->over)
        return SERVED_ANSWERED;
    following->waiting = true;
    return SERVED_SUSPENDED;
}
