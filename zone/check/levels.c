#include "zone/check/levels.h"

#include <string.h>
#include <strings.h>

void levels_init(struct levels *levels, enum rule_set set)
{
    memset(levels->of, LEVEL_OFF, sizeof levels->of);
    for (size_t i = 0; i < rule_count(); i++) {
        if (rule_at(i)->set <= set)
            levels->of[i] = (uint8_t)rule_at(i)->severity;
    }
}

bool levels_parse_set(const char *word, enum rule_set *set)
{
    for (int i = RULE_MANDATORY; i <= RULE_STRICT; i++) {
        if (strcasecmp(word, rule_set_text((enum rule_set)i)) == 0) {
            *set = (enum rule_set)i;
            return true;
        }
    }
    return false;
}

static bool parse_level(const char *word, uint8_t *level)
{
    static const struct {
        const char *word;
        uint8_t level;
    } words[] = {{"error", SEVERITY_ERROR}, {"warning", SEVERITY_WARNING}, {"warn", SEVERITY_WARNING},
        {"info", SEVERITY_INFO}, {"off", LEVEL_OFF}, {"ignore", LEVEL_OFF}};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (strcasecmp(word, words[i].word) == 0) {
            *level = words[i].level;
            return true;
        }
    }
    return false;
}

static void put(struct levels *levels, size_t number, uint8_t level, bool guarded)
{
    bool lowers = level == LEVEL_OFF || level < rule_at(number)->severity;
    if (!guarded || rule_at(number)->set != RULE_MANDATORY || !lowers)
        levels->of[number] = level;
}

/* "all" leaves those alone that the set has not chosen, but when it is to bring them. */
static void put_all(struct levels *levels, uint8_t level, bool guarded)
{
    for (size_t i = 0; i < rule_count(); i++) {
        if (levels->of[i] != LEVEL_OFF)
            put(levels, i, level, guarded);
    }
}

static enum err set_level(struct levels *levels, const char *text, bool guarded, const char **why)
{
    char name[64];
    size_t len = strcspn(text, "= \t");
    uint8_t level;
    if (len == 0 || len >= sizeof name) {
        *why = "write RULE=error|warning|info|off";
        return ERR_SYNTAX;
    }
    memcpy(name, text, len);
    name[len] = '\0';
    if (!parse_level(text + len + strspn(text + len, "= \t"), &level)) {
        *why = "the level is error, warning, info or off";
        return ERR_SYNTAX;
    }
    const struct rule *rule = rule_find(name);
    if (rule == NULL && strcasecmp(name, "all") != 0) {
        *why = "there is no such rule; zonetool explain lists them";
        return ERR_MISSING;
    }
    if (rule == NULL)
        put_all(levels, level, guarded);
    else
        put(levels, rule_number(rule), level, guarded);
    return ERR_OK;
}

enum err levels_set(struct levels *levels, const char *text, const char **why)
{
    return set_level(levels, text, false, why);
}

enum err levels_set_guarded(struct levels *levels, const char *text, const char **why)
{
    return set_level(levels, text, true, why);
}
