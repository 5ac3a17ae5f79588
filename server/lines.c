#include "server/lines.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/log.h"

#define RING ((size_t)1 << 18) /* octets of each worker */
#define GATHER_MS 2            /* so that one write takes many lines */

/* Written by one worker, read by the writer thread. Positions only grow. */
struct ring {
    _Alignas(64) _Atomic size_t head; /* the worker's: where it will write */
    _Atomic uint64_t dropped;
    _Alignas(64) _Atomic size_t tail; /* the writer's: where it will read */
    uint64_t dropped_told;
    char bytes[RING];
};

static struct {
    struct ring *rings;
    unsigned count;
    int event;
    _Atomic bool awake, end;
    pthread_t thread;
} lines = {.event = -1};

void lines_add(unsigned worker, const char *line, size_t len)
{
    struct ring *ring = &lines.rings[worker];
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (len > RING - (head - tail)) {
        atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
        return;
    }
    size_t at = head % RING, first = len < RING - at ? len : RING - at;
    memcpy(ring->bytes + at, line, first);
    memcpy(ring->bytes, line + first, len - first);
    atomic_store(&ring->head, head + len);
    if (!atomic_load(&lines.awake) && !atomic_exchange(&lines.awake, true))
        eventfd_write(lines.event, 1);
}

/* Writes what one ring has; false when it was empty. */
static bool write_ring(struct ring *ring)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t head = atomic_load(&ring->head);
    if (head == tail)
        return false;
    size_t at = tail % RING, len = head - tail, first = len < RING - at ? len : RING - at;
    struct iovec iov[2] = {{ring->bytes + at, first}, {ring->bytes, len - first}};
    ssize_t wrote = writev(STDOUT_FILENO, iov, len > first ? 2 : 1);
    if (wrote < 0 && errno == EAGAIN) /* standard output is non-blocking: somebody else's choice */
        poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, 100);
    if (wrote < 0 && errno != EAGAIN && errno != EINTR)
        wrote = (ssize_t)len; /* nobody reads it any more */
    atomic_store_explicit(&ring->tail, tail + (size_t)(wrote > 0 ? wrote : 0), memory_order_release);
    return true;
}

static bool write_all(void)
{
    bool any = false;
    for (unsigned i = 0; i < lines.count; i++) {
        struct ring *ring = &lines.rings[i];
        any |= write_ring(ring);
        uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
        if (dropped != ring->dropped_told) {
            log_warning("log: standard output does not keep up, %llu lines were dropped",
                (unsigned long long)(dropped - ring->dropped_told));
            ring->dropped_told = dropped;
        }
    }
    return any;
}

static void *run(void *arg)
{
    sigset_t all;
    (void)arg;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        if (write_all()) {
            nanosleep(&(struct timespec){.tv_nsec = GATHER_MS * 1000000}, NULL);
            continue;
        }
        if (atomic_load(&lines.end))
            return NULL;
        atomic_store(&lines.awake, false);
        if (write_all()) {
            atomic_store(&lines.awake, true);
            continue;
        }
        eventfd_t value;
        eventfd_read(lines.event, &value);
    }
}

enum err lines_open(unsigned workers)
{
    lines.event = eventfd(0, EFD_CLOEXEC);
    lines.rings = aligned_alloc(64, workers * sizeof(struct ring));
    if (lines.event < 0 || lines.rings == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < workers; i++) {
        struct ring *ring = &lines.rings[i];
        ring->head = ring->tail = 0;
        ring->dropped = ring->dropped_told = 0;
    }
    lines.count = workers;
    atomic_store(&lines.awake, false);
    atomic_store(&lines.end, false);
    if (pthread_create(&lines.thread, NULL, run, NULL) != 0)
        return ERR_IO;
    pthread_setname_np(lines.thread, "lines");
    return ERR_OK;
}

void lines_close(void)
{
    if (lines.event < 0)
        return;
    atomic_store(&lines.end, true);
    eventfd_write(lines.event, 1);
    pthread_join(lines.thread, NULL);
    close(lines.event);
    free(lines.rings);
    lines.event = -1;
    lines.rings = NULL;
    lines.count = 0;
}
