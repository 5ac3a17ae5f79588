/* A worker: one thread of the data plane, with its own sockets, event loop, memory and counters. Nothing it
 * writes while serving is shared. The control thread talks to it by worker_post; a plugin's thread by
 * query_resume. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "plugins/alarm.h"
#include "server/epoch.h"
#include "server/server.h"
#include "server/slot.h"

#define BATCH 32          /* packets per system call */
#define WAITING_MAX 65536 /* suspended queries; further ones fail */
#define WORKERS_MAX 1024
#define SLOTS_KEPT 2048 /* free ones; a burst needs more for a while */

struct outlet;
struct world;
struct udp_batch;
struct tcp_side;

/* A socket of one worker. */
struct listener {
    struct worker *worker;
    struct listener *next;
    uv_poll_t poll;
    int fd;
    unsigned endpoint; /* index of world->routes */
    union address address;
    bool tcp;
    bool tls;
    bool wildcard; /* replies must name the address asked */
    bool open;
    unsigned users; /* itself while open, suspended queries, connections */
};

/* Counters are written by their worker alone and read by anyone: plain moves on every machine. */
typedef _Atomic uint64_t counter;
static inline void counter_add(counter *counted, uint64_t more)
{
    atomic_store_explicit(
        counted, atomic_load_explicit(counted, memory_order_relaxed) + more, memory_order_relaxed);
}

struct worker_counters {
    counter queries[2], replies, rcodes[24], dropped, malformed, truncated, batches, connections,
        connections_now, connections_evicted, connections_refused, suspended, send_errors;
};

struct worker {
    unsigned index;
    uint64_t epoch;            /* entered */
    const struct world *world; /* valid between worker_enter and worker_leave */
    uint64_t now_ns;           /* of the batch, when the world wants times */
    struct slot *free_slots;
    unsigned free_count;
    struct alarm trim; /* set: slots were freed, their pages are still the process's */
    struct slot *waiting_first, *waiting_last;
    unsigned waiting_count;
    struct udp_batch *udp;
    struct tcp_side *tcp;
    struct outlet *outlet;                     /* to other servers; NULL until it is used */
    struct slot *resumed_first, *resumed_last; /* by this thread, in this event */
    struct listener *listeners;
    struct worker_counters counters;

    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t deadline; /* of the end */
    bool ending;
    pthread_t thread;
    _Atomic(struct slot *) resumed;
    _Atomic(bool) gone; /* ended with queries still waiting: resuming them is too late */
    pthread_mutex_t mail_lock;
    struct mail *mail;
    struct epoch_reader reader;
};

/* The world that workers load; swapped by the control thread. */
extern _Atomic(struct world *) world_now;

/* Every event that serves queries lies between these two. What was resumed in between goes on before the
 * second returns. */
void worker_enter(struct worker *worker) NONNULL(1);
void worker_leave(struct worker *worker) NONNULL(1);

/* The worker INDEX, or NULL when it does not run. The worker itself and the control thread. */
struct worker *worker_at(unsigned index);

/* The worker whose event this thread is in, or NULL. */
extern _Thread_local struct worker *worker_here;

/* A slot from the free list, or a new one; NULL: out of memory. */
struct slot *slot_take(struct worker *worker) NODISCARD NONNULL(1);
/* Makes it ready for the next query: its children and its scratch memory go. */
void slot_reuse(struct slot *slot) NONNULL(1);
/* Gives it back. */
void slot_give(struct slot *slot) NONNULL(1);
void slot_free(struct slot *slot);

/* Control thread: creates and starts, stops and frees. */
enum err worker_start(unsigned index, struct worker **out) NODISCARD NONNULL(2);
void worker_stop(struct worker *worker) NONNULL(1);

/* Runs CALL(WORKER, ARG) in the worker's thread, soon, in order. */
void worker_post(struct worker *worker, void (*call)(struct worker *worker, void *arg), void *arg)
    NONNULL(1, 2);

/* The socket calls, in the worker's thread. LISTENER (malloc'd) becomes the worker's. */
void listener_open(struct worker *worker, void *listener);
void listener_close(struct worker *worker, void *listener);
void listener_drop(struct listener *listener) NONNULL(1); /* one user less */

#endif
