#include "server/server.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/host.h"
#include "server/listen.h"
#include "server/metrics.h"
#include "server/worker.h"
#include "server/world.h"
#include "zone/base/log.h"
#include "zone/base/version.h"

#define BANNER_MAX 40 /* zones listed at the start */

struct server {
    struct server_options options;
    char *corefile;
    struct worker **workers;
    unsigned worker_count;
    struct listen listen;
    struct world *world;
    uint64_t started_s, reloaded_s, reloads, reload_failures;
    bool ending; /* it was asked to stop, and will soon */
};

static struct server *running; /* for the plugins, which know no server: there is one in a process */

static uint64_t now_s(void)
{
    return (uint64_t)time(NULL);
}

static unsigned core_count(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
        return (unsigned)CPU_COUNT(&cores);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

enum err server_check(const struct server_options *options)
{
    struct world *world;
    enum err err = world_build(options->corefile, options->port, true, &options->sink, &world);
    if (err == ERR_OK)
        world_free(world);
    return err;
}

/* ---- starting ---- */

void server_hello(const struct server *server)
{
    if (server->options.quiet)
        return;
    unsigned said = 0;
    const struct world *world = server->world;
    for (unsigned b = 0; b < world->corefile.blocks_count; b++) {
        const struct server_block *block = &world->corefile.blocks[b];
        for (unsigned k = 0; k < block->keys_count; k++, said++) {
            char name[NAME_TEXT_MAX];
            if (said < BANNER_MAX) {
                name_print(block->keys[k].zone, name);
                printf("%s:%u\n", name, block->keys[k].port);
            }
        }
    }
    if (said > BANNER_MAX)
        printf("... and %u more\n", said - BANNER_MAX);
    printf("Bailiwick-%s\n", BAILIWICK_VERSION);
    fflush(stdout);
}

static void publish(struct server *server, struct world *world)
{
    struct world *old = atomic_exchange(&world_now, world);
    server->world = world;
    server->reloaded_s = now_s();
    if (old != NULL)
        epoch_retire(world_free, old);
}

static enum err start_workers(struct server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++) {
        enum err err = worker_start(i, &server->workers[i]);
        if (err != ERR_OK) {
            while (i > 0)
                worker_stop(server->workers[--i]);
            return err;
        }
    }
    return ERR_OK;
}

static struct server *server_new(const struct server_options *options)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->options = *options;
    server->corefile = options->corefile != NULL ? strdup(options->corefile) : NULL;
    server->options.corefile = server->corefile;
    server->started_s = now_s();
    return server;
}

static void server_free(struct server *server)
{
    listen_close(&server->listen);
    free(server->workers);
    free(server->corefile);
    free(server);
}

/* -workers, or what the first block's multisocket says, or one for each core. */
static unsigned wanted_workers(const struct server *server, const struct world *world)
{
    if (server->options.workers != 0)
        return server->options.workers;
    unsigned sockets = world->chain_count > 0 ? world->chains[0].block.sockets : 0;
    return sockets != 0 ? sockets : core_count();
}

static enum err make_room(struct server *server, const struct world *world)
{
    server->worker_count = wanted_workers(server, world);
    server->workers = calloc(server->worker_count, sizeof(struct worker *));
    return server->workers != NULL ? ERR_OK : ERR_MEMORY;
}

/* The parts in the order in which they can fail without a trace: configuration, sockets, plugins, threads. */
static enum err bring_up(struct server *server, uv_loop_t *loop)
{
    const struct finding_sink *sink = &server->options.sink;
    struct world *world;
    enum err err = world_build(server->options.corefile, server->options.port, false, sink, &world);
    if (err != ERR_OK)
        return err;
    err = make_room(server, world);
    if (err == ERR_OK)
        err = listen_prepare(&server->listen, world, server->worker_count, sink);
    if (err != ERR_OK) {
        world_free(world);
        return err;
    }
    err = host_open(loop, server->worker_count);
    if (err == ERR_OK)
        err = world_start(world);
    if (err == ERR_OK) {
        publish(server, world);
        err = start_workers(server);
    }
    if (err != ERR_OK) {
        atomic_store(&world_now, NULL);
        world_free(world);
        host_close();
        return err;
    }
    listen_apply(&server->listen, world, server->workers, server->worker_count);
    running = server;
    return ERR_OK;
}

enum err server_start(const struct server_options *options, uv_loop_t *loop, struct server **out)
{
    struct server *server = server_new(options);
    if (server == NULL)
        return ERR_MEMORY;
    enum err err = bring_up(server, loop);
    if (err != ERR_OK) {
        server_free(server);
        return err;
    }
    *out = server;
    return ERR_OK;
}

/* ---- reloading ---- */

static void refresh(const struct world *world)
{
    for (unsigned i = 0; i < world->chain_count; i++) {
        const struct chain *chain = &world->chains[i];
        for (unsigned p = 0; p < chain->instance_count; p++) {
            if (chain->instances[p].plugin->refresh != NULL)
                chain->instances[p].plugin->refresh(chain->instances[p].self);
        }
    }
}

/* A Corefile without a block is one that is just being written, or lost: nobody means to stop serving so. */
static enum err refuse_nothing(const struct server *server, const struct world *world)
{
    const struct finding_sink *sink = &server->options.sink;
    struct finding finding = {.severity = SEVERITY_ERROR,
        .rule = "no-block",
        .file = server->options.corefile,
        .message = "there is no server block any more: the old configuration is kept",
        .hint = "to stop serving, stop the server"};
    if (world->chain_count > 0 || server->world->chain_count == 0)
        return ERR_OK;
    if (sink->report != NULL)
        sink->report(sink->context, &finding);
    return ERR_INVALID;
}

static enum err replace_world(struct server *server)
{
    const struct finding_sink *sink = &server->options.sink;
    struct world *world;
    enum err err = world_build(server->options.corefile, server->options.port, false, sink, &world);
    if (err != ERR_OK)
        return err;
    err = refuse_nothing(server, world);
    if (err == ERR_OK)
        err = listen_prepare(&server->listen, world, server->worker_count, sink);
    if (err == ERR_OK) {
        err = world_start(world);
        if (err != ERR_OK)
            listen_abandon(&server->listen);
    }
    if (err != ERR_OK) {
        world_free(world);
        return err;
    }
    publish(server, world);
    listen_apply(&server->listen, world, server->workers, server->worker_count);
    if (wanted_workers(server, world) != server->worker_count)
        log_warning(
            "reload: %u workers go on; multisocket counts when the server starts", server->worker_count);
    return ERR_OK;
}

enum err server_reload(struct server *server)
{
    enum err err = replace_world(server);
    if (err != ERR_OK) {
        server->reload_failures++;
        log_error("reload: the old configuration goes on: %s", err_text(err));
        return err;
    }
    server->reloads++;
    refresh(server->world);
    log_info("reload: the new configuration is served");
    return ERR_OK;
}

void server_stop(struct server *server)
{
    if (server == NULL)
        return;
    running = NULL;
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_stop(server->workers[i]);
    atomic_store(&world_now, NULL);
    world_free(server->world);
    host_close();
    server_free(server);
}

/* ---- being asked ---- */

static void add_counters(struct server_counters *sum, const struct worker_counters *one)
{
#define ADD(field) sum->field += atomic_load_explicit(&one->field, memory_order_relaxed)
    ADD(queries[0]);
    ADD(queries[1]);
    ADD(replies);
    for (unsigned i = 0; i < ARRAY_COUNT(sum->rcodes); i++)
        ADD(rcodes[i]);
    ADD(dropped);
    ADD(malformed);
    ADD(truncated);
    ADD(batches);
    ADD(connections);
    ADD(connections_now);
    ADD(connections_evicted);
    ADD(connections_refused);
    ADD(suspended);
    ADD(send_errors);
#undef ADD
}

static void each_zone(
    const struct server *server, void (*each)(void *context, struct zone *zone), void *context)
{
    for (unsigned i = 0; i < server->world->chain_count; i++)
        block_zones(&server->world->chains[i].block, each, context);
}

static void count_zone(void *context, struct zone *zone)
{
    unsigned *count = context;
    (void)zone;
    (*count)++;
}

void server_status(const struct server *server, struct server_status *status)
{
    *status = (struct server_status){
        .corefile = server->options.corefile,
        .started_s = server->started_s,
        .reloaded_s = server->reloaded_s,
        .workers = server->worker_count,
        .blocks = server->world->chain_count,
        .listeners = listen_count(&server->listen),
        .reloads = server->reloads,
        .reload_failures = server->reload_failures,
    };
    each_zone(server, count_zone, &status->zones);
    for (unsigned i = 0; i < server->worker_count; i++)
        add_counters(&status->counters, &server->workers[i]->counters);
}

struct teller {
    void (*each)(void *context, const struct zone_status *zone);
    void *context;
};

static void tell_zone(void *context, struct zone *zone)
{
    const struct teller *teller = context;
    struct zone_status status;
    char error[ZONE_ERROR_MAX];
    zone_tell(zone, &status, error);
    teller->each(teller->context, &status);
}

void server_zones(
    const struct server *server, void (*each)(void *context, const struct zone_status *zone), void *context)
{
    each_zone(server, tell_zone, &(struct teller){.each = each, .context = context});
}

struct seeking {
    const uint8_t *name;
    struct zone *found;
};

static void seek_zone(void *context, struct zone *zone)
{
    struct seeking *seeking = context;
    if (seeking->found == NULL && name_equal(zone->name, seeking->name))
        seeking->found = zone;
}

struct zone *server_zone(const struct server *server, const uint8_t *name)
{
    struct seeking seeking = {.name = name};
    each_zone(server, seek_zone, &seeking);
    return seeking.found;
}

int64_t server_end(struct server *server)
{
    int64_t longest_ms = 0;
    server->ending = true;
    for (unsigned i = 0; i < server->world->chain_count; i++) {
        int64_t lameduck_ms = server->world->chains[i].block.lameduck_ms;
        longest_ms = lameduck_ms > longest_ms ? lameduck_ms : longest_ms;
    }
    return longest_ms;
}

/* ---- being asked by plugins ---- */

enum err host_reload(void)
{
    return running != NULL ? server_reload(running) : ERR_MISSING;
}

enum err host_config_digest(bool now, uint8_t out[HOST_DIGEST_LEN])
{
    if (running == NULL)
        return ERR_MISSING;
    if (now)
        return world_digest(running->world, out);
    memcpy(out, running->world->digest, HOST_DIGEST_LEN);
    return running->world->digest_known ? ERR_OK : ERR_MISSING;
}

unsigned host_unready(void (*each)(void *context, const char *name), void *context, bool *ending)
{
    unsigned count = 0;
    *ending = running == NULL || running->ending;
    for (unsigned i = 0; running != NULL && i < running->world->chain_count; i++) {
        const struct chain *chain = &running->world->chains[i];
        for (unsigned p = 0; p < chain->instance_count; p++) {
            const struct instance *instance = &chain->instances[p];
            if (instance->plugin->ready == NULL || instance->plugin->ready(instance->self))
                continue;
            each(context, instance->plugin->name);
            count++;
        }
    }
    return count;
}

void metrics_collect(struct metrics *metrics)
{
    if (running == NULL)
        return;
    metrics_of_server(metrics, running);
    for (unsigned i = 0; i < running->world->chain_count; i++) {
        const struct chain *chain = &running->world->chains[i];
        for (unsigned p = 0; p < chain->instance_count; p++)
            if (chain->instances[p].plugin->metrics != NULL)
                chain->instances[p].plugin->metrics(chain->instances[p].self, metrics);
    }
}
