/* tsig: the keys by which clients and servers sign their messages (RFC 8945), and which queries must be
 * signed. The server itself verifies and signs (server/query.c); keys are known to all server blocks. */
#include <string.h>
#include <strings.h>

#include "plugins/plugin.h"
#include "zone/sec/tsig.h"
#include "zone/wire/type.h"

struct tsig_plugin {
    struct option_zones zones;
    struct option_lines secrets, files, types, opcodes;
    uint64_t required[65536 / 64]; /* a bit for each query type */
    uint16_t required_opcodes;     /* a bit for each opcode */
};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct tsig_plugin, zones),
        .help = "the zones in which signatures are required; the block's own when left out"},
    {.word = "secret",
        .arg = "NAME KEY [ALGORITHM]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct tsig_plugin, secrets),
        .help = "a key: its name, its secret in base64, and the one algorithm that is taken (hmac-sha256, or "
                "hmac-sha256-128 for MACs of 128 bits); any from hmac-sha1 to hmac-sha512 when left out"},
    {.word = "secrets",
        .arg = "FILE",
        .kind = OPTION_LINES,
        .offset = offsetof(struct tsig_plugin, files),
        .help = "a file of keys, in BIND's form or as lines of [ALGORITHM:]NAME:SECRET"},
    {.word = "require",
        .arg = "TYPE...|all|none",
        .kind = OPTION_LINES,
        .offset = offsetof(struct tsig_plugin, types),
        .help = "query types that are refused without a signature; none when left out"},
    {.word = "require_opcode",
        .arg = "OPCODE...|all|none",
        .kind = OPTION_LINES,
        .offset = offsetof(struct tsig_plugin, opcodes),
        .help = "the same for opcodes: QUERY, NOTIFY, UPDATE"},
    OPTIONS_END,
};

/* ---- setting up ---- */

static enum err add_secret(struct setup *setup, const struct directive *line)
{
    struct tsig_key *key;
    const char *why = NULL;
    if (line->args_count < 2 || line->args_count > 3)
        return setup_error(setup, &line->name, "secret NAME KEY [ALGORITHM]",
            "a name, a key and perhaps an algorithm are wanted");
    const char *algorithm = line->args_count == 3 ? line->args[2].text : NULL;
    enum err err = tsig_key_from_words(line->args[0].text, algorithm, line->args[1].text, &key, &why);
    if (err == ERR_OK)
        return setup_key(setup, &line->args[0], key);
    return setup_error(setup, &line->args[0], NULL, "%s", why != NULL ? why : err_text(err));
}

static enum err add_keys(struct setup *setup, const struct token *at, struct tsig_ring *ring)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; ring->keys != NULL && i <= ring->mask && err == ERR_OK; i++) {
        if (ring->keys[i] != NULL)
            err = setup_key(setup, at, tsig_key_hold(ring->keys[i]));
    }
    return err;
}

static enum err add_file(struct setup *setup, const struct directive *line)
{
    struct tsig_ring ring = {0};
    if (line->args_count != 1)
        return setup_error(setup, &line->name, NULL, "one file is wanted");
    const char *path = setup_path(setup, line->args[0].text);
    if (path == NULL)
        return ERR_MEMORY;
    enum err err = tsig_file_read(path, &ring, setup->sink);
    if (err == ERR_OK)
        err = add_keys(setup, &line->args[0], &ring);
    else
        setup->errors++;
    tsig_ring_clear(&ring);
    return err;
}

static enum err add_types(struct setup *setup, const struct directive *line, struct tsig_plugin *plugin)
{
    for (unsigned i = 0; i < line->args_count; i++) {
        const struct token *word = &line->args[i];
        uint16_t type = 0;
        if (strcasecmp(word->text, "all") == 0 || strcasecmp(word->text, "none") == 0)
            memset(plugin->required, word->text[0] == 'a' || word->text[0] == 'A' ? 0xff : 0,
                sizeof plugin->required);
        else if (type_parse(word->text, word->len, &type))
            plugin->required[type / 64] |= UINT64_C(1) << type % 64;
        else
            return setup_error(setup, word, NULL, "there is no record type %s", word->text);
    }
    return ERR_OK;
}

static enum err add_opcodes(struct setup *setup, const struct directive *line, struct tsig_plugin *plugin)
{
    static const struct {
        const char *name;
        uint16_t bits;
    } opcodes[] = {{"QUERY", 1u << OPCODE_QUERY}, {"NOTIFY", 1u << OPCODE_NOTIFY},
        {"UPDATE", 1u << OPCODE_UPDATE}, {"IQUERY", 1u << OPCODE_IQUERY}, {"STATUS", 1u << OPCODE_STATUS},
        {"all", UINT16_MAX}};
    for (unsigned i = 0; i < line->args_count; i++) {
        const struct token *word = &line->args[i];
        bool found = strcasecmp(word->text, "none") == 0;
        if (found)
            plugin->required_opcodes = 0;
        for (size_t row = 0; row < ARRAY_COUNT(opcodes); row++) {
            if (strcasecmp(word->text, opcodes[row].name) != 0)
                continue;
            plugin->required_opcodes |= opcodes[row].bits;
            found = true;
        }
        if (!found)
            return setup_error(
                setup, word, "QUERY, NOTIFY, UPDATE, all, none", "there is no opcode %s", word->text);
    }
    return ERR_OK;
}

static enum err setup(struct setup *setup, void **self)
{
    struct tsig_plugin *plugin = ARENA_NEW(setup->world, struct tsig_plugin);
    if (plugin == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "put it all into one", "a second tsig line");
    *self = plugin;
    enum err err = options_parse(setup, options, plugin);
    for (unsigned i = 0; i < plugin->secrets.count && err == ERR_OK; i++)
        err = add_secret(setup, plugin->secrets.at[i]);
    for (unsigned i = 0; i < plugin->files.count && err == ERR_OK; i++)
        err = add_file(setup, plugin->files.at[i]);
    for (unsigned i = 0; i < plugin->types.count && err == ERR_OK; i++)
        err = add_types(setup, plugin->types.at[i], plugin);
    for (unsigned i = 0; i < plugin->opcodes.count && err == ERR_OK; i++)
        err = add_opcodes(setup, plugin->opcodes.at[i], plugin);
    return err;
}

/* ---- answering ---- */

static bool is_required(const struct tsig_plugin *plugin, const struct query *query)
{
    uint16_t type = query->question->type;
    if (LIKELY((plugin->required[type / 64] >> type % 64 & 1) == 0) &&
        (plugin->required_opcodes >> message_opcode(&query->message) & 1) == 0)
        return false;
    for (unsigned i = 0; i < plugin->zones.count; i++) {
        if (name_under(query->question->lower, plugin->zones.at[i]))
            return true;
    }
    return false;
}

/* Queries whose signature is wrong do not come here at all. */
static enum served serve(void *self, struct query *query)
{
    if (LIKELY(!is_required(self, query)) || (query->depth > 0 && query->parent == NULL) ||
        query_tsig(query) != NULL)
        return SERVED_NEXT;
    query->reply.rcode = RCODE_REFUSED;
    query->reply.ede = EDE_PROHIBITED + 1;
    return SERVED_ANSWERED;
}

static const struct plugin tsig_plugin = {
    .abi = PLUGIN_ABI,
    .name = "tsig",
    .options = options,
    .setup = setup,
    .serve = serve,
    .opcode = serve,
};
PLUGIN(tsig)
