/* `run`: one worker for each repository, woken by webhooks and on SIGHUP; a worker that dies is started
 * again. SIGTERM and SIGINT end the daemon when the deployments under way are over. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gitsync/gitsync.h"
#include "gitsync/http.h"
#include "gitsync/story.h"
#include "gitsync/watch.h"
#include "gitsync/worker.h"
#include "zone/base/file.h"
#include "zone/base/service.h"

#define SECRET_MAX 4096
#define AGAIN_MS 5000 /* before a worker that died is started again */
#define PAUSE_MS 1000

struct running {
    struct settings_set *set;
    struct watch watch;
    struct http *http;
    struct worker *workers;
    int signals, wake, news;
    bool stop, was_ready;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ready when each repository was looked at once: what is served is known to be what it should be, or to be
 * not. */
static void notify_status(struct running *running)
{
    char state[300];
    struct watch_sum sum;
    watch_sum(&running->watch, &sum);
    bool ready = !running->was_ready && sum.looked == running->set->count;
    snprintf(state, sizeof state, "%sSTATUS=%u of %u repositories fine, deployed %.12s",
        ready ? "READY=1\n" : "", sum.fine, running->set->count, sum.commit);
    service_notify(state);
    running->was_ready |= ready;
}

static void for_all(struct running *running, int number)
{
    for (unsigned i = 0; i < running->set->count; i++)
        if (running->workers[i].pid > 0)
            kill(running->workers[i].pid, number);
}

static void wake_all(struct running *running)
{
    uint64_t one = 1;
    for (unsigned i = 0; i < running->set->count; i++)
        (void)!write(running->workers[i].wake, &one, sizeof one);
}

/* ---- the life of the workers ---- */

static unsigned alive(const struct running *running)
{
    unsigned count = 0;
    for (unsigned i = 0; i < running->set->count; i++)
        count += running->workers[i].pid > 0;
    return count;
}

static void reap(struct running *running)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (unsigned i = 0; i < running->set->count; i++) {
            struct worker *worker = &running->workers[i];
            if (worker->pid != pid)
                continue;
            worker->pid = 0;
            if (running->stop)
                continue;
            story_tell(worker->settings->name, LOG_ERROR, "died",
                "the process for it ended by %s %d; starting another",
                WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            watch_died(&running->watch, i);
        }
}

static void start_missing(struct running *running)
{
    int64_t now = now_ms();
    for (unsigned i = 0; i < running->set->count && !running->stop; i++) {
        struct worker *worker = &running->workers[i];
        if (worker->pid > 0 || (worker->born_ms != 0 && now - worker->born_ms < AGAIN_MS))
            continue;
        if (!worker_start(worker))
            story_tell(
                worker->settings->name, LOG_ERROR, "died", "cannot start a process: %s", strerror(errno));
    }
}

static void take_signal(struct running *running)
{
    struct signalfd_siginfo info;
    if (read(running->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGHUP)
        for_all(running, SIGHUP);
    else if (info.ssi_signo != SIGCHLD)
        running->stop = true;
    if (running->stop)
        for_all(running, SIGTERM);
}

static void wait_for_news(struct running *running)
{
    uint64_t count;
    struct pollfd ready[] = {{.fd = running->signals, .events = POLLIN},
        {.fd = running->wake, .events = POLLIN}, {.fd = running->news, .events = POLLIN},
        {.fd = running->http != NULL ? http_fd(running->http) : -1, .events = POLLIN}};
    int left = alive(running) < running->set->count ? PAUSE_MS : -1;
    int served = running->http != NULL ? http_serve(running->http) : -1;
    if (served >= 0 && (left < 0 || served < left))
        left = served;
    if (poll(ready, 4, left) > 0) {
        if ((ready[0].revents & POLLIN) != 0)
            take_signal(running);
        if ((ready[1].revents & POLLIN) != 0 && read(running->wake, &count, sizeof count) > 0)
            wake_all(running);
        if ((ready[2].revents & POLLIN) != 0 && read(running->news, &count, sizeof count) > 0)
            notify_status(running);
    }
    reap(running);
}

/* ---- beginning ---- */

static enum outcome start_http(struct running *running, struct problem *problem)
{
    const struct settings *settings = &running->set->at[0];
    struct arena arena;
    char *secret = "";
    size_t len = 0;
    enum outcome outcome = OUTCOME_FINE;
    if (settings->listen == NULL)
        return OUTCOME_FINE;
    arena_init(&arena, 0);
    if (settings->webhook_secret_file != NULL) {
        if (file_read(settings->webhook_secret_file, SECRET_MAX, &arena, &secret, &len) != ERR_OK)
            outcome = problem_errno(problem, "cannot read", settings->webhook_secret_file);
        else
            len = strcspn(secret, "\r\n");
    }
    if (outcome == OUTCOME_FINE)
        outcome = http_start(
            settings->listen, secret, len, &running->watch, running->wake, &running->http, problem);
    arena_clear(&arena);
    return outcome;
}

static bool make_workers(struct running *running)
{
    running->workers = calloc(running->set->count, sizeof *running->workers);
    for (unsigned i = 0; i < running->set->count && running->workers != NULL; i++) {
        running->workers[i] = (struct worker){.settings = &running->set->at[i],
            .watch = &running->watch,
            .index = i,
            .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
            .news = running->news};
        if (running->workers[i].wake < 0)
            return false;
    }
    return running->workers != NULL;
}

static enum outcome start(struct running *running, struct problem *problem)
{
    sigset_t set;
    for (unsigned i = 0; i < running->set->count; i++)
        if (running->set->at[i].repo == NULL)
            return problem_set(problem, OUTCOME_USAGE, NULL, "%s: which repository? --repo is missing",
                running->set->at[i].name);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    running->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    running->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    running->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (running->signals < 0 || running->wake < 0 || running->news < 0 || !make_workers(running) ||
        watch_init(&running->watch, running->set) != ERR_OK || sodium_init() < 0)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "cannot start: %s", strerror(errno));
    return start_http(running, problem);
}

int daemon_run(const struct settings_set *set)
{
    struct settings_set *own = malloc(sizeof *own);
    struct problem problem = {0};
    if (own == NULL)
        return OUTCOME_LOCAL;
    *own = *set;
    struct running running = {.set = own, .signals = -1, .wake = -1, .news = -1};
    enum outcome outcome = start(&running, &problem);
    if (outcome != OUTCOME_FINE)
        story_problem(set->at[0].name, &problem);
    while (outcome == OUTCOME_FINE && !(running.stop && alive(&running) == 0)) {
        start_missing(&running);
        wait_for_news(&running);
        if (running.stop)
            service_notify("STOPPING=1");
    }
    http_stop(running.http);
    if (running.watch.repositories != NULL)
        watch_clear(&running.watch);
    free(running.workers);
    free(own);
    return (int)outcome;
}
