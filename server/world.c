#include "server/world.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/build.h"
#include "server/corefile_transfer.h"
#include "server/reach.h"
#include "server/regex.h"
#include "zone/base/file.h"
#include "zone/base/log.h"
#include "zone/wire/encode.h"
#include "zone/wire/name.h"

#define JOB_THREADS_MAX 64
#define BUILT_IN "(built-in Corefile)"

static const struct step no_step;

const struct chain chain_nobody = {
    .steps = &no_step, .udp_size = ENCODE_UDP_SIZE, .other = &chain_nobody, .opcodes = &chain_nobody};

/* ---- findings ---- */

static void report(void *context, const struct finding *finding)
{
    struct build *build = context;
    pthread_mutex_lock(&build->lock);
    build->errors += finding->severity == SEVERITY_ERROR;
    if (build->outer->report != NULL)
        build->outer->report(build->outer->context, finding);
    pthread_mutex_unlock(&build->lock);
}

/* ---- the Corefile ---- */

static enum err read_corefile(struct build *build, const char *path, uint16_t port)
{
    struct world *world = build->world;
    struct corefile_context context = {.port = port, .sink = &build->sink};
    if (path == NULL)
        return corefile_parse(
            BUILT_IN, corefile_builtin, strlen(corefile_builtin), &context, &world->memory, &world->corefile);
    return corefile_read(path, &context, &world->memory, &world->corefile);
}

enum err world_digest(const struct world *world, uint8_t out[HOST_DIGEST_LEN])
{
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    for (unsigned i = 0; i < world->corefile.files_count; i++) {
        struct file_map map;
        if (file_map_open(&map, world->corefile.files[i]) != ERR_OK)
            return ERR_MISSING;
        crypto_hash_sha512_update(&state, map.bytes, map.len);
        file_map_close(&map);
    }
    crypto_hash_sha512_final(&state, out);
    return ERR_OK;
}

#define LABEL_KEYS 16 /* more would make the label of a block of ten thousand zones grow by their square */

/* The keys as written, for messages: the first ones. */
static const char *block_label(const struct server_block *block, struct arena *memory)
{
    const char *label = "";
    const char *before = NULL;
    for (unsigned i = 0, told = 0; i < block->keys_count && label != NULL; i++) {
        if (before == block->keys[i].token.text)
            continue; /* a CIDR key that became several zones */
        if (told++ == LABEL_KEYS)
            return arena_printf(memory, "%s ...", label);
        before = block->keys[i].token.text;
        label = *label == '\0' ? before : arena_printf(memory, "%s %s", label, before);
    }
    return label != NULL ? label : "";
}

/* One zone may be served on several ports and transports; plugins see it once. Blocks with thousands of keys
 * name different ones. */
static void add_zone(const uint8_t **zones, unsigned *count, const uint8_t *zone)
{
    for (unsigned i = 0; i < *count && *count < 256; i++) {
        if (name_equal(zones[i], zone))
            return;
    }
    zones[(*count)++] = zone;
}

static enum err make_chain(struct world *world, struct chain *chain, const struct server_block *source)
{
    const uint8_t **zones = ARENA_ARRAY(&world->memory, const uint8_t *, source->keys_count + 1);
    unsigned count = 0;
    if (zones == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < source->keys_count; i++)
        add_zone(zones, &count, source->keys[i].zone);
    *chain = (struct chain){.source = source,
        .steps = &no_step,
        .udp_size = ENCODE_UDP_SIZE,
        .other = &chain_nobody,
        .opcodes = &chain_nobody};
    chain->block.zones = zones;
    chain->block.zones_count = count;
    chain->block.label = block_label(source, &world->memory);
    if (source->keys_count > 0)
        chain->block.server = arena_printf(
            &world->memory, "%s://:%u", scheme_text(source->keys[0].scheme), source->keys[0].port);
    return ERR_OK;
}

static enum err make_chains(struct build *build)
{
    struct world *world = build->world;
    world->chain_count = world->corefile.blocks_count;
    world->chains = ARENA_ARRAY(&world->memory, struct chain, world->chain_count + 1);
    if (world->chains == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < world->chain_count; i++) {
        if (make_chain(world, &world->chains[i], &world->corefile.blocks[i]) != ERR_OK)
            return ERR_MEMORY;
    }
    return ERR_OK;
}

struct setup build_setup(struct build *build, struct chain *chain, const struct directive *directive)
{
    return (struct setup){
        .directive = directive,
        .zones = chain->block.zones,
        .zones_count = chain->block.zones_count,
        .root = chain->block.root,
        .world = &build->world->memory,
        .sink = &build->sink,
        .block = &chain->block,
        .keys = &build->world->keys,
        .host = build,
        .check = build->check,
    };
}

/* ---- plugins ---- */

/* `plugin PATH` comes first: it says which other words are known. */
static void load_plugins(struct build *build)
{
    struct world *world = build->world;
    for (unsigned i = 0; i < world->chain_count; i++) {
        const struct server_block *source = world->chains[i].source;
        unsigned at = 0;
        while ((at = block_find(source, "plugin", at)) < source->directives_count) {
            struct setup setup = build_setup(build, &world->chains[i], &source->directives[at++]);
            enum err err = plugin_list_load(&build->plugins, &setup);
            (void)err; /* told, and counted */
        }
    }
}

static void check_names(struct build *build)
{
    const char *names[PLUGINS_MAX + 1];
    unsigned count = build->plugins.count;
    for (unsigned i = 0; i < count; i++)
        names[i] = build->plugins.items[i]->name;
    names[count] = "plugin";
    corefile_check_names(&build->world->corefile, names, count + 1, &build->sink);
}

/* All directives of one plugin in one block. */
static enum err set_up_plugin(struct build *build, struct chain *chain, const struct plugin *plugin)
{
    const struct server_block *source = chain->source;
    struct instance *instance = NULL;
    unsigned at = 0;
    while ((at = block_find(source, plugin->name, at)) < source->directives_count) {
        struct setup setup = build_setup(build, chain, &source->directives[at++]);
        if (instance == NULL) {
            instance = &chain->instances[chain->instance_count++];
            instance->plugin = plugin;
        }
        enum err err = plugin->setup(&setup, &instance->self);
        if (err != ERR_OK && build->errors == 0) /* it did not say why */
            setup_error(&setup, &setup.directive->name, NULL, "%s: %s", plugin->name, err_text(err));
        if (err == ERR_MEMORY)
            return err;
    }
    return ERR_OK;
}

static enum err set_up_chain(struct build *build, struct chain *chain)
{
    unsigned most = chain->source->directives_count;
    chain->instances = ARENA_ARRAY(&build->world->memory, struct instance, most + 1);
    if (chain->instances == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < build->plugins.count; i++) {
        enum err err = set_up_plugin(build, chain, build->plugins.items[i]);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

enum err setup_job(
    struct setup *setup, enum err (*run)(void *arg, const struct finding_sink *sink), void *arg)
{
    struct build *build = setup->host;
    struct build_job *job = ARENA_NEW(&build->world->memory, struct build_job);
    if (job == NULL)
        return ERR_MEMORY;
    job->run = run;
    job->arg = arg;
    *(build->last_job != NULL ? &build->last_job->next : &build->jobs) = job;
    build->last_job = job;
    build->job_count++;
    return ERR_OK;
}

/* Of two keys with one name only equal ones may pass: a query names no server block. */
static bool keys_same(const struct tsig_key *a, const struct tsig_key *b)
{
    return a->any == b->any && a->algorithm == b->algorithm && a->truncated == b->truncated &&
           sodium_memcmp(&a->hmac[a->algorithm], &b->hmac[a->algorithm], sizeof a->hmac[0]) == 0;
}

enum err setup_key(struct setup *setup, const struct token *at, struct tsig_key *key)
{
    enum err err = tsig_ring_add(setup->keys, key);
    if (err == ERR_OK)
        return ERR_OK;
    bool same = err == ERR_EXISTS && keys_same(tsig_ring_find(setup->keys, key->name), key);
    char name[NAME_TEXT_MAX];
    name_print(key->name, name);
    tsig_key_release(key);
    if (err != ERR_EXISTS || same)
        return same ? ERR_OK : err;
    return setup_error(setup, at, "give each key a name of its own, in all server blocks together",
        "there is another TSIG key %s already", name);
}

/* ---- jobs ---- */

struct crew {
    struct build *build;
    _Atomic(struct build_job *) next;
    _Atomic int failed; /* enum err */
};

static void *work(void *arg)
{
    struct crew *crew = arg;
    for (;;) {
        struct build_job *job = atomic_load(&crew->next);
        while (job != NULL && !atomic_compare_exchange_weak(&crew->next, &job, job->next))
            continue;
        if (job == NULL)
            return NULL;
        enum err err = job->run(job->arg, &crew->build->sink);
        if (err != ERR_OK)
            atomic_store(&crew->failed, err);
    }
}

static enum err run_jobs(struct build *build)
{
    struct crew crew = {.build = build};
    atomic_store(&crew.next, build->jobs);
    pthread_t threads[JOB_THREADS_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned want = cores > JOB_THREADS_MAX ? JOB_THREADS_MAX : cores > 1 ? (unsigned)cores : 1, count = 0;
    want = build->job_count < want ? build->job_count : want;
    while (count + 1 < want && pthread_create(&threads[count], NULL, work, &crew) == 0)
        count++;
    work(&crew);
    while (count > 0)
        pthread_join(threads[--count], NULL);
    return (enum err)atomic_load(&crew.failed);
}

/* ---- chains ---- */

struct chain_arrays {
    struct step *steps;
    const char **names;
    struct instance *prefetch, *sent;
};

/* Which of a block's plugins take part. */
enum kind {
    CHAIN_QUERIES,
    CHAIN_CLASSES, /* queries of classes other than IN */
    CHAIN_OPCODES  /* NOTIFY, UPDATE */
};

static bool takes_part(const struct plugin *plugin, enum kind kind)
{
    return kind == CHAIN_QUERIES || (plugin->flags & PLUGIN_ALL_CLASSES) != 0 ||
           (kind == CHAIN_OPCODES && plugin->opcode != NULL);
}

/* How many of each array's items there are at most, so that thousands of small blocks stay small. */
static enum err make_arrays(
    struct world *world, const struct chain *from, enum kind kind, struct chain_arrays *arrays)
{
    unsigned steps = 0, prefetches = 0, sents = 0;
    for (unsigned i = 0; i < from->instance_count; i++) {
        const struct plugin *plugin = from->instances[i].plugin;
        sents += plugin->sent != NULL;
        if (!takes_part(plugin, kind))
            continue;
        prefetches += plugin->prefetch != NULL;
        steps += plugin->serve != NULL || plugin->finish != NULL || plugin->opcode != NULL;
    }
    *arrays = (struct chain_arrays){
        .steps = ARENA_ARRAY(&world->memory, struct step, steps + 1), /* the one behind the last leads back */
        .names = ARENA_ARRAY(&world->memory, const char *, steps),
        .prefetch = ARENA_ARRAY(&world->memory, struct instance, prefetches),
        .sent = ARENA_ARRAY(&world->memory, struct instance, sents),
    };
    bool made =
        arrays->steps != NULL && arrays->names != NULL && arrays->prefetch != NULL && arrays->sent != NULL;
    return made ? ERR_OK : ERR_MEMORY;
}

/* The flat arrays that workers walk. */
static enum err flatten(struct world *world, const struct chain *from, struct chain *to, enum kind kind)
{
    struct chain_arrays a;
    uint16_t back = 0;
    enum err err = make_arrays(world, from, kind, &a);
    if (err != ERR_OK)
        return err;
    for (unsigned i = 0; i < from->instance_count; i++) {
        const struct instance *instance = &from->instances[i];
        const struct plugin *plugin = instance->plugin;
        struct step step = {.serve = plugin->serve,
            .finish = plugin->finish,
            .dropped = plugin->dropped,
            .self = instance->self,
            .back = back};
        if (plugin->sent != NULL)
            a.sent[to->sent_count++] = *instance;
        if (!takes_part(plugin, kind))
            continue;
        if (kind == CHAIN_OPCODES && plugin->opcode != NULL)
            step.serve = plugin->opcode;
        if (plugin->prefetch != NULL && kind != CHAIN_OPCODES)
            a.prefetch[to->prefetch_count++] = *instance;
        if (step.serve != NULL || step.finish != NULL) {
            a.names[to->step_count] = plugin->name;
            a.steps[to->step_count++] = step;
            back = step.finish != NULL ? to->step_count : back;
        }
        to->drops |= step.dropped != NULL;
    }
    a.steps[to->step_count].back = back;
    to->steps = a.steps;
    to->names = a.names;
    to->prefetch = a.prefetch;
    to->sent = a.sent;
    return ERR_OK;
}

static void tighten(uint32_t *limit, uint32_t with)
{
    if (with != 0 && (*limit == 0 || with < *limit))
        *limit = with;
}

/* A second chain of the same block. */
static enum err add_chain(
    struct world *world, const struct chain *chain, enum kind kind, const struct chain **out)
{
    struct chain *other = ARENA_NEW(&world->memory, struct chain);
    if (other == NULL)
        return ERR_MEMORY;
    other->udp_size = chain->udp_size;
    other->other = other;
    other->opcodes = other;
    other->main = chain;
    other->block = chain->block;
    other->instances = chain->instances;
    other->instance_count = chain->instance_count;
    *out = other;
    return flatten(world, chain, other, kind);
}

/* Is the chain for NOTIFY and UPDATE another than that for strange classes? */
static bool takes_opcodes(const struct chain *chain)
{
    for (unsigned i = 0; i < chain->instance_count; i++) {
        const struct plugin *plugin = chain->instances[i].plugin;
        if (plugin->opcode != NULL || (plugin->prefetch != NULL && takes_part(plugin, CHAIN_CLASSES)))
            return true;
    }
    return false;
}

static enum err finish_chain(struct world *world, struct chain *chain)
{
    if (chain->block.udp_size != 0)
        chain->udp_size = chain->block.udp_size;
    world->times |= chain->block.times;
    tighten(&world->tcp_limits.idle_ms, chain->block.tcp_idle_ms);
    tighten(&world->tcp_limits.read_ms, chain->block.tcp_read_ms);
    tighten(&world->tcp_limits.write_ms, chain->block.tcp_write_ms);
    tighten(&world->tcp_limits.queries, chain->block.tcp_queries);
    uint32_t limit = chain->block.tcp_per_client;
    if (limit != 0 && (world->tcp == NULL || limit < world->tcp->tcp_per_client))
        world->tcp = &chain->block;
    enum err err = flatten(world, chain, chain, CHAIN_QUERIES);
    if (err == ERR_OK)
        err = add_chain(world, chain, CHAIN_CLASSES, &chain->other);
    if (err == ERR_OK && takes_opcodes(chain))
        err = add_chain(world, chain, CHAIN_OPCODES, &chain->opcodes);
    else
        chain->opcodes = chain->other; /* they would be the same */
    if (err == ERR_OK && chain->block.cookies && world->cookies == NULL)
        world->cookies = chain->other;
    return err;
}

/* ---- the whole ---- */

static enum err set_up(struct build *build, const char *corefile, uint16_t port)
{
    struct world *world = build->world;
    enum err err = read_corefile(build, corefile, port);
    if (err != ERR_OK && err != ERR_INVALID)
        return err;
    build->world->digest_known = world_digest(build->world, build->world->digest) == ERR_OK;
    err = corefile_add_transfers(&world->corefile, &world->memory);
    if (err == ERR_OK)
        err = make_chains(build);
    if (err != ERR_OK)
        return err;
    load_plugins(build);
    check_names(build);
    for (unsigned i = 0; i < world->chain_count && err == ERR_OK; i++)
        err = set_up_chain(build, &world->chains[i]);
    if (err == ERR_OK)
        err = build_endpoints(build);
    if (err == ERR_OK)
        err = run_jobs(build);
    for (unsigned i = 0; i < world->chain_count && err == ERR_OK; i++)
        err = finish_chain(world, &world->chains[i]);
    if (err == ERR_OK && build->check && build->errors == 0)
        reach_check(build);
    return err == ERR_OK && build->errors > 0 ? ERR_INVALID : err;
}

enum err world_build(
    const char *corefile, uint16_t port, bool check, const struct finding_sink *sink, struct world **out)
{
    struct build *build = calloc(1, sizeof *build);
    struct world *world = calloc(1, sizeof *world);
    if (build == NULL || world == NULL) {
        free(build);
        free(world);
        return ERR_MEMORY;
    }
    arena_init(&world->memory, 0);
    build->world = world;
    build->outer = sink;
    build->check = check;
    build->sink = (struct finding_sink){.report = report, .context = build};
    pthread_mutex_init(&build->lock, NULL);
    plugin_list_init(&build->plugins);
    enum err err = set_up(build, corefile, port);
    pthread_mutex_destroy(&build->lock);
    free(build);
    if (err != ERR_OK) {
        world_free(world);
        return err;
    }
    *out = world;
    return ERR_OK;
}

/* What answers, without what listens, tells or fetches by itself. */
static bool is_quiet(const struct plugin *plugin)
{
    return (plugin->serve != NULL || plugin->finish != NULL) && (plugin->flags & PLUGIN_OUTWARD) == 0;
}

static enum err start_chain(struct chain *chain, bool quiet)
{
    for (unsigned p = 0; p < chain->instance_count; p++) {
        struct instance *instance = &chain->instances[p];
        const struct plugin *plugin = instance->plugin;
        if (plugin->start == NULL || (quiet && !is_quiet(plugin)))
            continue;
        enum err err = plugin->start(instance->self);
        if (err == ERR_OK)
            continue;
        log_error("%s: plugin %s does not start: %s", chain->block.label, plugin->name, err_text(err));
        return err;
    }
    return ERR_OK;
}

static enum err start_chains(struct world *world, bool quiet)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < world->chain_count && err == ERR_OK; i++)
        err = start_chain(&world->chains[i], quiet);
    return err;
}

enum err world_start(struct world *world)
{
    return start_chains(world, false);
}

enum err world_start_quietly(struct world *world)
{
    return start_chains(world, true);
}

void world_free(void *arg)
{
    struct world *world = arg;
    for (unsigned i = 0; world->chains != NULL && i < world->chain_count; i++) {
        struct chain *chain = &world->chains[i];
        for (unsigned p = 0; p < chain->instance_count; p++) {
            struct instance *instance = &chain->instances[p];
            if (instance->plugin->stop != NULL && instance->self != NULL)
                instance->plugin->stop(instance->self);
        }
    }
    regex_free_all(world->regexes);
    tsig_ring_clear(&world->keys);
    arena_clear(&world->memory);
    free(world->routes);
    free(world->tls);
    free(world);
}

void block_plugins(const struct block *block, void (*each)(void *context, const char *name), void *context)
{
    const struct chain *chain =
        (const struct chain *)(const void *)((const char *)block - offsetof(struct chain, block));
    for (unsigned i = 0; i < chain->instance_count; i++)
        each(context, chain->instances[i].plugin->name);
}
