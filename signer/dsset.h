/* The DS records of a zone at its parent, from a file: lines "example.org. IN DS 12345 13 2 ...", as dig,
 * dsset- files and `signer ds` print them. */
#ifndef SIGNER_DSSET_H
#define SIGNER_DSSET_H

#include "zone/base/arena.h"
#include "zone/wire/rrset.h"

#define DSSET_MAX 32

struct dsset {
    struct arena arena;
    struct rdata_ref refs[DSSET_MAX];
    unsigned count;
};

/* Reads those of ZONE; tells what is wrong. A file without any is wrong. */
bool dsset_read(struct dsset *set, const char *path, const uint8_t *zone) NODISCARD NONNULL(1, 2, 3);
void dsset_clear(struct dsset *set) NONNULL(1);

#endif
