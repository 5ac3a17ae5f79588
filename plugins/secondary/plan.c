#include "plugins/secondary/plan.h"

#include <pthread.h>
#include <stdlib.h>

struct plan *plan_new(void)
{
    struct plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        return NULL;
    atomic_init(&plan->refs, 1);
    arena_init(&plan->memory, 1024);
    return plan;
}

struct plan *plan_hold(struct plan *plan)
{
    atomic_fetch_add(&plan->refs, 1);
    return plan;
}

static void release_key(const struct tsig_key *key)
{
    tsig_key_release((struct tsig_key *)(uintptr_t)key);
}

void plan_release(struct plan *plan)
{
    if (plan == NULL || atomic_fetch_sub(&plan->refs, 1) > 1)
        return;
    for (unsigned i = 0; i < plan->primary_count; i++)
        release_key(plan->primaries[i].peer.key);
    release_key(plan->notify_key);
    tls_context_drop(plan->tls);
    arena_clear(&plan->memory);
    free(plan);
}

void plan_refresh_tls(const struct plan *plan, char *why)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    why[0] = '\0';
    if (plan->tls == NULL)
        return;
    pthread_mutex_lock(&lock);
    enum err err = tls_context_refresh(plan->tls, why);
    pthread_mutex_unlock(&lock);
    if (err == ERR_OK || err == ERR_STALE)
        why[0] = '\0';
}
