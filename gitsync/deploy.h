/* A deployment, step by step. Each step can fail or be killed; what is served stays as it was until the
 * switch, and after it the journal knows what is to be gone back to.
 *
 *     lock -> finish what was interrupted -> fetch -> who -> stage -> check and limits -> journal "publish"
 *          -> switch -> reload -> confirm -> journal "confirmed" -> tidy up
 *                                    \-> not in time: switch back -> reload -> confirm -> journal "returned"
 */
#ifndef GITSYNC_DEPLOY_H
#define GITSYNC_DEPLOY_H

#include <stdio.h>

#include "gitsync/confirm.h"
#include "gitsync/plan.h"
#include "gitsync/settings.h"
#include "gitsync/store.h"

enum phase { PHASE_FETCH, PHASE_VERIFY, PHASE_CHECK, PHASE_PUBLISH, PHASE_CONFIRM, PHASES };

/* What came of one run, for the story, metrics and webhooks. */
struct deployment {
    struct plan plan;
    struct problem problem; /* outcome FINE when all went well */
    struct repo_tip tip;
    char release[STORE_NAME_MAX];  /* published now */
    char deployed[STORE_NAME_MAX]; /* its commit */
    bool changed;                  /* something was published */
    bool held;                     /* the tip was rolled back from and is left alone */
    bool still_refused;            /* the tip was refused at the last look, and nothing has changed */
    bool has_plan;
    char lagging[LAGGING_MAX]; /* secondaries that were behind at the last look, "" for none */
    uint64_t phase_us[PHASES];
};

/* Deploys what SETTINGS name, or only makes the plan (plan_only). The deployment is to be cleared either way.
 */
enum outcome deploy_run(
    const struct settings *settings, bool plan_only, struct deployment *deployment) NODISCARD NONNULL(1, 3);
void deployment_clear(struct deployment *deployment) NONNULL(1);

/* Publishes an earlier release again: TARGET is its name or commit (or the beginning of it), NULL: the one
 * before the current. */
enum outcome deploy_rollback(const struct settings *settings, const char *target,
    struct deployment *deployment) NODISCARD NONNULL(1, 3);

const char *phase_word(enum phase phase);

#endif
