#include "server/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plugins/plugin.h"
#include "server/epoch.h"
#include "server/lines.h"
#include "zone/base/log.h"

#define RECLAIM_MS 5
#define BACKGROUND_NICE 5 /* a third of a worker's share when they compete */

static struct {
    uv_loop_t *loop;
    unsigned workers;
    uv_async_t retired; /* something waits to be freed */
    uv_timer_t reclaim; /* runs while something does */
    uv_async_t called;
    pthread_mutex_t calls_lock;
    struct call *calls, **calls_end;
    _Atomic bool open;
    pthread_t thread; /* the control thread */
} host = {.calls_lock = PTHREAD_MUTEX_INITIALIZER, .calls_end = &host.calls};

struct call {
    struct call *next;
    void (*run)(void *arg);
    void *arg;
};

struct host_timer {
    uv_timer_t timer;
    void (*tick)(void *arg);
    void *arg;
};

struct job {
    uv_work_t work;
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void on_reclaim(uv_timer_t *timer)
{
    if (!epoch_reclaim())
        uv_timer_stop(timer);
}

static void on_retired(uv_async_t *async)
{
    (void)async;
    if (epoch_reclaim())
        uv_timer_start(&host.reclaim, on_reclaim, RECLAIM_MS, RECLAIM_MS);
}

/* ---- calls into the control thread ---- */

static void run_calls(void)
{
    pthread_mutex_lock(&host.calls_lock);
    struct call *calls = host.calls;
    host.calls = NULL;
    host.calls_end = &host.calls;
    pthread_mutex_unlock(&host.calls_lock);
    while (calls != NULL) {
        struct call *next = calls->next;
        calls->run(calls->arg);
        free(calls);
        calls = next;
    }
}

static void on_called(uv_async_t *async)
{
    (void)async;
    run_calls();
}

enum err host_call(void (*run)(void *), void *arg)
{
    struct call *call = malloc(sizeof *call);
    if (call == NULL)
        return ERR_MEMORY;
    *call = (struct call){.run = run, .arg = arg};
    pthread_mutex_lock(&host.calls_lock);
    *host.calls_end = call;
    host.calls_end = &call->next;
    pthread_mutex_unlock(&host.calls_lock);
    if (atomic_load(&host.open))
        uv_async_send(&host.called);
    return ERR_OK;
}

/* ---- opening and closing ---- */

static void wake(void)
{
    if (atomic_load(&host.open))
        uv_async_send(&host.retired);
}

enum err host_open(uv_loop_t *loop, unsigned workers)
{
    host.loop = loop;
    host.thread = pthread_self();
    host.workers = workers;
    if (uv_async_init(loop, &host.retired, on_retired) != 0 || uv_timer_init(loop, &host.reclaim) != 0 ||
        uv_async_init(loop, &host.called, on_called) != 0)
        return ERR_IO;
    epoch_on_retire(wake);
    atomic_store(&host.open, true);
    uv_async_send(&host.called); /* what came before */
    return lines_open(workers);
}

void host_close(void)
{
    atomic_store(&host.open, false);
    lines_close();
    run_calls();
    while (epoch_reclaim())
        continue;
    uv_close((uv_handle_t *)&host.retired, NULL);
    uv_close((uv_handle_t *)&host.reclaim, NULL);
    uv_close((uv_handle_t *)&host.called, NULL);
}

uv_loop_t *host_loop(void)
{
    return host.loop;
}

unsigned host_workers(void)
{
    return host.workers;
}

void host_retire(void (*free_it)(void *), void *what)
{
    epoch_retire(free_it, what);
}

/* ---- background work ---- */

/* Workers come first where both want a core: on Linux, niceness belongs to a thread, and those it starts
 * inherit it. */
static void be_nice(void)
{
    static _Thread_local bool nice_already;
    if (!nice_already)
        setpriority(PRIO_PROCESS, (id_t)gettid(), BACKGROUND_NICE);
    nice_already = true;
}

static void run_job(uv_work_t *work)
{
    struct job *job = work->data;
    be_nice();
    job->run(job->arg);
}

static void end_job(uv_work_t *work, int status)
{
    struct job *job = work->data;
    (void)status;
    if (job->done != NULL)
        job->done(job->arg);
    free(job);
}

static void queue_job(void *arg)
{
    struct job *job = arg;
    if (uv_queue_work(host.loop, &job->work, run_job, end_job) != 0)
        abort(); /* only a job without a function is refused */
}

/* libuv takes work from the loop's own thread alone. */
enum err host_work(void (*run)(void *), void (*done)(void *), void *arg)
{
    struct job *job = malloc(sizeof *job);
    if (job == NULL)
        return ERR_MEMORY;
    *job = (struct job){.run = run, .done = done, .arg = arg};
    job->work.data = job;
    if (pthread_equal(host.thread, pthread_self())) {
        queue_job(job);
        return ERR_OK;
    }
    enum err err = host_call(queue_job, job);
    if (err != ERR_OK)
        free(job);
    return err;
}

/* ---- timers ---- */

static void on_tick(uv_timer_t *timer)
{
    struct host_timer *ticking = timer->data;
    ticking->tick(ticking->arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct host_timer *host_timer_start(int64_t period_ms, void (*tick)(void *), void *arg)
{
    struct host_timer *timer = malloc(sizeof *timer);
    if (timer == NULL)
        return NULL;
    timer->tick = tick;
    timer->arg = arg;
    uv_timer_init(host.loop, &timer->timer);
    timer->timer.data = timer;
    uv_timer_start(&timer->timer, on_tick, (uint64_t)period_ms, (uint64_t)period_ms);
    return timer;
}

void host_timer_stop(struct host_timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->timer, on_timer_closed);
}

void host_line(unsigned worker, const char *line, size_t len)
{
    lines_add(worker, line, len);
}
