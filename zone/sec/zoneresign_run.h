/* A zone on its way to be signed again: what is touched, and its places in the chains. Inner header of
 * zoneresign.c and zoneresign_chain.c. */
#ifndef ZONE_SEC_ZONERESIGN_RUN_H
#define ZONE_SEC_ZONERESIGN_RUN_H

#include "zone/sec/zonesign_plan.h"
#include "zone/store/edit.h"

/* A name that is touched, and what becomes of it in the NSEC chain. */
struct touched {
    const uint8_t *name; /* relative, in the arena */
    uint8_t len;
    bool was, is; /* in the chain */
};

/* A member of the NSEC3 chain that is touched. */
struct touched3 {
    uint8_t hash[20];
    const struct node *node; /* of the name, in `after`; NULL: only its next hash changes, or it goes */
    uint16_t kind;
    bool was, is;
    bool pointer; /* found as a neighbour or as due: whoever comes by the name knows better */
};

struct resigning {
    struct zonesign_options options;
    struct sign_plan plan;
    const struct snapshot *before, *after;
    struct snapshot *signed_zone;
    struct arena arena;
    struct touched *names;
    size_t count, room, sorted; /* SORTED: those in order; what is touched later stands behind them */
    struct touched3 *hashes;
    size_t count3, room3, sorted3;
    struct sign_maker maker;
    struct edits edits;
    int64_t earliest; /* of the signatures that stay */
};

enum err resign_touch(struct resigning *resigning, const uint8_t *name, unsigned len) NODISCARD NONNULL(1);
enum err resign_touch3(struct resigning *resigning, const struct touched3 *touched) NODISCARD NONNULL(1, 2);

bool resign_is_under(const struct node *node, const uint8_t *name, unsigned len) NONNULL(1);

/* Tells of each touched name whether it was and is in the NSEC chain. */
void resign_judge_names(struct resigning *resigning) NONNULL(1);

/* Touches those before names that come or go. The names are sorted and judged. */
enum err resign_find_neighbours(struct resigning *resigning) NODISCARD NONNULL(1);

/* The name that the touched name I is to point to, relative. ERR_STALE: the signed form's chain is broken. */
enum err resign_next(const struct resigning *resigning, size_t i, const uint8_t **out,
    unsigned *out_len) NODISCARD NONNULL(1, 3, 4);

/* The same for NSEC3: the hashes of the touched names and of all above them; their neighbours; the next hash.
 */
enum err resign_judge_hashes(struct resigning *resigning) NODISCARD NONNULL(1);
enum err resign_find_neighbours3(struct resigning *resigning) NODISCARD NONNULL(1);
enum err resign_next3(const struct resigning *resigning, size_t i, uint8_t out[20]) NODISCARD NONNULL(1, 3);

/* The member of the signed form's NSEC3 set with that hash, or NULL. */
const struct node *resign_member(const struct resigning *resigning, const uint8_t hash[20]) NONNULL(1, 2);

#endif
