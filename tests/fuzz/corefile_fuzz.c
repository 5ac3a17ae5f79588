/* The Corefile reader and the options engine on hostile text: no crash, no hang, and every finding stands at
 * a place that the text has. What could be read is walked to its last token. */
#include <stdlib.h>
#include <string.h>

#include "server/corefile.h"
#include "zone/wire/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct limits {
    uint32_t lines;
    size_t len;
};

static void check_place(void *context, const struct finding *finding)
{
    const struct limits *limits = context;
    if (finding->line > limits->lines || finding->column > limits->len + 1)
        abort();
    if (finding->message == NULL || finding->message[0] == '\0')
        abort();
}

static const char *environment(const char *name)
{
    return name[0] == 'U' ? NULL : name;
}

static volatile size_t sum;

static void walk_token(const struct token *token)
{
    if (strlen(token->text) != token->len)
        abort();
    sum += token->len;
}

static void walk_lines(const struct directive *lines, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        walk_token(&lines[i].name);
        for (unsigned j = 0; j < lines[i].args_count; j++)
            walk_token(&lines[i].args[j]);
        walk_lines(lines[i].lines, lines[i].lines_count);
    }
}

/* One field of each kind; the first directives of the text choose the arguments. */
struct all {
    bool flag, on_off;
    int64_t integer, duration, size, percent, rcode;
    int choice;
    const char *string, *path;
    const uint8_t *name;
    struct option_strings strings;
    struct option_zones zones;
    struct option_numbers types, rcodes;
    struct option_addresses addresses;
    struct option_networks networks;
    struct option_lines lines;
};

static const char *const choices[] = {"x", "y", NULL};

#define ROW(word, kind, field)                                                                               \
    {                                                                                                        \
        word, "ARG", kind, 0, offsetof(struct all, field), 0, 0, NULL, NULL, choices, "help"                 \
    }

static const struct option rows[] = {
    ROW(NULL, OPTION_PATH, path),
    ROW(NULL, OPTION_ZONES, zones),
    ROW("f", OPTION_FLAG, flag),
    ROW("o", OPTION_ON_OFF, on_off),
    ROW("i", OPTION_INTEGER, integer),
    ROW("d", OPTION_DURATION, duration),
    ROW("s", OPTION_SIZE, size),
    ROW("p", OPTION_PERCENT, percent),
    ROW("c", OPTION_CHOICE, choice),
    ROW("r", OPTION_RCODE, rcode),
    ROW("t", OPTION_STRING, string),
    ROW("n", OPTION_NAME, name),
    ROW("S", OPTION_STRINGS, strings),
    ROW("T", OPTION_TYPES, types),
    ROW("R", OPTION_RCODES, rcodes),
    ROW("A", OPTION_ADDRESSES, addresses),
    ROW("N", OPTION_NETWORKS, networks),
    ROW("*", OPTION_LINES, lines),
    OPTIONS_END,
};

static void walk_block(const struct server_block *block, const struct finding_sink *sink, struct arena *world)
{
    for (unsigned i = 0; i < block->keys_count; i++) {
        walk_token(&block->keys[i].token);
        if (name_check(block->keys[i].zone, NAME_MAX) == 0 || block->keys[i].port == 0)
            abort();
    }
    walk_lines(block->directives, block->directives_count);
    for (unsigned i = 0; i < block->directives_count && i < 8; i++) {
        struct all all = {0};
        struct setup setup = {.directive = &block->directives[i], .root = "/r", .world = world, .sink = sink};
        enum err err = options_parse(&setup, rows, &all);
        if ((err == ERR_OK) != (setup.errors == 0))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const known[] = {"file", "log", "whoami"};
    struct limits limits = {.lines = 1, .len = len};
    struct finding_sink sink = {.report = check_place, .context = &limits};
    struct corefile_context context = {.sink = &sink, .environment = environment, .sealed = true};
    struct corefile corefile = {0};
    struct arena world;
    for (size_t i = 0; i < len; i++)
        limits.lines += bytes[i] == '\n';
    arena_init(&world, 0);
    enum err err = corefile_parse("C", (const char *)bytes, len, &context, &world, &corefile);
    if (err != ERR_OK && err != ERR_INVALID)
        abort();
    corefile_check_names(&corefile, known, 3, &sink);
    for (unsigned i = 0; i < corefile.blocks_count; i++)
        walk_block(&corefile.blocks[i], &sink, &world);
    arena_clear(&world);
    return 0;
}
