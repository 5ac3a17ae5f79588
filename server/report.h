/* Findings about tokens of a Corefile. A reporter counts the errors and passes each finding on. */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

#include <stdarg.h>

#include "plugins/options.h"
#include "zone/text/finding.h"

struct reporter {
    const struct finding_sink *sink; /* NULL: only count */
    unsigned errors;
};

void report(struct reporter *reporter, enum severity severity, const char *rule, const struct token *token,
    const char *hint, const char *format, ...) PRINTF(6, 7) NONNULL(1, 3, 6);
void report_list(struct reporter *reporter, enum severity severity, const char *rule,
    const struct token *token, const char *hint, const char *format, va_list args) NONNULL(1, 3, 6);

/* The one of COUNT words nearest to TEXT (edit distance, letter swaps counting once), or NULL when none is
 * near enough to be meant. */
const char *nearest_word(const char *text, const char *const *words, unsigned count) NONNULL(1);

#endif
