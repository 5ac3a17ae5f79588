#include "plugins/rewrite/rule.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/wire/type.h"

/* The words of a directive, those of its block behind those of its line. */
struct words {
    const struct token *at;
    unsigned count;
    const struct token *last; /* for errors about what is missing */
};

static enum err gather(struct setup *setup, struct words *words)
{
    const struct directive *directive = setup->directive;
    unsigned count = directive->args_count;
    for (unsigned i = 0; i < directive->lines_count; i++)
        count += 1 + directive->lines[i].args_count;
    struct token *tokens = ARENA_ARRAY(setup->world, struct token, count + 1);
    if (tokens == NULL)
        return ERR_MEMORY;
    words->at = tokens;
    words->count = count;
    for (unsigned i = 0; i < directive->args_count; i++)
        *tokens++ = directive->args[i];
    for (unsigned i = 0; i < directive->lines_count; i++) {
        *tokens++ = directive->lines[i].name;
        for (unsigned a = 0; a < directive->lines[i].args_count; a++)
            *tokens++ = directive->lines[i].args[a];
    }
    words->last = count > 0 ? &words->at[count - 1] : &directive->name;
    return ERR_OK;
}

static bool next_is(const struct words *words, const char *text)
{
    return words->count > 0 && strcasecmp(words->at[0].text, text) == 0;
}

static const struct token *take(struct words *words)
{
    if (words->count == 0)
        return NULL;
    words->count--;
    return words->at++;
}

static enum err missing(struct setup *setup, const struct words *words, const char *form)
{
    return setup_error(setup, words->last, form, "the rule is not complete");
}

static enum err surplus(struct setup *setup, const struct words *words, const char *form)
{
    return words->count == 0
               ? ERR_OK
               : setup_error(setup, &words->at[0], form, "'%s' is too much here", words->at[0].text);
}

/* [exact|prefix|suffix|substring|regex] in front of a name; a name of that form is meant when words are few.
 */
static enum rewriter_kind take_kind(struct words *words, unsigned behind)
{
    int kind = words->count > behind ? rewriter_kind(words->at[0].text) : -1;
    if (kind >= 0)
        take(words);
    return kind >= 0 ? (enum rewriter_kind)kind : REWRITE_EXACT;
}

/* ---- name ---- */

#define NAME_FORM                                                                                            \
    "rewrite name [exact|prefix|suffix|substring|regex] FROM TO [answer auto | answer name|value FROM TO]"

static enum err read_answer(struct setup *setup, struct words *words, struct rule *rule)
{
    take(words);
    if (next_is(words, "auto")) {
        take(words);
        rule->automatic = true;
        return ERR_OK;
    }
    struct answer_rule *answer = &rule->answers[rule->answers_count];
    if (next_is(words, "name") || next_is(words, "value"))
        answer->value = next_is(words, "value") && take(words) != NULL;
    else
        return words->count == 0 ? missing(setup, words, NAME_FORM)
                                 : setup_error(setup, &words->at[0], NAME_FORM,
                                       "'%s' is not auto, name or value", words->at[0].text);
    if (!answer->value)
        take(words);
    const struct token *from = take(words), *to = take(words);
    if (from == NULL || to == NULL)
        return missing(setup, words, NAME_FORM);
    rule->answers_count++;
    return rewriter_init(&answer->rewriter, REWRITE_REGEX, setup, from, to);
}

static enum err read_answers(struct setup *setup, struct words *words, struct rule *rule)
{
    rule->answers = ARENA_ARRAY(setup->world, struct answer_rule, words->count + 1);
    if (rule->answers == NULL)
        return ERR_MEMORY;
    while (words->count > 0) {
        bool more = next_is(words, "answer");
        bool bare = rule->answers_count > 0 && (next_is(words, "name") || next_is(words, "value"));
        if (bare) { /* `answer name A B value C D`: step back onto the word that read_answer takes */
            words->at--;
            words->count++;
        } else if (!more) {
            return surplus(setup, words, NAME_FORM);
        }
        enum err err = read_answer(setup, words, rule);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err read_name(struct setup *setup, struct words *words, struct rule *rule)
{
    enum rewriter_kind kind = take_kind(words, 2);
    const struct token *from = take(words), *to = take(words);
    if (from == NULL || to == NULL)
        return missing(setup, words, NAME_FORM);
    rule->automatic = kind == REWRITE_EXACT; /* the name asked comes back by itself, as in CoreDNS */
    enum err err = rewriter_init(&rule->rewriter, kind, setup, from, to);
    return err == ERR_OK ? read_answers(setup, words, rule) : err;
}

static enum err read_cname(struct setup *setup, struct words *words, struct rule *rule)
{
    static const char *const form = "rewrite cname [exact|prefix|suffix|substring|regex] FROM TO";
    enum rewriter_kind kind = take_kind(words, 2);
    const struct token *from = take(words), *to = take(words);
    if (from == NULL || to == NULL)
        return missing(setup, words, form);
    enum err err = rewriter_init(&rule->rewriter, kind, setup, from, to);
    return err == ERR_OK ? surplus(setup, words, form) : err;
}

/* ---- type, class, rcode, ttl ---- */

static enum err read_type(struct setup *setup, const struct token *token, uint16_t *out)
{
    if (type_parse(token->text, token->len, out))
        return ERR_OK;
    return setup_error(setup, token, "as in A, ANY, HINFO", "'%s' is no record type", token->text);
}

static enum err read_class(struct setup *setup, const struct token *token, uint16_t *out)
{
    if (class_parse(token->text, token->len, out))
        return ERR_OK;
    return setup_error(setup, token, "IN, CH or HS", "'%s' is no class", token->text);
}

static enum err read_rcode_word(struct setup *setup, const struct token *token, uint16_t *out)
{
    static const struct option row = {.arg = "RCODE", .kind = OPTION_RCODE, .help = ""};
    int64_t rcode = 0;
    enum err err = option_value(setup, token, &row, &rcode);
    *out = (uint16_t)rcode;
    return err;
}

typedef enum err read_word(struct setup *setup, const struct token *token, uint16_t *out);

static enum err read_pair(
    struct setup *setup, struct words *words, struct rule *rule, read_word *read, const char *form)
{
    const struct token *from = take(words), *to = take(words);
    if (from == NULL || to == NULL)
        return missing(setup, words, form);
    enum err err = read(setup, from, &rule->from);
    err = err == ERR_OK ? read(setup, to, &rule->to) : err;
    return err == ERR_OK ? surplus(setup, words, form) : err;
}

/* "30", "30-300", "-300", "30-". */
static enum err read_ttl_range(struct setup *setup, const struct token *token, struct rule *rule)
{
    char *end;
    const char *text = token->text;
    bool fine = token->len > 0 && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
    unsigned long long min = 0, max = INT32_MAX;
    if (fine && text[0] != '-') {
        min = strtoull(text, &end, 10);
        text = end;
        max = *text == '-' ? max : min;
    }
    if (fine && *text == '-' && text[1] != '\0') {
        fine = text[1] >= '0' && text[1] <= '9';
        max = strtoull(text + 1, &end, 10);
        text = end;
    } else if (fine && *text == '-') {
        fine = token->len > 1;
        text++;
    }
    if (!fine || *text != '\0' || max > INT32_MAX || min > max)
        return setup_error(setup, token, "SECONDS, MIN-MAX, -MAX or MIN-", "'%s' is no TTL", token->text);
    rule->ttl_min = (uint32_t)min;
    rule->ttl_max = (uint32_t)max;
    return ERR_OK;
}

static enum err read_ttl(struct setup *setup, struct words *words, struct rule *rule)
{
    static const char *const form = "rewrite ttl [exact|prefix|suffix|substring|regex] NAME SECONDS|MIN-MAX";
    enum rewriter_kind kind = take_kind(words, 2);
    const struct token *from = take(words), *ttl = take(words);
    if (from == NULL || ttl == NULL)
        return missing(setup, words, form);
    enum err err = rewriter_init(&rule->rewriter, kind, setup, from, NULL);
    err = err == ERR_OK ? read_ttl_range(setup, ttl, rule) : err;
    return err == ERR_OK ? surplus(setup, words, form) : err;
}

static enum err read_rcode(struct setup *setup, struct words *words, struct rule *rule)
{
    static const char *const form = "rewrite rcode [exact|prefix|suffix|substring|regex] NAME FROM TO";
    enum rewriter_kind kind = take_kind(words, 3);
    const struct token *name = take(words);
    enum err err =
        name != NULL ? rewriter_init(&rule->rewriter, kind, setup, name, NULL) : missing(setup, words, form);
    return err == ERR_OK ? read_pair(setup, words, rule, read_rcode_word, form) : err;
}

/* ---- the whole ---- */

static const struct {
    const char *word;
    enum rule_kind kind;
} fields[] = {
    {"name", RULE_NAME},
    {"type", RULE_TYPE},
    {"class", RULE_CLASS},
    {"ttl", RULE_TTL},
    {"cname", RULE_CNAME},
    {"rcode", RULE_RCODE},
    {"edns0", RULE_EDNS},
};

static enum err read_field(struct setup *setup, struct words *words, struct rule *rule)
{
    switch (rule->kind) {
    case RULE_NAME:
        return read_name(setup, words, rule);
    case RULE_TYPE:
        return read_pair(setup, words, rule, read_type, "rewrite type FROM TO");
    case RULE_CLASS:
        return read_pair(setup, words, rule, read_class, "rewrite class FROM TO");
    case RULE_TTL:
        return read_ttl(setup, words, rule);
    case RULE_CNAME:
        return read_cname(setup, words, rule);
    case RULE_RCODE:
        return read_rcode(setup, words, rule);
    case RULE_EDNS:
        return rule_read_edns(rule, setup, words->at, words->count);
    }
    return ERR_INVALID;
}

enum err rule_read(struct rule *rule, struct setup *setup)
{
    static const char *const form = "rewrite [continue|stop] name|type|class|ttl|cname|rcode|edns0 ...";
    struct words words = {0};
    if (gather(setup, &words) != ERR_OK)
        return ERR_MEMORY;
    rule->goes_on = next_is(&words, "continue");
    if (rule->goes_on || next_is(&words, "stop"))
        take(&words);
    const struct token *field = take(&words);
    if (field == NULL)
        return missing(setup, &words, form);
    for (unsigned i = 0; i < ARRAY_COUNT(fields); i++) {
        if (strcasecmp(fields[i].word, field->text) != 0)
            continue;
        rule->kind = fields[i].kind;
        return read_field(setup, &words, rule);
    }
    /* The shortest old form: rewrite FROM TO. */
    if (words.count == 1) {
        words.at--;
        words.count++;
        rule->kind = RULE_NAME;
        return read_name(setup, &words, rule);
    }
    return setup_error(setup, field, form, "'%s' is nothing that can be rewritten", field->text);
}
