/* What the subcommands share beyond deploying: the daemon, and telling others. */
#ifndef GITSYNC_GITSYNC_H
#define GITSYNC_GITSYNC_H

#include "gitsync/deploy.h"
#include "gitsync/settings.h"

/* `run`: looks at the repositories again and again until it is told to stop; returns the exit status. */
int daemon_run(const struct settings_set *set) NONNULL(1);

/* Sends what came of a deployment to the URLs of --notify. What they answer changes nothing. */
void post_deployment(const struct settings *settings, const struct deployment *deployment) NONNULL(1, 2);

#endif
