#include "zone/base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define THREADS_MAX 64

struct shared {
    void (*task)(void *context, size_t i);
    void *context;
    size_t count;
    atomic_size_t next;
};

static unsigned ask_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : (unsigned)count;
}

unsigned parallel_cores(void)
{
    static atomic_uint cores; /* asked once: a server with many zones would ask for each of them */
    unsigned known = atomic_load_explicit(&cores, memory_order_relaxed);
    if (known == 0) {
        known = ask_cores();
        atomic_store_explicit(&cores, known, memory_order_relaxed);
    }
    return known;
}

static void *work(void *arg)
{
    struct shared *shared = arg;
    for (;;) {
        size_t i = atomic_fetch_add_explicit(&shared->next, 1, memory_order_relaxed);
        if (i >= shared->count)
            return NULL;
        shared->task(shared->context, i);
    }
}

void parallel_each(unsigned threads, size_t count, void (*task)(void *context, size_t i), void *context)
{
    struct shared shared = {.task = task, .context = context, .count = count};
    pthread_t helpers[THREADS_MAX];
    unsigned started = 0;
    if (threads == 0 && count > 1)
        threads = parallel_cores();
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    if (threads > count)
        threads = (unsigned)count;
    while (started + 1 < threads && pthread_create(&helpers[started], NULL, work, &shared) == 0)
        started++;
    work(&shared);
    while (started > 0)
        pthread_join(helpers[--started], NULL);
}
