/* The part of Go's text/template that CoreDNS's template plugin is used with: text with actions in {{ }},
 * which print a pipeline, or choose with if, else if, else and end. {{- and -}} trim blanks.
 *
 *     .Zone .Name .Class .Type .Remote        strings
 *     .Group.NAME  index .Group "NAME"        a named group of the match
 *     index .Match N                          a group by number, 0 is the whole match
 *     .Question.Name  .Message.Id             of the query
 *     .Var.NAME  .Meta "LABEL"                a variable of the directive, metadata
 *     parseInt STRING BASE BITS               a number
 *     printf print len eq ne lt le gt ge and or not   as in Go
 *     $name := pipeline                       variables
 *
 * range, with, define and block are refused. Compiled in setup, then frozen; printing is for any worker. */
#ifndef PLUGINS_TEMPLATE_GOTEMPLATE_H
#define PLUGINS_TEMPLATE_GOTEMPLATE_H

#include "plugins/plugin.h"
#include "plugins/regex.h"

#define GOTEMPLATE_OUT_MAX 8192

struct gotemplate;

struct gotemplate_data {
    const char *zone, *name, *class, *type, *remote;
    const struct query *query;
    const struct regex *regex; /* NULL: everything matched, without groups */
    const struct regex_match *match;
    /* The value of a variable of the directive into *TEXT; false: there is none of that name. */
    bool (*var)(void *context, const char *name, const char **text);
    void *context;
    struct arena *scratch;
};

/* NULL when TEXT is no template, with *WHY (a phrase in WORLD's memory, or static). */
struct gotemplate *gotemplate_parse(const char *text, struct arena *world, const char **why) NODISCARD
    NONNULL(1, 2, 3);

/* True when it has no actions: it always prints the same. */
bool gotemplate_is_constant(const struct gotemplate *gotemplate) NONNULL(1);

/* Prints into OUT of GOTEMPLATE_OUT_MAX octets with a NUL; false when it cannot be, with *WHY (static). */
bool gotemplate_print(const struct gotemplate *gotemplate, const struct gotemplate_data *data, char *out,
    const char **why) NODISCARD NONNULL(1, 2, 3, 4);

#endif
