/* Large buffers straight from the system: zeroed, given back at once, in huge pages where they fill them (a
 * first touch costs a page fault per page, and memory to be cleared). */
#ifndef ZONE_BASE_PAGES_H
#define ZONE_BASE_PAGES_H

#include <stddef.h>

#include "zone/base/attr.h"

/* SIZE octets; NULL when there are none to be had. Untouched pages cost nothing. */
void *pages_alloc(size_t size) NODISCARD;

/* SIZE as it was given to pages_alloc; NULL does nothing. */
void pages_free(void *pages, size_t size);

#endif
