/* Records that `signer sign` adds to a zone before it is signed, because an option asks for them: CSYNC at
 * the apex (RFC 7477: the parent may take NS and addresses over from here) and, in a zone that has children,
 * DSYNC (RFC 9859: where a child's server tells that its CDS or CSYNC has changed). Those of the same name
 * and type that the zone has are replaced. */
#ifndef SIGNER_ADDITIONS_H
#define SIGNER_ADDITIONS_H

#include "signer/signer.h"
#include "zone/store/snapshot.h"

extern bool additions_csync;
bool additions_take_dsync(const char *value);

/* For the tables of rows. */
#define ADDITIONS_ROWS                                                                                       \
    {0, "csync", NULL, "tell the parent to take NS and addresses from here (RFC 7477)", &additions_csync,    \
        NULL, NULL},                                                                                         \
    {                                                                                                        \
        0, "dsync", "HOST[:PORT]", "tell children's servers whom to notify (RFC 9859)", NULL, NULL,          \
            additions_take_dsync                                                                             \
    }

/* Replaces *ZONE by the zone with the additions. False: told. */
bool additions_make(struct snapshot **zone, unsigned threads) NODISCARD NONNULL(1);

#endif
