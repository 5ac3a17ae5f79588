#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/template/gotemplate_ast.h"

struct parser {
    const char *at;
    const char *end; /* of the action, while one is read */
    struct arena *world;
    const char *why;
    struct {
        const char *name;
        size_t len;
    } variables[GO_VARIABLES_MAX];
    unsigned variables_count;
    unsigned depth;
    bool constant;
    bool trim; /* the text that follows loses its leading blanks */
};

static const struct {
    const char *word;
    enum go_function function;
    unsigned args_min, args_max;
} functions[] = {
    {"index", GO_INDEX, 2, 2},
    {"parseInt", GO_PARSE_INT, 3, 3},
    {"printf", GO_PRINTF, 1, GO_ARGS_MAX},
    {"print", GO_PRINT, 0, GO_ARGS_MAX},
    {"len", GO_LEN, 1, 1},
    {"eq", GO_EQ, 2, GO_ARGS_MAX},
    {"ne", GO_NE, 2, 2},
    {"lt", GO_LT, 2, 2},
    {"le", GO_LE, 2, 2},
    {"gt", GO_GT, 2, 2},
    {"ge", GO_GE, 2, 2},
    {"and", GO_AND, 1, GO_ARGS_MAX},
    {"or", GO_OR, 1, GO_ARGS_MAX},
    {"not", GO_NOT, 1, 1},
};

static const struct {
    const char *path;
    enum go_field field;
} fields[] = {
    {".Zone", GO_ZONE},
    {".Name", GO_NAME},
    {".Class", GO_CLASS},
    {".Type", GO_TYPE},
    {".Remote", GO_REMOTE},
    {".Match", GO_MATCH},
    {".Group", GO_GROUP},
    {".Meta", GO_META},
    {".Question.Name", GO_NAME},
    {".Question.Qtype", GO_TYPE},
    {".Question.Qclass", GO_CLASS},
    {".Message.Id", GO_ID},
};

static void *fail(struct parser *p, const char *format, const char *text, size_t len)
{
    if (p->why == NULL) {
        p->why = arena_printf(p->world, format, (int)len, text);
        if (p->why == NULL)
            p->why = "out of memory";
    }
    return NULL;
}

static void *fail_plain(struct parser *p, const char *why)
{
    if (p->why == NULL)
        p->why = why;
    return NULL;
}

static struct go_expr *make(struct parser *p, enum go_kind kind)
{
    struct go_expr *expr = ARENA_NEW(p->world, struct go_expr);
    if (expr == NULL)
        return fail_plain(p, "out of memory");
    expr->kind = kind;
    return expr;
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && isspace((unsigned char)*p->at))
        p->at++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* ---- operands ---- */

static char unescape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

static const struct go_expr *parse_string(struct parser *p)
{
    char quote = *p->at++;
    struct go_expr *expr = make(p, GO_STRING);
    char *out = arena_alloc(p->world, (size_t)(p->end - p->at) + 1, 1);
    if (expr == NULL || out == NULL)
        return fail_plain(p, "out of memory");
    expr->text = out;
    while (p->at < p->end && *p->at != quote) {
        bool escape = quote == '"' && *p->at == '\\' && p->at + 1 < p->end;
        p->at += escape;
        *out++ = escape ? unescape(*p->at) : *p->at;
        p->at++;
    }
    if (p->at == p->end)
        return fail_plain(p, "a string is not closed");
    p->at++;
    *out = '\0';
    expr->len = (size_t)(out - expr->text);
    return expr;
}

static const struct go_expr *parse_number(struct parser *p)
{
    char *end;
    struct go_expr *expr = make(p, GO_NUMBER);
    if (expr != NULL)
        expr->number = strtoll(p->at, &end, 0);
    if (expr == NULL || end == p->at || (end < p->end && is_word(*end)))
        return fail_plain(p, "a number is malformed");
    p->at = end;
    return expr;
}

static struct go_expr *make_field(struct parser *p, enum go_field field, const char *name, size_t len)
{
    struct go_expr *expr = make(p, GO_FIELD);
    if (expr == NULL)
        return NULL;
    expr->code = field;
    if (name != NULL) {
        expr->text = arena_copy(p->world, name, len);
        expr->len = len;
        if (expr->text == NULL)
            return fail_plain(p, "out of memory");
    }
    return expr;
}

static const struct go_expr *parse_field(struct parser *p)
{
    const char *start = p->at;
    while (p->at < p->end && (*p->at == '.' || is_word(*p->at)))
        p->at++;
    size_t len = (size_t)(p->at - start);
    if (len > 7 && strncmp(start, ".Group.", 7) == 0)
        return make_field(p, GO_GROUP, start + 7, len - 7);
    if (len > 5 && strncmp(start, ".Var.", 5) == 0)
        return make_field(p, GO_VAR, start + 5, len - 5);
    for (unsigned i = 0; i < ARRAY_COUNT(fields); i++) {
        if (strlen(fields[i].path) == len && memcmp(fields[i].path, start, len) == 0)
            return make_field(p, fields[i].field, NULL, 0);
    }
    return fail(p, "there is no '%.*s'", start, len);
}

static const struct go_expr *parse_variable(struct parser *p)
{
    const char *start = ++p->at;
    while (p->at < p->end && is_word(*p->at))
        p->at++;
    size_t len = (size_t)(p->at - start);
    for (unsigned i = p->variables_count; i > 0; i--) {
        if (p->variables[i - 1].len != len || memcmp(p->variables[i - 1].name, start, len) != 0)
            continue;
        struct go_expr *expr = make(p, GO_VARIABLE);
        if (expr != NULL)
            expr->code = i - 1;
        return expr;
    }
    return fail(p, "the variable $%.*s is not set", start, len);
}

static const struct go_expr *parse_pipeline(struct parser *p);

static const struct go_expr *parse_parentheses(struct parser *p)
{
    if (++p->depth > GO_DEPTH_MAX)
        return fail_plain(p, "parentheses are nested too deeply");
    p->at++;
    const struct go_expr *expr = parse_pipeline(p);
    p->depth--;
    if (expr != NULL && (p->at == p->end || *p->at != ')'))
        return fail_plain(p, "a parenthesis is not closed");
    p->at += expr != NULL;
    return expr;
}

static const struct go_expr *parse_operand(struct parser *p)
{
    char c = *p->at;
    if (c == '"' || c == '`')
        return parse_string(p);
    if (c == '.')
        return parse_field(p);
    if (c == '$')
        return parse_variable(p);
    if (c == '(')
        return parse_parentheses(p);
    if (isdigit((unsigned char)c) || c == '-')
        return parse_number(p);
    const char *start = p->at;
    while (p->at < p->end && is_word(*p->at))
        p->at++;
    size_t len = (size_t)(p->at - start);
    bool yes = len == 4 && memcmp(start, "true", 4) == 0;
    if (yes || (len == 5 && memcmp(start, "false", 5) == 0)) {
        struct go_expr *expr = make(p, GO_BOOL);
        if (expr != NULL)
            expr->number = yes;
        return expr;
    }
    return fail(p, "'%.*s' is not understood", start, len != 0 ? len : 1);
}

/* ---- commands ---- */

static bool more(struct parser *p)
{
    skip_blanks(p);
    return p->at < p->end && *p->at != '|' && *p->at != ')';
}

static bool add_arg(struct parser *p, struct go_expr *call, const struct go_expr *arg)
{
    if (arg == NULL)
        return false;
    if (call->args_count == GO_ARGS_MAX)
        return fail_plain(p, "too many arguments") != NULL;
    call->args[call->args_count++] = arg;
    return true;
}

/* What a function takes is checked here, so that printing need not. */
static const struct go_expr *check_call(struct parser *p, const struct go_expr *call)
{
    if (call->code == GO_META_CALL)
        return call->args_count == 1 ? call : fail_plain(p, ".Meta takes one label");
    for (unsigned i = 0; i < ARRAY_COUNT(functions); i++) {
        if (functions[i].function != call->code)
            continue;
        if (call->args_count < functions[i].args_min || call->args_count > functions[i].args_max)
            return fail(p, "wrong number of arguments of %.*s", functions[i].word, strlen(functions[i].word));
    }
    bool index = call->code == GO_INDEX;
    for (unsigned i = 0; i < call->args_count; i++) {
        const struct go_expr *arg = call->args[i];
        bool list = arg->kind == GO_FIELD && (arg->code == GO_MATCH || arg->code == GO_META ||
                                                 (arg->code == GO_GROUP && arg->text == NULL));
        if (list != (index && i == 0))
            return fail_plain(p, "write: index .Match NUMBER, index .Group \"NAME\", .Meta \"LABEL\"");
    }
    return call;
}

static int find_function(const char *word, size_t len)
{
    for (unsigned i = 0; i < ARRAY_COUNT(functions); i++) {
        if (strlen(functions[i].word) == len && memcmp(functions[i].word, word, len) == 0)
            return (int)functions[i].function;
    }
    return -1;
}

/* PIPED is the value of the command in front of a '|': it becomes the last argument. */
static const struct go_expr *parse_call(struct parser *p, unsigned function, const struct go_expr *piped)
{
    struct go_expr *call = make(p, GO_CALL);
    if (call == NULL)
        return NULL;
    call->code = function;
    while (more(p)) {
        if (!add_arg(p, call, parse_operand(p)))
            return NULL;
    }
    if (piped != NULL && !add_arg(p, call, piped))
        return NULL;
    return check_call(p, call);
}

static const struct go_expr *parse_command(struct parser *p, const struct go_expr *piped)
{
    if (!more(p))
        return fail_plain(p, "an expression is missing");
    const char *start = p->at, *word = p->at;
    while (word < p->end && is_word(*word))
        word++;
    int function = find_function(start, (size_t)(word - start));
    if (function >= 0) {
        p->at = word;
        return parse_call(p, (unsigned)function, piped);
    }
    const struct go_expr *expr = parse_operand(p);
    if (expr != NULL && expr->kind == GO_FIELD && expr->code == GO_META)
        return parse_call(p, GO_META_CALL, piped);
    if (expr != NULL && (piped != NULL || more(p)))
        return fail(p, "'%.*s' is no function", start, (size_t)(p->at - start));
    if (expr != NULL && expr->kind == GO_FIELD &&
        (expr->code == GO_MATCH || (expr->code == GO_GROUP && expr->text == NULL)))
        return fail_plain(p, "write: index .Match NUMBER, .Group.NAME");
    return expr;
}

static const struct go_expr *parse_pipeline(struct parser *p)
{
    const struct go_expr *expr = parse_command(p, NULL);
    for (skip_blanks(p); expr != NULL && p->at < p->end && *p->at == '|'; skip_blanks(p)) {
        p->at++;
        expr = parse_command(p, expr);
    }
    return expr;
}

/* ---- nodes ---- */

static struct go_node *add_node(struct parser *p, const struct go_node ***end)
{
    struct go_node *node = ARENA_NEW(p->world, struct go_node);
    if (node == NULL)
        return fail_plain(p, "out of memory");
    node->variable = -1;
    **end = node;
    *end = &node->next;
    return node;
}

static bool add_text(struct parser *p, const char *text, size_t len, const struct go_node ***end)
{
    while (p->trim && len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    p->trim = false;
    struct go_node *node = len > 0 ? add_node(p, end) : NULL;
    if (node != NULL) {
        node->text = text;
        node->len = len;
    }
    return p->why == NULL;
}

static bool keyword(struct parser *p, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(p->end - p->at) < len || strncmp(p->at, word, len) != 0 ||
        (p->at + len < p->end && is_word(p->at[len])))
        return false;
    p->at += len;
    skip_blanks(p);
    return true;
}

/* "$name :=" or "$name =" in front of a pipeline. */
static int parse_assignment(struct parser *p)
{
    const char *start = p->at;
    if (p->at == p->end || *p->at != '$')
        return -1;
    p->at++;
    while (p->at < p->end && is_word(*p->at))
        p->at++;
    size_t len = (size_t)(p->at - start - 1);
    skip_blanks(p);
    bool declares = p->at + 1 < p->end && p->at[0] == ':' && p->at[1] == '=';
    if (!declares && !(p->at < p->end && *p->at == '=')) {
        p->at = start;
        return -1;
    }
    p->at += declares ? 2 : 1;
    for (unsigned i = 0; i < p->variables_count; i++) {
        if (p->variables[i].len == len && memcmp(p->variables[i].name, start + 1, len) == 0)
            return (int)i;
    }
    if (p->variables_count == GO_VARIABLES_MAX) {
        fail_plain(p, "too many variables");
        return -1;
    }
    p->variables[p->variables_count].name = start + 1;
    p->variables[p->variables_count].len = len;
    return (int)p->variables_count++;
}

static bool parse_nodes(struct parser *p, const struct go_node **out, const char **ended);

static bool close_action(struct parser *p)
{
    skip_blanks(p);
    if (p->at != p->end)
        return fail(p, "'%.*s' is not understood", p->at, (size_t)(p->end - p->at)) != NULL;
    p->at = p->end;
    while (*p->at == ' ' || *p->at == '-' || *p->at == '\t' || *p->at == '\n')
        p->at++;
    p->at += 2;
    return true;
}

static bool parse_if(struct parser *p, const struct go_node ***end)
{
    struct go_node *node = add_node(p, end);
    const char *ended = NULL;
    if (node == NULL || ++p->depth > GO_DEPTH_MAX)
        return fail_plain(p, "if is nested too deeply") != NULL;
    node->is_if = true;
    node->expr = parse_pipeline(p);
    if (node->expr == NULL || !close_action(p) || !parse_nodes(p, &node->then, &ended))
        return false;
    if (ended != NULL && strcmp(ended, "else if") == 0) {
        const struct go_node **otherwise = &node->otherwise;
        p->depth--;
        return parse_if(p, &otherwise);
    }
    if (ended != NULL && strcmp(ended, "else") == 0 &&
        (!close_action(p) || !parse_nodes(p, &node->otherwise, &ended)))
        return false;
    p->depth--;
    if (ended == NULL || strcmp(ended, "end") != 0)
        return fail_plain(p, "an if has no {{ end }}") != NULL;
    return close_action(p);
}

/* One action between {{ and }}; *ENDED gets the keyword that ends the list it stands in. */
static bool parse_action(struct parser *p, const struct go_node ***end, const char **ended)
{
    static const char *const refused[] = {
        "range", "with", "define", "block", "template", "break", "continue"};
    skip_blanks(p);
    if (p->end - p->at >= 2 && p->at[0] == '/' && p->at[1] == '*') {
        p->at = p->end;
        return close_action(p);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(refused); i++) {
        if (keyword(p, refused[i]))
            return fail(p, "'%.*s' is not supported", refused[i], strlen(refused[i])) != NULL;
    }
    if (keyword(p, "if"))
        return parse_if(p, end);
    if (keyword(p, "end")) {
        *ended = "end";
        return true;
    }
    if (keyword(p, "else")) {
        *ended = keyword(p, "if") ? "else if" : "else";
        return true;
    }
    struct go_node *node = add_node(p, end);
    if (node == NULL)
        return false;
    node->variable = parse_assignment(p);
    node->expr = parse_pipeline(p);
    return node->expr != NULL && p->why == NULL && close_action(p);
}

/* Where the action that begins at AT ends, strings passed over; NULL: nowhere. */
static const char *action_end(const char *at)
{
    char quote = '\0';
    if (at[0] == '/' && at[1] == '*' && (at = strstr(at, "*/")) == NULL)
        return NULL;
    for (; *at != '\0'; at++) {
        if (quote != '\0') {
            if (*at == '\\' && quote == '"' && at[1] != '\0')
                at++;
            else if (*at == quote)
                quote = '\0';
        } else if (*at == '"' || *at == '`') {
            quote = *at;
        } else if (at[0] == '}' && at[1] == '}') {
            return at;
        }
    }
    return NULL;
}

/* A list of nodes up to the end of the text, or to a keyword that ends it. */
static bool parse_nodes(struct parser *p, const struct go_node **out, const char **ended)
{
    const struct go_node **end = out;
    *ended = NULL;
    while (*p->at != '\0' && *ended == NULL) {
        const char *open = strstr(p->at, "{{");
        size_t len = open != NULL ? (size_t)(open - p->at) : strlen(p->at);
        bool trim_left = open != NULL && open[2] == '-' && isspace((unsigned char)open[3]);
        const char *text = p->at;
        while (trim_left && len > 0 && isspace((unsigned char)text[len - 1]))
            len--;
        if (!add_text(p, text, len, &end))
            return false;
        if (open == NULL) {
            p->at += strlen(p->at);
            return true;
        }
        p->constant = false;
        p->at = open + (trim_left ? 3 : 2);
        p->end = action_end(p->at);
        if (p->end == NULL)
            return fail_plain(p, "a {{ has no }}") != NULL;
        if (p->end - p->at >= 2 && p->end[-1] == '-' && isspace((unsigned char)p->end[-2])) {
            p->end--;
            p->trim = true;
        }
        if (!parse_action(p, &end, ended))
            return false;
    }
    return true;
}

struct gotemplate *gotemplate_parse(const char *text, struct arena *world, const char **why)
{
    struct gotemplate *gotemplate = ARENA_NEW(world, struct gotemplate);
    struct parser p = {.at = text, .world = world, .constant = true};
    const char *ended = NULL;
    *why = "out of memory";
    if (gotemplate == NULL)
        return NULL;
    bool fine = parse_nodes(&p, &gotemplate->nodes, &ended);
    if (fine && ended != NULL)
        fine = fail(&p, "{{ %.*s }} without an if", ended, strlen(ended)) != NULL;
    gotemplate->constant = p.constant;
    *why = p.why;
    return fine ? gotemplate : NULL;
}
