/* The rules of checking: one table for everything that can be found in zone files. A row gives a rule's
 * stable name, its level, the set it belongs to, the names other tools have for the same thing, why it is a
 * rule (with the RFC), and an example that breaks it with one that does not. `zonetool explain`, the levels
 * of the command line and of .zonecheck, the reports' rule lists, zonetool-rules(7) and a test that runs
 * every example all read these rows. Constant; any thread.
 *
 * The texts' reader and the store tell their findings under names of their own (zone/text,
 * zone/store/lint.h): those names are rows here, too. */
#ifndef ZONE_CHECK_RULE_H
#define ZONE_CHECK_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/text/finding.h"

/* Sets contain each other: strict has all, mandatory only what keeps a zone from working. */
enum rule_set { RULE_MANDATORY, RULE_DEFAULT, RULE_STRICT };

struct rule {
    const char *name;
    enum severity severity;
    enum rule_set set;
    bool fixable;        /* --fix knows how */
    const char *aliases; /* other tools' names, separated by blanks, or "" */
    const char *why;     /* rationale, with RFC and section */
    const char *hint;    /* what to do about it */
    /* Lines behind RULE_BEGINNING that break it. "!" in front: a zone of its own; "&": several files, each
     * behind a line "; file NAME"; "$ ": what is typed, where no text alone can break it. A line "; at TIME"
     * says when it is checked. */
    const char *bad;
    const char *good; /* the same, mended */
};

/* What stands before the lines of an example; its origin is example.org. */
#define RULE_BEGINNING                                                                                       \
    "$ORIGIN example.org.\n"                                                                                 \
    "$TTL 3600\n"                                                                                            \
    "@   SOA ns1 hostmaster 1 7200 3600 1209600 3600\n"                                                      \
    "@   NS  ns1\n"                                                                                          \
    "@   NS  ns2\n"                                                                                          \
    "ns1 A   192.0.2.1\n"                                                                                    \
    "ns2 A   192.0.2.2\n"

#define RULES_MAX 256

/* All rules, by area and then by name within the file they stand in; from 0 up to rule_count(). */
size_t rule_count(void);
const struct rule *rule_at(size_t number);

/* The rule of a name or of one of its aliases, without regard to case; NULL when there is none. */
const struct rule *rule_find(const char *name) NONNULL(1);

/* Its number. */
size_t rule_number(const struct rule *rule) NONNULL(1);

/* The known name nearest to a misspelt one, or NULL. */
const char *rule_suggest(const char *name) NONNULL(1);

/* "mandatory", "default", "strict". */
const char *rule_set_text(enum rule_set set);

#endif
