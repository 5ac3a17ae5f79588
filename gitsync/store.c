#include "gitsync/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gitsync/crash.h"
#include "gitsync/tree_sync.h"
#include "zone/base/file.h"

#define STATE ".gitsync"
#define SPARE "spare-"
#define SYNC_ALL_ABOVE 64 /* files: then one syncfs(2) is cheaper than a fsync(2) for each */

/* ---- places ---- */

void store_state_path(const struct store *store, const char *name, char out[STORE_PATH_MAX])
{
    snprintf(out, STORE_PATH_MAX, "%s/" STATE "/%s", store->dest, name);
}

void store_release_path(const struct store *store, const char *name, char out[STORE_PATH_MAX])
{
    if (name == NULL)
        snprintf(out, STORE_PATH_MAX, "%s/current", store->dest);
    else
        snprintf(out, STORE_PATH_MAX, "%s/releases/%s", store->dest, name);
}

static enum outcome make_directory(const char *path, struct problem *problem)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return OUTCOME_FINE;
    return problem_errno(problem, "cannot make", path);
}

/* With all that is missing above it. */
static enum outcome make_directories(const char *path, struct problem *problem)
{
    char part[STORE_PATH_MAX];
    for (const char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return problem_errno(problem, "cannot make", part);
    }
    return make_directory(path, problem);
}

static enum outcome take_lock(struct store *store, struct problem *problem)
{
    char path[STORE_PATH_MAX];
    store_state_path(store, "lock", path);
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->lock < 0)
        return problem_errno(problem, "cannot open", path);
    if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return OUTCOME_FINE;
    if (errno != EWOULDBLOCK)
        return problem_errno(problem, "cannot lock", path);
    return problem_set(problem, OUTCOME_BUSY, "is `gitsync run` deploying here? it can be told by SIGHUP",
        "another gitsync is at work in %s", store->dest);
}

enum outcome store_open(struct store *store, const char *dest, bool lock, struct problem *problem)
{
    char path[STORE_PATH_MAX];
    store->lock = -1;
    size_t len = strlen(dest);
    while (len > 1 && dest[len - 1] == '/')
        len--;
    if (len >= sizeof store->dest)
        return problem_set(problem, OUTCOME_USAGE, NULL, "the path of --dest is too long");
    snprintf(store->dest, sizeof store->dest, "%.*s", (int)len, dest);
    if (!lock)
        return OUTCOME_FINE;
    store_state_path(store, "", path);
    path[strlen(path) - 1] = '\0';
    enum outcome outcome = make_directories(path, problem);
    store_release_path(store, "", path);
    path[strlen(path) - 1] = '\0';
    if (outcome == OUTCOME_FINE)
        outcome = make_directory(path, problem);
    return outcome == OUTCOME_FINE ? take_lock(store, problem) : outcome;
}

void store_close(struct store *store)
{
    if (store->lock >= 0)
        close(store->lock);
    store->lock = -1;
}

void store_current(const struct store *store, char out[STORE_NAME_MAX])
{
    char path[STORE_PATH_MAX], target[STORE_PATH_MAX];
    store_release_path(store, NULL, path);
    ssize_t len = readlink(path, target, sizeof target - 1);
    out[0] = '\0';
    if (len <= 9 || memcmp(target, "releases/", 9) != 0 || len - 9 >= STORE_NAME_MAX)
        return;
    target[len] = '\0';
    snprintf(out, STORE_NAME_MAX, "%.63s", target + 9);
}

bool store_has(const struct store *store, const char *release)
{
    char path[STORE_PATH_MAX];
    struct stat status;
    store_release_path(store, release, path);
    return *release != '\0' && lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* ---- the spare ---- */

/* The spare's name is in RELEASE's copy of the word: "spare-RELEASE" is a whole copy of that one. */
static bool find_spare(const struct store *store, char out[STORE_PATH_MAX])
{
    char path[STORE_PATH_MAX];
    store_state_path(store, "", path);
    DIR *directory = opendir(path);
    bool found = false;
    for (struct dirent *entry; directory != NULL && !found && (entry = readdir(directory)) != NULL;) {
        found = strncmp(entry->d_name, SPARE, strlen(SPARE)) == 0;
        if (found)
            store_state_path(store, entry->d_name, out);
    }
    if (directory != NULL)
        closedir(directory);
    return found;
}

static bool spare_is(const char *spare, const char *release)
{
    const char *name = strrchr(spare, '/') + 1 + strlen(SPARE);
    return strcmp(name, release) == 0;
}

/* ---- the stage ---- */

static enum outcome stage_fill(struct stage *stage, const char *from)
{
    char path[STORE_PATH_MAX];
    if (from == NULL)
        return OUTCOME_FINE;
    store_release_path(stage->store, from, path);
    if (!tree_sync(path, stage->path))
        return problem_errno(stage->problem, "cannot link the files of", path);
    return OUTCOME_FINE;
}

enum outcome stage_begin(
    struct stage *stage, const struct store *store, const char *from, struct problem *problem)
{
    char spare[STORE_PATH_MAX];
    *stage = (struct stage){.store = store, .problem = problem};
    snprintf(stage->path, sizeof stage->path, "%s/" STATE "/stage", store->dest);
    snprintf(stage->based_on, sizeof stage->based_on, "%s", from != NULL ? from : "");
    if (!tree_remove(stage->path))
        return problem_errno(problem, "cannot remove", stage->path);
    bool has_spare = from != NULL && find_spare(store, spare);
    bool ready = has_spare && spare_is(spare, from);
    if (has_spare && rename(spare, stage->path) != 0)
        return problem_errno(problem, "cannot rename", spare);
    enum outcome outcome = has_spare ? OUTCOME_FINE : make_directory(stage->path, problem);
    crash_point("stage-begin");
    return outcome != OUTCOME_FINE || ready ? outcome : stage_fill(stage, from);
}

static void full_path(const struct stage *stage, const char *path, char out[STORE_PATH_MAX])
{
    /* that it fits was seen by prepare */
    if (snprintf(out, STORE_PATH_MAX, "%s/%s", stage->path, path) >= STORE_PATH_MAX)
        out[0] = '\0';
}

/* The directories above PATH, and a note to fsync the one it stands in. */
static enum outcome prepare(struct stage *stage, const char *path)
{
    char full[STORE_PATH_MAX];
    if (strlen(stage->path) + strlen(path) + 2 > sizeof full)
        return problem_set(stage->problem, OUTCOME_LOCAL, NULL, "the path %s is too long", path);
    full_path(stage, path, full);
    char *slash = strrchr(full, '/');
    *slash = '\0';
    if (strcmp(full, stage->last_directory) == 0)
        return OUTCOME_FINE;
    /* Another directory: what was done in the last one must be on the disk before the switch. */
    if (stage->last_directory[0] != '\0' && stage->written <= SYNC_ALL_ABOVE) {
        char inside[STORE_PATH_MAX];
        snprintf(inside, sizeof inside, "%.4090s/.", stage->last_directory);
        if (file_sync_directory(inside) != ERR_OK && errno != ENOENT)
            return problem_errno(stage->problem, "cannot sync", stage->last_directory);
    }
    memcpy(stage->last_directory, full, sizeof full);
    for (char *at = full + strlen(stage->path); (at = strchr(at + 1, '/')) != NULL;) {
        *at = '\0';
        if (mkdir(full, 0755) != 0 && errno != EEXIST)
            return problem_errno(stage->problem, "cannot make", full);
        *at = '/';
    }
    return make_directory(full, stage->problem);
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

enum outcome stage_put(struct stage *stage, const char *path, const void *bytes, size_t len, bool executable)
{
    char full[STORE_PATH_MAX];
    enum outcome outcome = prepare(stage, path);
    if (outcome != OUTCOME_FINE)
        return outcome;
    full_path(stage, path, full);
    /* The name may be a link to an inode of other releases: never written to, always replaced. */
    if (unlink(full) != 0 && errno != ENOENT)
        return problem_errno(stage->problem, "cannot replace", full);
    int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, executable ? 0555 : 0444);
    if (fd < 0)
        return problem_errno(stage->problem, "cannot write", full);
    struct timespec times[2] = {{.tv_sec = stage->time_s}, {.tv_sec = stage->time_s}};
    bool fine = write_all(fd, bytes, len) && (stage->time_s == 0 || futimens(fd, times) == 0) &&
                (stage->written >= SYNC_ALL_ABOVE || fsync(fd) == 0);
    if (!fine)
        outcome = problem_errno(stage->problem, "cannot write", full);
    if (close(fd) != 0 && fine)
        outcome = problem_errno(stage->problem, "cannot write", full);
    stage->written++;
    crash_point("stage-put");
    return outcome;
}

enum outcome stage_link(struct stage *stage, const char *path, const char *target)
{
    char full[STORE_PATH_MAX];
    enum outcome outcome = prepare(stage, path);
    if (outcome != OUTCOME_FINE)
        return outcome;
    full_path(stage, path, full);
    if ((unlink(full) != 0 && errno != ENOENT) || symlink(target, full) != 0)
        return problem_errno(stage->problem, "cannot write", full);
    stage->written++;
    return OUTCOME_FINE;
}

enum outcome stage_remove(struct stage *stage, const char *path)
{
    char full[STORE_PATH_MAX];
    enum outcome outcome = prepare(stage, path);
    if (outcome != OUTCOME_FINE)
        return outcome;
    full_path(stage, path, full);
    if (unlink(full) != 0 && errno != ENOENT)
        return problem_errno(stage->problem, "cannot remove", full);
    /* git has no empty directories */
    for (char *slash; (slash = strrchr(full, '/')) != NULL && slash > full + strlen(stage->path);) {
        *slash = '\0';
        if (rmdir(full) != 0)
            break;
        stage->last_directory[0] = '\0';
    }
    return OUTCOME_FINE;
}

static enum outcome sync_stage(struct stage *stage)
{
    int fd = open(stage->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = fd >= 0 && (stage->written > SYNC_ALL_ABOVE ? syncfs(fd) : fsync(fd)) == 0;
    enum outcome outcome = fine ? OUTCOME_FINE : problem_errno(stage->problem, "cannot sync", stage->path);
    if (fd >= 0)
        close(fd);
    return outcome;
}

enum outcome stage_finish(struct stage *stage, const char *name)
{
    char path[STORE_PATH_MAX];
    /* a last "prepare" elsewhere syncs the directory written to last */
    enum outcome outcome = prepare(stage, "x");
    if (outcome == OUTCOME_FINE)
        outcome = sync_stage(stage);
    if (outcome != OUTCOME_FINE)
        return outcome;
    crash_point("stage-synced");
    store_release_path(stage->store, name, path);
    if (rename(stage->path, path) != 0)
        return problem_errno(stage->problem, "cannot rename to", path);
    if (file_sync_directory(path) != ERR_OK)
        return problem_errno(stage->problem, "cannot sync", path);
    crash_point("stage-renamed");
    return OUTCOME_FINE;
}

void stage_abandon(struct stage *stage)
{
    (void)tree_remove(stage->path); /* the next stage tries again */
}

/* ---- the switch ---- */

enum outcome store_switch(const struct store *store, const char *release, struct problem *problem)
{
    char target[STORE_NAME_MAX + 16], temporary[STORE_PATH_MAX], path[STORE_PATH_MAX];
    snprintf(target, sizeof target, "releases/%s", release);
    store_state_path(store, "next", temporary);
    store_release_path(store, NULL, path);
    if ((unlink(temporary) != 0 && errno != ENOENT) || symlink(target, temporary) != 0)
        return problem_errno(problem, "cannot write", temporary);
    crash_point("switch-before");
    if (rename(temporary, path) != 0)
        return problem_errno(problem, "cannot switch", path);
    crash_point("switch-after");
    if (file_sync_directory(path) != ERR_OK)
        return problem_errno(problem, "cannot sync the directory of", path);
    return OUTCOME_FINE;
}

/* ---- tidying up ---- */

static void make_spare(const struct store *store, const char *current, const char *material)
{
    char path[STORE_PATH_MAX], spare[STORE_PATH_MAX], from[STORE_PATH_MAX], name[STORE_NAME_MAX + 8];
    if (*current == '\0' || (find_spare(store, spare) && spare_is(spare, current)))
        return;
    snprintf(path, sizeof path, "%s/" STATE "/making", store->dest);
    (void)tree_remove(path);
    bool has_old = find_spare(store, spare) && rename(spare, path) == 0;
    if (!has_old && (material == NULL || rename(material, path) != 0) && mkdir(path, 0755) != 0)
        return;
    snprintf(name, sizeof name, SPARE "%s", current);
    store_state_path(store, name, spare);
    store_release_path(store, current, from);
    crash_point("spare");
    if (!tree_sync(from, path) || rename(path, spare) != 0)
        (void)tree_remove(path);
}

void store_tidy(const struct store *store, bool (*keep)(void *context, const char *release), void *context)
{
    char path[STORE_PATH_MAX], current[STORE_NAME_MAX], material[STORE_PATH_MAX] = "";
    store_current(store, current);
    store_release_path(store, "", path);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, current) == 0 || keep(context, entry->d_name))
            continue;
        store_release_path(store, entry->d_name, path);
        if (material[0] == '\0')
            snprintf(material, sizeof material, "%s", path);
        else
            (void)tree_remove(path);
    }
    if (directory != NULL)
        closedir(directory);
    make_spare(store, current, material[0] != '\0' ? material : NULL);
    if (material[0] != '\0')
        (void)tree_remove(material);
}
