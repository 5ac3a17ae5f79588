/* A difference of two versions of a zone, printed: one function for each format of `zonetool diff`. */
#ifndef ZONETOOL_DIFFERENCE_H
#define ZONETOOL_DIFFERENCE_H

#include "zone/store/versions.h"
#include "zonetool/effect.h"

struct difference {
    const char *old_name, *new_name; /* as the command line has them */
    const struct versions *versions;
    const struct effects *effects; /* NULL: they were not asked for */
};

void difference_text(const struct difference *difference) NONNULL(1);
void difference_json(const struct difference *difference) NONNULL(1);
void difference_markdown(const struct difference *difference) NONNULL(1);

/* As dig prints an IXFR of one step (RFC 1995 4): new SOA, old SOA, what goes, new SOA, what comes, new SOA.
 */
void difference_ixfr(const struct difference *difference) NONNULL(1);

/* For nsupdate(1). What a signing server makes itself is left out. */
void difference_nsupdate(const struct difference *difference) NONNULL(1);

#endif
