/* One process for each state directory: flock(2) on the directory itself, which needs no file and no room,
 * and which the kernel lets go of however the process ends. Control thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "plugins/zones.h"
#include "zone/base/log.h"

#define COMM_MAX 32

/* A directory that is ours until the process ends: a configuration without it may be followed by one with it.
 */
struct held {
    struct held *next;
    dev_t device;
    ino_t inode;
    char path[];
};

static struct held *all_held;

static bool is_held(const char *path, const struct stat *found)
{
    for (const struct held *held = all_held; held != NULL; held = held->next) {
        if (found != NULL ? held->device == found->st_dev && held->inode == found->st_ino
                          : strcmp(held->path, path) == 0)
            return true;
    }
    return false;
}

static enum err hold(const char *path, const struct stat *found)
{
    size_t len = strlen(path) + 1;
    struct held *held = malloc(sizeof *held + len);
    if (held == NULL)
        return ERR_MEMORY;
    held->next = all_held;
    held->device = found->st_dev;
    held->inode = found->st_ino;
    memcpy(held->path, path, len);
    all_held = held;
    return ERR_OK;
}

/* proc(5), locks: "1: FLOCK  ADVISORY  WRITE 708 fd:01:123456 0 EOF". 0: nobody that we can see. */
static long holder_of(const struct stat *found)
{
    char line[256];
    long holder = 0;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks != NULL && holder == 0 && fgets(line, sizeof line, locks) != NULL) {
        long pid;
        unsigned long inode;
        if (sscanf(line, "%*s FLOCK %*s WRITE %ld %*x:%*x:%lu", &pid, &inode) == 2 && inode == found->st_ino)
            holder = pid;
    }
    if (locks != NULL)
        fclose(locks);
    return holder > 0 ? holder : 0;
}

static void name_process(long pid, char name[COMM_MAX])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *comm = fopen(path, "re");
    if (comm == NULL || fgets(name, COMM_MAX, comm) == NULL)
        snprintf(name, COMM_MAX, "?");
    name[strcspn(name, "\n")] = '\0';
    if (comm != NULL)
        fclose(comm);
}

/* Said once, however many lines of a configuration name the directory. */
static enum err refuse(
    struct setup *setup, const struct token *at, const char *directory, const struct stat *found)
{
    static struct stat said;
    static const void *said_in;
    if (said_in == setup->world && said.st_dev == found->st_dev && said.st_ino == found->st_ino)
        return ERR_INVALID;
    said_in = setup->world;
    said = *found;
    char name[COMM_MAX], who[COMM_MAX + 40] = "another process";
    long pid = holder_of(found);
    if (pid != 0) {
        name_process(pid, name);
        snprintf(who, sizeof who, "process %ld (%s)", pid, name);
    }
    return setup_error(setup, at, "stop it, or give this server a directory of its own: -state DIRECTORY",
        "the state directory %s is in use by %s", directory, who);
}

/* What cannot be locked (a file system without locks, a directory that is not there and cannot be made) is
 * used without; what it means for the zones, they tell themselves. */
enum err setup_state(struct setup *setup, const struct token *at, const char *directory)
{
    struct stat found;
    if (directory == NULL || setup->check || is_held(directory, NULL))
        return ERR_OK;
    (void)mkdir(directory, 0755);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) != 0 || is_held(directory, &found)) {
        if (fd >= 0)
            close(fd);
        return ERR_OK;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return hold(directory, &found); /* the descriptor stays open, as long as the process lives */
    int why = errno;
    close(fd);
    if (why == EWOULDBLOCK)
        return refuse(setup, at, directory, &found);
    log_warning("the state directory %s cannot be locked: %s", directory, strerror(why));
    return ERR_OK;
}
