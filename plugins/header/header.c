/* header: sets or clears flags of the message header (RFC 1035 4.1.1), in the query before the plugins behind
 * see it, or in the reply. */
#include <strings.h>

#include "plugins/plugin.h"

/* Flags to set and flags to clear; a flag is in one of them at most. */
struct change {
    uint16_t set, clear;
};

struct header {
    struct change query, response;
};

struct written {
    struct option_lines query, response, set, clear;
};

static const struct option options[] = {
    {.word = "query",
        .arg = "set|clear FLAGS...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, query),
        .help = "changes aa, ra or rd of the query; of these, only rd goes into the reply, too"},
    {.word = "response",
        .arg = "set|clear FLAGS...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, response),
        .help = "changes aa, ra or rd of the reply"},
    {.word = "set",
        .arg = "FLAGS...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, set),
        .help = "from older versions of CoreDNS: response set"},
    {.word = "clear",
        .arg = "FLAGS...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, clear),
        .help = "from older versions of CoreDNS: response clear"},
    OPTIONS_END,
};

static const struct {
    const char *word;
    uint16_t flag;
} flag_words[] = {{"aa", MESSAGE_AA}, {"ra", MESSAGE_RA}, {"rd", MESSAGE_RD}};

static uint16_t flag_of(const char *word)
{
    for (unsigned i = 0; i < ARRAY_COUNT(flag_words); i++) {
        if (strcasecmp(flag_words[i].word, word) == 0)
            return flag_words[i].flag;
    }
    return 0;
}

/* The flags from the one at FIRST on: the last line about a flag is the one that counts. */
static enum err read_flags(
    struct setup *setup, const struct directive *line, unsigned first, bool set, struct change *change)
{
    for (unsigned i = first; i < line->args_count; i++) {
        uint16_t flag = flag_of(line->args[i].text);
        if (flag == 0)
            return setup_error(
                setup, &line->args[i], "aa, ra or rd", "there is no flag '%s'", line->args[i].text);
        change->set = (uint16_t)(set ? change->set | flag : change->set & ~flag);
        change->clear = (uint16_t)(set ? change->clear & ~flag : change->clear | flag);
    }
    return ERR_OK;
}

/* "set aa rd" */
static enum err read_line(struct setup *setup, const struct directive *line, struct change *change)
{
    static const char *const hint = "write: query|response set|clear aa|ra|rd ...";
    if (line->args_count < 2)
        return setup_error(setup, &line->name, hint, "this line lacks what to do, or the flags");
    bool set = strcasecmp(line->args[0].text, "set") == 0;
    if (!set && strcasecmp(line->args[0].text, "clear") != 0)
        return setup_error(setup, &line->args[0], hint, "'%s' is neither set nor clear", line->args[0].text);
    return read_flags(setup, line, 1, set, change);
}

/* CoreDNS once had no word for which message is meant: it was the reply. */
static enum err read_older(
    struct setup *setup, const struct option_lines *lines, bool set, struct change *change)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < lines->count && err == ERR_OK; i++) {
        const struct token *word = &lines->at[i]->name;
        setup_warning(setup, word, NULL, "write response %s: CoreDNS does not take it without", word->text);
        err = read_flags(setup, lines->at[i], 0, set, change);
    }
    return err;
}

static enum err read_lines(struct setup *setup, const struct option_lines *lines, struct change *change)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < lines->count && err == ERR_OK; i++)
        err = read_line(setup, lines->at[i], change);
    return err;
}

static enum err setup(struct setup *setup, void **self)
{
    struct header *header = *self != NULL ? *self : ARENA_NEW(setup->world, struct header);
    struct written written = {0};
    if (header == NULL)
        return ERR_MEMORY;
    *self = header;
    enum err err = options_parse(setup, options, &written);
    if (err == ERR_OK &&
        written.query.count + written.response.count + written.set.count + written.clear.count == 0)
        return setup_error(setup, &setup->directive->name, "header { response set aa }",
            "there is nothing to set or to clear");
    if (err == ERR_OK)
        err = read_lines(setup, &written.query, &header->query);
    if (err == ERR_OK)
        err = read_older(setup, &written.set, true, &header->response);
    if (err == ERR_OK)
        err = read_older(setup, &written.clear, false, &header->response);
    return err != ERR_OK ? err : read_lines(setup, &written.response, &header->response);
}

static enum served serve(void *self, struct query *query)
{
    const struct change *change = &((const struct header *)self)->query;
    query->message.flags = (uint16_t)((query->message.flags | change->set) & ~change->clear);
    return SERVED_NEXT;
}

/* The encoder copies RD from the query, so that is where it is changed. */
static void finish(void *self, struct query *query)
{
    const struct change *change = &((const struct header *)self)->response;
    struct reply *reply = &query->reply;
    reply->authoritative =
        (reply->authoritative || (change->set & MESSAGE_AA)) && !(change->clear & MESSAGE_AA);
    reply->recursion = (reply->recursion || (change->set & MESSAGE_RA)) && !(change->clear & MESSAGE_RA);
    uint16_t set = change->set & MESSAGE_RD, clear = change->clear & MESSAGE_RD;
    query->message.flags = (uint16_t)((query->message.flags | set) & ~clear);
}

static const struct plugin header_plugin = {
    .abi = PLUGIN_ABI,
    .name = "header",
    .options = options,
    .setup = setup,
    .serve = serve,
    .finish = finish,
};
PLUGIN(header)
