/* Who vouches for a commit: its signature, that of the tag that is followed, approvals by others, and the
 * signers that protected subtrees have of their own.
 *
 * A commit's signature covers its whole tree and history, so that one good signature at the tip is enough;
 * but what is below a protected path must have come by commits of its own signers, each of them looked at,
 * back to the deployed one. */
#ifndef GITSYNC_WHO_H
#define GITSYNC_WHO_H

#include "gitsync/plan.h"
#include "gitsync/repo.h"

/* Fills in the plan's signer. Without --signers and --keyring nothing is required, and the signer says so. */
enum outcome who_vouches(struct repo *repo, const struct settings *settings, const struct repo_tip *tip,
    const char *deployed, struct plan *plan, struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4, 5, 6);

#endif
