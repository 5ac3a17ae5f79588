#include "plugins/secondary/crew.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "plugins/secondary/clock.h"
#include "plugins/secondary/fetch.h"
#include "plugins/secondary/primary.h"
#include "zone/base/log.h"
#include "zone/net/stream.h"

#define IDLE_S 10
#define NICENESS 5 /* of a thread, on Linux: workers come first where both want a core */

static pthread_cond_t work = PTHREAD_COND_INITIALIZER, gone = PTHREAD_COND_INITIALIZER;
static unsigned threads, idle, woken; /* with the clock's lock; woken: of the idle ones, not yet running */
static atomic_bool ending;

/* What a fetch has come to, with the lock. */
static void settle(struct follower *follower, enum fetch_outcome outcome)
{
    struct primary *primary = follower->at;
    primary->fetching--;
    follower->stage = STAGE_IDLE;
    follower->at = NULL;
    if (outcome == FETCH_FAILED) {
        clock_failed(follower);
        return;
    }
    struct snapshot *snapshot = zone_take(follower->zone);
    if (snapshot != NULL)
        follower_note_soa(follower, snapshot);
    snapshot_release(snapshot);
    snapshot_release(follower->kept);
    follower->kept = NULL;
    follower->force = false;
    primary->failures = 0;
    if (outcome == FETCH_CURRENT)
        follower->fruitless_ms = net_now_ms();
    clock_confirmed(follower);
}

static void fetch_one(struct follower *follower)
{
    struct plan *plan = plan_hold(follower->plan);
    struct fetch fetch = {.follower = follower,
        .plan = plan,
        .primary = &plan->primaries[follower->index % plan->primary_count],
        .force = follower->force,
        .kept = follower->kept != NULL ? snapshot_hold(follower->kept) : NULL,
        .stop = &ending};
    follower->stage = STAGE_FETCHING;
    pthread_mutex_unlock(&clock_lock);
    enum fetch_outcome outcome = fetch_zone(&fetch);
    snapshot_release(fetch.kept);
    plan_release(plan);
    pthread_mutex_lock(&clock_lock);
    settle(follower, outcome);
    clock_kick();
}

/* Waits for work; false when there was none for long enough. */
static bool await_work(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_S;
    idle++;
    int result = pthread_cond_timedwait(&work, &clock_lock, &until);
    idle--;
    woken -= woken > 0;
    return result != ETIMEDOUT;
}

static void *run(void *arg)
{
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    pthread_mutex_lock(&clock_lock);
    for (bool more = true; more && !atomic_load(&ending);) {
        struct follower *follower = primaries_next_fetch();
        if (follower != NULL)
            fetch_one(follower);
        else
            more = await_work() || primaries_any_fetch();
    }
    threads--;
    pthread_cond_broadcast(&gone);
    pthread_mutex_unlock(&clock_lock);
    return arg;
}

void crew_call(void)
{
    pthread_t thread;
    if (idle > woken) {
        woken++;
        pthread_cond_signal(&work);
        return;
    }
    if (threads >= CREW_MAX || atomic_load(&ending))
        return;
    threads++;
    if (pthread_create(&thread, NULL, run, NULL) == 0) {
        pthread_detach(thread);
        return;
    }
    threads--;
    if (threads == 0)
        log_error("plugin/secondary: no thread can be made for transfers");
}

void crew_end(void)
{
    pthread_mutex_lock(&clock_lock);
    atomic_store(&ending, true);
    pthread_cond_broadcast(&work);
    while (threads > 0)
        pthread_cond_wait(&gone, &clock_lock);
    atomic_store(&ending, false);
    pthread_mutex_unlock(&clock_lock);
}
