/* Arena: memory that is given back all at once. A chunk list of mapped pages; allocation bumps a
 * pointer, nothing is freed singly. One owner, one thread at a time; the parameter name at a call
 * says the lifetime (world, snap, scratch). Large chunks come straight from mmap, so arena_clear
 * returns the memory to the system and the resident size falls. */
#ifndef ZONE_BASE_ARENA_H
#define ZONE_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

struct arena_chunk;

struct arena {
    uint8_t *next;              /* first free byte of the current chunk */
    uint8_t *end;               /* its end */
    struct arena_chunk *chunks; /* newest first */
    size_t chunk_size;          /* bytes of the next chunk */
    size_t total;               /* bytes mapped */
};

/* CHUNK_SIZE is the size of each mapping, 0 for 64 KiB. Maps nothing yet. */
void arena_init(struct arena *arena, size_t chunk_size);

/* Gives every page back. The arena is as after arena_init. */
void arena_clear(struct arena *arena);

/* Forgets the allocations but keeps the newest chunk for reuse. */
void arena_reset(struct arena *arena);

/* SIZE bytes aligned to ALIGN (a power of two, at most 4096), not zeroed. NULL when out of memory. */
void *arena_alloc_slow(struct arena *arena, size_t size, size_t align) NODISCARD;

static inline NODISCARD void *arena_alloc(struct arena *arena, size_t size, size_t align)
{
    uintptr_t at = ((uintptr_t)arena->next + align - 1) & ~(uintptr_t)(align - 1);
    if (LIKELY(at + size <= (uintptr_t)arena->end && at != 0)) {
        arena->next = (uint8_t *)(at + size);
        return (void *)at;
    }
    return arena_alloc_slow(arena, size, align);
}

/* A zeroed allocation. */
void *arena_zalloc(struct arena *arena, size_t size, size_t align) NODISCARD;

/* A copy of LEN bytes, with a NUL behind it. */
char *arena_copy(struct arena *arena, const void *bytes, size_t len) NODISCARD;

/* printf into the arena. */
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3) NODISCARD;

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type), _Alignof(type)))
#define ARENA_ARRAY(arena, type, count)                                                                      \
    ((type *)arena_zalloc((arena), sizeof(type) * (size_t)(count), _Alignof(type)))

#endif
