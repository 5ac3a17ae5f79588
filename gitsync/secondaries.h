/* The servers of --confirm: asked for SOAs before and after the switch, and again later those that were
 * behind. A secondary that does not even answer before the switch is no fault of the commit: when enough
 * others are there
 * (--confirm-quorum; all, when left out) it is not waited for, and told of as lagging until it has caught up.
 */
#ifndef GITSYNC_SECONDARIES_H
#define GITSYNC_SECONDARIES_H

#include "gitsync/confirm.h"

/* Do enough of them answer? Notes in EXPECTATIONS which do not. */
enum outcome secondaries_before(struct expectations *expectations, const struct settings *settings,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3);

/* Waits until enough of them have the serials; notes those that have not. */
enum outcome secondaries_after(struct expectations *expectations, const struct settings *settings,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3);

/* LAGGING, addresses with blanks between: those of them that have caught up are taken out. Waits for nobody.
 */
void secondaries_again(struct expectations *expectations, char lagging[LAGGING_MAX]) NONNULL(1, 2);

#endif
