#include "zone/store/print_zone.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "zone/base/parallel.h"
#include "zone/store/print.h"

#define RUN_NODES 4096

struct printing {
    const struct snapshot *snapshot;
    const struct node **nodes;
    size_t count, room;
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t written;
    size_t next; /* the run to be written next */
    enum err failure;
    int error; /* errno */
};

static enum err collect(struct printing *printing)
{
    struct snapshot_walk walk;
    const struct node *node;
    snapshot_walk_start(&walk, printing->snapshot);
    while ((node = snapshot_walk_next(&walk)) != NULL) {
        if (printing->count == printing->room) {
            size_t room = printing->room * 2 + 4096;
            const struct node **nodes = realloc(printing->nodes, room * sizeof(struct node *));
            if (nodes == NULL)
                return ERR_MEMORY;
            printing->nodes = nodes;
            printing->room = room;
        }
        printing->nodes[printing->count++] = node;
    }
    return ERR_OK;
}

static enum err write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, text, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return ERR_IO;
        text += done;
        len -= (size_t)done;
    }
    return ERR_OK;
}

static enum err print_run(struct print *print, const struct printing *printing, size_t run)
{
    size_t at = run * RUN_NODES;
    size_t end = printing->count - at > RUN_NODES ? at + RUN_NODES : printing->count;
    for (; at < end; at++) {
        if (!print_node(print, printing->nodes[at]))
            return ERR_MEMORY;
    }
    return ERR_OK;
}

/* Runs are taken in order, so the one before is being printed or written by somebody else. */
static void print_in_turn(void *context, size_t run)
{
    struct printing *printing = context;
    struct print print;
    enum err err =
        print_init(&print, printing->snapshot->image) ? print_run(&print, printing, run) : ERR_MEMORY;
    pthread_mutex_lock(&printing->lock);
    while (printing->next != run)
        pthread_cond_wait(&printing->written, &printing->lock);
    if (printing->failure == ERR_OK)
        printing->failure = err;
    bool wanted = printing->failure == ERR_OK;
    pthread_mutex_unlock(&printing->lock);
    err = wanted ? write_all(printing->fd, print.text, print.len) : ERR_OK;
    int error = errno;
    print_clear(&print);
    pthread_mutex_lock(&printing->lock);
    if (err != ERR_OK) {
        printing->failure = err;
        printing->error = error;
    }
    printing->next = run + 1;
    pthread_cond_broadcast(&printing->written);
    pthread_mutex_unlock(&printing->lock);
}

enum err print_zone(const struct snapshot *snapshot, unsigned threads, int fd)
{
    struct printing printing = {.snapshot = snapshot, .fd = fd};
    enum err err = collect(&printing);
    if (err == ERR_OK) {
        pthread_mutex_init(&printing.lock, NULL);
        pthread_cond_init(&printing.written, NULL);
        parallel_each(threads, (printing.count + RUN_NODES - 1) / RUN_NODES, print_in_turn, &printing);
        pthread_cond_destroy(&printing.written);
        pthread_mutex_destroy(&printing.lock);
        err = printing.failure;
        errno = printing.error;
    }
    free(printing.nodes);
    return err;
}
