/* What a difference of two versions of a zone does to those who ask: whose answers change, and for how long
 * the old ones may be met. The server's answer engine is asked on both sides, about every name that the
 * change touches: its owners, the empty names above them, names below where that matters (delegations,
 * wildcards, DNAME), and aliases that lead there. */
#ifndef ZONETOOL_EFFECT_H
#define ZONETOOL_EFFECT_H

#include "zone/base/json.h"
#include "zone/store/versions.h"
#include "zonetool/ask.h"

enum effect_area { AREA_SERVICE, AREA_DELEGATION, AREA_MAIL, AREA_DNSSEC };

struct effect {
    const uint8_t *name; /* whole wire name */
    uint16_t type;
    bool below;   /* stands for any name below NAME that is not there itself */
    uint8_t area; /* enum effect_area */
    struct told old, new;
};

struct effects {
    struct effect *items; /* those whose answers change, in canonical order */
    size_t count, room;
    uint32_t old_life; /* seconds that an old answer may stay in a cache */
    uint32_t new_life; /* seconds that a new one may, should all be taken back */
    uint32_t refresh;  /* of the old SOA: when a secondary that missed the NOTIFY asks again */
    uint32_t expire;
    bool signed_before, signed_after;
    bool chain; /* keys or delegation signers change */
    struct arena arena;
};

enum err effects_find(struct effects *effects, const struct versions *versions, const struct snapshot *old,
    const struct snapshot *new) NODISCARD NONNULL(1, 2, 3, 4);
void effects_clear(struct effects *effects) NONNULL(1);

/* "www.example. A", "any name below example. A"; and what happens to it. Static storage, good until the next
 * call. */
const char *effect_subject(const struct effect *effect) NONNULL(1);
const char *effect_what(const struct effect *effect) NONNULL(1);

/* The subject for Markdown. */
void effect_show_subject(FILE *out, const struct effect *effect) NONNULL(1, 2);

void effects_text(const struct effects *effects) NONNULL(1);
void effects_json(const struct effects *effects, struct json *json) NONNULL(1, 2);
void effects_markdown(const struct effects *effects) NONNULL(1);

#endif
