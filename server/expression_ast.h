/* What an expression is compiled to: between expression_parse.c, which makes it, and expression.c, which
 * evaluates it. */
#ifndef SERVER_EXPRESSION_AST_H
#define SERVER_EXPRESSION_AST_H

#include "plugins/expression.h"
#include "plugins/regex.h"

#define EXPRESSION_ARGS_MAX 64 /* of a list */

enum expression_op {
    OP_TEXT,
    OP_NUMBER,
    OP_TRUTH,
    OP_LIST,
    OP_CALL,
    OP_CHOOSE, /* a ? b : c */
    OP_OR,
    OP_AND,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
    OP_MATCHES,
    OP_CONTAINS,
    OP_STARTS,
    OP_ENDS,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_NOT,
    OP_MINUS
};

enum expression_function {
    CALL_BUFSIZE,
    CALL_CLASS,
    CALL_CLIENT_IP,
    CALL_DO,
    CALL_ID,
    CALL_NAME,
    CALL_OPCODE,
    CALL_PORT,
    CALL_PROTO,
    CALL_RCODE,
    CALL_SERVER_IP,
    CALL_SERVER_PORT,
    CALL_SIZE,
    CALL_TYPE,
    CALL_INCIDR,
    CALL_METADATA,
    CALL_LEN,
    CALL_LOWER,
    CALL_UPPER
};

struct expression {
    enum expression_op op;
    enum expression_function function;
    const char *text;
    size_t len;
    int64_t number;
    const struct regex *regex;     /* OP_MATCHES */
    const struct network *network; /* CALL_INCIDR with a network written out */
    const struct expression **args;
    unsigned args_count;
};

#endif
