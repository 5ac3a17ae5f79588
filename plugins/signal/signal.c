/* signal: what this server says of the keys of its zones under its own name (RFC 9615 2), so that a parent
 * can validate them before the zone has a DS. A block for _signal.SERVER answers for
 * _dsboot.ZONE._signal.SERVER with the CDS and CDNSKEY that this server gives for ZONE at that moment: the
 * block that a client's query for ZONE would come to is asked, whatever plugin answers there. Signatures are
 * those of dnssec in front. */
#include <string.h>

#include "plugins/signal/between.h"
#include "zone/wire/name.h"
#include "zone/wire/reply_open.h"
#include "zone/wire/type.h"

#define TTL 3600
#define NEGATIVE_TTL 300

struct signal {
    const uint8_t *const *names; /* the block's: each _signal.SERVER */
    unsigned names_count;
    struct between between;
};

static const uint8_t label_signal[] = "\007_signal", label_dsboot[] = "\007_dsboot";
#define LABEL_LEN 8

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct signal, between.zones),
        .fallback = ".",
        .help = "zones at or below these names are signalled"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct signal *signal = ARENA_NEW(setup->world, struct signal);
    if (signal == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(
            setup, &setup->directive->name, "name all zones in one", "a second signal line in this block");
    *self = signal;
    signal->names = setup->zones;
    signal->names_count = setup->zones_count;
    signal->between.configuration = setup_configuration(setup);
    for (unsigned i = 0; i < setup->zones_count; i++) {
        const uint8_t *name = setup->zones[i];
        if (memcmp(name, label_signal, *name == 7 ? LABEL_LEN : 1) != 0 || name[LABEL_LEN] == 0)
            return setup_error(setup, &setup->directive->name,
                "give the block the name _signal.SERVER, SERVER being a name server's name",
                "signal stands in a block that is for something else");
    }
    return options_parse(setup, options, signal);
}

static enum err start(void *self)
{
    return between_start(&((struct signal *)self)->between);
}

static void stop(void *self)
{
    between_stop(&((struct signal *)self)->between);
}

/* ---- the block's own records ---- */

static enum served out_of_memory(struct query *query)
{
    return query_fail(query, "signal", RCODE_SERVFAIL, "out of memory");
}

static enum served add(struct query *query, enum section section, const uint8_t *owner, uint16_t type,
    uint32_t ttl, const void *rdata, size_t len)
{
    struct rdata_ref ref = {rdata, (uint16_t)len};
    struct rrset *rrset = rrset_make(query->scratch, type, ttl, &ref, 1);
    struct rr_ref *added = rrset != NULL ? reply_add(&query->reply, section, rrset, query->scratch) : NULL;
    if (added == NULL || reply_set_owner(added, owner, query->question, query->scratch) != ERR_OK)
        return out_of_memory(query);
    return SERVED_ANSWERED;
}

/* The server is the zone's name server, and nobody reads its mail: there is nothing that could be changed, so
 * that the serial stays. */
static enum served add_soa(struct query *query, enum section section, const uint8_t *apex)
{
    static const uint32_t numbers[5] = {1, 86400, 7200, 3600000, NEGATIVE_TTL};
    uint8_t rdata[NAME_MAX + 1 + sizeof numbers];
    size_t len = name_len(apex + LABEL_LEN);
    memcpy(rdata, apex + LABEL_LEN, len);
    rdata[len++] = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(numbers); i++, len += 4) {
        uint32_t number = __builtin_bswap32(numbers[i]);
        memcpy(rdata + len, &number, 4);
    }
    uint32_t ttl = section == SECTION_ANSWER ? TTL : NEGATIVE_TTL; /* RFC 2308 3 */
    return add(query, section, apex, TYPE_SOA, ttl, rdata, len);
}

static enum served answer_apex(struct query *query, const uint8_t *apex)
{
    static const uint16_t types[] = {TYPE_NS, TYPE_SOA};
    uint16_t type = query->question->type;
    enum served served = SERVED_ANSWERED;
    query->types = types;
    query->types_count = ARRAY_COUNT(types);
    if (type == TYPE_NS || type == TYPE_ANY)
        served = add(query, SECTION_ANSWER, apex, TYPE_NS, TTL, apex + LABEL_LEN, name_len(apex + LABEL_LEN));
    if ((type == TYPE_SOA || type == TYPE_ANY) && query->reply.rcode == RCODE_NOERROR)
        served = add_soa(query, SECTION_ANSWER, apex);
    return query->reply.count > 0 || query->reply.rcode != RCODE_NOERROR
               ? served
               : add_soa(query, SECTION_AUTHORITY, apex);
}

/* The name is not there, or has only the types told. */
static enum served deny(struct query *query, const uint8_t *apex, bool exists)
{
    query->reply.rcode = exists ? RCODE_NOERROR : RCODE_NXDOMAIN;
    return add_soa(query, SECTION_AUTHORITY, apex);
}

static enum served refuse_transfer(struct query *query, const uint8_t *apex)
{
    bool is_apex = name_equal(query->question->lower, apex);
    query->reply.rcode = is_apex ? RCODE_REFUSED : RCODE_NOTAUTH; /* RFC 5936 2.2.1 */
    query->reply.ede = (is_apex ? EDE_PROHIBITED : EDE_NOT_AUTHORITATIVE) + 1;
    return SERVED_ANSWERED;
}

/* ---- a zone's records ---- */

/* Does ZONE have this server, and what does it say of its keys? In this order. */
static const uint16_t asked[] = {TYPE_NS, TYPE_CDS, TYPE_CDNSKEY};

struct asking {
    const struct signal *signal;
    struct query *query;
    const uint8_t *apex;
    const uint8_t *rest; /* the question's name before _signal.SERVER, made a name */
    const uint8_t *zone;
    unsigned step;
    bool waiting; /* serve has returned, or a question before */
    bool over;    /* the answer has come */
    bool failed;
    bool absent; /* the zone is not here, or not this server's */
    uint16_t ede;
    const char *ede_text;
    uint16_t types[2];
    uint16_t types_count;
};

/* The records of the question in the answer of CHILD; what others tell, or what is below a cut, is not the
 * zone's own. */
static const struct rr_ref *find_answer(struct query *child)
{
    const struct reply *reply = &child->reply;
    for (unsigned i = 0; i < reply->count && reply->authoritative; i++) {
        uint8_t owner[NAME_MAX + 1];
        const struct rr_ref *ref = &reply->refs[i];
        if (ref->section != SECTION_ANSWER || !ref->records || ref->rrset->type != child->question->type)
            continue;
        (void)reply_owner(reply, i, child->question, owner);
        if (ref->rrset->count > 0 && name_equal(owner, child->question->lower))
            return ref;
    }
    return NULL;
}

static bool has_server(const struct rrset *servers, const uint8_t *server)
{
    const uint8_t *at = servers->data;
    for (unsigned i = 0; i < servers->count; i++) {
        struct record record;
        at = record_read(at, true, &record);
        if (name_equal(record.rdata, server))
            return true;
    }
    return false;
}

/* The same records and TTL by the question's name, without the signatures of the other one. */
static bool add_copy(struct query *query, const struct rr_ref *ref)
{
    const struct rrset *rrset = ref->rrset;
    struct rdata_ref *refs = ARENA_ARRAY(query->scratch, struct rdata_ref, rrset->count);
    const uint8_t *at = rrset->data;
    if (refs == NULL)
        return false;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        refs[i] = (struct rdata_ref){record.rdata, record.rdata_len};
    }
    const struct rrset *copy = rrset_make(query->scratch, rrset->type, ref->ttl, refs, rrset->count);
    return copy != NULL && reply_add(&query->reply, SECTION_ANSWER, copy, query->scratch) != NULL;
}

static void take(struct asking *asking, struct query *child)
{
    struct query *query = asking->query;
    uint16_t type = child->question->type, wanted = query->question->type;
    const struct rr_ref *ref = find_answer(child);
    if (type == TYPE_NS) {
        asking->absent = ref == NULL || !has_server(ref->rrset, asking->apex + LABEL_LEN);
    } else if (ref != NULL) {
        asking->types[asking->types_count++] = type;
        asking->failed |= (wanted == type || wanted == TYPE_ANY) && !add_copy(query, ref);
    }
}

/* Who refuses, or answers for nobody, does not have the zone for this client. */
static bool tells(const struct query *child, enum served verdict)
{
    unsigned rcode = child->reply.rcode;
    return verdict == SERVED_ANSWERED && rcode != QUERY_DROPPED &&
           (rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN || rcode == RCODE_REFUSED ||
               rcode == RCODE_NOTAUTH);
}

static enum served conclude(struct asking *asking)
{
    struct query *query = asking->query;
    if (asking->failed) {
        enum served served = query_fail(
            query, "signal", RCODE_SERVFAIL, "the zone that is asked about cannot be answered for");
        query->reply.ede = asking->ede;
        query->reply.ede_text = asking->ede_text;
        return served;
    }
    query->types = asking->types;
    query->types_count = asking->types_count;
    if (query->reply.count > 0)
        return SERVED_ANSWERED;
    bool exists = asking->types_count > 0 || between_has(&asking->signal->between, asking->rest);
    return deny(query, asking->apex, exists);
}

static enum served ask(struct asking *asking);

static void done(struct query *child, enum served verdict, void *context)
{
    struct asking *asking = context;
    asking->over = true;
    asking->step++;
    if (!tells(child, verdict) || query_open(child) != ERR_OK) {
        asking->failed = true;
        asking->ede = child->reply.ede;
        asking->ede_text = child->reply.ede_text;
    } else {
        take(asking, child);
    }
    if (!asking->waiting)
        return;
    enum served served = ask(asking);
    if (served != SERVED_SUSPENDED)
        query_resume(asking->query, served);
}

/* Goes on asking, until all is known. */
static enum served ask(struct asking *asking)
{
    while (asking->step < ARRAY_COUNT(asked) && !asking->failed && !asking->absent) {
        asking->waiting = asking->over = false;
        enum err err = query_sub_elsewhere(asking->query, asking->zone, asked[asking->step], done, asking);
        asking->absent |= err == ERR_MISSING;
        asking->failed |= err != ERR_OK && err != ERR_MISSING;
        if (err == ERR_OK && !asking->over) {
            asking->waiting = true;
            return SERVED_SUSPENDED;
        }
    }
    return conclude(asking);
}

/* What stands before _signal.SERVER, as a name of its own. */
static uint8_t *rest_of(struct query *query, const uint8_t *apex)
{
    const struct question *question = query->question;
    size_t len = question->name_len - name_len(apex);
    uint8_t *rest = arena_alloc(query->scratch, len + 1, 1);
    if (rest == NULL)
        return NULL;
    memcpy(rest, question->lower, len);
    rest[len] = 0;
    return rest;
}

/* A server whose name is in the zone cannot vouch for it (RFC 9615 4.1). */
static enum served answer_signal(const struct signal *signal, struct query *query, const uint8_t *apex)
{
    const uint8_t *rest = rest_of(query, apex);
    struct asking *asking = ARENA_NEW(query->scratch, struct asking);
    if (rest == NULL || asking == NULL)
        return out_of_memory(query);
    *asking = (struct asking){.signal = signal, .query = query, .apex = apex, .rest = rest};
    bool dsboot = *rest == 7 && memcmp(rest, label_dsboot, LABEL_LEN) == 0;
    asking->zone = rest + (dsboot ? LABEL_LEN : 0);
    asking->absent = !dsboot || name_under(apex + LABEL_LEN, asking->zone) ||
                     !between_wants(&signal->between, asking->zone);
    if (!asking->absent && !query_may_wait(query))
        return query_fail(query, "signal", RCODE_SERVFAIL, "too many queries wait");
    return ask(asking);
}

static const uint8_t *apex_of(const struct signal *signal, const struct question *question)
{
    const uint8_t *found = NULL;
    for (unsigned i = 0; i < signal->names_count; i++) {
        const uint8_t *name = signal->names[i];
        if (question_under(question, name) && (found == NULL || name_under(name, found)))
            found = name;
    }
    return found;
}

static enum served serve(void *self, struct query *query)
{
    const struct signal *signal = self;
    const struct question *question = query->question;
    const uint8_t *apex = apex_of(signal, question);
    if (apex == NULL)
        return SERVED_NEXT;
    if (question->type == TYPE_AXFR || question->type == TYPE_IXFR)
        return refuse_transfer(query, apex);
    query->reply.authoritative = true;
    return name_equal(question->lower, apex) ? answer_apex(query, apex) : answer_signal(signal, query, apex);
}

/* Nothing is left for the plugins behind it. */
static bool ends(void *self, const struct block *block)
{
    (void)self;
    (void)block;
    return true;
}

static const struct plugin signal_plugin = {
    .abi = PLUGIN_ABI,
    .name = "signal",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .ends = ends,
    .stop = stop,
};
PLUGIN(signal)
