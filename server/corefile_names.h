/* What is known about words of a Corefile without asking the plugins: the plugins of CoreDNS, present and
 * past, and zones that are served twice. */
#ifndef SERVER_COREFILE_NAMES_H
#define SERVER_COREFILE_NAMES_H

#include <stdbool.h>

#include "server/corefile.h"
#include "server/report.h"

/* True when WORD is the name of a plugin that CoreDNS has or had, so that it is hardly meant as a zone. */
bool plugin_word(const char *word) NONNULL(1);

/* Reports a zone that two blocks (or one block twice) serve at the same place. Blocks bound to different
 * addresses, and blocks with a view before the one without, may do so. */
void corefile_check_duplicates(const struct corefile *corefile, struct reporter *reporter) NONNULL(1, 2);

#endif
