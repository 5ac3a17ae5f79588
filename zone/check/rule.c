#include "zone/check/rule.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "zone/check/rule_area.h"

static const struct rule *const areas[] = {
    rules_text, rules_zone, rules_data, rules_mail, rules_dnssec, rules_across};

static const struct rule *all[RULES_MAX];
static size_t count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void collect(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(areas); i++) {
        for (const struct rule *rule = areas[i]; rule->name != NULL && count < RULES_MAX; rule++)
            all[count++] = rule;
    }
}

size_t rule_count(void)
{
    pthread_once(&once, collect);
    return count;
}

const struct rule *rule_at(size_t number)
{
    return number < rule_count() ? all[number] : NULL;
}

size_t rule_number(const struct rule *rule)
{
    size_t number = 0;
    while (number < rule_count() && all[number] != rule)
        number++;
    return number;
}

/* Is NAME one of the words of LIST? */
static bool has_word(const char *list, const char *name)
{
    size_t len = strlen(name);
    while (*list != '\0') {
        size_t word = strcspn(list, " ");
        if (word == len && strncasecmp(list, name, len) == 0)
            return true;
        list += word + strspn(list + word, " ");
    }
    return false;
}

const struct rule *rule_find(const char *name)
{
    for (size_t i = 0; i < rule_count(); i++) {
        if (strcasecmp(all[i]->name, name) == 0)
            return all[i];
    }
    for (size_t i = 0; i < rule_count() && *name != '\0'; i++) {
        if (has_word(all[i]->aliases, name))
            return all[i];
    }
    return NULL;
}

/* Levenshtein's distance of words up to 63 octets. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64], len = (unsigned)strlen(b);
    if (len >= ARRAY_COUNT(row))
        return 64;
    for (unsigned i = 0; i <= len; i++)
        row[i] = i;
    for (unsigned y = 1; *a != '\0'; a++, y++) {
        unsigned diagonal = row[0];
        row[0] = y;
        for (unsigned x = 1; x <= len; x++) {
            unsigned change = diagonal + (*a != b[x - 1]),
                     shorter = row[x] < row[x - 1] ? row[x] : row[x - 1];
            diagonal = row[x];
            row[x] = change < shorter + 1 ? change : shorter + 1;
        }
    }
    return row[len];
}

const char *rule_suggest(const char *name)
{
    const char *nearest = NULL;
    unsigned least = (unsigned)strlen(name) / 3 + 1;
    for (size_t i = 0; i < rule_count(); i++) {
        unsigned far = distance(name, all[i]->name);
        if (far <= least && (nearest == NULL || far < least)) {
            nearest = all[i]->name;
            least = far;
        }
    }
    return nearest;
}

const char *rule_set_text(enum rule_set set)
{
    static const char *const texts[] = {"mandatory", "default", "strict"};
    return (unsigned)set < ARRAY_COUNT(texts) ? texts[set] : "unknown";
}
