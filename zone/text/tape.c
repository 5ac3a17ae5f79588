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
