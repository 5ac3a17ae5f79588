/* A whole zone as canonical text (print.h), printed on several threads and written in order. */
#ifndef ZONE_STORE_PRINT_ZONE_H
#define ZONE_STORE_PRINT_ZONE_H

#include "zone/base/err.h"
#include "zone/store/snapshot.h"

/* Writes all records of SNAPSHOT to FD, the SOA first, the NSEC3 set last. ERR_IO: errno tells. THREADS 0:
 * all cores. */
enum err print_zone(const struct snapshot *snapshot, unsigned threads, int fd) NODISCARD NONNULL(1);

#endif
