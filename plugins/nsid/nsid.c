/* nsid: tells which server of many this is, when the client asks (RFC 5001). */
#include <string.h>
#include <unistd.h>

#include "plugins/plugin.h"

struct nsid {
    struct option_strings words;
    const char *data;
    uint16_t len;
};

static const struct option options[] = {
    {.arg = "DATA",
        .kind = OPTION_STRINGS,
        .offset = offsetof(struct nsid, words),
        .help = "the identifier; the host name when left out"},
    OPTIONS_END,
};

/* Words without quotes are one text with blanks, as in CoreDNS. */
static const char *join(struct arena *world, const struct option_strings *words)
{
    const char *text = words->at[0];
    for (unsigned i = 1; i < words->count && text != NULL; i++)
        text = arena_printf(world, "%s %s", text, words->at[i]);
    return text;
}

static enum err setup(struct setup *setup, void **self)
{
    struct nsid *nsid = ARENA_NEW(setup->world, struct nsid);
    char host[256] = "localhost";
    if (nsid == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, nsid);
    if (err != ERR_OK)
        return err;
    gethostname(host, sizeof host - 1);
    nsid->data = nsid->words.count > 0 ? join(setup->world, &nsid->words)
                                       : arena_copy(setup->world, host, strlen(host));
    if (nsid->data == NULL)
        return ERR_MEMORY;
    size_t len = strlen(nsid->data);
    if (len > 512)
        return setup_error(
            setup, &setup->directive->args[0], NULL, "the identifier is longer than 512 octets");
    nsid->len = (uint16_t)len;
    *self = nsid;
    return ERR_OK;
}

static enum served serve(void *self, struct query *query)
{
    const struct nsid *nsid = self;
    if (UNLIKELY(edns_has(&query->message.edns, EDNS_NSID)) && query->message.edns.present)
        query_option(query, EDNS_NSID, nsid->data, nsid->len);
    return SERVED_NEXT;
}

static const struct plugin nsid_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "nsid",
    .options = options,
    .setup = setup,
    .serve = serve,
};
PLUGIN(nsid)
