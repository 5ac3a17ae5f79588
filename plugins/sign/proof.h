/* Proof before publish: would what has been signed validate? A whole zone is verified when it is new or
 * small; after a change, each signature that was made is computed again, by the code that validates and not
 * by the one that signs. Any thread. */
#ifndef PLUGINS_SIGN_PROOF_H
#define PLUGINS_SIGN_PROOF_H

#include <stdint.h>

#include "zone/sec/zonesign.h"
#include "zone/store/change.h"

#define PROOF_WHY_MAX 400

/* ERR_INVALID: MADE must not be served, WHY tells. CHANGE: what made it of a zone that was proven, or NULL.
 */
enum err prove(const struct snapshot *made, const struct change *change,
    const struct zonesign_options *options, const struct zonesign_result *result,
    char why[PROOF_WHY_MAX]) NODISCARD NONNULL(1, 3, 4, 5);

#endif
