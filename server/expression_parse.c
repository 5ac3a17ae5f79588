#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "server/expression_ast.h"
#include "zone/wire/reverse.h"

#define DEPTH_MAX 64

enum mark { MARK_END, MARK_TEXT, MARK_NUMBER, MARK_WORD, MARK_SIGN };

struct parser {
    struct setup *setup;
    const struct token *token;
    const char *start, *at;
    enum mark mark; /* of the token in hand */
    const char *word;
    size_t len;
    const char *why;
    unsigned depth;
};

static void *fail(struct parser *p, const char *why)
{
    if (p->why == NULL)
        p->why = why;
    return NULL;
}

/* ---- tokens ---- */

static void next_text(struct parser *p)
{
    char quote = *p->at++;
    char *out = arena_alloc(p->setup->world, strlen(p->at) + 1, 1);
    p->mark = MARK_TEXT;
    p->word = out != NULL ? out : "";
    p->len = 0;
    if (out == NULL) {
        fail(p, "out of memory");
        return;
    }
    for (; *p->at != '\0' && *p->at != quote; p->at++) {
        if (*p->at == '\\' && quote != '`' && p->at[1] != '\0')
            p->at++;
        out[p->len++] = *p->at;
    }
    out[p->len] = '\0';
    if (*p->at == '\0')
        fail(p, "a text is not closed");
    else
        p->at++;
}

static void next(struct parser *p)
{
    static const char *const signs[] = {"&&", "||", "==", "!=", "<=", ">=", "**"};
    while (isspace((unsigned char)*p->at))
        p->at++;
    p->word = p->at;
    p->len = 1;
    if (*p->at == '\0') {
        p->mark = MARK_END;
        p->len = 0;
        return;
    }
    if (strchr("'\"`", *p->at) != NULL) {
        next_text(p);
        return;
    }
    if (isalnum((unsigned char)*p->at) || *p->at == '_') {
        p->mark = isdigit((unsigned char)*p->at) ? MARK_NUMBER : MARK_WORD;
        while (isalnum((unsigned char)p->at[p->len]) || p->at[p->len] == '_')
            p->len++;
    } else {
        p->mark = MARK_SIGN;
        for (unsigned i = 0; i < ARRAY_COUNT(signs); i++) {
            if (strncmp(p->at, signs[i], 2) == 0)
                p->len = 2;
        }
    }
    p->at += p->len;
}

static bool is(const struct parser *p, const char *text)
{
    return (p->mark == MARK_SIGN || p->mark == MARK_WORD) && strlen(text) == p->len &&
           memcmp(p->word, text, p->len) == 0;
}

static bool take(struct parser *p, const char *text)
{
    bool found = is(p, text);
    if (found)
        next(p);
    return found;
}

/* ---- operands ---- */

static const struct expression *parse_choice(struct parser *p);

static struct expression *make(struct parser *p, enum expression_op op, unsigned args)
{
    struct expression *e = ARENA_NEW(p->setup->world, struct expression);
    if (e == NULL)
        return fail(p, "out of memory");
    e->op = op;
    e->args = args > 0 ? ARENA_ARRAY(p->setup->world, const struct expression *, args) : NULL;
    return args == 0 || e->args != NULL ? e : fail(p, "out of memory");
}

static const struct {
    const char *name;
    enum expression_function function;
    unsigned args;
} functions[] = {
    {"bufsize", CALL_BUFSIZE, 0},
    {"class", CALL_CLASS, 0},
    {"client_ip", CALL_CLIENT_IP, 0},
    {"do", CALL_DO, 0},
    {"id", CALL_ID, 0},
    {"name", CALL_NAME, 0},
    {"opcode", CALL_OPCODE, 0},
    {"port", CALL_PORT, 0},
    {"proto", CALL_PROTO, 0},
    {"rcode", CALL_RCODE, 0},
    {"server_ip", CALL_SERVER_IP, 0},
    {"server_port", CALL_SERVER_PORT, 0},
    {"size", CALL_SIZE, 0},
    {"type", CALL_TYPE, 0},
    {"incidr", CALL_INCIDR, 2},
    {"metadata", CALL_METADATA, 1},
    {"len", CALL_LEN, 1},
    {"lower", CALL_LOWER, 1},
    {"upper", CALL_UPPER, 1},
};

/* Operands up to CLOSE, apart by commas. */
static bool parse_list(struct parser *p, struct expression *e, const char *close)
{
    while (!is(p, close)) {
        if (e->args_count == EXPRESSION_ARGS_MAX)
            return fail(p, "a list is too long") != NULL;
        e->args[e->args_count] = parse_choice(p);
        if (e->args[e->args_count++] == NULL)
            return false;
        if (!take(p, ",") && !is(p, close))
            return fail(p, "a comma or a closing bracket is missing") != NULL;
    }
    next(p);
    return true;
}

/* A network that stands there as a text is read once. */
static const struct expression *check_network(struct parser *p, struct expression *e)
{
    const struct expression *text = e->args[1];
    struct network *network = ARENA_NEW(p->setup->world, struct network);
    if (text->op != OP_TEXT)
        return e;
    if (network == NULL || !network_parse(text->text, network))
        return fail(p, "the second argument of incidr is no network");
    e->network = network;
    return e;
}

static const struct expression *parse_call(struct parser *p, const char *word, size_t len)
{
    struct expression *e = make(p, OP_CALL, EXPRESSION_ARGS_MAX);
    if (e == NULL || !parse_list(p, e, ")"))
        return NULL;
    for (unsigned i = 0; i < ARRAY_COUNT(functions); i++) {
        if (strlen(functions[i].name) != len || memcmp(functions[i].name, word, len) != 0)
            continue;
        if (e->args_count != functions[i].args)
            return fail(p, "a function has the wrong number of arguments");
        e->function = functions[i].function;
        return e->function == CALL_INCIDR ? check_network(p, e) : e;
    }
    return fail(p, "there is no such function");
}

static const struct expression *parse_word(struct parser *p)
{
    const char *word = p->word;
    size_t len = p->len;
    bool yes = is(p, "true"), truth = yes || is(p, "false");
    next(p);
    if (truth) {
        struct expression *e = make(p, OP_TRUTH, 0);
        if (e != NULL)
            e->number = yes;
        return e;
    }
    return take(p, "(") ? parse_call(p, word, len)
                        : fail(p, "a word that is no function: texts stand in quotes");
}

static const struct expression *parse_literal(struct parser *p)
{
    struct expression *e = make(p, p->mark == MARK_TEXT ? OP_TEXT : OP_NUMBER, 0);
    if (e == NULL)
        return NULL;
    e->text = p->word;
    e->len = p->len;
    if (p->mark == MARK_NUMBER) {
        char *end;
        e->number = strtoll(p->word, &end, 0);
        if (end != p->word + p->len)
            return fail(p, "a number is malformed");
    }
    next(p);
    return e;
}

static const struct expression *parse_operand(struct parser *p)
{
    if (p->mark == MARK_TEXT || p->mark == MARK_NUMBER)
        return parse_literal(p);
    if (p->mark == MARK_WORD)
        return parse_word(p);
    if (take(p, "(")) {
        const struct expression *e = parse_choice(p);
        return e == NULL || take(p, ")") ? e : fail(p, "a parenthesis is not closed");
    }
    if (take(p, "[")) {
        struct expression *e = make(p, OP_LIST, EXPRESSION_ARGS_MAX);
        return e != NULL && parse_list(p, e, "]") ? e : NULL;
    }
    return fail(p, p->mark == MARK_END ? "it ends too early" : "a value is missing");
}

/* ---- operators ---- */

static const struct {
    const char *sign;
    enum expression_op op;
    unsigned strength;
} operators[] = {
    {"||", OP_OR, 1},
    {"or", OP_OR, 1},
    {"&&", OP_AND, 2},
    {"and", OP_AND, 2},
    {"==", OP_EQ, 3},
    {"!=", OP_NE, 3},
    {"<", OP_LT, 3},
    {"<=", OP_LE, 3},
    {">", OP_GT, 3},
    {">=", OP_GE, 3},
    {"in", OP_IN, 3},
    {"matches", OP_MATCHES, 3},
    {"contains", OP_CONTAINS, 3},
    {"startsWith", OP_STARTS, 3},
    {"endsWith", OP_ENDS, 3},
    {"+", OP_ADD, 4},
    {"-", OP_SUB, 4},
    {"*", OP_MUL, 5},
    {"/", OP_DIV, 5},
    {"%", OP_MOD, 5},
};

static const struct expression *parse_unary(struct parser *p)
{
    bool negates = is(p, "!") || is(p, "not");
    if (!negates && !is(p, "-"))
        return parse_operand(p);
    if (++p->depth > DEPTH_MAX)
        return fail(p, "it is nested too deeply");
    next(p);
    struct expression *e = make(p, negates ? OP_NOT : OP_MINUS, 1);
    if (e == NULL || (e->args[0] = parse_unary(p)) == NULL)
        return NULL;
    p->depth--;
    e->args_count = 1;
    return e;
}

static const struct expression *join(
    struct parser *p, enum expression_op op, const struct expression *left, const struct expression *right)
{
    struct expression *e = make(p, op, 2);
    if (e == NULL || right == NULL)
        return NULL;
    e->args[0] = left;
    e->args[1] = right;
    e->args_count = 2;
    if (op != OP_MATCHES)
        return e;
    if (right->op != OP_TEXT)
        return fail(p, "an expression behind 'matches' must be written out");
    e->regex = regex_compile(p->setup, p->token, right->text);
    return e->regex != NULL ? e : fail(p, "");
}

static const struct expression *negate(struct parser *p, const struct expression *inner)
{
    struct expression *e = inner != NULL ? make(p, OP_NOT, 1) : NULL;
    if (e == NULL)
        return NULL;
    e->args[0] = inner;
    e->args_count = 1;
    return e;
}

static const struct expression *parse_binary(struct parser *p, unsigned strength)
{
    const struct expression *left = parse_unary(p);
    while (left != NULL) {
        bool negated = strength <= 3 && take(p, "not"); /* "not in", "not contains" */
        unsigned i = 0;
        while (i < ARRAY_COUNT(operators) && !is(p, operators[i].sign))
            i++;
        if (i == ARRAY_COUNT(operators) || operators[i].strength < strength)
            return negated ? fail(p, "'not' stands alone") : left;
        next(p);
        left = join(p, operators[i].op, left, parse_binary(p, operators[i].strength + 1));
        if (negated)
            left = negate(p, left);
    }
    return NULL;
}

static const struct expression *parse_choice(struct parser *p)
{
    if (++p->depth > DEPTH_MAX)
        return fail(p, "it is nested too deeply");
    const struct expression *condition = parse_binary(p, 1);
    p->depth--;
    if (condition == NULL || !take(p, "?"))
        return condition;
    struct expression *e = make(p, OP_CHOOSE, 3);
    if (e == NULL)
        return NULL;
    e->args[0] = condition;
    e->args[1] = parse_choice(p);
    if (e->args[1] != NULL && !take(p, ":"))
        return fail(p, "a ':' is missing behind '?'");
    e->args[2] = e->args[1] != NULL ? parse_choice(p) : NULL;
    e->args_count = 3;
    return e->args[2] != NULL ? e : NULL;
}

struct expression *expression_parse(struct setup *setup, const struct token *token, const char *text)
{
    struct parser p = {.setup = setup, .token = token, .start = text, .at = text};
    next(&p);
    const struct expression *e = parse_choice(&p);
    if (e != NULL && p.mark != MARK_END)
        e = fail(&p, "something is left over");
    e = p.why == NULL ? e : NULL;
    if (e == NULL && p.why != NULL && *p.why != '\0') { /* "": told already */
        enum err err =
            setup_error(setup, token, "as in: type() == 'A' && incidr(client_ip(), '192.0.2.0/24')",
                "the expression \"%s\" is wrong at its octet %zu: %s", text, (size_t)(p.at - p.start), p.why);
        (void)err;
    }
    return (struct expression *)(uintptr_t)e;
}

const char *expression_join(struct setup *setup, const struct token *words, unsigned count)
{
    const char *text = count > 0 ? words[0].text : "";
    for (unsigned i = 1; i < count && text != NULL; i++)
        text = arena_printf(setup->world, "%s %s", text, words[i].text);
    return text;
}
