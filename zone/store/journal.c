#include "zone/store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/base/hash.h"
#include "zone/wire/name.h"

#define JOURNAL_MAGIC "bwjourn\n"
#define JOURNAL_VERSION 1
#define STEP_MAGIC 0x70657473u /* "step" */

struct file_head {
    char magic[8];
    uint32_t version;
    uint32_t apex_len;
    uint8_t apex[NAME_MAX + 1];
};

struct step_head {
    uint32_t magic;
    uint32_t from, to;
    uint32_t removed_count, added_count;
    uint32_t removed_len, added_len;
    uint32_t padding;
    int64_t at_ns;   /* CLOCK_REALTIME */
    uint64_t sum[2]; /* of the fields above and of the records */
};

/* One step; its octets lie in memory (head and records), or in the file at `at`. */
struct step {
    uint32_t from, to;
    uint64_t at;
    uint64_t size;
    uint8_t *bytes;
};

struct journal {
    pthread_mutex_t lock;
    char *path; /* NULL: in memory */
    struct step *steps;
    size_t count, room;
    uint64_t size; /* of the file, or of all steps in memory */
    uint64_t max;
    uint32_t keep;
    bool keeps;
    struct file_head head;
};

/* ---- steps ---- */

static void checksum(const struct step_head *head, const uint8_t *records, size_t len, uint64_t sum[2])
{
    hash_block(0, head, offsetof(struct step_head, sum), sum);
    hash_block(sum[0] ^ sum[1], records, len, sum);
}

static uint64_t step_size(const struct step_head *head)
{
    return (sizeof *head + (uint64_t)head->removed_len + head->added_len + 7) & ~(uint64_t)7;
}

/* The whole step as it is stored; malloced. */
static uint8_t *encode(const struct change *change, uint64_t *size)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct step_head head = {.magic = STEP_MAGIC,
        .from = change->from,
        .to = change->to,
        .removed_count = change->removed.count,
        .added_count = change->added.count,
        .removed_len = (uint32_t)change->removed.len,
        .added_len = (uint32_t)change->added.len,
        .at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
    *size = step_size(&head);
    uint8_t *bytes = calloc(1, *size);
    if (bytes == NULL)
        return NULL;
    uint8_t *records = bytes + sizeof head;
    if (change->removed.len > 0)
        memcpy(records, change->removed.bytes, change->removed.len);
    if (change->added.len > 0)
        memcpy(records + change->removed.len, change->added.bytes, change->added.len);
    checksum(&head, records, change_size(change), head.sum);
    memcpy(bytes, &head, sizeof head);
    return bytes;
}

/* A whole, undamaged step within LEN octets? */
static bool step_check(const uint8_t *bytes, uint64_t len, struct step_head *head)
{
    uint64_t sum[2];
    if (len < sizeof *head)
        return false;
    memcpy(head, bytes, sizeof *head);
    if (head->magic != STEP_MAGIC || step_size(head) > len)
        return false;
    checksum(head, bytes + sizeof *head, (size_t)head->removed_len + head->added_len, sum);
    return sum[0] == head->sum[0] && sum[1] == head->sum[1];
}

static bool take_list(struct change_list *list, const uint8_t *bytes, uint32_t len, uint32_t count)
{
    list->bytes = malloc((size_t)len + 1);
    if (list->bytes == NULL)
        return false;
    memcpy(list->bytes, bytes, len);
    list->len = list->room = len;
    list->count = count;
    return true;
}

static enum err decode(const uint8_t *bytes, uint64_t len, struct change *change)
{
    struct step_head head;
    *change = (struct change){0};
    if (!step_check(bytes, len, &head))
        return ERR_DAMAGED;
    const uint8_t *records = bytes + sizeof head;
    change->from = head.from;
    change->to = head.to;
    if (!take_list(&change->removed, records, head.removed_len, head.removed_count) ||
        !take_list(&change->added, records + head.removed_len, head.added_len, head.added_count))
        return ERR_MEMORY;
    return change_check(change) ? ERR_OK : ERR_DAMAGED;
}

static enum err reserve_step(struct journal *journal)
{
    if (journal->count < journal->room)
        return ERR_OK;
    size_t room = journal->room * 2 + 8;
    struct step *steps = realloc(journal->steps, room * sizeof *steps);
    if (steps == NULL)
        return ERR_MEMORY;
    journal->steps = steps;
    journal->room = room;
    return ERR_OK;
}

static void forget_steps(struct journal *journal, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(journal->steps[i].bytes);
    journal->count -= count;
    if (journal->count > 0)
        memmove(journal->steps, journal->steps + count, journal->count * sizeof *journal->steps);
}

/* ---- opening ---- */

static bool head_check(const struct journal *journal, const struct file_map *map)
{
    return map->len >= sizeof journal->head && memcmp(map->bytes, &journal->head, sizeof journal->head) == 0;
}

/* Lists the steps up to the first that is torn or does not go on from the one before. */
static enum err list_steps(struct journal *journal, const struct file_map *map)
{
    uint64_t at = sizeof journal->head;
    struct step_head head;
    while (step_check(map->bytes + at, map->len - at, &head)) {
        if (journal->count > 0 && journal->steps[journal->count - 1].to != head.from)
            break;
        enum err err = reserve_step(journal);
        if (err != ERR_OK)
            return err;
        journal->steps[journal->count++] =
            (struct step){.from = head.from, .to = head.to, .at = at, .size = step_size(&head)};
        at += step_size(&head);
    }
    journal->size = at;
    return ERR_OK;
}

static enum err read_file(struct journal *journal)
{
    struct file_map map;
    enum err err = file_map_open(&map, journal->path);
    if (err == ERR_MISSING)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    if (head_check(journal, &map))
        err = list_steps(journal, &map);
    bool torn = journal->size < map.len;
    file_map_close(&map);
    if (err != ERR_OK || !torn)
        return err;
    if (journal->size == 0)
        return unlink(journal->path) == 0 ? ERR_OK : ERR_IO;
    return truncate(journal->path, (off_t)journal->size) == 0 ? ERR_OK : ERR_IO;
}

enum err journal_open(const char *path, const uint8_t *apex, uint64_t max, struct journal **out)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return ERR_MEMORY;
    pthread_mutex_init(&journal->lock, NULL);
    journal->max = max;
    journal->head = (struct file_head){
        .magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION, .apex_len = (uint32_t)name_len(apex)};
    name_lower(journal->head.apex, apex);
    journal->path = path != NULL ? strdup(path) : NULL;
    enum err err = path != NULL && journal->path == NULL ? ERR_MEMORY : ERR_OK;
    if (err == ERR_OK && path != NULL)
        err = read_file(journal);
    if (err == ERR_OK)
        *out = journal;
    else
        journal_close(journal);
    return err;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    forget_steps(journal, journal->count);
    free(journal->steps);
    free(journal->path);
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}

/* ---- asking ---- */

struct journal_span journal_span(struct journal *journal)
{
    struct journal_span span = {0};
    pthread_mutex_lock(&journal->lock);
    span.count = (uint32_t)journal->count;
    span.size = journal->size;
    if (journal->count > 0) {
        span.from = journal->steps[0].from;
        span.to = journal->steps[journal->count - 1].to;
    }
    pthread_mutex_unlock(&journal->lock);
    return span;
}

/* The newest step that begins at serial FROM; count when there is none. */
static size_t find_step(const struct journal *journal, uint32_t from)
{
    for (size_t i = journal->count; i-- > 0;) {
        if (journal->steps[i].from == from)
            return i;
    }
    return journal->count;
}

static enum err read_step(const struct step *step, int fd, struct change *change)
{
    if (step->bytes != NULL)
        return decode(step->bytes, step->size, change);
    uint8_t *bytes = malloc(step->size);
    if (bytes == NULL)
        return ERR_MEMORY;
    ssize_t got = pread(fd, bytes, step->size, (off_t)step->at);
    enum err err = got == (ssize_t)step->size ? decode(bytes, step->size, change) : ERR_IO;
    free(bytes);
    return err;
}

static enum err read_steps(struct journal *journal, size_t first, size_t count, struct change *changes)
{
    int fd = -1;
    enum err err = ERR_OK;
    if (journal->path != NULL && (fd = open(journal->path, O_RDONLY | O_CLOEXEC)) < 0)
        return ERR_IO;
    for (size_t i = 0; i < count && err == ERR_OK; i++)
        err = read_step(&journal->steps[first + i], fd, &changes[i]);
    if (fd >= 0)
        close(fd);
    return err;
}

static enum err read_way(
    struct journal *journal, uint32_t from, uint32_t to, struct change **out, size_t *count)
{
    size_t first = find_step(journal, from), end = first;
    while (end < journal->count && journal->steps[end].to != to)
        end++;
    if (end == journal->count)
        return ERR_MISSING;
    size_t steps = end + 1 - first;
    struct change *changes = calloc(steps, sizeof *changes);
    if (changes == NULL)
        return ERR_MEMORY;
    enum err err = read_steps(journal, first, steps, changes);
    if (err == ERR_OK) {
        *out = changes;
        *count = steps;
        return ERR_OK;
    }
    for (size_t i = 0; i < steps; i++)
        change_clear(&changes[i]);
    free(changes);
    return err;
}

enum err journal_read(struct journal *journal, uint32_t from, uint32_t to, struct change **out, size_t *count)
{
    pthread_mutex_lock(&journal->lock);
    enum err err = read_way(journal, from, to, out, count);
    pthread_mutex_unlock(&journal->lock);
    return err;
}

/* ---- writing ---- */

static bool write_all(int fd, const void *bytes, size_t len, uint64_t at)
{
    const uint8_t *from = bytes;
    while (len > 0) {
        ssize_t wrote = pwrite(fd, from, len, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        from += wrote;
        len -= (size_t)wrote;
        at += (uint64_t)wrote;
    }
    return true;
}

/* Behind what we know of; what else may be there was torn. On failure the file is as long as before. */
static enum err append_to_file(struct journal *journal, const uint8_t *bytes, uint64_t size)
{
    uint64_t at = journal->size;
    bool fresh = at == 0;
    int fd = open(journal->path, O_WRONLY | O_CREAT | O_CLOEXEC | (fresh ? O_TRUNC : 0), 0644);
    if (fd < 0)
        return ERR_IO;
    bool fine = true;
    if (fresh) {
        fine = write_all(fd, &journal->head, sizeof journal->head, 0);
        at = sizeof journal->head;
    }
    fine = fine && write_all(fd, bytes, size, at) && fdatasync(fd) == 0;
    int why = errno;
    if (!fine && ftruncate(fd, (off_t)journal->size) != 0)
        why = errno;
    close(fd);
    if (fine && fresh && file_sync_directory(journal->path) != ERR_OK) {
        why = errno;
        fine = false;
    }
    errno = why;
    if (fine)
        journal->size = at + size;
    return fine ? ERR_OK : ERR_IO;
}

/* Copies the steps from FIRST on into a new file, which then takes the old one's place. */
static enum err rewrite(struct journal *journal, size_t first)
{
    struct file_map map;
    struct file_write file;
    enum err err = file_map_open(&map, journal->path);
    if (err != ERR_OK)
        return err;
    uint64_t from = journal->steps[first].at, len = journal->size - from;
    err = file_write_open(&file, journal->path, 0644);
    if (err == ERR_OK) {
        err = file_write(&file, &journal->head, sizeof journal->head);
        if (err == ERR_OK)
            err = from + len <= map.len ? file_write(&file, map.bytes + from, len) : ERR_DAMAGED;
        if (err == ERR_OK)
            err = file_write_commit(&file);
        else
            file_write_abandon(&file);
    }
    file_map_close(&map);
    if (err != ERR_OK)
        return err;
    forget_steps(journal, first);
    for (size_t i = 0; i < journal->count; i++)
        journal->steps[i].at -= from - sizeof journal->head;
    journal->size = sizeof journal->head + len;
    return ERR_OK;
}

/* Drops the oldest steps until half of the limit is free: each octet is copied once or twice in its life. */
static void shrink(struct journal *journal, uint64_t more)
{
    uint64_t size = journal->size + more;
    size_t drop = 0, end = journal->keeps ? find_step(journal, journal->keep) : journal->count;
    if (size <= journal->max)
        return;
    while (drop < end && size > journal->max / 2)
        size -= journal->steps[drop++].size;
    if (drop == 0)
        return;
    if (journal->path == NULL) {
        for (size_t i = 0; i < drop; i++)
            journal->size -= journal->steps[i].size;
        forget_steps(journal, drop);
    } else if (drop < journal->count) {
        enum err err = rewrite(journal, drop);
        (void)err; /* no room for a shorter one: the long one goes on, and the next step tries again */
    } else if (truncate(journal->path, 0) == 0) {
        forget_steps(journal, drop);
        journal->size = 0;
    }
}

static enum err reset(struct journal *journal)
{
    forget_steps(journal, journal->count);
    journal->size = 0;
    if (journal->path != NULL && unlink(journal->path) != 0 && errno != ENOENT)
        return ERR_IO;
    return ERR_OK;
}

enum err journal_reset(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    enum err err = reset(journal);
    pthread_mutex_unlock(&journal->lock);
    return err;
}

void journal_keep(struct journal *journal, uint32_t keep)
{
    pthread_mutex_lock(&journal->lock);
    journal->keep = keep;
    journal->keeps = true;
    pthread_mutex_unlock(&journal->lock);
}

static enum err append(struct journal *journal, const struct change *change)
{
    uint64_t size, at;
    enum err err = ERR_OK;
    if (journal->count > 0 && journal->steps[journal->count - 1].to != change->from)
        err = reset(journal);
    if (err == ERR_OK && change_size(change) + sizeof(struct step_head) > journal->max) {
        err = reset(journal);
        return err == ERR_OK ? ERR_LIMIT : err;
    }
    if (err == ERR_OK)
        err = reserve_step(journal);
    if (err != ERR_OK)
        return err;
    uint8_t *bytes = encode(change, &size);
    if (bytes == NULL)
        return ERR_MEMORY;
    shrink(journal, size);
    at = journal->size == 0 ? sizeof journal->head : journal->size;
    if (journal->path != NULL) {
        err = append_to_file(journal, bytes, size);
        free(bytes);
        bytes = NULL;
    } else {
        journal->size += size;
    }
    if (err == ERR_OK)
        journal->steps[journal->count++] =
            (struct step){.from = change->from, .to = change->to, .at = at, .size = size, .bytes = bytes};
    return err;
}

enum err journal_append(struct journal *journal, const struct change *change)
{
    if (!change_check(change) || change_size(change) > UINT32_MAX / 2)
        return ERR_INVALID;
    pthread_mutex_lock(&journal->lock);
    enum err err = append(journal, change);
    pthread_mutex_unlock(&journal->lock);
    return err;
}
