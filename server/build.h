/* The making of a world: what its parts share while it is made. Control thread. */
#ifndef SERVER_BUILD_H
#define SERVER_BUILD_H

#include <pthread.h>

#include "server/plugin_list.h"
#include "server/world.h"

struct build_job {
    struct build_job *next;
    enum err (*run)(void *arg, const struct finding_sink *sink);
    void *arg;
};

struct build {
    struct world *world;
    struct plugin_list plugins;
    struct finding_sink sink; /* counts, then passes on; any thread */
    const struct finding_sink *outer;
    pthread_mutex_t lock;
    unsigned errors;
    bool check;
    struct build_job *jobs, *last_job;
    unsigned job_count;
};

/* A setup for DIRECTIVE of CHAIN. */
struct setup build_setup(struct build *build, struct chain *chain, const struct directive *directive)
    NONNULL(1, 2, 3);

/* Which addresses and ports the blocks want, and what is served on each (endpoint.c). */
enum err build_endpoints(struct build *build) NODISCARD NONNULL(1);

#endif
