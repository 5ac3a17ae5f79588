/* Expressions about a query, as CoreDNS's view and template plugins use them: true or false, or a text.
 *
 *     (type() == 'A' && name() matches '^api\\.') || incidr(client_ip(), '192.0.2.0/24')
 *
 * Values are texts, whole numbers, truth values and lists. Operators, from weak to strong: ?: || or, && and,
 * == != < <= > >= in matches contains startsWith endsWith and their negations by not, + -, * / %, ! not -.
 * Functions: bufsize() class() client_ip() do() id() name() opcode() port() proto() rcode() server_ip()
 * server_port() size() type(), incidr(ip, cidr), metadata(label), len(x), lower(x), upper(x).
 *
 * Compiled in setup (control thread), then frozen; evaluating is for any worker and takes memory from the
 * query's scratch only. */
#ifndef PLUGINS_EXPRESSION_H
#define PLUGINS_EXPRESSION_H

#include "plugins/plugin.h"

#define EXPRESSION_TEXT_MAX 1100

struct expression;

/* NULL when TEXT is none, which has been reported at TOKEN. */
struct expression *expression_parse(
    struct setup *setup, const struct token *token, const char *text) NODISCARD NONNULL(1, 2, 3);

/* The words of a line as one text: an expression in a Corefile needs no quotes. NULL: out of memory. */
const char *expression_join(struct setup *setup, const struct token *words, unsigned count) NODISCARD
    NONNULL(1, 2);

/* False, too, where a value has the wrong kind. */
bool expression_is_true(const struct expression *expression, const struct query *query) NONNULL(1, 2);

/* The value as a text into OUT of EXPRESSION_TEXT_MAX octets; returns its length without the NUL. */
size_t expression_print(const struct expression *expression, const struct query *query, char *out)
    NONNULL(1, 2, 3);

#endif
