#include "plugins/expression.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/metadata.h"
#include "server/expression_ast.h"
#include "zone/wire/reverse.h"
#include "zone/wire/type.h"

enum kind { KIND_NOTHING, KIND_TEXT, KIND_NUMBER, KIND_TRUTH };

/* Texts longer than this are cut: no function gives longer ones. */
struct value {
    enum kind kind;
    const char *text;
    size_t len;
    int64_t number;
};

static struct value evaluate(const struct expression *e, const struct query *query);

static struct value nothing(void)
{
    return (struct value){.kind = KIND_NOTHING, .text = ""};
}

static struct value number(int64_t n)
{
    return (struct value){.kind = KIND_NUMBER, .number = n, .text = ""};
}

static struct value truth(bool b)
{
    return (struct value){.kind = KIND_TRUTH, .number = b, .text = ""};
}

static struct value text(const struct query *query, const char *bytes, size_t len)
{
    const char *copy = arena_copy(query->scratch, bytes, len);
    return copy != NULL ? (struct value){.kind = KIND_TEXT, .text = copy, .len = len} : nothing();
}

/* ---- functions ---- */

/* IPv6 addresses stand in brackets, as CoreDNS has them. */
static struct value address(const struct query *query, const union address *from)
{
    char out[INET6_ADDRSTRLEN + 2] = "[";
    bool v6 = from->any.sa_family == AF_INET6;
    address_print(from, out + v6);
    size_t len = strlen(out);
    if (v6)
        out[len++] = ']';
    return text(query, out, len);
}

static struct value port(const struct query *query, const union address *from)
{
    char out[8];
    int len = snprintf(out, sizeof out, "%u", address_port(from));
    return text(query, out, (size_t)len);
}

static struct value in_cidr(const struct expression *e, const struct query *query)
{
    struct value ip = evaluate(e->args[0], query);
    struct network network, single;
    char bare[INET6_ADDRSTRLEN];
    bool brackets = ip.len > 1 && ip.text[0] == '[' && ip.text[ip.len - 1] == ']';
    size_t len = ip.len - (brackets ? 2 : 0);
    if (ip.kind != KIND_TEXT || len >= sizeof bare)
        return truth(false);
    memcpy(bare, ip.text + brackets, len);
    bare[len] = '\0';
    if (e->network == NULL) {
        struct value cidr = evaluate(e->args[1], query);
        if (cidr.kind != KIND_TEXT || !network_parse(cidr.text, &network))
            return truth(false);
    }
    const struct network *wide = e->network != NULL ? e->network : &network;
    if (!network_parse(bare, &single))
        return truth(false);
    return truth(network_has(wide, single.ip, single.family == 4 ? 4 : 16));
}

static struct value meta(const struct expression *e, const struct query *query)
{
    char out[METADATA_VALUE_MAX];
    struct value label = evaluate(e->args[0], query);
    return label.kind == KIND_TEXT
               ? text(query, out, metadata_value(query, label.text, label.len, out, sizeof out))
               : nothing();
}

static struct value change_case(const struct expression *e, const struct query *query)
{
    struct value value = evaluate(e->args[0], query);
    if (value.kind != KIND_TEXT)
        return nothing();
    char *copy = arena_copy(query->scratch, value.text, value.len);
    for (size_t i = 0; copy != NULL && i < value.len; i++)
        copy[i] = (char)(e->function == CALL_UPPER ? toupper((unsigned char)copy[i])
                                                   : tolower((unsigned char)copy[i]));
    value.text = copy;
    return copy != NULL ? value : nothing();
}

static struct value printed(const struct expression *e, const struct query *query)
{
    char out[NAME_TEXT_MAX];
    const struct question *question = query->question;
    size_t len = e->function == CALL_NAME    ? name_print(question->lower, out)
                 : e->function == CALL_CLASS ? class_print(question->class, out)
                                             : type_print(question->type, out);
    return text(query, out, len);
}

static struct value call(const struct expression *e, const struct query *query)
{
    const struct message *message = &query->message;
    switch (e->function) {
    case CALL_BUFSIZE:
        return number(message->edns.size);
    case CALL_CLASS:
    case CALL_NAME:
    case CALL_TYPE:
        return printed(e, query);
    case CALL_CLIENT_IP:
        return address(query, &query->client);
    case CALL_SERVER_IP:
        return address(query, &query->server);
    case CALL_PORT:
        return port(query, &query->client);
    case CALL_SERVER_PORT:
        return port(query, &query->server);
    case CALL_DO:
        return truth(message->edns.dnssec);
    case CALL_ID:
        return number(message->id);
    case CALL_OPCODE:
        return number(message_opcode(message));
    case CALL_PROTO:
        return query->transport == TRANSPORT_UDP ? text(query, "udp", 3) : text(query, "tcp", 3);
    case CALL_RCODE:
        return number(query->reply.rcode);
    case CALL_SIZE:
        return number(message->len);
    case CALL_INCIDR:
        return in_cidr(e, query);
    case CALL_METADATA:
        return meta(e, query);
    case CALL_LEN: {
        struct value value = evaluate(e->args[0], query);
        return value.kind == KIND_TEXT ? number((int64_t)value.len) : nothing();
    }
    case CALL_LOWER:
    case CALL_UPPER:
        return change_case(e, query);
    }
    return nothing();
}

/* ---- operators ---- */

static bool is_true(struct value value)
{
    return value.kind == KIND_TRUTH && value.number != 0;
}

static bool equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == KIND_TEXT ? a->len == b->len && memcmp(a->text, b->text, a->len) == 0
                                : a->number == b->number;
}

static struct value order(enum expression_op op, const struct value *a, const struct value *b)
{
    if (a->kind != b->kind || a->kind == KIND_NOTHING)
        return nothing();
    int64_t sign = a->kind == KIND_TEXT    ? strcmp(a->text, b->text)
                   : a->number < b->number ? -1
                                           : a->number > b->number;
    return truth(op == OP_LT ? sign < 0 : op == OP_LE ? sign <= 0 : op == OP_GT ? sign > 0 : sign >= 0);
}

static struct value search(enum expression_op op, const struct value *a, const struct value *b)
{
    if (a->kind != KIND_TEXT || b->kind != KIND_TEXT)
        return nothing();
    if (op == OP_CONTAINS)
        return truth(memmem(a->text, a->len, b->text, b->len) != NULL);
    if (b->len > a->len)
        return truth(false);
    return truth(memcmp(op == OP_STARTS ? a->text : a->text + a->len - b->len, b->text, b->len) == 0);
}

static struct value calculate(
    const struct query *query, enum expression_op op, const struct value *a, const struct value *b)
{
    int64_t out;
    if (op == OP_ADD && a->kind == KIND_TEXT && b->kind == KIND_TEXT) {
        const char *both = arena_printf(query->scratch, "%s%s", a->text, b->text);
        return both != NULL ? (struct value){.kind = KIND_TEXT, .text = both, .len = strlen(both)}
                            : nothing();
    }
    if (a->kind != KIND_NUMBER || b->kind != KIND_NUMBER)
        return nothing();
    if (op == OP_DIV || op == OP_MOD) {
        if (b->number == 0 || (b->number == -1 && a->number == INT64_MIN))
            return nothing();
        return number(op == OP_DIV ? a->number / b->number : a->number % b->number);
    }
    bool over = op == OP_ADD   ? __builtin_add_overflow(a->number, b->number, &out)
                : op == OP_SUB ? __builtin_sub_overflow(a->number, b->number, &out)
                               : __builtin_mul_overflow(a->number, b->number, &out);
    return over ? nothing() : number(out);
}

static struct value in_list(const struct value *a, const struct expression *list, const struct query *query)
{
    if (list->op != OP_LIST) {
        struct value b = evaluate(list, query);
        return search(OP_CONTAINS, &b, a);
    }
    for (unsigned i = 0; i < list->args_count; i++) {
        struct value b = evaluate(list->args[i], query);
        if (equal(a, &b))
            return truth(true);
    }
    return truth(false);
}

static struct value binary(const struct expression *e, const struct query *query)
{
    struct value a = evaluate(e->args[0], query), b;
    if (e->op == OP_OR || e->op == OP_AND)
        return is_true(a) == (e->op == OP_OR) ? truth(e->op == OP_OR)
                                              : truth(is_true(evaluate(e->args[1], query)));
    if (e->op == OP_IN)
        return in_list(&a, e->args[1], query);
    if (e->op == OP_MATCHES)
        return a.kind == KIND_TEXT ? truth(regex_match(e->regex, a.text, a.len, NULL)) : nothing();
    b = evaluate(e->args[1], query);
    switch (e->op) {
    case OP_EQ:
        return truth(equal(&a, &b));
    case OP_NE:
        return truth(!equal(&a, &b));
    case OP_CONTAINS:
    case OP_STARTS:
    case OP_ENDS:
        return search(e->op, &a, &b);
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return order(e->op, &a, &b);
    default:
        return calculate(query, e->op, &a, &b);
    }
}

static struct value evaluate(const struct expression *e, const struct query *query)
{
    struct value value;
    switch (e->op) {
    case OP_TEXT:
        return (struct value){.kind = KIND_TEXT, .text = e->text, .len = e->len};
    case OP_NUMBER:
        return number(e->number);
    case OP_TRUTH:
        return truth(e->number != 0);
    case OP_LIST:
        return nothing();
    case OP_CALL:
        return call(e, query);
    case OP_CHOOSE:
        return evaluate(e->args[is_true(evaluate(e->args[0], query)) ? 1 : 2], query);
    case OP_NOT:
        value = evaluate(e->args[0], query);
        return value.kind == KIND_TRUTH ? truth(value.number == 0) : nothing();
    case OP_MINUS:
        value = evaluate(e->args[0], query);
        return value.kind == KIND_NUMBER && value.number != INT64_MIN ? number(-value.number) : nothing();
    default:
        return binary(e, query);
    }
}

bool expression_is_true(const struct expression *expression, const struct query *query)
{
    return is_true(evaluate(expression, query));
}

size_t expression_print(const struct expression *expression, const struct query *query, char *out)
{
    struct value value = evaluate(expression, query);
    int len = 0;
    out[0] = '\0';
    if (value.kind == KIND_TEXT)
        len = snprintf(out, EXPRESSION_TEXT_MAX, "%.*s", (int)value.len, value.text);
    else if (value.kind == KIND_NUMBER)
        len = snprintf(out, EXPRESSION_TEXT_MAX, "%" PRId64, value.number);
    else if (value.kind == KIND_TRUTH)
        len = snprintf(out, EXPRESSION_TEXT_MAX, "%s", value.number != 0 ? "true" : "false");
    return len < EXPRESSION_TEXT_MAX ? (size_t)len : EXPRESSION_TEXT_MAX - 1;
}
