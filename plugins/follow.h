/* Aliases that lead out of the zone that holds them, followed to what else this server holds: the last
 * alias's target is asked, and what comes is added (RFC 1034 4.3.2 step 3a, and back to step 1). It is asked
 * of the same server block (another of its zones, fallthrough, forward), or of the block that a client's
 * query for it would come to, with that one's rules (acl, view ...) for the client. Loops end at a question
 * that has been asked on the way. Worker threads. */
#ifndef PLUGINS_FOLLOW_H
#define PLUGINS_FOLLOW_H

#include "plugins/plugin.h"

/* The target of the alias that REPLY's answer section ends in, or NULL when it is empty or ends in something
 * else. */
const uint8_t *follow_target(const struct reply *reply) NODISCARD NONNULL(1);

/* Asks for the last alias's target in the same server block; the verdict for serve. What the reply has beyond
 * the answer section is left out. A target that nobody answers for leaves the alias alone. */
enum served follow(struct query *query) NONNULL(1);

/* The same, of another server block: one that answers by itself, unless this one asks other servers, too. The
 * reply stays as it is when there is no such block, or it does not answer. */
enum served follow_elsewhere(struct query *query) NONNULL(1);

#endif
