/* The difference of two snapshots of one zone, as a change set. When both stand on one image only their
 * overlays are looked at, and it costs what has changed since; else both zones are walked once, side by side,
 * in canonical order (a million delegations: a tenth of a second). Reads frozen memory only: any thread. */
#ifndef ZONE_STORE_DIFF_H
#define ZONE_STORE_DIFF_H

#include "zone/store/change.h"

/* *OUT says what makes TO of FROM; both lists are in canonical order of owners, then by type, and begin with
 * the SOA records, equal or not. No difference at all: both lists are empty, `from` and `to` are set all the
 * same. ERR_LIMIT: it has more than MAX octets (0: any size). ERR_INVALID: they have different apexes. */
enum err diff_snapshots(const struct snapshot *from, const struct snapshot *to, size_t max,
    struct change *out) NODISCARD NONNULL(1, 2, 4);

#endif
