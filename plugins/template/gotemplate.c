#include "plugins/template/gotemplate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/metadata.h"
#include "plugins/template/gotemplate_ast.h"

enum value_kind { VALUE_STRING, VALUE_NUMBER, VALUE_BOOL };

struct value {
    enum value_kind kind;
    const char *text;
    size_t len;
    int64_t number;
};

struct printer {
    const struct gotemplate_data *data;
    struct value variables[GO_VARIABLES_MAX];
    char *at, *end;
    const char *why;
};

static bool evaluate(struct printer *p, const struct go_expr *expr, struct value *out);

static bool fail(struct printer *p, const char *why)
{
    if (p->why == NULL)
        p->why = why;
    return false;
}

static struct value string(const char *text, size_t len)
{
    return (struct value){.kind = VALUE_STRING, .text = text, .len = len};
}

static struct value number(int64_t n)
{
    return (struct value){.kind = VALUE_NUMBER, .number = n};
}

static struct value truth(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .number = b};
}

/* ---- output ---- */

static bool put(struct printer *p, const char *text, size_t len)
{
    if (len > (size_t)(p->end - p->at))
        return fail(p, "the text is too long");
    memcpy(p->at, text, len);
    p->at += len;
    return true;
}

static bool put_value(struct printer *p, const struct value *value)
{
    char digits[24];
    if (value->kind == VALUE_STRING)
        return put(p, value->text, value->len);
    int len = value->kind == VALUE_BOOL
                  ? snprintf(digits, sizeof digits, "%s", value->number ? "true" : "false")
                  : snprintf(digits, sizeof digits, "%" PRId64, value->number);
    return put(p, digits, (size_t)len);
}

/* What is printed after MARK, taken back from the output as a string. */
static bool take_back(struct printer *p, char *mark, struct value *out)
{
    size_t len = (size_t)(p->at - mark);
    const char *copy = arena_copy(p->data->scratch, mark, len);
    p->at = mark;
    *out = string(copy, len);
    return copy != NULL || fail(p, "out of memory");
}

/* ---- fields ---- */

static bool group(struct printer *p, const char *name, struct value *out)
{
    const struct gotemplate_data *data = p->data;
    int found = data->regex != NULL ? regex_group(data->regex, name) : -1;
    *out = string("", 0);
    if (found < 0)
        return fail(p, "the expression has no group of that name");
    out->text = regex_text(data->match, (unsigned)found, &out->len);
    return true;
}

static bool meta(struct printer *p, const char *label, size_t len, struct value *out)
{
    char text[METADATA_VALUE_MAX];
    size_t got = metadata_value(p->data->query, label, len, text, sizeof text);
    *out = string(arena_copy(p->data->scratch, text, got), got);
    return out->text != NULL || fail(p, "out of memory");
}

static bool variable_of_directive(struct printer *p, const char *name, struct value *out)
{
    const char *text;
    if (p->data->var == NULL || !p->data->var(p->data->context, name, &text))
        return fail(p, "there is no variable of that name");
    *out = string(text, strlen(text));
    return true;
}

static bool field(struct printer *p, const struct go_expr *expr, struct value *out)
{
    const struct gotemplate_data *data = p->data;
    const char *const texts[] = {[GO_ZONE] = data->zone,
        [GO_NAME] = data->name,
        [GO_CLASS] = data->class,
        [GO_TYPE] = data->type,
        [GO_REMOTE] = data->remote};
    if (expr->code == GO_GROUP)
        return group(p, expr->text, out);
    if (expr->code == GO_VAR)
        return variable_of_directive(p, expr->text, out);
    if (expr->code == GO_ID) {
        *out = number(data->query->message.id);
        return true;
    }
    *out = string(texts[expr->code], strlen(texts[expr->code]));
    return true;
}

/* ---- functions ---- */

static bool index_call(struct printer *p, const struct go_expr *call, struct value *out)
{
    struct value key;
    const struct gotemplate_data *data = p->data;
    if (!evaluate(p, call->args[1], &key))
        return false;
    if (call->args[0]->code == GO_GROUP)
        return key.kind == VALUE_STRING ? group(p, key.text, out) : fail(p, "index .Group needs a name");
    if (key.kind != VALUE_NUMBER || key.number < 0 || data->match == NULL || key.number >= data->match->count)
        return fail(p, "index .Match: there is no such group");
    out->kind = VALUE_STRING;
    out->text = regex_text(data->match, (unsigned)key.number, &out->len);
    return true;
}

/* strconv.ParseUint. */
static bool parse_int(struct printer *p, const struct value *args, struct value *out)
{
    char digits[72], *end;
    if (args[0].kind != VALUE_STRING || args[1].kind != VALUE_NUMBER || args[2].kind != VALUE_NUMBER)
        return fail(p, "parseInt takes a string, a base and a number of bits");
    if (args[0].len == 0 || args[0].len >= sizeof digits || args[1].number < 0 || args[1].number == 1 ||
        args[1].number > 36)
        return fail(p, "parseInt: not a number");
    memcpy(digits, args[0].text, args[0].len);
    digits[args[0].len] = '\0';
    unsigned long long n = strtoull(digits, &end, (int)args[1].number);
    int64_t bits = args[2].number;
    if (*end != '\0' || digits[0] == '-' || digits[0] == '+')
        return fail(p, "parseInt: not a number");
    if (n > INT64_MAX || (bits > 0 && bits < 63 && n >> bits != 0))
        return fail(p, "parseInt: the number is too large");
    *out = number((int64_t)n);
    return true;
}

static int compare(const struct value *a, const struct value *b)
{
    if (a->kind != VALUE_STRING || b->kind != VALUE_STRING)
        return a->number < b->number ? -1 : a->number > b->number;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len < b->len ? -1 : a->len > b->len);
}

static bool is_true(const struct value *value)
{
    return value->kind == VALUE_STRING ? value->len > 0 : value->number != 0;
}

/* %s %v %d %x %X %q %%, with a width and zeros in front. */
static bool put_verb(struct printer *p, const char *spec, size_t len, const struct value *value)
{
    char format[16], out[256];
    int written;
    if (len > 8)
        return fail(p, "printf: a verb is too long");
    char verb = spec[len - 1];
    bool numeric = value->kind != VALUE_STRING;
    memcpy(format, spec, len - 1);
    if (strchr("dxXob", verb) != NULL && numeric) {
        snprintf(format + len - 1, sizeof format - len + 1, "ll%c", verb == 'b' ? 'd' : verb);
        written = snprintf(out, sizeof out, format, (long long)value->number); /* NOLINT: checked above */
    } else if ((verb == 's' || verb == 'v' || verb == 'q') && !numeric) {
        snprintf(format + len - 1, sizeof format - len + 1, ".*s");
        written = snprintf(out, sizeof out, format, (int)(value->len < 250 ? value->len : 250), value->text);
    } else {
        return put_value(p, value);
    }
    return put(p, out, (size_t)written < sizeof out ? (size_t)written : sizeof out - 1);
}

static bool printf_call(struct printer *p, const struct value *args, unsigned count)
{
    unsigned used = 1;
    if (args[0].kind != VALUE_STRING)
        return fail(p, "printf needs a format");
    for (size_t i = 0; i < args[0].len; i++) {
        const char *at = args[0].text + i;
        if (*at != '%') {
            if (!put(p, at, 1))
                return false;
            continue;
        }
        size_t len = 1;
        while (i + len < args[0].len && strchr("-+ #0123456789", at[len]) != NULL)
            len++;
        if (i + len >= args[0].len)
            return fail(p, "printf: a verb is not complete");
        i += len++;
        bool fine = at[len - 1] == '%' ? put(p, "%", 1)
                    : used < count     ? put_verb(p, at, len, &args[used++])
                                       : fail(p, "printf: an argument is missing");
        if (!fine)
            return false;
    }
    return true;
}

static bool print_call(
    struct printer *p, const struct go_expr *call, const struct value *args, struct value *out)
{
    char *mark = p->at;
    bool fine = true;
    if (call->code == GO_PRINTF) {
        fine = printf_call(p, args, call->args_count);
    } else {
        for (unsigned i = 0; i < call->args_count && fine; i++)
            fine = put_value(p, &args[i]);
    }
    return fine && take_back(p, mark, out);
}

static bool any_equal(const struct value *args, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        if ((args[0].kind == VALUE_STRING) == (args[i].kind == VALUE_STRING) &&
            compare(&args[0], &args[i]) == 0)
            return true;
    }
    return false;
}

static bool choose(const struct go_expr *call, const struct value *args, struct value *out)
{
    for (unsigned i = 0; i < call->args_count; i++) {
        *out = args[i];
        if (is_true(out) == (call->code == GO_OR))
            return true;
    }
    return true;
}

static bool apply(struct printer *p, const struct go_expr *call, const struct value *args, struct value *out)
{
    switch ((enum go_function)call->code) {
    case GO_PARSE_INT:
        return parse_int(p, args, out);
    case GO_META_CALL:
        return args[0].kind == VALUE_STRING ? meta(p, args[0].text, args[0].len, out)
                                            : fail(p, ".Meta needs a label");
    case GO_PRINTF:
    case GO_PRINT:
        return print_call(p, call, args, out);
    case GO_LEN:
        *out = number((int64_t)args[0].len);
        return args[0].kind == VALUE_STRING || fail(p, "len needs a string");
    case GO_NOT:
        *out = truth(!is_true(&args[0]));
        return true;
    case GO_AND:
    case GO_OR:
        return choose(call, args, out);
    case GO_EQ:
    case GO_NE:
        *out = truth(any_equal(args, call->args_count) == (call->code == GO_EQ));
        return true;
    default: {
        int order = compare(&args[0], &args[1]);
        *out = truth(call->code == GO_LT   ? order < 0
                     : call->code == GO_LE ? order <= 0
                     : call->code == GO_GT ? order > 0
                                           : order >= 0);
        return true;
    }
    }
}

static bool evaluate(struct printer *p, const struct go_expr *expr, struct value *out)
{
    struct value args[GO_ARGS_MAX];
    switch (expr->kind) {
    case GO_STRING:
        *out = string(expr->text, expr->len);
        return true;
    case GO_NUMBER:
        *out = number(expr->number);
        return true;
    case GO_BOOL:
        *out = truth(expr->number != 0);
        return true;
    case GO_VARIABLE:
        *out = p->variables[expr->code];
        return true;
    case GO_FIELD:
        return field(p, expr, out);
    case GO_CALL:
        if (expr->code == GO_INDEX)
            return index_call(p, expr, out);
        for (unsigned i = 0; i < expr->args_count; i++) {
            if (!evaluate(p, expr->args[i], &args[i]))
                return false;
        }
        return apply(p, expr, args, out);
    }
    return false;
}

/* ---- printing ---- */

static bool print_nodes(struct printer *p, const struct go_node *node)
{
    for (; node != NULL; node = node->next) {
        struct value value;
        bool fine;
        if (node->expr == NULL) {
            fine = put(p, node->text, node->len);
        } else if (!evaluate(p, node->expr, &value)) {
            return false;
        } else if (node->is_if) {
            fine = print_nodes(p, is_true(&value) ? node->then : node->otherwise);
        } else if (node->variable >= 0) {
            p->variables[node->variable] = value;
            fine = true;
        } else {
            fine = put_value(p, &value);
        }
        if (!fine)
            return false;
    }
    return true;
}

bool gotemplate_is_constant(const struct gotemplate *gotemplate)
{
    return gotemplate->constant;
}

bool gotemplate_print(
    const struct gotemplate *gotemplate, const struct gotemplate_data *data, char *out, const char **why)
{
    struct printer p = {.data = data, .at = out, .end = out + GOTEMPLATE_OUT_MAX - 1};
    for (unsigned i = 0; i < GO_VARIABLES_MAX; i++)
        p.variables[i] = string("", 0);
    bool fine = print_nodes(&p, gotemplate->nodes);
    *p.at = '\0';
    *why = p.why;
    return fine;
}
