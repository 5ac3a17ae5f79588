#include "zone/base/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HEAP_BELOW ((size_t)64 << 10) /* not worth a mapping of their own */

void *pages_alloc(size_t size)
{
    if (size < HEAP_BELOW)
        return calloc(1, size + 1);
    void *pages =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages != MAP_FAILED ? pages : NULL;
}

void pages_free(void *pages, size_t size)
{
    if (size < HEAP_BELOW)
        free(pages);
    else if (pages != NULL)
        munmap(pages, size);
}
