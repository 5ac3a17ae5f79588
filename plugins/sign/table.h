/* The signed zones of one server block, as they are at one time: which of the zones that other plugins bring
 * are signed, by which line. Made anew when auto finds or loses a zone; workers read it through one pointer.
 * Control thread, but for what plugins/serving.h says. */
#ifndef PLUGINS_SIGN_TABLE_H
#define PLUGINS_SIGN_TABLE_H

#include "plugins/serving.h"
#include "plugins/sign/signed.h"

/* A `sign` line. */
struct sign_line {
    struct sign_line *next;
    struct terms *terms;
    struct option_zones zones;
    struct timespec keys_changed; /* the directory of keys, when it was looked at last */
};

struct sign_table {
    struct serving serving;
    struct serving_zone *served;
    struct signed_zone **zones; /* one user each */
    struct sign_line **lines;   /* of each */
    unsigned count, room;
};

/* The table that LINES and the zones of BLOCK call for; what is new in it is not signed yet. NULL: out of
 * memory. */
struct sign_table *sign_table_new(struct sign_line *lines, const struct block *block) NODISCARD NONNULL(2);
void sign_table_free(void *table);

/* The same zones in the same order? */
bool sign_table_same(const struct sign_table *a, const struct sign_table *b) NONNULL(1, 2);

#endif
