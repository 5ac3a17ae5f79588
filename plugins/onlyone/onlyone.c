/* onlyone: at most one record of a type in an answer. Of several A records, say, one is picked by chance, for
 * clients that cannot choose. It shows what a plugin is that changes replies: a `finish` instead of a
 * `serve`. */
#include <string.h>
#include <sys/random.h>

#include "plugins/plugin.h"
#include "zone/wire/type.h"

#define TYPES_MAX 32

struct onlyone {
    struct option_zones zones;
    struct option_numbers types;
};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct onlyone, zones),
        .help = "the names it is for; the block's own zones when left out"},
    {.word = "types",
        .arg = "TYPES...",
        .kind = OPTION_TYPES,
        .offset = offsetof(struct onlyone, types),
        .fallback = "A AAAA",
        .help = "the types that are cut down to one record"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct onlyone *onlyone = ARENA_NEW(setup->world, struct onlyone);
    if (onlyone == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(
            setup, &setup->directive->name, "put it all into one", "onlyone is there twice in this block");
    *self = onlyone;
    enum err err = options_parse(setup, options, onlyone);
    if (err == ERR_OK && (onlyone->types.count == 0 || onlyone->types.count > TYPES_MAX))
        return setup_error(
            setup, &setup->directive->name, "types A AAAA", "types wants 1 to %d types", TYPES_MAX);
    return err;
}

static bool is_for(const struct onlyone *onlyone, const struct query *query)
{
    for (unsigned i = 0; i < onlyone->zones.count; i++) {
        if (question_under(query->question, onlyone->zones.at[i]))
            return true;
    }
    return false;
}

static int type_index(const struct onlyone *onlyone, uint16_t type)
{
    for (unsigned i = 0; i < onlyone->types.count; i++) {
        if (onlyone->types.at[i] == type)
            return (int)i;
    }
    return -1;
}

static unsigned pick(unsigned count)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        return 0;
    return random % count;
}

/* One record of REF's RRset. What is left is no longer the RRset that was signed. */
static bool keep_one(struct query *query, struct rr_ref *ref)
{
    const struct rrset *rrset = ref->rrset;
    unsigned chosen = pick(rrset->count);
    const uint8_t *at = rrset->data;
    struct record record = {0};
    for (unsigned i = 0; i <= chosen; i++)
        at = record_read(at, rrset_linked(rrset->type), &record);
    struct rdata_ref rdata = {record.rdata, record.rdata_len};
    struct rrset *one = rrset_make(query->scratch, rrset->type, ref->ttl, &rdata, 1);
    if (one == NULL)
        return false;
    ref->rrset = one;
    ref->first = 0;
    ref->signatures = false;
    return true;
}

static void finish(void *self, struct query *query)
{
    const struct onlyone *onlyone = self;
    struct reply *reply = &query->reply;
    bool seen[TYPES_MAX] = {false};
    unsigned kept = 0;
    if (!is_for(onlyone, query) || reply_rebase(reply, query->question, query->question, query->scratch) !=
                                       ERR_OK) /* so that some may go */
        return;
    for (unsigned i = 0; i < reply->count; i++) {
        struct rr_ref *ref = &reply->refs[i];
        int index =
            ref->section == SECTION_ANSWER && ref->records ? type_index(onlyone, ref->rrset->type) : -1;
        if (index >= 0 && seen[index])
            continue;
        if (index >= 0 && ref->rrset->count > 1 && !keep_one(query, ref)) {
            query_fail(query, "onlyone", RCODE_SERVFAIL, "out of memory");
            return;
        }
        if (index >= 0)
            seen[index] = true;
        reply->refs[kept++] = *ref;
    }
    reply->count = (uint16_t)kept;
}

static const struct plugin onlyone_plugin = {
    .abi = PLUGIN_ABI,
    .name = "onlyone",
    .options = options,
    .setup = setup,
    .finish = finish,
};
PLUGIN(onlyone)
