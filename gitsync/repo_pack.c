/* Housekeeping in the mirror. Each fetch brings a pack, a thin one made whole by copies of what it builds on,
 * so that ten thousand fetches would be ten thousand packs to search and a multiple of the repository on the
 * disk. When there are PACKS_MAX of them the small ones become one: those that together are no smaller than
 * half of the next. So each object is written again a number of times that goes with the logarithm of their
 * number, however long this goes on, and a large pack is left alone until the others have grown to its size.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gitsync/apart.h"
#include "gitsync/crash.h"
#include "gitsync/leftovers.h"
#include "gitsync/repo_git.h"
#include "gitsync/store.h"
#include "zone/base/file.h"

#define PACKS_MAX 32
#define PACKS_KEPT 8 /* at most so many are left beside the new one */
#define TRY_EACH 8   /* packs more, before it is tried again when it did not come to an end */
#define BYTES_MAX ((uint64_t)1 << 30)
#define LIMIT_S 120
#define NAME_LEN 80
#define ID_LEN 20

struct pack {
    char stem[NAME_LEN]; /* "pack-ID" */
    uint64_t size;
};

struct packs {
    char directory[STORE_PATH_MAX];
    struct pack *at;
    unsigned count, room;
};

static void path_of(
    const struct packs *packs, const char *stem, const char *suffix, char out[STORE_PATH_MAX + 128])
{
    snprintf(out, STORE_PATH_MAX + 128, "%s/%s%s", packs->directory, stem, suffix);
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* A pack without an index was being removed when somebody was killed. */
static bool take(struct packs *packs, const char *name)
{
    char path[STORE_PATH_MAX + 128];
    struct stat status;
    if (strncmp(name, "pack-", 5) != 0 || !ends_with(name, ".pack") || strlen(name) >= NAME_LEN)
        return true;
    if (packs->count == packs->room) {
        unsigned room = packs->room == 0 ? 64 : packs->room * 2;
        struct pack *more = realloc(packs->at, room * sizeof *more);
        if (more == NULL)
            return false;
        packs->at = more;
        packs->room = room;
    }
    struct pack *pack = &packs->at[packs->count];
    snprintf(pack->stem, sizeof pack->stem, "%.*s", (int)(strlen(name) - 5), name);
    path_of(packs, pack->stem, ".pack", path);
    if (stat(path, &status) != 0)
        return true;
    pack->size = (uint64_t)status.st_size;
    path_of(packs, pack->stem, ".idx", path);
    if (access(path, F_OK) == 0) {
        packs->count++;
    } else {
        path_of(packs, pack->stem, ".pack", path);
        (void)unlink(path);
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    const struct pack *one = a, *two = b;
    return one->size < two->size ? -1 : one->size > two->size;
}

static bool list(struct packs *packs, const char *mirror)
{
    *packs = (struct packs){0};
    snprintf(packs->directory, sizeof packs->directory, "%s/objects/pack", mirror);
    DIR *directory = opendir(packs->directory);
    bool fine = directory != NULL;
    for (struct dirent *entry; fine && (entry = readdir(directory)) != NULL;)
        fine = take(packs, entry->d_name);
    if (directory != NULL)
        closedir(directory);
    if (packs->count > 1)
        qsort(packs->at, packs->count, sizeof *packs->at, by_size);
    return fine;
}

/* How many of the smallest become one. */
static unsigned choose(const struct packs *packs)
{
    uint64_t sum = packs->count > 0 ? packs->at[0].size : 0;
    unsigned chosen = 1;
    while (chosen < packs->count && sum + packs->at[chosen].size <= BYTES_MAX &&
           (packs->at[chosen].size < 2 * sum || chosen + PACKS_KEPT < packs->count))
        sum += packs->at[chosen++].size;
    return chosen;
}

/* The ids in an index of version 2 (gitformat-pack(5)): a table of 256 sums, then all ids. */
static int add_objects(git_packbuilder *builder, const struct packs *packs, const char *stem)
{
    char path[STORE_PATH_MAX + 128];
    struct file_map map;
    git_oid id;
    int code = -1;
    path_of(packs, stem, ".idx", path);
    if (file_map_open(&map, path) != ERR_OK)
        return -1;
    const uint8_t *table = (const uint8_t *)map.bytes + 8, *ids = table + 1024;
    uint32_t count = 0;
    if (map.len >= 1032 && memcmp(map.bytes, "\377tOc\0\0\0\2", 8) == 0) {
        memcpy(&count, table + 1020, 4);
        count = __builtin_bswap32(count);
        code = (map.len - 1032) / ID_LEN >= count ? 0 : -1;
    }
    for (uint32_t i = 0; i < count && code == 0; i++)
        code = git_oid_fromraw(&id, ids + (size_t)i * ID_LEN) != 0
                   ? -1
                   : git_packbuilder_insert(builder, &id, NULL);
    file_map_close(&map);
    return code;
}

static void remove_packs(const struct packs *packs, unsigned count, const git_oid *made)
{
    char path[STORE_PATH_MAX + 128], name[REPO_ID_MAX + 8] = "pack-";
    git_oid_tostr(name + 5, REPO_ID_MAX, made);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(packs->at[i].stem, name) == 0)
            continue;
        path_of(packs, packs->at[i].stem, ".idx", path);
        if (unlink(path) != 0)
            continue;
        path_of(packs, packs->at[i].stem, ".pack", path);
        crash_point("unpacking");
        (void)unlink(path);
    }
}

static int make_one(git_repository *git, const struct packs *packs, unsigned count)
{
    git_packbuilder *builder = NULL;
    git_oid made = {{0}};
    char path[STORE_PATH_MAX + 128];
    int code = git_packbuilder_new(&builder, git);
    for (unsigned i = 0; i < count && code == 0; i++)
        code = add_objects(builder, packs, packs->at[i].stem);
    if (code == 0)
        code = git_packbuilder_write(builder, packs->directory, 0, NULL, NULL);
    if (code == 0)
        made = *git_packbuilder_hash(builder);
    git_packbuilder_free(builder);
    path_of(packs, packs->at[0].stem, ".idx", path);
    if (code == 0 && file_sync_directory(path) != ERR_OK)
        code = -1;
    crash_point("packed");
    if (code == 0)
        remove_packs(packs, count, &made);
    return code;
}

static void pack_refs(git_repository *git)
{
    git_refdb *refs = NULL;
    if (git_repository_refdb(&refs, git) == 0)
        (void)git_refdb_compress(refs);
    git_refdb_free(refs);
}

struct packing {
    const char *mirror;
    struct packs packs;
};

struct packed {
    int code;
    char why[200];
};

static void pack(void *context, void *answer)
{
    struct packing *packing = context;
    struct packed *packed = answer;
    git_repository *git = NULL;
    repo_git_start();
    leftovers_expect(packing->mirror);
    packed->code = git_repository_open_bare(&git, packing->mirror);
    if (packed->code == 0)
        packed->code = make_one(git, &packing->packs, choose(&packing->packs));
    if (packed->code != 0)
        snprintf(packed->why, sizeof packed->why, "%.199s",
            git_error_last() != NULL ? git_error_last()->message : "an index cannot be read");
    else
        pack_refs(git);
    git_repository_free(git);
    leftovers_none(packing->mirror);
}

bool repo_pack(const char *mirror, struct problem *problem)
{
    struct packing packing = {.mirror = mirror};
    struct packed packed;
    bool fine = true;
    if (list(&packing.packs, mirror) && packing.packs.count >= PACKS_MAX &&
        packing.packs.count % TRY_EACH == 0) {
        enum apart_end end = apart_run(pack, &packing, &packed, sizeof packed, LIMIT_S);
        fine = end == APART_DONE && packed.code == 0;
        if (!fine)
            problem_set(problem, OUTCOME_LOCAL, NULL, "%u packs cannot be made one: %s", packing.packs.count,
                end == APART_DONE ? packed.why : "it took too long, or crashed");
    }
    free(packing.packs.at);
    return fine;
}
