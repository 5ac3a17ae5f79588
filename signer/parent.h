/* Looking at the parent: which DS records does it publish for the zone? */
#ifndef SIGNER_PARENT_H
#define SIGNER_PARENT_H

#include "signer/rolling.h"

/* Asks SERVER ("192.0.2.1", "192.0.2.1:53", "tls://...") for the DS set and notes in ROLLING what was seen
 * and what is gone. False: no answer that could be used; told, and nothing is noted. */
bool parent_look(struct rolling *rolling, const char *server) NODISCARD NONNULL(1, 2);

#endif
