/* Inbound webhooks: is a POST from who it says, and does it concern us? Forges sign the body by HMAC-SHA256
 * (GitHub, Gitea, Forgejo: X-Hub-Signature-256: sha256=HEX, X-Gitea-Signature: HEX) or send the secret itself
 * (GitLab: X-Gitlab-Token). The body is only looked at for the branch; what is deployed comes from the
 * repository alone. Pure functions. */
#ifndef GITSYNC_WEBHOOK_H
#define GITSYNC_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

struct webhook {
    const char *signature; /* X-Hub-Signature-256 or X-Gitea-Signature; NULL: not there */
    const char *token;     /* X-Gitlab-Token */
    const char *body;      /* with a NUL behind it */
    size_t len;
};

enum webhook_verdict {
    WEBHOOK_FORGED, /* unsigned, or wrongly */
    WEBHOOK_OTHER,  /* about another branch */
    WEBHOOK_LOOK    /* look at the repository now */
};

/* BRANCHES: NULL behind the last; an empty list takes any. */
/* The signatures seen last: a body that somebody has recorded and sends again is no reason to look. One
 * thread. */
#define WEBHOOK_MEMORY 256
struct webhook_memory {
    uint8_t digests[WEBHOOK_MEMORY][16];
    unsigned count;
};

/* Whether this one, which was judged well, was here before; remembers it. One with a token alone cannot be
 * told from another, and never was. */
bool webhook_is_again(struct webhook_memory *memory, const struct webhook *webhook) NONNULL(1, 2);

enum webhook_verdict webhook_judge(const struct webhook *webhook, const char *secret, size_t secret_len,
    const char *const *branches) NONNULL(1, 2, 4);

#endif
