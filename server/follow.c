#include "plugins/follow.h"

#include "zone/wire/reply_open.h"
#include "zone/wire/type.h"

struct following {
    struct query *query;
    bool elsewhere;
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

const uint8_t *follow_target(const struct reply *reply)
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

/* Makes the reply one that can be added to: what it says about the alias's target was this zone's view alone.
 */
static enum err keep_aliases(struct query *query)
{
    enum err err = reply_rebase(&query->reply, query->question, query->question, query->scratch);
    query->reply.count = (uint16_t)answers(&query->reply);
    query->reply.rcode = RCODE_NOERROR;
    return err;
}

/* Another block that refuses, or fails, leaves it to the client to ask there. */
static bool is_of_use(const struct following *following, const struct query *child)
{
    unsigned rcode = child->reply.rcode;
    if (rcode == QUERY_DROPPED || !child->answered)
        return false;
    return !following->elsewhere || rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN ||
           rcode == RCODE_YXDOMAIN;
}

/* The alias is ours, what it leads to is the other's: its rcode and the proof of its denial (RFC 6604 3). */
static void add(const struct following *following, struct query *child)
{
    struct query *query = following->query;
    struct reply *reply = &query->reply;
    enum err err = following->elsewhere ? keep_aliases(query) : ERR_OK;
    if (err == ERR_OK)
        err = reply_rebase(&child->reply, child->question, query->question, query->scratch);
    for (unsigned s = SECTION_ANSWER; s <= SECTION_ADDITIONAL && err == ERR_OK; s++)
        err = reply_join(reply, &child->reply, (enum section)s, query->scratch);
    if (err == ERR_OK)
        reply->rcode = child->reply.rcode;
    else
        query_fail(query, "follow", RCODE_SERVFAIL, "the alias's target: %s", err_text(err));
}

static void done(struct query *child, enum served verdict, void *context)
{
    struct following *following = context;
    following->over = true;
    if (verdict == SERVED_ANSWERED && is_of_use(following, child))
        add(following, child);
    if (following->waiting)
        query_resume(following->query, SERVED_ANSWERED);
}

static enum served ask(struct query *query, const uint8_t *target, bool elsewhere)
{
    struct following *following = ARENA_NEW(query->scratch, struct following);
    if (following == NULL)
        return SERVED_ANSWERED;
    *following = (struct following){.query = query, .elsewhere = elsewhere};
    uint16_t type = query->question->type;
    enum err err = elsewhere ? query_sub_elsewhere(query, target, type, done, following)
                             : query_sub(query, target, type, done, following);
    if (err != ERR_OK || following->over)
        return SERVED_ANSWERED;
    following->waiting = true;
    return SERVED_SUSPENDED;
}

enum served follow(struct query *query)
{
    const uint8_t *target = follow_target(&query->reply);
    if (target == NULL || !query_may_wait(query) || query_asked(query, target))
        return SERVED_ANSWERED;
    if (keep_aliases(query) != ERR_OK)
        return query_fail(query, "follow", RCODE_SERVFAIL, "out of memory");
    return ask(query, target, false);
}

enum served follow_elsewhere(struct query *query)
{
    const uint8_t *target = follow_target(&query->reply);
    if (target == NULL || !query_may_wait(query) || query_asked(query, target))
        return SERVED_ANSWERED;
    return ask(query, target, true);
}
