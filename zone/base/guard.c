#include "zone/base/guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE ((uintptr_t)4096)

/* Only atomics: the handler reads them. A range is free when its end is 0. */
static struct {
    atomic_uintptr_t base, end;
    atomic_bool torn;
} guards[GUARDS_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;

/* Zeros from the faulting page to the end of the range: one fault tells that all behind it is gone. */
static bool mend(uintptr_t at)
{
    for (unsigned i = 0; i < GUARDS_MAX; i++) {
        uintptr_t end = atomic_load(&guards[i].end), base = atomic_load(&guards[i].base);
        if (at < base || at >= end)
            continue;
        atomic_store(&guards[i].torn, true);
        at &= ~(PAGE - 1);
        /* The bare system call: mmap as a function is not promised to be safe in a handler. */
        return syscall(SYS_mmap, at, end - at, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0) !=
               -1;
    }
    return false;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    if (info->si_code == BUS_ADRERR && mend((uintptr_t)info->si_addr))
        return;
    if (before.sa_flags & SA_SIGINFO)
        before.sa_sigaction(number, info, context);
    else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
        before.sa_handler(number);
    else
        signal(number, SIG_DFL); /* the instruction faults again and ends the process */
}

/* Asked anew for each guard: something else in the process may have put its own handler in the place. */
static bool install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER}, now;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, NULL, &now) != 0)
        return false;
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_fault)
        return true;
    before = now;
    return sigaction(SIGBUS, &action, NULL) == 0;
}

int guard_add(const void *base, size_t len)
{
    int found = -1;
    pthread_mutex_lock(&lock);
    bool installed = install();
    for (int i = 0; i < GUARDS_MAX && installed && found < 0; i++) {
        if (atomic_load(&guards[i].end) != 0)
            continue;
        atomic_store(&guards[i].torn, false);
        atomic_store(&guards[i].base, (uintptr_t)base);
        atomic_store(&guards[i].end, (uintptr_t)base + len);
        found = i;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

bool guard_torn(int guard)
{
    return guard >= 0 && atomic_load(&guards[guard].torn);
}

void guard_remove(int guard)
{
    if (guard < 0)
        return;
    pthread_mutex_lock(&lock);
    atomic_store(&guards[guard].end, 0);
    pthread_mutex_unlock(&lock);
}
