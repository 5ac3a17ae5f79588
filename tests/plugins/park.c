/* A plugin built outside the tree, for the tests of loading, suspending, resuming and sub-queries:
 *
 *     park MILLISECONDS
 *
 *     slow.      waits, resumed by another thread, then goes on to the next plugin
 *     sub.       asks slow. through the same block and gives its answer
 *     orphan.    asks slow. and does not wait for it
 *     refuse.    waits, then is answered with REFUSED
 *     drop.      waits, then is dropped
 *     fail.      meets an error
 *     mark.      passes; finish adds an EDNS option */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "plugins/plugin.h"

struct park {
    int64_t pause_ms;
};

static const struct option options[] = {
    {.arg = "MILLISECONDS",
        .kind = OPTION_INTEGER,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct park, pause_ms),
        .max = 60000,
        .help = "how long a query waits"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct park *park = ARENA_NEW(setup->world, struct park);
    *self = park;
    return park != NULL ? options_parse(setup, options, park) : ERR_MEMORY;
}

struct wait {
    struct query *query;
    int64_t pause_ms;
    enum served verdict;
};

static void *wait_and_resume(void *arg)
{
    struct wait wait = *(struct wait *)arg;
    free(arg);
    nanosleep(&(struct timespec){wait.pause_ms / 1000, wait.pause_ms % 1000 * 1000000}, NULL);
    query_resume(wait.query, wait.verdict);
    return NULL;
}

static enum served wait_for(struct park *park, struct query *query, enum served verdict)
{
    struct wait *wait = malloc(sizeof *wait);
    pthread_t thread;
    if (wait == NULL || !query_may_wait(query))
        return query_fail(query, "park", RCODE_SERVFAIL, "too many wait");
    *wait = (struct wait){query, park->pause_ms, verdict};
    if (pthread_create(&thread, NULL, wait_and_resume, wait) != 0)
        return query_fail(query, "park", RCODE_SERVFAIL, "no thread");
    pthread_detach(thread);
    return SERVED_SUSPENDED;
}

static void take_answer(struct query *child, enum served verdict, void *context)
{
    struct query *parent = context;
    (void)verdict;
    for (unsigned i = 0; i < child->reply.count; i++) {
        struct rr_ref *ref = reply_add(
            &parent->reply, child->reply.refs[i].section, child->reply.refs[i].rrset, parent->scratch);
        (void)ref;
    }
    query_resume(parent, SERVED_ANSWERED);
}

static bool is(const struct query *query, const char *name)
{
    return name_equal(query->question->lower, (const uint8_t *)name);
}

static enum served serve(void *self, struct query *query)
{
    struct park *park = self;
    if (is(query, "\004slow"))
        return wait_for(park, query, SERVED_NEXT);
    if (is(query, "\006refuse")) {
        query->reply.rcode = RCODE_REFUSED;
        return wait_for(park, query, SERVED_ANSWERED);
    }
    if (is(query, "\004drop"))
        return wait_for(park, query, SERVED_DROPPED);
    if (is(query, "\004fail"))
        return query_fail(query, "park", RCODE_SERVFAIL, "asked to fail number %d", 7);
    if (is(query, "\003sub")) {
        enum err err = query_sub(query, (const uint8_t *)"\004slow", 1, take_answer, query);
        return err == ERR_OK ? SERVED_SUSPENDED : query_fail(query, "park", RCODE_SERVFAIL, "no sub-query");
    }
    if (is(query, "\006orphan")) {
        enum err err = query_sub(query, (const uint8_t *)"\004slow", 1, NULL, NULL);
        return err == ERR_OK ? SERVED_NEXT : SERVED_DROPPED;
    }
    return SERVED_NEXT;
}

static void finish(void *self, struct query *query)
{
    (void)self;
    if (is(query, "\004mark"))
        query_option(query, 65001, "seen", 4);
}

static const struct plugin park_plugin = {
    .abi = PLUGIN_ABI,
    .name = "park",
    .options = options,
    .setup = setup,
    .serve = serve,
    .finish = finish,
};
PLUGIN(park)
