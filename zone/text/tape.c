#include "zone/text/tape.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Small tapes come from the heap, which gives the same pages to the next small zone; large ones are mapped:
 * pages that are not touched cost nothing, so the first guess may be generous. */
#define HEAP_BELOW ((size_t)1 << 20)

static bool on_heap(size_t capacity)
{
    return capacity < HEAP_BELOW;
}

static void *map(size_t capacity)
{
    void *base =
        mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base != MAP_FAILED ? base : NULL;
}

enum err tape_init(struct tape *tape, size_t expected)
{
    memset(tape, 0, sizeof *tape);
    size_t capacity = (expected + 2 * TAPE_RECORD_ROOM + 4095) & ~(size_t)4095;
    tape->base = on_heap(capacity) ? malloc(capacity) : map(capacity);
    if (tape->base == NULL)
        return ERR_MEMORY;
    tape->capacity = capacity;
    return ERR_OK;
}

void tape_clear(struct tape *tape)
{
    if (on_heap(tape->capacity))
        free(tape->base);
    else
        munmap(tape->base, tape->capacity);
    memset(tape, 0, sizeof *tape);
}

/* Like mremap, which ThreadSanitizer does not see: it takes pages that one thread gave back that way, and
 * another got, for shared by both. */
static void *remap(struct tape *tape, size_t capacity)
{
#ifdef __SANITIZE_THREAD__
    void *base = map(capacity);
    if (base == NULL)
        return NULL;
    memcpy(base, tape->base, tape->len);
    munmap(tape->base, tape->capacity);
    return base;
#else
    void *base = mremap(tape->base, tape->capacity, capacity, MREMAP_MAYMOVE);
    return base != MAP_FAILED ? base : NULL;
#endif
}

static void *move_to_map(struct tape *tape, size_t capacity)
{
    void *base = map(capacity);
    if (base == NULL)
        return NULL;
    memcpy(base, tape->base, tape->len);
    free(tape->base);
    return base;
}

enum err tape_grow(struct tape *tape)
{
    size_t capacity = (tape->capacity * 2 + TAPE_RECORD_ROOM + HEAP_BELOW + 4095) & ~(size_t)4095;
    void *base = on_heap(tape->capacity) ? move_to_map(tape, capacity) : remap(tape, capacity);
    if (base == NULL)
        return ERR_MEMORY;
    tape->base = base;
    tape->capacity = capacity;
    return ERR_OK;
}

/* ---- records from elsewhere ---- */

#define RUN_SIZE_MAX (1u << 30)

static struct run *run_of(struct tape *tape)
{
    return (struct run *)(void *)(tape->base + tape->run_at);
}

static void open_run(struct tape *tape, const uint8_t *owner, size_t owner_len)
{
    tape->len = (tape->len + 7) & ~(size_t)7;
    tape->run_at = tape->len;
    struct run *run = run_of(tape);
    *run = (struct run){.labels = (uint8_t)name_labels(owner), .name_len = (uint8_t)owner_len};
    memcpy(run->name, owner, owner_len);
    run->records_at = (RUN_NAME_AT + (uint32_t)owner_len + 3) & ~3u;
    tape->len += run->records_at;
    tape->run_count++;
}

enum err tape_put(struct tape *tape, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
    size_t rdata_len)
{
    size_t owner_len = name_len(owner);
    enum err err = tape_reserve(tape);
    if (err != ERR_OK)
        return err;
    struct run *run = run_of(tape);
    if (tape->run_count == 0 || run->name_len != owner_len || run->size > RUN_SIZE_MAX ||
        memcmp(run->name, owner, owner_len) != 0)
        open_run(tape, owner, owner_len);
    struct tape_record *record = (struct tape_record *)(void *)(tape->base + tape->len);
    record->type = type;
    record->rdata_len = (uint16_t)rdata_len;
    record->ttl = ttl;
    record->behind = 0;
    if (rdata_len > 0)
        memcpy(record->rdata, rdata, rdata_len);
    tape->len += (sizeof *record + rdata_len + 3) & ~(size_t)3;
    tape->record_count++;
    run = run_of(tape);
    run->record_count++;
    run->size = (uint32_t)((tape->len - tape->run_at + 7) & ~(size_t)7);
    return ERR_OK;
}
