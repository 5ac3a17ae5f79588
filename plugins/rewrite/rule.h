/* The rules of rewrite as they stand in a Corefile, old syntax and new: read in setup, then frozen. */
#ifndef PLUGINS_REWRITE_RULE_H
#define PLUGINS_REWRITE_RULE_H

#include "plugins/plugin.h"
#include "plugins/rewrite/rewriter.h"

enum rule_kind { RULE_NAME, RULE_TYPE, RULE_CLASS, RULE_TTL, RULE_CNAME, RULE_RCODE, RULE_EDNS };

enum edns_action { EDNS_SET, EDNS_APPEND, EDNS_REPLACE, EDNS_UNSET };
enum edns_what { EDNS_WHAT_LOCAL, EDNS_WHAT_NSID, EDNS_WHAT_SUBNET };

/* What is changed in the reply when a name rule has matched. */
struct answer_rule {
    bool value; /* names in rdata; else owners */
    struct rewriter rewriter;
};

struct edns_rule {
    enum edns_action action;
    enum edns_what what;
    uint16_t code;
    const uint8_t *data; /* of local, unless it is a variable */
    size_t data_len;
    const char *variable; /* "qname", "client_ip", or a label of metadata */
    uint8_t v4_bits, v6_bits;
    bool revert; /* the reply has what the query had */
};

struct rule {
    enum rule_kind kind;
    bool goes_on;             /* continue */
    struct rewriter rewriter; /* the name; the alias's target for RULE_CNAME */
    bool automatic;           /* answers are turned back to the name asked */
    struct answer_rule *answers;
    unsigned answers_count;
    uint16_t from, to; /* types, classes, rcodes */
    uint32_t ttl_min, ttl_max;
    struct edns_rule edns;
};

/* Reads one directive. */
enum err rule_read(struct rule *rule, struct setup *setup) NODISCARD NONNULL(1, 2);

/* The rows of edns0 rules, from the word behind edns0 on (edns_rule.c). */
enum err rule_read_edns(struct rule *rule, struct setup *setup, const struct token *args,
    unsigned count) NODISCARD NONNULL(1, 2, 3);

/* Applies an edns0 rule to the query's options; true when it changed something. */
bool rule_apply_edns(const struct edns_rule *rule, struct query *query) NONNULL(1, 2);

#endif
