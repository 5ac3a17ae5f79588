#include "server/explain.h"

#include <arpa/inet.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/endpoint.h"
#include "server/engine.h"
#include "server/explain_tell.h"
#include "server/host.h"
#include "server/query.h"
#include "server/worker.h"
#include "zone/wire/type.h"

#define PATIENCE_MS 20000
#define TICK_MS 10

struct asked {
    uint8_t name[NAME_MAX];
    size_t name_len;
    uint16_t type, class, port;
    bool tcp, dnssec;
    union address client;
};

/* ---- the question ---- */

static bool read_client(struct asked *asked, const char *text)
{
    if (inet_pton(AF_INET, text, &asked->client.v4.sin_addr) == 1) {
        asked->client.any.sa_family = AF_INET;
        return true;
    }
    asked->client.any.sa_family = AF_INET6;
    return inet_pton(AF_INET6, text, &asked->client.v6.sin6_addr) == 1;
}

static const char *read_word(struct asked *asked, const char *word, const char **takes)
{
    uint16_t number;
    if (*takes != NULL) {
        bool from = strcmp(*takes, "from") == 0;
        *takes = NULL;
        if (!from)
            asked->port = (uint16_t)strtoul(word, NULL, 10);
        return from ? (read_client(asked, word) ? NULL : "'from' wants an IP address")
                    : (asked->port != 0 ? NULL : "'port' wants a number");
    }
    if (strcasecmp(word, "from") == 0 || strcasecmp(word, "port") == 0)
        *takes = strcasecmp(word, "from") == 0 ? "from" : "port";
    else if (strcasecmp(word, "tcp") == 0 || strcasecmp(word, "udp") == 0)
        asked->tcp = strcasecmp(word, "tcp") == 0;
    else if (strcasecmp(word, "do") == 0)
        asked->dnssec = true;
    else if (type_parse(word, strlen(word), &number) && strcasecmp(word, "ANY") != 0)
        asked->type = number;
    else if (class_parse(word, strlen(word), &number) && strcasecmp(word, "ANY") != 0)
        asked->class = number;
    else if (strcasecmp(word, "ANY") == 0)
        asked->type = TYPE_ANY;
    else
        return "neither a type nor a class, nor tcp, do, from, port";
    return NULL;
}

static enum err read_question(struct asked *asked, const char *text)
{
    char *copy = strdup(text), *save = NULL;
    const char *wrong = NULL, *why = NULL, *takes = NULL;
    if (copy == NULL)
        return ERR_MEMORY;
    *asked = (struct asked){.type = TYPE_A,
        .class = CLASS_IN,
        .client = {.v4 = {.sin_family = AF_INET, .sin_port = htons(5353)}}};
    asked->client.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char *word = strtok_r(copy, " \t", &save);
    if (word == NULL ||
        name_parse(word, strlen(word), (const uint8_t *)"", asked->name, &asked->name_len, &why) != ERR_OK) {
        wrong = word != NULL ? word : "";
        why = word != NULL ? why : "a name is missing";
    }
    while (wrong == NULL && (word = strtok_r(NULL, " \t", &save)) != NULL) {
        why = read_word(asked, word, &takes);
        wrong = why != NULL ? word : NULL;
    }
    if (wrong != NULL)
        fprintf(stderr,
            "bailiwickd: -explain: '%s': %s\nwrite: NAME [TYPE] [CLASS] [tcp] [do] [from ADDRESS] [port "
            "PORT]\n",
            wrong, why);
    free(copy);
    return wrong == NULL ? ERR_OK : ERR_SYNTAX;
}

/* RFC 1035 4.1, with an OPT record. */
static size_t make_packet(const struct asked *asked, uint8_t *out)
{
    static const uint8_t head[12] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    const uint8_t opt[11] = {0, 0, TYPE_OPT, 1232 >> 8, 1232 & 255, 0, 0, asked->dnssec ? 0x80 : 0};
    uint8_t *at = out;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    memcpy(at, asked->name, asked->name_len);
    at += asked->name_len;
    *at++ = (uint8_t)(asked->type >> 8);
    *at++ = (uint8_t)asked->type;
    *at++ = (uint8_t)(asked->class >> 8);
    *at++ = (uint8_t)asked->class;
    memcpy(at, opt, sizeof opt);
    return (size_t)(at + sizeof opt - out);
}

/* ---- the way ---- */

struct run {
    const struct asked *asked;
    struct world *world;
    struct listener listener;
    uint8_t packet[512];
    size_t packet_len;
    sem_t done;
};

/* The address and port whose block has the longest zone: where the question would be asked in earnest. */
static const struct endpoint_plan *choose_endpoint(const struct world *world, const struct asked *asked)
{
    struct question question;
    const struct endpoint_plan *best = NULL;
    unsigned best_labels = 0;
    question_set(&question, asked->name, asked->type, asked->class);
    for (unsigned i = 0; i < world->endpoint_count; i++) {
        const struct endpoint_plan *plan = &world->endpoints[i];
        if (asked->port != 0 && address_port(&plan->key.address) != asked->port)
            continue;
        const struct suffix_entry *entry = suffix_route(&plan->table, &question);
        unsigned labels = entry != NULL ? entry->labels + 1u : 0;
        if (best == NULL || labels > best_labels) {
            best = plan;
            best_labels = labels;
        }
    }
    return best;
}

static void finished(struct query *query, enum served verdict, void *context)
{
    struct run *run = context;
    tell_reply(query, verdict);
    sem_post(&run->done);
}

static void tell_route(const struct run *run, const struct slot *slot)
{
    const struct query *query = &slot->query;
    char question[TELL_QUESTION_MAX], client[INET6_ADDRSTRLEN];
    tell_question(query->question, question);
    address_print(&query->client, client);
    if (query->chain == &chain_nobody) {
        printf("%s from %s: no server block is for this name, or none of their views takes it\n", question,
            client);
        return;
    }
    const struct block *block = query->block;
    const struct token *at = NULL;
    for (unsigned i = 0; i < run->world->chain_count; i++) {
        if (&run->world->chains[i].block == block || run->world->chains[i].block.label == block->label)
            at = &run->world->chains[i].source->opened;
    }
    printf("%s from %s over %s: server block '%s'", question, client, run->asked->tcp ? "TCP" : "UDP",
        block->label);
    if (at != NULL)
        printf(" (%s:%u)", at->file, at->line);
    printf(block->view != NULL ? ", view %s\n" : "%s\n", block->view != NULL ? block->view : "");
}

static void inject(struct worker *worker, void *arg)
{
    struct run *run = arg;
    worker_enter(worker);
    struct slot *slot = slot_take(worker);
    if (slot == NULL)
        abort();
    slot->packet = run->packet;
    slot->packet_len = (uint32_t)run->packet_len;
    slot->listener = NULL;
    slot->query.client = run->asked->client;
    slot->query.server = run->listener.address;
    slot->query.transport = run->asked->tcp ? TRANSPORT_TCP : TRANSPORT_UDP;
    slot->query.begin_ns = worker->now_ns;
    query_parse(slot);
    slot->query.parent = NULL;
    slot->done = finished;
    slot->context = run;
    slot->listener = &run->listener;
    if (slot->served == SERVED_NEXT)
        query_route(run->world, slot);
    slot->listener = NULL;
    tell_route(run, slot);
    if (slot->served == SERVED_NEXT)
        slot->served = engine_serve(&slot->query);
    if (slot->served == SERVED_SUSPENDED)
        engine_park(slot);
    else
        engine_child_done(slot, slot->served);
    worker_leave(worker);
}

static void look_whether_done(uv_timer_t *timer)
{
    struct run *run = timer->data;
    if (sem_trywait(&run->done) == 0)
        uv_stop(timer->loop);
}

static void give_up(uv_timer_t *timer)
{
    puts("it still waits; no more is told");
    uv_stop(timer->loop);
}

/* The control thread's loop runs on meanwhile: plugins may need it. */
static void wait_for_it(uv_loop_t *loop, struct run *run)
{
    uv_timer_t tick, patience;
    uv_timer_init(loop, &tick);
    uv_timer_init(loop, &patience);
    tick.data = run;
    uv_timer_start(&tick, look_whether_done, 0, TICK_MS);
    uv_timer_start(&patience, give_up, PATIENCE_MS, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

static enum err run_world(struct world *world, const struct asked *asked, uv_loop_t *loop)
{
    struct run run = {.asked = asked, .world = world};
    struct worker *worker;
    const struct endpoint_plan *plan = choose_endpoint(world, asked);
    if (plan != NULL)
        run.listener.address = plan->key.address;
    world->routes = calloc(1, sizeof *world->routes);
    if (world->routes == NULL || tell_trace(world) != ERR_OK)
        return ERR_MEMORY;
    world->routes[0] = plan != NULL ? &plan->table : NULL;
    world->route_count = 1;
    run.packet_len = make_packet(asked, run.packet);
    sem_init(&run.done, 0, 0);
    enum err err = world_start_quietly(world);
    if (err == ERR_OK) {
        atomic_store(&world_now, world);
        err = worker_start(0, &worker);
    }
    if (err == ERR_OK) {
        worker_post(worker, inject, &run);
        wait_for_it(loop, &run);
        worker_stop(worker);
    }
    atomic_store(&world_now, NULL);
    sem_destroy(&run.done);
    return err;
}

enum err explain(const struct server_options *options, const char *question, uv_loop_t *loop)
{
    struct asked asked;
    struct world *world;
    enum err err = read_question(&asked, question);
    if (err != ERR_OK)
        return err;
    err = world_build(options->corefile, options->port, true, &options->sink, &world);
    if (err != ERR_OK)
        return err;
    err = host_open(loop, 1);
    if (err == ERR_OK) {
        fflush(stdout);
        err = run_world(world, &asked, loop);
        world_free(world);
        host_close();
        uv_run(loop, UV_RUN_NOWAIT);
    }
    return err;
}
