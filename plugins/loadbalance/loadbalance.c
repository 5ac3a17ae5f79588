/* loadbalance: the order of A, AAAA and MX records in a reply, by chance or by weight. An RRset begins with
 * another of its records each time: two of them, and signed ones, are rotated where they lie; more are
 * shuffled. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "plugins/loadbalance/weights.h"
#include "plugins/plugin.h"
#include "zone/base/file.h"
#include "zone/base/log.h"
#include "zone/wire/netset.h"
#include "zone/wire/type.h"

#define FILE_MAX (64u << 20)

enum policy { POLICY_ROUND_ROBIN, POLICY_WEIGHTED };

struct loadbalance {
    int policy;
    const char *path;
    int64_t reload_ms;
    struct option_networks prefer;

    struct netset preferred;
    _Atomic(struct weights *) weights;
    struct timespec changed;
    struct host_timer *timer;
};

static const char *const policies[] = {"round_robin", "weighted", NULL};

static const struct option options[] = {
    {.arg = "POLICY",
        .kind = OPTION_CHOICE,
        .offset = offsetof(struct loadbalance, policy),
        .choices = policies,
        .fallback = "round_robin",
        .help = "round_robin: any record may come first; weighted: an address comes first as often as its "
                "weight says"},
    {.arg = "FILE",
        .kind = OPTION_PATH,
        .flags = OPTION_OPTIONAL,
        .offset = offsetof(struct loadbalance, path),
        .help = "of weighted: names, and their addresses with weights"},
    {.word = "reload",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct loadbalance, reload_ms),
        .max = INT64_C(86400000) * 365,
        .fallback = "30s",
        .help = "how often the file is looked at for changes; 0: only when told to reload"},
    {.word = "prefer",
        .arg = "NETWORKS...",
        .kind = OPTION_NETWORKS,
        .offset = offsetof(struct loadbalance, prefer),
        .help = "addresses of these networks come before others"},
    OPTIONS_END,
};

/* ---- setting up, and the file ---- */

static enum err read_file(struct loadbalance *lb, struct weights **out, unsigned *line, const char **why)
{
    struct arena memory;
    struct stat info;
    char *text;
    size_t len;
    *line = 0;
    *why = strerror(ENOENT);
    if (stat(lb->path, &info) != 0)
        return ERR_MISSING;
    lb->changed = info.st_mtim;
    arena_init(&memory, 0);
    enum err err = file_read(lb->path, FILE_MAX, &memory, &text, &len);
    *why = err_text(err);
    if (err == ERR_OK)
        err = weights_parse(text, out, line, why);
    arena_clear(&memory);
    return err;
}

static enum err load(struct setup *setup, struct loadbalance *lb)
{
    const char *why;
    unsigned line;
    struct weights *weights;
    const struct token *token = &setup->directive->args[setup->directive->args_count - 1];
    if (lb->path == NULL)
        return setup_error(setup, token, "loadbalance weighted FILE", "weighted needs a file");
    enum err err = read_file(lb, &weights, &line, &why);
    if (err == ERR_MEMORY)
        return err;
    if (err != ERR_OK)
        return setup_error(
            setup, token, "a name on a line, then lines ADDRESS WEIGHT", "%s:%u: %s", lb->path, line, why);
    atomic_store(&lb->weights, weights);
    return ERR_OK;
}

static enum err setup(struct setup *setup, void **self)
{
    struct loadbalance *lb = ARENA_NEW(setup->world, struct loadbalance);
    if (lb == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "remove one of the two",
            "loadbalance is there twice in this block");
    *self = lb;
    enum err err = options_parse(setup, options, lb);
    if (err == ERR_OK)
        err = netset_init(&lb->preferred, lb->prefer.at, lb->prefer.count, setup->world);
    return err == ERR_OK && lb->policy == POLICY_WEIGHTED ? load(setup, lb) : err;
}

static void look(void *arg)
{
    struct loadbalance *lb = arg;
    const char *why;
    unsigned line;
    struct stat info;
    struct weights *weights;
    if (lb->policy != POLICY_WEIGHTED || stat(lb->path, &info) != 0 ||
        memcmp(&info.st_mtim, &lb->changed, sizeof info.st_mtim) == 0)
        return;
    if (read_file(lb, &weights, &line, &why) != ERR_OK) {
        log_warning("plugin/loadbalance: %s:%u: %s; the old weights stay", lb->path, line, why);
        return;
    }
    log_info("plugin/loadbalance: %s: weights of %u names", lb->path, weights->count);
    host_retire(weights_free, atomic_exchange(&lb->weights, weights));
}

static enum err start(void *self)
{
    struct loadbalance *lb = self;
    if (lb->policy != POLICY_WEIGHTED || lb->reload_ms == 0)
        return ERR_OK;
    lb->timer = host_timer_start(lb->reload_ms, look, lb);
    return lb->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    struct loadbalance *lb = self;
    host_timer_stop(lb->timer);
    weights_free(atomic_load(&lb->weights));
}

/* ---- choosing ---- */

/* xorshift64: nobody gains by guessing which address comes first. */
static uint32_t draw(uint32_t below)
{
    static _Thread_local uint64_t state;
    while (state == 0) {
        if (getrandom(&state, sizeof state, 0) != sizeof state)
            state = (uint64_t)(uintptr_t)&state;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * below >> 32);
}

static unsigned weight_of(
    const struct weighted_name *name, const struct rrset *rrset, const struct record *record)
{
    for (unsigned i = 0; i < name->count; i++) {
        const struct network *address = &name->weights[i].address;
        unsigned len = address->family == 4 ? 4 : 16;
        if ((rrset->type == TYPE_A) == (len == 4) && record->rdata_len == len &&
            memcmp(record->rdata, address->ip, len) == 0)
            return name->weights[i].weight;
    }
    return 1; /* as CoreDNS: an address without a weight */
}

/* The record that comes first, drawn by weight. */
static unsigned draw_weighted(const struct weighted_name *name, const struct rrset *rrset)
{
    unsigned sum = 0, index = 0;
    for (unsigned pass = 0, drawn = 0; pass < 2; pass++) {
        const uint8_t *at = rrset->data;
        for (index = 0; index < rrset->count; index++) {
            struct record record;
            at = record_read(at, false, &record);
            unsigned weight = weight_of(name, rrset, &record);
            if (pass == 0)
                sum += weight;
            else if (drawn < weight)
                return index;
            else
                drawn -= weight;
        }
        drawn = pass == 0 ? draw(sum) : drawn;
    }
    return 0;
}

static bool is_preferred(const struct netset *set, uint16_t type, const struct record *record)
{
    return type == TYPE_A ? record->rdata_len == 4 && netset_has4(set, record->rdata)
                          : record->rdata_len == 16 && netset_has6(set, record->rdata);
}

/* As many orders as there are come up equally often (Fisher and Yates), as in CoreDNS. */
static void shuffle(struct rdata_ref *all, unsigned count)
{
    for (unsigned i = 0; i + 1 < count; i++) {
        unsigned from = i + draw(count - i);
        struct rdata_ref one = all[i];
        all[i] = all[from];
        all[from] = one;
    }
}

/* Those of preferred networks in front, else as they stand. */
static void put_in_front(const struct loadbalance *lb, uint16_t type, const struct rdata_ref *all,
    unsigned count, struct rdata_ref *order)
{
    unsigned made = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < count; i++) {
            const struct record record = {.rdata = all[i].bytes, .rdata_len = all[i].len};
            if (is_preferred(&lb->preferred, type, &record) == (pass == 0))
                order[made++] = all[i];
        }
    }
}

/* The RRset again in another order: rotated as FIRST says, or shuffled. Signed RRsets keep their signatures
 * rather than get an order: they are only rotated. */
static void reorder(const struct loadbalance *lb, struct query *query, struct rr_ref *ref)
{
    const struct rrset *rrset = ref->rrset;
    unsigned count = rrset->count;
    if (rrset->sig_count != 0 && ref->signatures)
        return;
    struct rdata_ref *all = ARENA_ARRAY(query->scratch, struct rdata_ref, count);
    struct rdata_ref *order = ARENA_ARRAY(query->scratch, struct rdata_ref, count);
    const uint8_t *at = rrset->data;
    if (all == NULL || order == NULL)
        return;
    for (unsigned i = 0; i < count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        all[(i + count - ref->first) % count] = (struct rdata_ref){record.rdata, record.rdata_len};
    }
    if (lb->policy == POLICY_ROUND_ROBIN)
        shuffle(all, count);
    bool prefers = lb->prefer.count > 0 && rrset->type != TYPE_MX;
    if (prefers)
        put_in_front(lb, rrset->type, all, count, order);
    struct rrset *made = rrset_make(query->scratch, rrset->type, rrset->ttl, prefers ? order : all, count);
    if (made == NULL)
        return;
    ref->rrset = made;
    ref->first = 0;
}

static bool is_balanced(const struct rr_ref *ref)
{
    uint16_t type = ref->rrset->type;
    return ref->records && ref->rrset->count > 1 && (type == TYPE_A || type == TYPE_AAAA || type == TYPE_MX);
}

static unsigned choose(const struct loadbalance *lb, const struct query *query, unsigned index)
{
    const struct rr_ref *ref = &query->reply.refs[index];
    uint8_t owner[2 * NAME_MAX];
    if (lb->policy == POLICY_ROUND_ROBIN)
        return draw(ref->rrset->count);
    if (ref->rrset->type == TYPE_MX)
        return ref->first;
    reply_owner(&query->reply, index, query->question, owner);
    name_lower(owner, owner);
    const struct weights *weights =
        atomic_load_explicit(&((struct loadbalance *)(uintptr_t)lb)->weights, memory_order_acquire);
    const struct weighted_name *name = weights_find(weights, owner);
    return name != NULL ? draw_weighted(name, ref->rrset) : ref->first;
}

static void finish(void *self, struct query *query)
{
    const struct loadbalance *lb = self;
    struct reply *reply = &query->reply;
    uint16_t type = query->question->type;
    if (reply->rcode != RCODE_NOERROR || type == TYPE_AXFR || type == TYPE_IXFR ||
        query_open(query) != ERR_OK)
        return;
    for (unsigned i = 0; i < reply->count; i++) {
        struct rr_ref *ref = &reply->refs[i];
        if (!is_balanced(ref))
            continue;
        ref->first = (uint16_t)choose(lb, query, i);
        bool prefers = lb->prefer.count > 0 && ref->rrset->type != TYPE_MX;
        if (prefers || (lb->policy == POLICY_ROUND_ROBIN && ref->rrset->count > 2))
            reorder(lb, query, ref);
    }
}

static const struct plugin loadbalance_plugin = {
    .abi = PLUGIN_ABI,
    .name = "loadbalance",
    .options = options,
    .setup = setup,
    .start = start,
    .finish = finish,
    .refresh = look,
    .stop = stop,
};
PLUGIN(loadbalance)
