/* Aliases that lead out of what a zone holds, followed through the server block: where the rest of the chain
 * answers for other names (fallthrough, forward), a CNAME's target is asked there and its records are added
 * (RFC 1034 4.3.2 3a). Worker threads. */
#ifndef PLUGINS_FILE_FOLLOW_H
#define PLUGINS_FILE_FOLLOW_H

#include "plugins/plugin.h"

/* True when REPLY's answer section ends in a chain of aliases rather than being empty. */
bool follow_wants(const struct reply *reply) NONNULL(1);

/* Asks for the last alias's target; the verdict for serve. A target that nobody answers for leaves the alias
 * alone. */
enum served follow(struct query *query) NONNULL(1);

#endif
