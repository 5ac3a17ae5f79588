/* template: answers made from the question by templates. Each directive of a block is a rule; the first whose
 * class, type and zone fit the query decides: a match of one of its expressions answers, no match goes on to
 * the next rule or plugin where it falls through, and is SERVFAIL where it does not. */
#include <arpa/inet.h>
#include <string.h>

#include "plugins/expression.h"
#include "plugins/plugin.h"
#include "plugins/regex.h"
#include "plugins/template/counted.h"
#include "plugins/template/gotemplate.h"
#include "plugins/template/record.h"
#include "zone/wire/type.h"

/* A record to be made, or made already when its template has no actions. */
struct line {
    enum section section;
    const char *written;
    const struct gotemplate *text;
    const struct one_record *made;
};

struct variable {
    const char *name;
    const struct expression *value;
};

struct rule {
    uint16_t class, type; /* ANY fits all */
    struct option_zones zones, fall;
    struct regex **matches;
    const char **zone_texts; /* of zones, as templates print them */
    struct line *lines;
    struct variable *vars;
    struct expression **conditions;
    unsigned matches_count, lines_count, vars_count, conditions_count;
    uint16_t rcode;
    uint16_t ede; /* code + 1 */
    const char *ede_text;
    struct counted_rule counted;
};

struct template
{
    struct rule **rules;
    unsigned count;
};

struct written {
    const char *class, *type;
    struct option_zones zones, fall;
    struct option_lines match, answer, additional, authority, ederror, var, expr;
    int64_t rcode;
};

static const struct option options[] = {
    {.arg = "CLASS",
        .kind = OPTION_STRING,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written, class),
        .help = "the class of the queries it is for; ANY: all"},
    {.arg = "TYPE",
        .kind = OPTION_STRING,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written, type),
        .help = "the type; ANY: all"},
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "the names it is for; the block's own zones when left out"},
    {.word = "match",
        .arg = "REGEXP...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, match),
        .help = "what the name looks like; any name when left out; the first that matches counts"},
    {.word = "answer",
        .arg = "RECORD",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, answer),
        .help = "a record for the answer section"},
    {.word = "additional",
        .arg = "RECORD",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, additional),
        .help = "a record for the additional section"},
    {.word = "authority",
        .arg = "RECORD",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, authority),
        .help = "a record for the authority section"},
    {.word = "rcode",
        .arg = "RCODE",
        .kind = OPTION_RCODE,
        .offset = offsetof(struct written, rcode),
        .help = "the reply's code; NOERROR when left out"},
    {.word = "ederror",
        .arg = "CODE [TEXT]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, ederror),
        .help = "an extended error for the reply (RFC 8914)"},
    {.word = "var",
        .arg = "NAME EXPRESSION",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, var),
        .help = "a value that records print as .Var.NAME"},
    {.word = "expr",
        .arg = "EXPRESSION",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, expr),
        .help = "a condition that must be true, too"},
    {.word = "fallthrough",
        .arg = "ZONES...",
        .kind = OPTION_ZONES,
        .flags = OPTION_OPTIONAL,
        .offset = offsetof(struct written, fall),
        .help = "names that do not match are left to the next rule or plugin, in these zones, or in all"},
    {.word = "upstream",
        .kind = OPTION_IGNORED,
        .help = "it has no effect since CoreDNS 1.7; remove the line"},
    OPTIONS_END,
};

/* ---- setting up ---- */

static enum err read_selector(struct setup *setup, const struct written *written, struct rule *rule)
{
    const struct token *args = setup->directive->args;
    if (!class_parse(written->class, strlen(written->class), &rule->class))
        return setup_error(setup, &args[0], "IN, CH or ANY", "'%s' is no class", written->class);
    if (!type_parse(written->type, strlen(written->type), &rule->type))
        return setup_error(setup, &args[1], "as in A, PTR, ANY", "'%s' is no record type", written->type);
    return ERR_OK;
}

static enum err read_matches(struct setup *setup, const struct option_lines *lines, struct rule *rule)
{
    unsigned room = 0;
    for (unsigned i = 0; i < lines->count; i++)
        room += lines->at[i]->args_count;
    rule->matches = ARENA_ARRAY(setup->world, struct regex *, room + 1);
    if (rule->matches == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < lines->count; i++) {
        const struct directive *line = lines->at[i];
        if (line->args_count == 0)
            return setup_error(setup, &line->name, "match REGEXP", "the expression is missing");
        for (unsigned a = 0; a < line->args_count; a++) {
            rule->matches[rule->matches_count] = regex_compile(setup, &line->args[a], line->args[a].text);
            if (rule->matches[rule->matches_count++] == NULL)
                return ERR_INVALID;
        }
    }
    return ERR_OK;
}

/* A record without actions is read once, here, where a mistake has a line to be told at. */
static enum err read_record(struct setup *setup, const struct token *token, struct line *line)
{
    const char *why = NULL;
    struct one_record *made = ARENA_NEW(setup->world, struct one_record);
    line->written = token->text;
    line->text = gotemplate_parse(token->text, setup->world, &why);
    if (line->text == NULL)
        return setup_error(setup, token, "fields are .Zone .Name .Class .Type .Remote .Group.NAME .Var.NAME",
            "not a template: %s", why);
    if (!gotemplate_is_constant(line->text))
        return ERR_OK;
    enum err err = made != NULL ? record_parse(token->text, setup->world, made, &why) : ERR_MEMORY;
    line->made = made;
    return err == ERR_SYNTAX
               ? setup_error(setup, token, "NAME [TTL] [CLASS] TYPE DATA", "not a record: %s", why)
               : err;
}

static enum err read_records(
    struct setup *setup, const struct option_lines *lines, enum section section, struct rule *rule)
{
    for (unsigned i = 0; i < lines->count; i++) {
        const struct directive *line = lines->at[i];
        if (line->args_count != 1)
            return setup_error(setup, &line->name, "put the record in quotes",
                "'%s' takes one record, here are %u words", line->name.text, line->args_count);
        struct line *to = &rule->lines[rule->lines_count++];
        to->section = section;
        enum err err = read_record(setup, &line->args[0], to);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err read_ederror(struct setup *setup, const struct option_lines *lines, struct rule *rule)
{
    if (lines->count == 0)
        return ERR_OK;
    const struct directive *line = lines->at[lines->count - 1];
    static const struct option row = {.arg = "CODE", .kind = OPTION_INTEGER, .max = 65534, .help = ""};
    int64_t code = 0;
    if (line->args_count == 0 || line->args_count > 2)
        return setup_error(
            setup, &line->name, "ederror 21 \"not supported\"", "ederror takes a code and one text");
    enum err err = option_value(setup, &line->args[0], &row, &code);
    rule->ede = (uint16_t)(code + 1);
    rule->ede_text = line->args_count == 2 ? line->args[1].text : NULL;
    return err;
}

static enum err read_expressions(struct setup *setup, const struct written *written, struct rule *rule)
{
    rule->vars = ARENA_ARRAY(setup->world, struct variable, written->var.count + 1);
    rule->conditions = ARENA_ARRAY(setup->world, struct expression *, written->expr.count + 1);
    if (rule->vars == NULL || rule->conditions == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < written->var.count + written->expr.count; i++) {
        bool var = i < written->var.count;
        const struct directive *line = var ? written->var.at[i] : written->expr.at[i - written->var.count];
        if (line->args_count < (var ? 2u : 1u))
            return setup_error(setup, &line->name, var ? "var NAME EXPRESSION" : "expr EXPRESSION",
                "an expression is missing");
        const char *text = expression_join(setup, line->args + var, line->args_count - var);
        struct expression *expression = text != NULL ? expression_parse(setup, &line->args[var], text) : NULL;
        if (expression == NULL)
            return text == NULL ? ERR_MEMORY : ERR_INVALID;
        if (var)
            rule->vars[rule->vars_count++] = (struct variable){line->args[0].text, expression};
        else
            rule->conditions[rule->conditions_count++] = expression;
    }
    return ERR_OK;
}

static enum err print_zones(struct setup *setup, struct rule *rule)
{
    char text[NAME_TEXT_MAX];
    rule->zone_texts = ARENA_ARRAY(setup->world, const char *, rule->zones.count + 1);
    if (rule->zone_texts == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < rule->zones.count; i++) {
        rule->zone_texts[i] = arena_copy(setup->world, text, name_print(rule->zones.at[i], text));
        if (rule->zone_texts[i] == NULL)
            return ERR_MEMORY;
    }
    return ERR_OK;
}

static enum err read_rule(struct setup *setup, const struct written *written, struct rule *rule)
{
    unsigned records = written->answer.count + written->additional.count + written->authority.count;
    rule->zones = written->zones;
    rule->fall = written->fall;
    rule->rcode = (uint16_t)written->rcode;
    rule->lines = ARENA_ARRAY(setup->world, struct line, records + 1);
    enum err err = rule->lines != NULL ? read_selector(setup, written, rule) : ERR_MEMORY;
    err = err == ERR_OK ? read_matches(setup, &written->match, rule) : err;
    err = err == ERR_OK ? read_records(setup, &written->answer, SECTION_ANSWER, rule) : err;
    err = err == ERR_OK ? read_records(setup, &written->authority, SECTION_AUTHORITY, rule) : err;
    err = err == ERR_OK ? read_records(setup, &written->additional, SECTION_ADDITIONAL, rule) : err;
    err = err == ERR_OK ? read_ederror(setup, &written->ederror, rule) : err;
    err = err == ERR_OK ? read_expressions(setup, written, rule) : err;
    err = err == ERR_OK ? print_zones(setup, rule) : err;
    rule->counted = (struct counted_rule){.zones = rule->zone_texts,
        .zones_count = rule->zones.count,
        .class = rule->class,
        .type = rule->type};
    return err == ERR_OK ? counted_init(&rule->counted, setup) : err;
}

static enum err setup(struct setup *setup, void **self)
{
    struct template *template = *self != NULL ? *self : ARENA_NEW(setup->world, struct template);
    struct rule *rule = ARENA_NEW(setup->world, struct rule);
    struct written written = {0};
    if (template == NULL || rule == NULL)
        return ERR_MEMORY;
    *self = template;
    enum err err = options_parse(setup, options, &written);
    if (err == ERR_OK)
        err = read_rule(setup, &written, rule);
    struct rule **rules = ARENA_ARRAY(setup->world, struct rule *, template->count + 1);
    if (err != ERR_OK || rules == NULL)
        return err != ERR_OK ? err : ERR_MEMORY;
    if (template->count > 0)
        memcpy(rules, template->rules, template->count * sizeof *rules);
    rules[template->count] = rule;
    template->rules = rules;
    template->count++;
    return ERR_OK;
}

/* ---- matching ---- */

static int nearest_zone(const struct option_zones *zones, const struct question *question)
{
    int best = -1;
    size_t best_len = 0;
    for (unsigned i = 0; i < zones->count; i++) {
        if (!question_under(question, zones->at[i]))
            continue;
        size_t len = name_len(zones->at[i]);
        if (len > best_len) {
            best = (int)i;
            best_len = len;
        }
    }
    return best;
}

/* CoreDNS's word for word: a query of type ANY is for rules of type ANY only. */
static bool fits(const struct rule *rule, const struct question *question)
{
    return (rule->class == CLASS_ANY || rule->class == question->class) &&
           (rule->type == TYPE_ANY || rule->type == question->type);
}

static bool conditions_hold(const struct rule *rule, const struct query *query)
{
    for (unsigned i = 0; i < rule->conditions_count; i++) {
        if (!expression_is_true(rule->conditions[i], query))
            return false;
    }
    return true;
}

/* The expression that matches; without any, MATCH is the whole name. */
static bool find_match(const struct rule *rule, const char *name, size_t len, struct gotemplate_data *data,
    struct regex_match *match)
{
    data->match = match;
    if (rule->matches_count == 0) {
        *match = (struct regex_match){.subject = name, .count = 1, .groups = {{0, (uint32_t)len}}};
        return true;
    }
    for (unsigned i = 0; i < rule->matches_count; i++) {
        if (regex_match(rule->matches[i], name, len, match)) {
            data->regex = rule->matches[i];
            return true;
        }
    }
    return false;
}

/* ---- answering ---- */

struct working {
    const struct rule *rule;
    struct query *query;
};

static bool find_var(void *context, const char *name, const char **text)
{
    const struct working *working = context;
    char out[EXPRESSION_TEXT_MAX];
    for (unsigned i = 0; i < working->rule->vars_count; i++) {
        if (strcmp(working->rule->vars[i].name, name) != 0)
            continue;
        size_t len = expression_print(working->rule->vars[i].value, working->query, out);
        *text = arena_copy(working->query->scratch, out, len);
        return *text != NULL;
    }
    return false;
}

static enum err add_line(const struct rule *rule, unsigned index, const struct gotemplate_data *data,
    struct query *query, const char **why)
{
    const struct line *line = &rule->lines[index];
    char text[GOTEMPLATE_OUT_MAX];
    struct one_record made;
    const struct one_record *record = line->made;
    if (record == NULL) {
        if (!gotemplate_print(line->text, data, text, why)) {
            counted_failure(&rule->counted, query, COUNTED_TEMPLATES, index);
            return ERR_INVALID;
        }
        enum err err = record_parse(text, query->scratch, &made, why);
        if (err != ERR_OK) {
            counted_failure(&rule->counted, query, COUNTED_RECORDS, index);
            return err;
        }
        record = &made;
    }
    struct rr_ref *ref = reply_add(&query->reply, line->section, record->rrset, query->scratch);
    return ref != NULL ? reply_set_owner(ref, record->owner, query->question, query->scratch) : ERR_MEMORY;
}

static const uint8_t *alias_of(const struct query *query)
{
    const struct reply *reply = &query->reply;
    const struct rr_ref *last = NULL;
    for (unsigned i = 0; i < reply->count && reply->refs[i].section == SECTION_ANSWER; i++)
        last = &reply->refs[i];
    if (last == NULL || last->rrset->type != TYPE_CNAME || query->question->type == TYPE_CNAME ||
        query->question->type == TYPE_ANY || query->question->class != CLASS_IN)
        return NULL;
    struct record record;
    record_read(last->rrset->data, true, &record);
    return record.rdata;
}

struct following {
    struct query *query;
    bool over, waiting;
};

static void add_target(struct query *child, enum served verdict, void *context)
{
    struct following *following = context;
    struct query *query = following->query;
    following->over = true;
    if (verdict == SERVED_ANSWERED && child->answered &&
        (reply_rebase(&child->reply, child->question, query->question, query->scratch) != ERR_OK ||
            reply_join(&query->reply, &child->reply, SECTION_ANSWER, query->scratch) != ERR_OK))
        query_fail(query, "template", RCODE_SERVFAIL, "cannot use the answer for the alias's target");
    if (following->waiting)
        query_resume(query, SERVED_ANSWERED);
}

/* A fabricated alias is followed through the block. */
static enum served follow(struct query *query, const uint8_t *target)
{
    struct following *following = ARENA_NEW(query->scratch, struct following);
    if (following == NULL || !query_may_wait(query) || name_equal(target, query->question->lower))
        return SERVED_ANSWERED;
    following->query = query;
    if (query_sub(query, target, query->question->type, add_target, following) != ERR_OK || following->over)
        return SERVED_ANSWERED;
    following->waiting = true;
    return SERVED_SUSPENDED;
}

static enum served answer(const struct rule *rule, struct gotemplate_data *data, struct query *query)
{
    struct working working = {rule, query};
    query_why(query, "a rule matches");
    data->var = find_var;
    data->context = &working;
    query->reply.authoritative = true;
    query->reply.rcode = rule->rcode;
    query->reply.ede = rule->ede;
    query->reply.ede_text = rule->ede_text;
    for (unsigned i = 0; i < rule->lines_count; i++) {
        const char *why = NULL;
        enum err err = add_line(rule, i, data, query, &why);
        if (err != ERR_OK)
            return query_fail(query, "template", RCODE_SERVFAIL, "%s", why != NULL ? why : err_text(err));
    }
    const uint8_t *target = alias_of(query);
    return target != NULL ? follow(query, target) : SERVED_ANSWERED;
}

static bool falls(const struct rule *rule, const struct question *question)
{
    for (unsigned i = 0; i < rule->fall.count; i++) {
        if (question_under(question, rule->fall.at[i]))
            return true;
    }
    return false;
}

/* What templates read, once for all rules. */
struct texts {
    char name[NAME_TEXT_MAX], class[16], type[16], remote[INET6_ADDRSTRLEN];
    size_t name_len;
};

static void print_texts(const struct query *query, struct texts *texts)
{
    texts->name_len = name_print(query->question->lower, texts->name);
    class_print(query->question->class, texts->class);
    type_print(query->question->type, texts->type);
    address_print(&query->client, texts->remote);
}

/* Apart, for its large frame is not needed by the many queries that no rule is for. */
static __attribute__((noinline)) enum served try_rules(
    const struct template *template, struct query *query, unsigned first)
{
    const struct question *question = query->question;
    struct texts texts;
    bool printed = false;
    for (unsigned i = first; i < template->count; i++) {
        const struct rule *rule = template->rules[i];
        int zone = fits(rule, question) ? nearest_zone(&rule->zones, question) : -1;
        if (zone < 0)
            continue;
        if (!printed)
            print_texts(query, &texts);
        printed = true;
        struct regex_match match;
        struct gotemplate_data data = {.zone = rule->zone_texts[zone],
            .name = texts.name,
            .class = texts.class,
            .type = texts.type,
            .remote = texts.remote,
            .query = query,
            .scratch = query->scratch};
        if (find_match(rule, texts.name, texts.name_len, &data, &match) && conditions_hold(rule, query)) {
            counted_match(&rule->counted, query, (unsigned)zone);
            return answer(rule, &data, query);
        }
        if (!falls(rule, question))
            return query_fail(query, "template", RCODE_SERVFAIL,
                "the name matches no expression, and there is no fallthrough");
    }
    return SERVED_NEXT;
}

static enum served serve(void *self, struct query *query)
{
    const struct template *template = self;
    for (unsigned i = 0; i < template->count; i++) {
        if (fits(template->rules[i], query->question))
            return try_rules(template, query, i);
    }
    return SERVED_NEXT;
}

/* A rule that takes every name of a zone, whatever is asked. */
static bool takes_all(const struct rule *rule, const uint8_t *zone)
{
    if ((rule->class != CLASS_ANY && rule->class != CLASS_IN) || rule->type != TYPE_ANY ||
        rule->conditions_count > 0 || (rule->matches_count > 0 && rule->fall.count > 0))
        return false;
    for (unsigned i = 0; i < rule->zones.count; i++) {
        if (name_under(zone, rule->zones.at[i]))
            return true;
    }
    return false;
}

static bool ends(void *self, const struct block *block)
{
    const struct template *template = self;
    for (unsigned z = 0; z < block->zones_count; z++) {
        bool taken = false;
        for (unsigned i = 0; i < template->count && !taken; i++)
            taken = takes_all(template->rules[i], block->zones[z]);
        if (!taken)
            return false;
    }
    return true;
}

/* ---- living ---- */

static enum err start(void *self)
{
    const struct template *template = self;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < template->count && err == ERR_OK; i++)
        err = counted_start(&template->rules[i]->counted);
    return err;
}

static void stop(void *self)
{
    const struct template *template = self;
    for (unsigned i = 0; i < template->count; i++)
        counted_stop(&template->rules[i]->counted);
}

static void metrics(void *self, struct metrics *out)
{
    static const char *const sections[] = {"answer", "authority", "additional"};
    const struct template *template = self;
    for (unsigned i = 0; i < template->count; i++) {
        const struct rule *rule = template->rules[i];
        counted_tell_matches(&rule->counted, out);
        for (unsigned k = 0; k < rule->lines_count; k++)
            counted_tell_failures(
                &rule->counted, k, sections[rule->lines[k].section], rule->lines[k].written, out);
    }
}

static const struct plugin template_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "template",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .ends = ends,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(template)
