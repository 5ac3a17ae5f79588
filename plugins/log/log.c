/* log: a line for each query, on standard output. Which names, in which form, and for which class of
 * answers; several log lines of a block are rules, and the first that covers the name is used. The line is
 * put together here without printf; writing it is another thread's work (host_line). */
#include <string.h>

#include "plugins/log/format.h"
#include "plugins/log/json.h"
#include "plugins/plugin.h"
#include "zone/wire/type.h"

enum class_bit { CLASS_SUCCESS = 1, CLASS_DENIAL = 2, CLASS_ERROR = 4, CLASS_ALL = 7 };

struct rule {
    const uint8_t *name;
    struct format format;
    bool json; /* instead of the format */
    unsigned classes;
};

struct log {
    struct rule *rules;
    unsigned count;
};

struct written {
    struct option_strings words;
    struct option_strings classes;
    bool json;
};

static const struct option options[] = {
    {.arg = "NAMES... FORMAT",
        .kind = OPTION_STRINGS,
        .offset = offsetof(struct written, words),
        .help = "names whose queries are logged, all when left out, and the form of the line"},
    {.word = "class",
        .arg = "success|denial|error|all",
        .kind = OPTION_STRINGS,
        .offset = offsetof(struct written, classes),
        .help = "which answers are logged; all when left out"},
    {.word = "json",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct written, json),
        .help = "a JSON object for each query, with all fields, instead of the form"},
    OPTIONS_END,
};

static const struct {
    const char *word;
    unsigned bits;
} class_words[] = {
    {"success", CLASS_SUCCESS},
    {"denial", CLASS_DENIAL},
    {"error", CLASS_ERROR},
    {"all", CLASS_ALL},
};

static enum err read_classes(struct setup *setup, const struct option_strings *words, unsigned *classes)
{
    *classes = words->count == 0 ? CLASS_ALL : 0;
    for (unsigned w = 0; w < words->count; w++) {
        unsigned bits = 0;
        for (unsigned i = 0; i < ARRAY_COUNT(class_words); i++)
            bits |= strcmp(words->at[w], class_words[i].word) == 0 ? class_words[i].bits : 0;
        if (bits == 0)
            return setup_error(setup, &setup->directive->name, "success, denial, error or all",
                "there is no class '%s'", words->at[w]);
        *classes |= bits;
    }
    return ERR_OK;
}

static enum err add_rule(struct setup *setup, struct log *log, const char *name, const struct rule *like)
{
    struct rule *rules = ARENA_ARRAY(setup->world, struct rule, log->count + 1);
    uint8_t wire[NAME_MAX];
    size_t len;
    const char *why = NULL;
    if (rules == NULL)
        return ERR_MEMORY;
    if (name_parse(name, strlen(name), (const uint8_t *)"", wire, &len, &why) != ERR_OK)
        return setup_error(setup, &setup->directive->name, NULL, "'%s' is not a name: %s", name, why);
    name_lower(wire, wire);
    if (log->count > 0)
        memcpy(rules, log->rules, log->count * sizeof *rules);
    rules[log->count] = *like;
    rules[log->count].name = (uint8_t *)arena_copy(setup->world, wire, len);
    log->rules = rules;
    log->count++;
    return rules[log->count - 1].name != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err setup(struct setup *setup, void **self)
{
    struct log *log = *self != NULL ? *self : ARENA_NEW(setup->world, struct log);
    struct written written = {0};
    struct rule rule = {0};
    if (log == NULL)
        return ERR_MEMORY;
    *self = log;
    enum err err = options_parse(setup, options, &written);
    if (err == ERR_OK)
        err = read_classes(setup, &written.classes, &rule.classes);
    if (err != ERR_OK)
        return err;
    rule.json = written.json;
    unsigned names = written.words.count;
    const char *form = "{common}";
    if (names > 0 && strchr(written.words.at[names - 1], '{') != NULL)
        form = written.words.at[--names];
    err = format_parse(&rule.format, form, setup);
    for (unsigned i = 0; i < names && err == ERR_OK; i++)
        err = add_rule(setup, log, written.words.at[i], &rule);
    if (names == 0 && err == ERR_OK)
        err = add_rule(setup, log, ".", &rule);
    setup->block->times = true;
    return err;
}

/* CoreDNS's classes: no data is a denial as much as no name; a referral is a success. */
static unsigned class_of(const struct query *query)
{
    const struct reply *reply = &query->reply;
    if (reply->rcode == RCODE_NXDOMAIN)
        return CLASS_DENIAL;
    if (reply->rcode != RCODE_NOERROR)
        return CLASS_ERROR;
    if (reply->body != NULL)
        return reply->body->counts[SECTION_ANSWER] == 0 && reply->body->soa ? CLASS_DENIAL : CLASS_SUCCESS;
    bool answer = false, soa = false;
    for (unsigned i = 0; i < reply->count; i++) {
        answer |= reply->refs[i].section == SECTION_ANSWER;
        soa |= reply->refs[i].section == SECTION_AUTHORITY && reply->refs[i].rrset->type == TYPE_SOA;
    }
    return !answer && soa ? CLASS_DENIAL : CLASS_SUCCESS;
}

static void sent(void *self, const struct query *query)
{
    const struct log *log = self;
    char line[FORMAT_LINE_MAX];
    for (unsigned i = 0; i < log->count; i++) {
        const struct rule *rule = &log->rules[i];
        if (!name_under(query->message.question.lower, rule->name))
            continue;
        if ((rule->classes & class_of(query)) != 0)
            host_line(query->worker, line,
                rule->json ? json_write(query, line) : format_write(&rule->format, query, line));
        return;
    }
}

static const struct plugin log_plugin = {
    .abi = PLUGIN_ABI,
    .name = "log",
    .options = options,
    .setup = setup,
    .sent = sent,
};
PLUGIN(log)
