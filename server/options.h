/* Inside of the options engine (its contract with plugins is plugins/options.h): options.c walks a directive
 * along the rows, options_value.c reads single values, options_print.c tells the rows to people. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/options.h"

/* True for kinds that take all arguments that are left. */
bool option_is_list(enum option_kind kind);

/* Octets of the field of KIND, 0 when it has none. */
size_t option_size(enum option_kind kind);

/* Adds COUNT tokens to the list field. */
enum err option_list_add(struct setup *setup, const struct token *tokens, unsigned count,
    const struct option *row, void *field) NODISCARD;

/* Adds LINE to a field of OPTION_LINES. */
enum err option_line_add(struct setup *setup, const struct directive *line, void *field) NODISCARD;

/* The block's zones as a list's value. */
enum err option_zones_default(struct setup *setup, struct option_zones *zones) NODISCARD;

/* Splits TEXT, written in a row, at blanks into tokens that stand at PLACE. */
enum err option_split(struct setup *setup, const char *text, const struct token *place, struct token **tokens,
    unsigned *count) NODISCARD;

/* Rows of the option line that begins at ROWS[AT]: those behind it with the same word. */
unsigned option_group(const struct option *rows, unsigned at);
bool option_is_end(const struct option *row);

/* "1m30s", in at most 32 octets. */
void duration_print(int64_t ms, char out[32]);

/* Usage of one line, without the block, in memory of the world; "" when there is none left. */
const char *option_usage_line(
    struct setup *setup, const char *word, const struct option *rows, unsigned count);

#endif
