#include "gitsync/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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

/* Between fork and exec nothing that could lock. */
static void become(const struct process *process, int out)
{
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
        (process->directory != NULL && chdir(process->directory) != 0))
        _exit(126);
    execvp(process->argv[0], (char *const *)(uintptr_t)process->argv);
    _exit(127);
}

/* Reads until the end of the stream or of the time. */
static void collect(struct process *process, int fd)
{
    int64_t until = now_ms() + (int64_t)process->timeout_s * 1000;
    uint32_t used = 0;
    char spill[512];
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int64_t left = until - now_ms();
        if (left <= 0) {
            process->late = true;
            break;
        }
        if (poll(&ready, 1, left > 1000 ? 1000 : (int)left) <= 0)
            continue;
        uint32_t room = process->room > used + 1 ? process->room - used - 1 : 0;
        ssize_t got = room > 0 ? read(fd, process->out + used, room) : read(fd, spill, sizeof spill);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        used += got > 0 && room > 0 ? (uint32_t)got : 0;
    }
    if (process->room > 0)
        process->out[used] = '\0';
}

enum err process_run(struct process *process)
{
    int ends[2], status = 0;
    if (process->room > 0)
        process->out[0] = '\0';
    process->late = false;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ERR_IO;
    pid_t pid = fork();
    if (pid == 0)
        become(process, ends[1]);
    int error = errno;
    close(ends[1]);
    if (pid > 0) {
        collect(process, ends[0]);
        if (process->late)
            kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    close(ends[0]);
    errno = error;
    process->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return pid > 0 ? ERR_OK : ERR_IO;
}
