#include "server/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/query.h"
#include "server/worker.h"
#include "server/world.h"
#include "zone/base/ip.h"
#include "zone/wire/edns.h"
#include "zone/wire/type.h"

#define DEPTH_MAX 8 /* sub-queries of sub-queries */

/* What nobody answers is refused, as CoreDNS does: the one place that says so. A name that no server block
 * has comes here, too, with an empty chain. Updates are not implemented there (RFC 2136 2.2), and of
 * transfers this is not the server (RFC 5936 2.2.1). */
static void refuse(struct query *query)
{
    unsigned opcode = message_opcode(&query->message);
    uint16_t type = query->question->type;
    bool transfer = opcode == OPCODE_QUERY && (type == TYPE_AXFR || type == TYPE_IXFR);
    query->reply.rcode = opcode == OPCODE_UPDATE ? RCODE_NOTIMP : transfer ? RCODE_NOTAUTH : RCODE_REFUSED;
    query->reply.ede = (opcode == OPCODE_QUERY ? EDE_NOT_AUTHORITATIVE : EDE_NOT_SUPPORTED) + 1;
    query->answered = false;
}

static enum served walk(struct query *query)
{
    while (query->step < query->chain->step_count) { /* which a plugin may change: query_requestion */
        const struct step *step = &query->chain->steps[query->step];
        enum served served = step->serve == NULL ? SERVED_NEXT : step->serve(step->self, query);
        if (served != SERVED_NEXT) {
            query->answered_by = query->step;
            return served;
        }
        query->step++;
    }
    refuse(query);
    return SERVED_ANSWERED;
}

/* There will be no reply: the plugins that had passed the query on let go of it. */
static enum served drop(struct query *query)
{
    const struct chain *chain = query->chain;
    while (chain->drops && query->step > query->floor) {
        const struct step *step = &chain->steps[--query->step];
        if (step->dropped != NULL)
            step->dropped(step->self, query);
    }
    return SERVED_DROPPED;
}

static enum served finish(struct query *query)
{
    const struct chain *chain = query->chain;
    query->reply.recursion |= chain->block.recursion;
    if (UNLIKELY(query->exists) && query->reply.rcode == RCODE_NXDOMAIN)
        query->reply.rcode = RCODE_NOERROR;
    for (unsigned back = chain->steps[query->step].back; back > query->floor;) {
        const struct step *step = &chain->steps[back - 1];
        query->step = (uint16_t)(back - 1);
        back = step->back;
        step->finish(step->self, query);
        if (UNLIKELY(query->reply.rcode == QUERY_DROPPED))
            return drop(query);
    }
    return SERVED_ANSWERED;
}

enum served engine_serve(struct query *query)
{
    enum served served = walk(query);
    if (UNLIKELY(served == SERVED_DROPPED))
        return drop(query);
    return served == SERVED_ANSWERED ? finish(query) : served;
}

enum served engine_continue(struct query *query, enum served verdict)
{
    if (verdict == SERVED_NEXT) {
        query->step++;
        return engine_serve(query);
    }
    if (verdict == SERVED_DROPPED)
        return drop(query);
    query->answered_by = query->step;
    return verdict == SERVED_ANSWERED ? finish(query) : verdict;
}

void engine_park(struct slot *slot)
{
    struct worker *worker = slot->worker;
    slot->epoch = worker->epoch;
    slot->waiting = true;
    slot->query.waited = true;
    slot->wait_next = NULL;
    slot->wait_before = worker->waiting_last;
    if (worker->waiting_last != NULL)
        worker->waiting_last->wait_next = slot;
    else
        worker->waiting_first = slot;
    worker->waiting_last = slot;
    worker->waiting_count++;
    counter_add(&worker->counters.suspended, 1);
}

void engine_unpark(struct slot *slot)
{
    struct worker *worker = slot->worker;
    *(slot->wait_before != NULL ? &slot->wait_before->wait_next : &worker->waiting_first) = slot->wait_next;
    *(slot->wait_next != NULL ? &slot->wait_next->wait_before : &worker->waiting_last) = slot->wait_before;
    slot->waiting = false;
    worker->waiting_count--;
}

/* ---- what plugins call ---- */

void query_resume(struct query *query, enum served verdict)
{
    struct slot *slot = slot_of(query);
    struct worker *worker = slot->worker;
    slot->resumed_with = verdict;
    if (worker_here == worker) { /* goes on when the event is over */
        slot->next = NULL;
        *(worker->resumed_first != NULL ? &worker->resumed_last->next : &worker->resumed_first) = slot;
        worker->resumed_last = slot;
        return;
    }
    slot->next = atomic_load(&worker->resumed);
    while (!atomic_compare_exchange_weak(&worker->resumed, &slot->next, slot))
        continue;
    if (!atomic_load(&worker->gone))
        uv_async_send(&worker->wake);
}

bool query_may_wait(const struct query *query)
{
    return ((const struct slot *)(const void *)query)->worker->waiting_count < WAITING_MAX;
}

bool query_asked(const struct query *query, const uint8_t *name)
{
    for (; query != NULL; query = query->parent) {
        if (name_equal(query->question->lower, name))
            return true;
    }
    return false;
}

/* A sub-query of PARENT, which goes nowhere yet. NULL when out of memory. */
static struct slot *make_child(struct query *parent, const uint8_t *name, uint16_t type)
{
    struct slot *above = slot_of(parent), *slot = slot_take(above->worker);
    if (slot == NULL)
        return NULL;
    slot->sibling = above->children;
    above->children = slot;
    const uint8_t *copy = (uint8_t *)arena_copy(slot->query.scratch, name, name_len(name));
    if (copy == NULL)
        return NULL;
    struct query *child = &slot->query;
    child->message = parent->message;
    question_set(&child->message.question, copy, type, parent->question->class);
    query_begin(child, &child->message.question, parent->chain);
    child->client = parent->client;
    child->server = parent->server;
    child->transport = parent->transport;
    child->tsig = parent->tsig;
    child->begin_ns = parent->begin_ns;
    child->depth = (uint8_t)(parent->depth + 1);
    child->parent = parent;
    child->noted = parent->noted;
    return slot;
}

static void ask_child(struct slot *slot)
{
    enum served served = engine_serve(&slot->query);
    if (served == SERVED_SUSPENDED)
        engine_park(slot);
    else
        engine_child_done(slot, served);
}

enum err query_sub(struct query *parent, const uint8_t *name, uint16_t type,
    void (*done)(struct query *child, enum served verdict, void *context), void *context)
{
    if (parent->depth >= DEPTH_MAX)
        return ERR_LIMIT;
    struct slot *slot = make_child(parent, name, type);
    if (slot == NULL)
        return ERR_MEMORY;
    slot->done = done;
    slot->context = context;
    ask_child(slot);
    return ERR_OK;
}

/* Where the client's query came in. */
static struct listener *listener_of(struct query *query)
{
    while (query->parent != NULL)
        query = query->parent;
    return slot_of(query)->listener;
}

/* The block that a client's query like that of SLOT would come to; NULL for none. */
static const struct chain *route_child(struct slot *slot)
{
    const struct chain *before = slot->query.chain;
    slot->listener = listener_of(&slot->query); /* lent: it counts the slots that are its own */
    slot->query.chain = NULL;
    if (slot->listener != NULL)
        query_route(slot->worker->world, slot);
    slot->listener = NULL;
    const struct chain *found = slot->query.chain;
    if (found == NULL)
        slot->query.chain = before;
    return found;
}

enum err query_sub_elsewhere(struct query *parent, const uint8_t *name, uint16_t type,
    void (*done)(struct query *child, enum served verdict, void *context), void *context)
{
    if (parent->depth >= DEPTH_MAX)
        return ERR_LIMIT;
    if (slot_of(parent)->worker->world->chain_count < 2)
        return ERR_MISSING;
    struct slot *slot = make_child(parent, name, type);
    if (slot == NULL)
        return ERR_MEMORY;
    const struct chain *chain = route_child(slot);
    if (chain == NULL || chain == parent->chain ||
        (chain->block.recursion && !parent->chain->block.recursion))
        return ERR_MISSING;
    slot->done = done;
    slot->context = context;
    ask_child(slot);
    return ERR_OK;
}

void engine_child_done(struct slot *child, enum served verdict)
{
    if (child->done != NULL)
        child->done(&child->query, verdict, child->context);
    if (child->query.parent == NULL)
        slot_give(child);
}

/* The octets of the question are the packet's, or a plugin's memory: the copy has its own of both. */
static bool copy_message(struct slot *slot, const struct query *from)
{
    struct message *to = &slot->query.message;
    const struct message *message = &from->message;
    *to = *message;
    uint8_t *bytes = message->len <= SLOT_RX ? slot->rx : arena_alloc(slot->query.scratch, message->len, 8);
    if (bytes == NULL)
        return false;
    memcpy(bytes, message->bytes, message->len);
    to->bytes = bytes;
    to->question.name =
        (const uint8_t *)arena_copy(slot->query.scratch, from->question->name, from->question->name_len);
    if (to->question.name == NULL)
        return false;
    question_set(&to->question, to->question.name, from->question->type, from->question->class);
    if (to->edns.options_len > 0)
        to->edns.options = (const uint8_t *)arena_copy(
            slot->query.scratch, message->edns.options, message->edns.options_len);
    return to->edns.options_len == 0 || to->edns.options != NULL;
}

enum err query_behind(
    struct query *query, void (*done)(struct query *copy, enum served verdict, void *context), void *context)
{
    struct slot *above = slot_of(query);
    if (query->depth >= DEPTH_MAX || !query_may_wait(query))
        return ERR_LIMIT;
    struct slot *slot = slot_take(above->worker);
    if (slot == NULL)
        return ERR_MEMORY;
    if (!copy_message(slot, query)) {
        slot_give(slot);
        return ERR_MEMORY;
    }
    struct query *copy = &slot->query;
    query_begin(copy, &copy->message.question, query->chain);
    copy->client = query->client;
    copy->server = query->server;
    copy->transport = query->transport;
    copy->begin_ns = query->begin_ns;
    copy->dnssec = query->dnssec;
    copy->block = query->block;
    copy->tsig = NULL; /* was asked of the client's query, and the copy is nobody's */
    copy->message.tsig_at = 0;
    copy->depth = (uint8_t)(query->depth + 1);
    copy->step = copy->floor = (uint16_t)(query->step + 1);
    slot->done = done;
    slot->context = context;
    enum served served = engine_serve(copy);
    if (served == SERVED_SUSPENDED)
        engine_park(slot);
    else
        engine_child_done(slot, served);
    return ERR_OK;
}

void query_begin(struct query *query, const struct question *question, const struct chain *chain)
{
    query->question = question;
    query->chain = chain;
    query->block = &chain->block;
    query->noted = NULL;
    query->kept = NULL;
    query->why = NULL;
    query->error = NULL;
    query->error_by = NULL;
    query->depth = 0;
    query->step = 0;
    query->floor = 0;
    query->held = NULL;
    query->hashed = NULL;
    query->answered = true;
    query->waited = false;
    query->exists = false;
    query->types = NULL;
    query->options_len = 0;
    query->options_room = 0;
    query->parent = NULL;
    query->lookup.owner = NULL;
    query->stream = NULL;
    query->dnssec = query->message.edns.dnssec;
    reply_clear(&query->reply);
}

enum err query_rename(struct query *query, const uint8_t *name)
{
    return query_requestion(query, name, query->question->type, query->question->class);
}

/* From the plugins for other classes to those for IN: on behind the same plugin. */
static void enter_main(struct query *query)
{
    const struct chain *from = query->chain, *to = from->main;
    if (to == NULL || query->step >= from->step_count)
        return;
    for (uint16_t i = 0; i < to->step_count; i++) {
        if (to->steps[i].self == from->steps[query->step].self) {
            query->chain = to;
            query->block = &to->block;
            query->step = i;
            return;
        }
    }
}

enum err query_requestion(struct query *query, const uint8_t *name, uint16_t type, uint16_t class)
{
    struct question *question = arena_alloc(query->scratch, sizeof *question, _Alignof(struct question));
    const uint8_t *copy = (uint8_t *)arena_copy(query->scratch, name, name_len(name));
    if (question == NULL || copy == NULL)
        return ERR_MEMORY;
    question_set(question, copy, type, class);
    query->question = question;
    query->lookup.owner = NULL;
    query->hashed = NULL;
    if (class == CLASS_IN)
        enter_main(query);
    return ERR_OK;
}

enum err query_restore(struct query *query, const struct question *before)
{
    enum err err = reply_rebase(&query->reply, query->question, before, query->scratch);
    query->question = before;
    query->lookup.owner = NULL;
    return err;
}

enum served query_fail(struct query *query, const char *by, uint16_t rcode, const char *format, ...)
{
    va_list args;
    char text[512];
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t kept = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    query->error = arena_copy(query->scratch, text, kept);
    query->error_by = by;
    reply_clear(&query->reply);
    query->reply.rcode = rcode;
    return SERVED_ANSWERED;
}

const char *query_answered_by(const struct query *query)
{
    const struct chain *chain = query->chain;
    return query->answered && query->answered_by < chain->step_count ? chain->names[query->answered_by]
                                                                     : NULL;
}

enum err query_option(struct query *query, uint16_t code, const void *bytes, uint16_t len)
{
    size_t need = (size_t)query->options_len + 4 + len;
    if (!query->message.edns.present)
        return ERR_OK;
    if (need > UINT16_MAX)
        return ERR_LIMIT;
    if (need > query->options_room) {
        size_t room = need + 64 < UINT16_MAX ? need + 64 : UINT16_MAX;
        uint8_t *more = arena_alloc(query->scratch, room, 1);
        if (more == NULL)
            return ERR_MEMORY;
        if (query->options_len > 0)
            memcpy(more, query->options, query->options_len);
        query->options = more;
        query->options_room = (uint16_t)room;
    }
    query->options_len = (uint16_t)(query->options_len +
                                    edns_write_option(query->options + query->options_len, code, bytes, len));
    return ERR_OK;
}

void address_print(const union address *address, char *out)
{
    if (address->any.sa_family == AF_INET6)
        ip6_print(address->v6.sin6_addr.s6_addr, out);
    else
        ip4_print((const uint8_t *)&address->v4.sin_addr, out);
}

uint16_t address_port(const union address *address)
{
    return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}
