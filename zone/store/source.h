/* Where an image came from: the list of files at its end (image.h), made when it is built and compared when
 * it is opened again. */
#ifndef ZONE_STORE_SOURCE_H
#define ZONE_STORE_SOURCE_H

#include "zone/store/image.h"
#include "zone/text/sources.h"

/* Octets that the list of all SOURCES takes. */
size_t source_list_size(const struct sources *sources) NONNULL(1);

/* Writes the list; digests the contents on THREADS threads. */
void source_list_write(struct sources *sources, unsigned threads, uint8_t *out) NONNULL(1, 3);

#endif
