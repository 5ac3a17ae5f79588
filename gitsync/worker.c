#include "gitsync/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "gitsync/apart.h"
#include "gitsync/gitsync.h"
#include "gitsync/story.h"

#define BACK_OFF_FIRST_S 5
#define BACK_OFF_MAX_S 900

struct turn {
    const struct worker *worker;
    int64_t due_ms;
    unsigned failures; /* in a row, of the kind that may go away by itself */
    char known_bad[REPO_ID_MAX];
    enum outcome told; /* the last outcome that was told */
    char told_text[200];
    int signals, stops;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A tenth more or less, so that a fleet does not knock at the same time. */
static int64_t jitter(int64_t ms)
{
    return ms - ms / 10 + (int64_t)randombytes_uniform((uint32_t)(ms / 5) + 1);
}

static bool may_go_away(enum outcome outcome)
{
    return outcome == OUTCOME_FETCH || outcome == OUTCOME_UNCONFIRMED || outcome == OUTCOME_STUCK ||
           outcome == OUTCOME_LOCAL || outcome == OUTCOME_BUSY;
}

static void schedule(struct turn *turn, enum outcome outcome)
{
    int64_t wait_s = turn->worker->settings->interval_s;
    turn->failures = may_go_away(outcome) ? turn->failures + 1 : 0;
    if (turn->failures > 0) {
        unsigned doublings = turn->failures - 1 < 10 ? turn->failures - 1 : 10;
        wait_s = (int64_t)BACK_OFF_FIRST_S << doublings;
        if (wait_s > BACK_OFF_MAX_S)
            wait_s = BACK_OFF_MAX_S;
    }
    turn->due_ms = now_ms() + jitter(wait_s * 1000);
}

/* The same trouble is told once. */
static void tell(struct turn *turn, const struct deployment *deployment)
{
    const struct settings *settings = turn->worker->settings;
    const struct problem *problem = &deployment->problem;
    if (problem->outcome == OUTCOME_FINE) {
        if (turn->told != OUTCOME_FINE && !deployment->still_refused) {
            story_tell(settings->name, LOG_INFO, "fine", "all is well again");
            turn->told = OUTCOME_FINE;
        }
        return;
    }
    if (turn->told == problem->outcome &&
        strncmp(turn->told_text, problem->text, sizeof turn->told_text - 1) == 0)
        return;
    turn->told = problem->outcome;
    snprintf(turn->told_text, sizeof turn->told_text, "%.199s", problem->text);
    story_problem(settings->name, problem);
}

static void remember_refused(struct turn *turn, const struct deployment *deployment)
{
    enum outcome outcome = deployment->problem.outcome;
    if (outcome == OUTCOME_SIGNATURE || outcome == OUTCOME_CHECK || outcome == OUTCOME_POLICY)
        memcpy(turn->known_bad, deployment->tip.id, sizeof turn->known_bad);
    else if (!deployment->still_refused)
        turn->known_bad[0] = '\0';
}

/* SIGTERM and SIGINT are not read, so that a fetch under way sees them, too. */
static bool is_over(const struct turn *turn)
{
    struct pollfd ready = {.fd = turn->stops, .events = POLLIN};
    return poll(&ready, 1, 0) > 0;
}

static void look(struct turn *turn)
{
    uint64_t one = 1;
    struct deployment deployment;
    const struct worker *worker = turn->worker;
    struct settings *settings = worker->settings;
    settings->in_daemon = true;
    settings->known_bad = turn->known_bad[0] != '\0' ? turn->known_bad : NULL;
    enum outcome outcome = deploy_run(settings, false, &deployment);
    if (outcome == OUTCOME_FETCH && is_over(turn)) {
        deployment_clear(&deployment);
        return; /* cut off by us */
    }
    tell(turn, &deployment);
    remember_refused(turn, &deployment);
    watch_note(worker->watch, worker->index, &deployment);
    (void)!write(worker->news, &one, sizeof one);
    post_deployment(settings, &deployment);
    schedule(turn, outcome);
    deployment_clear(&deployment);
}

static void take_signal(struct turn *turn)
{
    struct signalfd_siginfo info;
    if (read(turn->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    turn->due_ms = 0;
    turn->known_bad[0] = '\0'; /* somebody mended something: what was refused is looked at again */
}

static void wait_for_work(struct turn *turn)
{
    uint64_t count;
    int64_t wait = turn->due_ms - now_ms();
    struct pollfd ready[] = {{.fd = turn->signals, .events = POLLIN},
        {.fd = turn->worker->wake, .events = POLLIN}, {.fd = turn->stops, .events = POLLIN}};
    if (poll(ready, 3, wait < 0 ? 0 : wait > 3600000 ? 3600000 : (int)wait) <= 0)
        return;
    if ((ready[0].revents & POLLIN) != 0)
        take_signal(turn);
    if ((ready[1].revents & POLLIN) != 0 && read(turn->worker->wake, &count, sizeof count) > 0)
        turn->due_ms = 0;
}

/* The parent's signals are blocked, and stay so: they are read here. */
static void live(const struct worker *worker)
{
    sigset_t again, stop;
    struct turn turn = {.worker = worker};
    sigemptyset(&again);
    sigaddset(&again, SIGHUP);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    turn.signals = signalfd(-1, &again, SFD_CLOEXEC | SFD_NONBLOCK);
    turn.stops = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    apart_heed(turn.stops);
    while (turn.signals >= 0 && turn.stops >= 0 && !is_over(&turn)) {
        if (turn.due_ms <= now_ms())
            look(&turn);
        wait_for_work(&turn);
    }
    _exit(turn.signals >= 0 && turn.stops >= 0 ? 0 : OUTCOME_LOCAL);
}

bool worker_start(struct worker *worker)
{
    struct timespec now;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        live(worker);
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    worker->pid = pid > 0 ? pid : 0;
    worker->born_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return pid > 0;
}
