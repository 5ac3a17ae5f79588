/* zonetool explain: what a rule of `check` is about. */
#include <stdio.h>
#include <string.h>

#include "zone/base/json.h"
#include "zone/check/rule.h"
#include "zonetool/zonetool.h"

/* TEXT in lines of up to 96 columns, each behind INDENT blanks. */
static void put_wrapped(const char *text, int indent)
{
    int column = 0;
    for (const char *at = text; *at != '\0';) {
        int len = (int)strcspn(at, " ");
        if (column > 0 && column + 1 + len > 96 - indent) {
            putchar('\n');
            column = 0;
        }
        column += printf("%*s%.*s", column == 0 ? indent : 1, "", len, at);
        at += len;
        at += strspn(at, " ");
    }
    putchar('\n');
}

static void put_example(const char *heading, const char *lines)
{
    printf("\n%s:\n", heading);
    for (const char *at = *lines == '!' || *lines == '&' ? lines + 1 : lines; *at != '\0';) {
        int len = (int)strcspn(at, "\n");
        printf("    %.*s\n", len, at);
        at += len;
        at += *at == '\n';
    }
}

static void put_rule(const struct rule *rule)
{
    printf("%s (%s, set %s%s)\n", rule->name, severity_text(rule->severity), rule_set_text(rule->set),
        rule->fixable ? ", mended by check --fix" : "");
    put_wrapped(rule->why, 4);
    printf("    What to do: %s.\n", rule->hint);
    if (rule->aliases[0] != '\0')
        printf("    Elsewhere: %s\n", rule->aliases);
    put_example("Breaks it", rule->bad);
    put_example("Does not", rule->good);
}

static void put_list(void)
{
    for (size_t i = 0; i < rule_count(); i++) {
        const struct rule *rule = rule_at(i);
        printf("%-26s %-8s %-10s %s\n", rule->name, severity_text(rule->severity), rule_set_text(rule->set),
            rule->fixable ? "--fix" : "");
    }
}

static void put_json(void)
{
    struct json json;
    json_init(&json, stdout);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < rule_count(); i++) {
        const struct rule *rule = rule_at(i);
        json_open(&json, NULL, '{');
        json_text(&json, "rule", rule->name);
        json_text(&json, "level", severity_text(rule->severity));
        json_text(&json, "set", rule_set_text(rule->set));
        json_bool(&json, "fix", rule->fixable);
        json_text(&json, "aliases", rule->aliases);
        json_text(&json, "why", rule->why);
        json_text(&json, "hint", rule->hint);
        json_text(&json, "bad", rule->bad);
        json_text(&json, "good", rule->good);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    putchar('\n');
}

enum outcome explain_run(const struct arguments *arguments)
{
    if (arguments->json) {
        put_json();
        return OUTCOME_CLEAN;
    }
    if (arguments->operand_count == 0)
        put_list();
    for (unsigned i = 0; i < arguments->operand_count; i++) {
        const char *name = arguments->operands[i];
        const struct rule *rule = rule_find(name);
        const char *near = rule == NULL ? rule_suggest(name) : NULL;
        if (rule == NULL)
            return complain("there is no rule \"%s\"%s%s%s", name, near != NULL ? " (did you mean " : "",
                near != NULL ? near : "", near != NULL ? "?)" : "");
        if (i > 0)
            putchar('\n');
        put_rule(rule);
    }
    return OUTCOME_CLEAN;
}
