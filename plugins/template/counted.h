/* What prometheus is told of a rule: its matches, by type or by zone, and what its records failed at. Kept
 * over reloads (plugins/keep.h). */
#ifndef PLUGINS_TEMPLATE_COUNTED_H
#define PLUGINS_TEMPLATE_COUNTED_H

#include "plugins/keep.h"
#include "plugins/metrics.h"

enum counted { COUNTED_MATCHES, COUNTED_TEMPLATES, COUNTED_RECORDS, COUNTED_KINDS };

/* The rule as labels tell of it. */
struct counted_rule {
    const struct block *block;
    const char *const *zones;
    unsigned zones_count;
    uint16_t class, type;
    const char *names[COUNTED_KINDS];
    struct tally *tallies[COUNTED_KINDS];
};

/* In setup; the other fields are the caller's. */
enum err counted_init(struct counted_rule *counted, struct setup *setup) NODISCARD NONNULL(1, 2);
enum err counted_start(struct counted_rule *counted) NODISCARD NONNULL(1);
void counted_stop(const struct counted_rule *counted) NONNULL(1);

/* Worker threads: a match in the zone of that index; a failure in the line of that index. */
void counted_match(const struct counted_rule *counted, const struct query *query, unsigned zone)
    NONNULL(1, 2);
void counted_failure(const struct counted_rule *counted, const struct query *query, enum counted which,
    unsigned line) NONNULL(1, 2);

void counted_tell_matches(const struct counted_rule *counted, struct metrics *out) NONNULL(1, 2);

/* The failures of the line of that index. */
void counted_tell_failures(const struct counted_rule *counted, unsigned line, const char *section,
    const char *text, struct metrics *out) NONNULL(1, 3, 4, 5);

#endif
