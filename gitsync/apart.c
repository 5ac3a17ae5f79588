#include "gitsync/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the child: what the parent blocks is nothing to it, and it ends with the parent, whose lock it holds. */
static void work_and_tell(
    int fd, void (*work)(void *context, void *answer), void *context, const char *answer, size_t len)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work(context, (void *)(uintptr_t)answer);
    while (len > 0) {
        ssize_t wrote = write(fd, answer, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break;
        answer += wrote;
        len -= (size_t)wrote;
    }
    _exit(0);
}

static int heeded = -1;

void apart_heed(int fd)
{
    heeded = fd;
}

/* False when the answer did not come whole in time. */
static bool read_answer(int fd, char *answer, size_t len, uint32_t limit_s)
{
    int64_t until = now_ms() + (int64_t)limit_s * 1000;
    while (len > 0) {
        struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = heeded, .events = POLLIN}};
        int64_t left = until - now_ms();
        if (left <= 0)
            return false;
        if (poll(ready, 2, left > 1000 ? 1000 : (int)left) <= 0)
            continue;
        if ((ready[1].revents & POLLIN) != 0 && ready[0].revents == 0)
            return false;
        ssize_t got = read(fd, answer, len);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        answer += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

enum apart_end apart_run(
    void (*work)(void *context, void *answer), void *context, void *answer, size_t len, uint32_t limit_s)
{
    int ends[2], status = 0;
    memset(answer, 0, len);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return APART_FAILED;
    pid_t pid = fork();
    if (pid == 0)
        work_and_tell(ends[1], work, context, answer, len);
    close(ends[1]);
    bool whole = pid > 0 && read_answer(ends[0], answer, len, limit_s);
    close(ends[0]);
    if (pid < 0)
        return APART_FAILED;
    if (!whole) {
        kill(-pid, SIGKILL); /* with those that it may have started */
        kill(pid, SIGKILL);  /* should it not have come to make its group */
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (whole)
        return APART_DONE;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? APART_LATE : APART_DIED;
}
