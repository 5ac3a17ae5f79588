/* What the plugins of the chain read: the first octet chooses. Tables of hosts, weights of addresses,
 * templates and the records they print, expressions, old Corefiles. What is accepted is used, too: a table is
 * searched, a template is printed, an expression evaluated. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/expression.h"
#include "plugins/hosts/table.h"
#include "plugins/loadbalance/weights.h"
#include "plugins/plugin.h"
#include "plugins/template/gotemplate.h"
#include "plugins/template/record.h"
#include "server/build.h"
#include "server/migrate.h"
#include "server/regex.h"
#include "zone/wire/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint8_t name[] = "\003www\007example\003org";
static const uint8_t root[] = "";

static void discard(void *context, const struct finding *finding)
{
    (void)context;
    (void)finding;
}

static void try_hosts(const char *text, size_t len)
{
    static const uint8_t *const zones[] = {root};
    struct table_rules rules = {.zones = zones, .zones_count = 1, .ttl = 1, .reverse = true};
    struct table_maker maker;
    struct table *table = NULL;
    struct question question;
    table_begin(&maker, &rules);
    enum err err = table_add_text(&maker, text, len);
    if (table_end(&maker, &table) != ERR_OK || err != ERR_OK)
        abort();
    question_set(&question, name, TYPE_A, CLASS_IN);
    const struct table_host *host = table_find(table, &question);
    if (host != NULL && host->name == NULL)
        abort();
    table_free(table);
}

static void try_weights(const char *text)
{
    struct weights *weights;
    unsigned line;
    const char *why;
    if (weights_parse(text, &weights, &line, &why) != ERR_OK)
        return;
    weights_find(weights, name);
    weights_free(weights);
}

static void try_record(const char *text, struct arena *memory)
{
    struct one_record record;
    const char *why = NULL;
    enum err err = record_parse(text, memory, &record, &why);
    if (err == ERR_SYNTAX && why == NULL)
        abort();
    if (err == ERR_OK && name_len(record.owner) > NAME_MAX)
        abort();
}

static void make_query(struct query *query, struct arena *memory)
{
    memset(query, 0, sizeof *query);
    question_set(&query->message.question, name, TYPE_A, CLASS_IN);
    query->question = &query->message.question;
    query->scratch = memory;
    query->client.any.sa_family = AF_INET6;
    query->server.any.sa_family = AF_INET;
}

static void try_template(const char *text, struct arena *memory)
{
    static struct query query;
    const char *why = NULL;
    char out[GOTEMPLATE_OUT_MAX];
    make_query(&query, memory);
    struct gotemplate *template = gotemplate_parse(text, memory, &why);
    if (template == NULL) {
        if (why == NULL)
            abort();
        return;
    }
    struct gotemplate_data data = {.zone = "org.",
        .name = "www.example.org.",
        .class = "IN",
        .type = "A",
        .remote = "192.0.2.1",
        .query = &query,
        .scratch = memory};
    if (gotemplate_print(template, &data, out, &why))
        try_record(out, memory);
    else if (why == NULL)
        abort();
}

static void try_expression(const char *text, struct arena *memory)
{
    static struct query query;
    static const struct finding_sink sink = {.report = discard};
    static const struct token token = {.text = "", .file = "fuzz", .line = 1, .column = 1};
    struct world world = {.regexes = NULL};
    struct build build = {.world = &world};
    struct setup setup = {.world = memory, .sink = &sink, .host = &build};
    char out[EXPRESSION_TEXT_MAX];
    make_query(&query, memory);
    const struct expression *expression = expression_parse(&setup, &token, text);
    if (expression == NULL && setup.errors == 0)
        abort();
    if (expression != NULL && expression_print(expression, &query, out) >= sizeof out)
        abort();
    if (expression != NULL)
        expression_is_true(expression, &query);
    regex_free_all(world.regexes);
}

/* What has been migrated stays as it is. */
static void try_migrate(const char *text)
{
    char *once = NULL;
    size_t once_len;
    FILE *out = open_memstream(&once, &once_len);
    if (out == NULL || migrate_text(text, out) != ERR_OK)
        abort();
    fclose(out);
    free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena memory;
    if (len == 0)
        return 0;
    char *text = strndup((const char *)bytes + 1, len - 1);
    if (text == NULL)
        return 0;
    arena_init(&memory, 0);
    switch (bytes[0] % 6) {
    case 0:
        try_hosts(text, strlen(text));
        break;
    case 1:
        try_weights(text);
        break;
    case 2:
        try_record(text, &memory);
        break;
    case 3:
        try_template(text, &memory);
        break;
    case 4:
        try_expression(text, &memory);
        break;
    default:
        try_migrate(text);
    }
    arena_clear(&memory);
    free(text);
    return 0;
}
