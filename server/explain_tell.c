#include "server/explain_tell.h"

#include <stdio.h>
#include <string.h>

#include "zone/wire/edns.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define RDATA_TEXT_MAX 4096

/* A step around another. */
struct traced {
    struct step inner;
    const char *name;
};

void tell_question(const struct question *question, char *out)
{
    size_t len = name_print(question->lower, out);
    out[len++] = ' ';
    len += class_print(question->class, out + len);
    out[len++] = ' ';
    len += type_print(question->type, out + len);
    out[len] = '\0';
}

static const char *rcode_text(unsigned rcode)
{
    static char number[16];
    const char *name = rcode_name(rcode);
    snprintf(number, sizeof number, "rcode %u", rcode);
    return name != NULL ? name : number;
}

/* Sub-queries stand further in. */
static void indent(const struct query *query, const char *name)
{
    printf("  %*s%-14s ", query->depth * 2, "", name);
}

static void tell_summary(const struct query *query)
{
    static const char *const names[] = {"answer", "authority", "additional"};
    const struct reply *reply = &query->reply;
    unsigned counts[3] = {0};
    printf("%s%s%s%s", rcode_text(reply->rcode), reply->authoritative ? " aa" : "",
        reply->truncated ? " tc" : "", reply->recursion ? " ra" : "");
    if (reply->raw != NULL)
        printf(", a message of %u octets", reply->raw_len);
    for (unsigned i = 0; i < reply->count; i++)
        counts[reply->refs[i].section] += reply->refs[i].rrset->count;
    for (unsigned s = 0; s < 3; s++) {
        if (counts[s] > 0)
            printf(", %u %s", counts[s], names[s]);
    }
    if (query->error != NULL)
        printf(": %s", query->error);
}

static void tell_why(const struct query *query)
{
    if (query->why != NULL)
        printf(": %s", query->why);
}

static void tell_verdict(const struct query *query, const struct question *before, enum served served)
{
    char question[TELL_QUESTION_MAX];
    switch (served) {
    case SERVED_NEXT:
        if (query->question != before) {
            tell_question(query->question, question);
            printf("asks for %s from here on", question);
        } else {
            printf("passes it on");
        }
        tell_why(query);
        break;
    case SERVED_ANSWERED:
        printf("answers: ");
        tell_summary(query);
        tell_why(query);
        break;
    case SERVED_SUSPENDED:
        printf("asks somebody else, and waits");
        tell_why(query);
        break;
    case SERVED_DROPPED:
        printf("drops it: there will be no reply");
        tell_why(query);
        break;
    }
    putchar('\n');
}

static enum served serve(void *self, struct query *query)
{
    const struct traced *traced = self;
    const struct question *before = query->question;
    struct edns edns = query->message.edns;
    uint16_t flags = query->message.flags;
    query->why = NULL;
    if (traced->inner.serve == NULL)
        return SERVED_NEXT;
    enum served served = traced->inner.serve(traced->inner.self, query);
    bool changed = memcmp(&edns, &query->message.edns, sizeof edns) != 0 || flags != query->message.flags;
    if (served == SERVED_NEXT && query->question == before && query->why == NULL && changed)
        query->why = "with other flags or EDNS options";
    indent(query, traced->name);
    tell_verdict(query, before, served);
    return served;
}

static bool same_refs(const struct reply *a, const struct rr_ref *refs, unsigned count)
{
    if (a->count != count)
        return false;
    for (unsigned i = 0; i < count && i < REPLY_INLINE; i++) {
        const struct rr_ref *one = &a->refs[i], *two = &refs[i];
        if (one->rrset != two->rrset || one->ttl != two->ttl || one->first != two->first ||
            one->owner != two->owner)
            return false;
    }
    return true;
}

static void finish(void *self, struct query *query)
{
    const struct traced *traced = self;
    struct rr_ref refs[REPLY_INLINE];
    const struct reply *reply = &query->reply;
    unsigned count = reply->count, rcode = reply->rcode;
    bool authoritative = reply->authoritative, recursion = reply->recursion;
    memcpy(refs, reply->refs, (count < REPLY_INLINE ? count : REPLY_INLINE) * sizeof *refs);
    if (traced->inner.finish == NULL)
        return;
    traced->inner.finish(traced->inner.self, query);
    if (rcode == reply->rcode && authoritative == reply->authoritative && recursion == reply->recursion &&
        same_refs(reply, refs, count))
        return;
    indent(query, traced->name);
    printf("on the way back, changes the reply: ");
    if (reply->rcode == QUERY_DROPPED)
        printf("there will be none");
    else
        tell_summary(query);
    putchar('\n');
}

static void dropped(void *self, struct query *query)
{
    const struct traced *traced = self;
    if (traced->inner.dropped != NULL)
        traced->inner.dropped(traced->inner.self, query);
}

/* One telling step for each instance, shared by the chains that have it. */
static enum err trace_chain(struct world *world, struct chain *chain, struct traced *all, unsigned *used)
{
    struct step *steps = ARENA_ARRAY(&world->memory, struct step, chain->step_count + 1u);
    if (steps == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < chain->step_count; i++) {
        struct traced *traced = NULL;
        for (unsigned k = 0; k < *used && traced == NULL; k++)
            traced = all[k].inner.self == chain->steps[i].self && all[k].inner.serve == chain->steps[i].serve
                         ? &all[k]
                         : NULL;
        if (traced == NULL) {
            traced = &all[(*used)++];
            *traced = (struct traced){chain->steps[i], chain->names[i]};
        }
        steps[i] = (struct step){
            .serve = serve, .finish = finish, .dropped = dropped, .self = traced, .back = (uint16_t)i};
    }
    steps[chain->step_count].back = chain->step_count;
    chain->steps = steps;
    return ERR_OK;
}

enum err tell_trace(struct world *world)
{
    for (unsigned i = 0; i < world->chain_count; i++) {
        struct chain *chain = &world->chains[i];
        struct traced *all = ARENA_ARRAY(&world->memory, struct traced, 3 * (chain->instance_count + 1));
        unsigned used = 0;
        if (all == NULL)
            return ERR_MEMORY;
        struct chain *const parts[] = {chain, (struct chain *)(uintptr_t)chain->other};
        for (unsigned p = 0; p < ARRAY_COUNT(parts); p++) {
            if (parts[p] != NULL && parts[p] != &chain_nobody &&
                trace_chain(world, parts[p], all, &used) != ERR_OK)
                return ERR_MEMORY;
        }
    }
    return ERR_OK;
}

/* ---- the reply ---- */

static void tell_records(const struct query *query, unsigned index)
{
    const struct rr_ref *ref = &query->reply.refs[index];
    uint8_t owner[2 * NAME_MAX];
    char name[2 * NAME_TEXT_MAX], type[16], class[16], text[RDATA_TEXT_MAX];
    reply_owner(&query->reply, index, query->question, owner);
    name_print(owner, name);
    class_print(query->message.question.class, class);
    type_print(ref->rrset->type, type);
    const uint8_t *at = ref->rrset->data;
    for (unsigned i = 0; ref->records && i < ref->rrset->count; i++) {
        struct record record;
        at = record_read(at, rrset_linked(ref->rrset->type), &record);
        rdata_print(ref->rrset->type, record.rdata, record.rdata_len, text, sizeof text);
        printf("    %s %u %s %s %s\n", name, ref->ttl, class, type, text);
    }
}

void tell_reply(struct query *query, enum served verdict)
{
    static const char *const sections[] = {"answer", "authority", "additional"};
    if (verdict != SERVED_ANSWERED) {
        puts("no reply");
        return;
    }
    if (query_open(query) != ERR_OK)
        puts("reply: malformed");
    printf("reply: ");
    if (!query->answered)
        printf("(nobody answered) ");
    tell_summary(query);
    if (query->reply.ede != 0)
        printf("; extended error %u%s%s", query->reply.ede - 1, query->reply.ede_text != NULL ? ": " : "",
            query->reply.ede_text != NULL ? query->reply.ede_text : "");
    putchar('\n');
    for (unsigned s = 0; s < 3; s++) {
        bool first = true;
        for (unsigned i = 0; i < query->reply.count; i++) {
            if (query->reply.refs[i].section != s)
                continue;
            if (first)
                printf("  %s\n", sections[s]);
            first = false;
            tell_records(query, i);
        }
    }
}
