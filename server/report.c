#include "server/report.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 512
#define WORD_MAX 40

void report_list(struct reporter *reporter, enum severity severity, const char *rule,
    const struct token *token, const char *hint, const char *format, va_list args)
{
    if (severity == SEVERITY_ERROR)
        reporter->errors++;
    if (reporter->sink == NULL)
        return;
    char message[MESSAGE_MAX];
    vsnprintf(message, sizeof message, format, args);
    struct finding finding = {.severity = severity, .rule = rule, .message = message, .hint = hint};
    if (token != NULL) {
        finding.file = token->file;
        finding.line = token->line;
        finding.column = token->column;
        finding.token = token->text;
        finding.token_len = token->len;
    }
    reporter->sink->report(reporter->sink->context, &finding);
}

void report(struct reporter *reporter, enum severity severity, const char *rule, const struct token *token,
    const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_list(reporter, severity, rule, token, hint, format, args);
    va_end(args);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edit distance where swapping two neighbours counts once (optimal string alignment), since that is
 * the commonest slip of fingers. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (unsigned j = 0; j <= b_len; j++)
        above[j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
            bool swapped = i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                           tolower((unsigned char)a[i - 2]) == y;
            if (swapped)
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_len];
}

const char *nearest_word(const char *text, const char *const *words, unsigned count)
{
    const char *best = NULL;
    size_t len = strlen(text);
    if (len == 0 || len > WORD_MAX)
        return NULL;
    unsigned best_distance = len < 4 ? 2 : (unsigned)len / 3 + 2; /* must be less than this */
    for (unsigned i = 0; i < count; i++) {
        size_t word_len = strlen(words[i]);
        if (word_len > WORD_MAX)
            continue;
        unsigned edits = distance(text, len, words[i], word_len);
        if (edits < best_distance && edits < word_len) {
            best_distance = edits;
            best = words[i];
        }
    }
    return best;
}
