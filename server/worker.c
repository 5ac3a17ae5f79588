#include "server/worker.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/engine.h"
#include "server/outlet.h"
#include "server/serve.h"
#include "server/tcp.h"
#include "server/udp.h"
#include "server/world.h"

struct mail {
    struct mail *next;
    void (*call)(struct worker *worker, void *arg);
    void *arg;
};

#define END_MS 5000 /* that suspended queries have at the end */

_Atomic(struct world *) world_now;
_Thread_local struct worker *worker_here;

static _Atomic(struct worker *) workers[WORKERS_MAX];

static uint64_t oldest_waiting(const struct worker *worker)
{
    return worker->waiting_first != NULL ? worker->waiting_first->epoch : EPOCH_OUTSIDE;
}

void worker_enter(struct worker *worker)
{
    worker->epoch = epoch_enter(&worker->reader, oldest_waiting(worker));
    worker_here = worker;
    worker->world = atomic_load_explicit(&world_now, memory_order_acquire);
    if (UNLIKELY(worker->world->times)) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        worker->now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
}

static void go_on_here(struct worker *worker)
{
    while (worker->resumed_first != NULL) {
        struct slot *first = worker->resumed_first;
        worker->resumed_first = NULL;
        serve_resumed(worker, first);
    }
}

void worker_leave(struct worker *worker)
{
    if (UNLIKELY(worker->resumed_first != NULL))
        go_on_here(worker);
    worker_here = NULL;
    worker->world = NULL;
    epoch_leave(&worker->reader, oldest_waiting(worker));
}

struct worker *worker_at(unsigned index)
{
    return index < WORKERS_MAX ? atomic_load_explicit(&workers[index], memory_order_acquire) : NULL;
}

/* ---- slots ---- */

#define TRIM_MS 1000

struct slot *slot_take(struct worker *worker)
{
    struct slot *slot = worker->free_slots;
    if (slot != NULL) {
        worker->free_slots = slot->next;
        worker->free_count--;
        return slot;
    }
    slot = aligned_alloc(64, (sizeof *slot + 63) & ~(size_t)63);
    if (slot == NULL)
        return NULL;
    slot->worker = worker;
    slot->waiting = false;
    slot->orphan = false;
    slot->listener = NULL;
    slot->connection = NULL;
    slot->sending = NULL;
    slot->query.stream = NULL;
    slot->children = NULL;
    slot->done = NULL;
    slot->query.scratch = &slot->scratch;
    slot->query.worker = (uint16_t)worker->index;
    arena_init(&slot->scratch, 16 * 1024);
    return slot;
}

static void give_children(struct slot *slot)
{
    for (struct slot *child = slot->children; child != NULL;) {
        struct slot *sibling = child->sibling;
        if (child->waiting)
            child->orphan = true;
        else
            slot_give(child);
        child = sibling;
    }
    slot->children = NULL;
}

void slot_reuse(struct slot *slot)
{
    if (UNLIKELY(slot->query.stream != NULL)) { /* nobody wanted it */
        slot->query.stream->end(slot->query.stream, true);
        slot->query.stream = NULL;
    }
    if (UNLIKELY(slot->children != NULL))
        give_children(slot);
    if (UNLIKELY(slot->scratch.chunks != NULL))
        arena_reset(&slot->scratch);
}

/* A second after the last of a burst: freed memory goes back to the system. */
static void trim(struct alarm *alarm, bool ending)
{
    (void)alarm;
    if (!ending)
        malloc_trim(0);
}

/* A burst of queries that wait takes memory; what is not needed all the time is given back. */
static void slot_give_back(struct worker *worker, struct slot *slot)
{
    worker->trim.ring = trim;
    alarm_set(&worker->trim, worker->index, TRIM_MS);
    slot_free(slot);
}

void slot_give(struct slot *slot)
{
    struct worker *worker = slot->worker;
    slot_reuse(slot);
    if (slot->listener != NULL)
        listener_drop(slot->listener);
    if (UNLIKELY(worker->free_count >= SLOTS_KEPT)) {
        slot_give_back(worker, slot);
        return;
    }
    slot->listener = NULL;
    slot->connection = NULL;
    slot->done = NULL;
    slot->orphan = false;
    slot->next = worker->free_slots;
    worker->free_slots = slot;
    worker->free_count++;
}

void slot_free(struct slot *slot)
{
    if (slot == NULL)
        return;
    arena_clear(&slot->scratch);
    free(slot);
}

/* ---- listeners ---- */

void listener_open(struct worker *worker, void *arg)
{
    struct listener *listener = arg;
    listener->worker = worker;
    listener->next = worker->listeners;
    listener->open = true;
    listener->users = 1;
    worker->listeners = listener;
    if (uv_poll_init(&worker->loop, &listener->poll, listener->fd) != 0)
        abort();
    listener->poll.data = listener;
    uv_poll_start(&listener->poll, UV_READABLE, listener->tcp ? tcp_acceptable : udp_readable);
}

void listener_drop(struct listener *listener)
{
    if (--listener->users == 0)
        free(listener);
}

static void listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    close(listener->fd);
    listener->fd = -1;
    listener_drop(listener);
}

void listener_close(struct worker *worker, void *arg)
{
    struct listener *listener = arg;
    for (struct listener **at = &worker->listeners; *at != NULL; at = &(*at)->next) {
        if (*at == listener) {
            *at = listener->next;
            break;
        }
    }
    listener->open = false;
    if (listener->tcp)
        tcp_close_listener(worker, listener);
    uv_poll_stop(&listener->poll);
    uv_close((uv_handle_t *)&listener->poll, listener_closed);
}

/* ---- the thread ---- */

static void read_mail(struct worker *worker)
{
    pthread_mutex_lock(&worker->mail_lock);
    struct mail *mail = worker->mail;
    worker->mail = NULL;
    pthread_mutex_unlock(&worker->mail_lock);
    while (mail != NULL) {
        struct mail *next = mail->next;
        mail->call(worker, mail->arg);
        free(mail);
        mail = next;
    }
}

static void go_on_with_resumed(struct worker *worker)
{
    struct slot *newest = atomic_exchange(&worker->resumed, NULL), *oldest = NULL;
    while (newest != NULL) {
        struct slot *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    if (oldest != NULL)
        serve_resumed(worker, oldest);
}

static void end_now(struct worker *worker);

static void on_wake(uv_async_t *wake)
{
    struct worker *worker = wake->data;
    worker_enter(worker);
    go_on_with_resumed(worker);
    worker_leave(worker);
    read_mail(worker);
    if (worker->ending && worker->waiting_count == 0)
        end_now(worker);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    sigset_t all;
    sigfillset(&all); /* signals are the control thread's, but for a thread's own faults */
    for (unsigned i = 0; i < ARRAY_COUNT(faults); i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void worker_free(struct worker *worker)
{
    udp_free(worker->udp);
    tcp_free(worker->tcp);
    outlet_free(worker->outlet);
    while (worker->free_slots != NULL) {
        struct slot *slot = worker->free_slots;
        worker->free_slots = slot->next;
        slot_free(slot);
    }
    pthread_mutex_destroy(&worker->mail_lock);
    free(worker);
}

enum err worker_start(unsigned index, struct worker **out)
{
    struct worker *worker = aligned_alloc(64, sizeof *worker);
    if (worker == NULL)
        return ERR_MEMORY;
    memset(worker, 0, sizeof *worker);
    worker->index = index;
    pthread_mutex_init(&worker->mail_lock, NULL);
    worker->udp = udp_new(worker);
    worker->tcp = tcp_new(worker);
    if (worker->udp == NULL || worker->tcp == NULL || uv_loop_init(&worker->loop) != 0) {
        worker_free(worker);
        return ERR_MEMORY;
    }
    worker->wake.data = worker;
    uv_async_init(&worker->loop, &worker->wake, on_wake);
    epoch_join(&worker->reader);
    atomic_store(&workers[index], worker);
    if (pthread_create(&worker->thread, NULL, run, worker) != 0)
        abort();
    char name[16];
    snprintf(name, sizeof name, "worker %u", index % 1000);
    pthread_setname_np(worker->thread, name);
    *out = worker;
    return ERR_OK;
}

void worker_post(struct worker *worker, void (*call)(struct worker *worker, void *arg), void *arg)
{
    struct mail *mail = malloc(sizeof *mail);
    if (mail == NULL)
        abort(); /* a socket that cannot be handed over cannot be closed either */
    *mail = (struct mail){.call = call, .arg = arg};
    pthread_mutex_lock(&worker->mail_lock);
    struct mail **last = &worker->mail;
    while (*last != NULL)
        last = &(*last)->next;
    *last = mail;
    pthread_mutex_unlock(&worker->mail_lock);
    uv_async_send(&worker->wake);
}

static void end_now(struct worker *worker)
{
    if (uv_is_closing((uv_handle_t *)&worker->wake))
        return;
    outlet_end(worker->outlet);
    tcp_close_all(worker);
    uv_close((uv_handle_t *)&worker->deadline, NULL);
    uv_close((uv_handle_t *)&worker->wake, NULL);
}

static void on_deadline(uv_timer_t *timer)
{
    end_now(timer->data);
}

/* No new queries; those that wait for something get a moment to be answered. */
static void end(struct worker *worker, void *arg)
{
    (void)arg;
    worker->ending = true;
    while (worker->listeners != NULL)
        listener_close(worker, worker->listeners);
    uv_timer_init(&worker->loop, &worker->deadline);
    worker->deadline.data = worker;
    uv_timer_start(&worker->deadline, on_deadline, END_MS, 0);
    if (worker->waiting_count == 0)
        end_now(worker);
}

void worker_stop(struct worker *worker)
{
    worker_post(worker, end, NULL);
    pthread_join(worker->thread, NULL);
    atomic_store(&workers[worker->index], NULL);
    atomic_store(&worker->gone, true);
    uv_loop_close(&worker->loop);
    epoch_part(&worker->reader);
    if (worker->waiting_count == 0) /* else somebody still means to resume them */
        worker_free(worker);
}
