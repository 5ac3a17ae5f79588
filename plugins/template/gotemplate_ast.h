/* What a template is compiled to: a list of nodes, whose actions hold expressions. Between
 * gotemplate_parse.c, which makes it, and gotemplate.c, which prints it. */
#ifndef PLUGINS_TEMPLATE_GOTEMPLATE_AST_H
#define PLUGINS_TEMPLATE_GOTEMPLATE_AST_H

#include "plugins/template/gotemplate.h"

#define GO_ARGS_MAX 8
#define GO_VARIABLES_MAX 16
#define GO_DEPTH_MAX 32

enum go_kind { GO_STRING, GO_NUMBER, GO_BOOL, GO_FIELD, GO_VARIABLE, GO_CALL };

enum go_field {
    GO_ZONE,
    GO_NAME,
    GO_CLASS,
    GO_TYPE,
    GO_REMOTE,
    GO_GROUP, /* text: the group's name; NULL: the map itself, for index */
    GO_MATCH,
    GO_VAR,
    GO_META,
    GO_ID
};

enum go_function {
    GO_INDEX,
    GO_PARSE_INT,
    GO_META_CALL,
    GO_PRINTF,
    GO_PRINT,
    GO_LEN,
    GO_EQ,
    GO_NE,
    GO_LT,
    GO_LE,
    GO_GT,
    GO_GE,
    GO_AND,
    GO_OR,
    GO_NOT
};

struct go_expr {
    enum go_kind kind;
    unsigned code; /* enum go_field, enum go_function, or a variable's number */
    const char *text;
    size_t len;
    int64_t number;
    const struct go_expr *args[GO_ARGS_MAX];
    unsigned args_count;
};

struct go_node {
    const struct go_node *next;
    const char *text; /* text, when expr and branch are NULL */
    size_t len;
    const struct go_expr *expr; /* printed, or stored in a variable, or the condition of an if */
    int variable;               /* -1: none */
    bool is_if;
    const struct go_node *then, *otherwise;
};

struct gotemplate {
    const struct go_node *nodes;
    bool constant;
};

#endif
