#include "zone/text/tape.h"

#include <string.h>
#include <sys/mman.h>

/* Mapped pages that are not touched cost nothing, so the first guess may be generous. */
enum err tape_init(struct tape *tape, size_t expected)
{
    memset(tape, 0, sizeof *tape);
    size_t capacity = (expected + 2 * TAPE_RECORD_ROOM + 4095) & ~(size_t)4095;
    void *base =
        mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return ERR_MEMORY;
    tape->base = base;
    tape->capacity = capacity;
    return ERR_OK;
}

void tape_clear(struct tape *tape)
{
    if (tape->base != NULL)
        munmap(tape->base, tape->capacity);
    memset(tape, 0, sizeof *tape);
}

enum err tape_grow(struct tape *tape)
{
    size_t capacity = (tape->capacity * 2 + TAPE_RECORD_ROOM + 4095) & ~(size_t)4095;
    void *base = mremap(tape->base, tape->capacity, capacity, MREMAP_MAYMOVE);
    if (base == MAP_FAILED)
        return ERR_MEMORY;
    tape->base = base;
    tape->capacity = capacity;
    return ERR_OK;
}
