#include "zone/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
};

#define DEFAULT_CHUNK ((size_t)64 * 1024)
#define PAGE ((size_t)4096)

void arena_init(struct arena *arena, size_t chunk_size)
{
    memset(arena, 0, sizeof *arena);
    arena->chunk_size = chunk_size != 0 ? chunk_size : DEFAULT_CHUNK;
}

void arena_clear(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct arena_chunk *older = chunk->older;
        munmap(chunk, chunk->size);
        chunk = older;
    }
    arena_init(arena, arena->chunk_size);
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *keep = arena->chunks;
    if (keep == NULL)
        return;
    for (struct arena_chunk *chunk = keep->older; chunk != NULL;) {
        struct arena_chunk *older = chunk->older;
        arena->total -= chunk->size;
        munmap(chunk, chunk->size);
        chunk = older;
    }
    keep->older = NULL;
    arena->next = (uint8_t *)(keep + 1);
}

void *arena_alloc_slow(struct arena *arena, size_t size, size_t align)
{
    size_t need = size + align + sizeof(struct arena_chunk);
    if (need < size)
        return NULL;
    size_t want = need > arena->chunk_size ? need : arena->chunk_size;
    want = (want + PAGE - 1) & ~(PAGE - 1);
    struct arena_chunk *chunk = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED)
        return NULL;
    chunk->older = arena->chunks;
    chunk->size = want;
    arena->chunks = chunk;
    arena->total += want;
    arena->next = (uint8_t *)(chunk + 1);
    arena->end = (uint8_t *)chunk + want;
    return arena_alloc(arena, size, align);
}

void *arena_zalloc(struct arena *arena, size_t size, size_t align)
{
    void *bytes = arena_alloc(arena, size, align);
    return bytes != NULL ? memset(bytes, 0, size) : NULL;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t len)
{
    char *copy = arena_alloc(arena, len + 1, 1);
    if (copy == NULL)
        return NULL;
    if (len != 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1, 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}
