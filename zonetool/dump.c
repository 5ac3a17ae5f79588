/* Dump: threads take runs of nodes in turn, print each into a buffer of their own, and write it when the
 * runs before it are out. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "zone/store/print.h"
#include "zonetool/source.h"

#define RUN_NODES 8192
#define THREADS_MAX 64

struct dump {
    const struct image *image;
    uint32_t node_count; /* of both orders together */
    uint32_t run_count;
    pthread_mutex_t lock;
    pthread_cond_t written;
    uint32_t taken; /* runs that threads have begun */
    uint32_t next;  /* the run to be written next */
    bool failed;    /* with `error`: nothing more is written */
    int error;      /* errno */
};

/* NSEC3 nodes come behind the others. */
static const struct node *node_at(const struct image *image, uint32_t number)
{
    uint32_t count = image->header->node_count;
    return image_node(image, number < count ? image->order[number] : image->nsec3_order[number - count]);
}

static bool print_run(struct print *print, const struct dump *dump, uint32_t run)
{
    uint32_t at = run * RUN_NODES;
    uint32_t end = dump->node_count - at > RUN_NODES ? at + RUN_NODES : dump->node_count;
    print->len = 0;
    for (; at < end; at++) {
        if (!print_node(print, node_at(dump->image, at)))
            return false;
    }
    return true;
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, text, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        text += done;
        len -= (size_t)done;
    }
    return true;
}

static bool take_run(struct dump *dump, uint32_t *run)
{
    pthread_mutex_lock(&dump->lock);
    bool taken = !dump->failed && dump->taken < dump->run_count;
    if (taken)
        *run = dump->taken++;
    pthread_mutex_unlock(&dump->lock);
    return taken;
}

static void give_up(struct dump *dump, int error)
{
    if (!dump->failed)
        dump->error = error;
    dump->failed = true;
}

/* Only the thread whose turn it is writes, so the lock is not held for it. */
static void write_run(struct dump *dump, uint32_t run, const struct print *print, bool printed)
{
    pthread_mutex_lock(&dump->lock);
    while (dump->next != run)
        pthread_cond_wait(&dump->written, &dump->lock);
    if (!printed)
        give_up(dump, ENOMEM);
    bool wanted = !dump->failed;
    pthread_mutex_unlock(&dump->lock);

    bool good = !wanted || write_all(STDOUT_FILENO, print->text, print->len);
    int error = errno;

    pthread_mutex_lock(&dump->lock);
    if (!good)
        give_up(dump, error);
    dump->next = run + 1;
    pthread_cond_broadcast(&dump->written);
    pthread_mutex_unlock(&dump->lock);
}

static void *dump_thread(void *context)
{
    struct dump *dump = context;
    struct print print;
    bool ready = print_init(&print, dump->image);
    for (uint32_t run; take_run(dump, &run);)
        write_run(dump, run, &print, ready && print_run(&print, dump, run));
    print_clear(&print);
    return NULL;
}

static unsigned thread_count(const struct arguments *arguments, uint32_t run_count)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = arguments->threads != 0 ? arguments->threads : cores > 0 ? (unsigned)cores : 1;
    if (wanted > run_count)
        wanted = run_count;
    return wanted < THREADS_MAX ? wanted : THREADS_MAX;
}

/* The calling thread is one of them; a thread that cannot be started is not missed. */
static void run_threads(struct dump *dump, unsigned count)
{
    pthread_t threads[THREADS_MAX];
    unsigned started = 0;
    while (started + 1 < count && pthread_create(&threads[started], NULL, dump_thread, dump) == 0)
        started++;
    dump_thread(dump);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

static enum outcome dump_image(const struct image *image, const struct arguments *arguments)
{
    struct dump dump = {.image = image};
    dump.node_count = image->header->node_count + image->header->nsec3_count;
    dump.run_count = (dump.node_count + RUN_NODES - 1) / RUN_NODES;
    pthread_mutex_init(&dump.lock, NULL);
    pthread_cond_init(&dump.written, NULL);
    run_threads(&dump, thread_count(arguments, dump.run_count));
    pthread_cond_destroy(&dump.written);
    pthread_mutex_destroy(&dump.lock);
    if (dump.failed)
        return complain("standard output: %s", strerror(dump.error));
    return OUTCOME_CLEAN;
}

enum outcome dump_run(const struct arguments *arguments)
{
    struct report report;
    struct source source;
    report_init(&report, stderr);
    enum outcome outcome = source_open(&source, arguments->operands[0], arguments, WANT_IMAGE, &report);
    if (outcome == OUTCOME_CLEAN)
        outcome = dump_image(source.image, arguments);
    source_close(&source);
    report_clear(&report);
    return outcome;
}
