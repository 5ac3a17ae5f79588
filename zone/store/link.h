/* Resolving links: where the name in a record's rdata lies in the same zone, its node is found once, when the
 * image is built, and stored beside the record (rrset.h). Inner header of the builder. */
#ifndef ZONE_STORE_LINK_H
#define ZONE_STORE_LINK_H

#include "zone/store/segment.h"

/* Fills in the targets of the segment's open links; with CHECKS the rules on targets are run too. */
void link_resolve(const struct image *image, const struct build *build, struct segment *segment, bool checks)
    NONNULL(1, 2, 3);

#endif
