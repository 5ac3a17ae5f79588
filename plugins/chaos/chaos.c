/* chaos: who is there? TXT answers in class CH for version.bind, version.server, authors.bind, hostname.bind
 * and id.server (RFC 4892). */
#include <string.h>
#include <unistd.h>

#include "plugins/plugin.h"
#include "zone/base/version.h"
#include "zone/wire/type.h"

#define AUTHORS_MAX 64

struct text {
    uint16_t len;
    uint8_t bytes[256]; /* a character string, its length octet included */
};

struct chaos {
    const char *version;
    struct option_strings authors;
    struct text version_text, host_text;
    struct text *author_texts;
};

static const struct option options[] = {
    {.arg = "VERSION",
        .kind = OPTION_STRING,
        .offset = offsetof(struct chaos, version),
        .fallback = "Bailiwick-" BAILIWICK_VERSION,
        .help = "the answer for version.bind and version.server"},
    {.arg = "AUTHORS",
        .kind = OPTION_STRINGS,
        .offset = offsetof(struct chaos, authors),
        .help = "the answers for authors.bind, one record for each"},
    OPTIONS_END,
};

static enum err make_text(struct setup *setup, struct text *text, const char *string)
{
    size_t len = strlen(string);
    if (len > 255)
        return setup_error(setup, &setup->directive->name, NULL, "'%s' is longer than 255 octets", string);
    text->bytes[0] = (uint8_t)len;
    memcpy(text->bytes + 1, string, len);
    text->len = (uint16_t)(len + 1);
    return ERR_OK;
}

static enum err setup(struct setup *setup, void **self)
{
    struct chaos *chaos = ARENA_NEW(setup->world, struct chaos);
    char host[256] = "localhost";
    if (chaos == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, chaos);
    if (err != ERR_OK)
        return err;
    if (chaos->authors.count > AUTHORS_MAX)
        return setup_error(setup, &setup->directive->name, NULL, "more than %d authors", AUTHORS_MAX);
    chaos->author_texts = ARENA_ARRAY(setup->world, struct text, chaos->authors.count + 1);
    if (chaos->author_texts == NULL)
        return ERR_MEMORY;
    gethostname(host, sizeof host - 1);
    err = make_text(setup, &chaos->version_text, chaos->version);
    if (err == ERR_OK)
        err = make_text(setup, &chaos->host_text, host);
    for (unsigned i = 0; i < chaos->authors.count && err == ERR_OK; i++)
        err = make_text(setup, &chaos->author_texts[i], chaos->authors.at[i]);
    *self = chaos;
    return err;
}

static enum served answer(struct query *query, const struct text *texts, unsigned count)
{
    struct rdata_ref rdata[AUTHORS_MAX];
    for (unsigned i = 0; i < count; i++)
        rdata[i] = (struct rdata_ref){texts[i].bytes, texts[i].len};
    struct rrset *rrset = rrset_make(query->scratch, TYPE_TXT, 0, rdata, count);
    if (rrset == NULL || reply_add(&query->reply, SECTION_ANSWER, rrset, query->scratch) == NULL)
        return query_fail(query, "chaos", RCODE_SERVFAIL, "out of memory");
    return SERVED_ANSWERED;
}

static enum served serve(void *self, struct query *query)
{
    const struct chaos *chaos = self;
    const struct question *question = query->question;
    if (LIKELY(question->class != CLASS_CH) || question->type != TYPE_TXT)
        return SERVED_NEXT;
    const uint8_t *name = question->lower;
    if (name_equal(name, (const uint8_t *)"\007version\004bind") ||
        name_equal(name, (const uint8_t *)"\007version\006server"))
        return answer(query, &chaos->version_text, 1);
    if (name_equal(name, (const uint8_t *)"\010hostname\004bind") ||
        name_equal(name, (const uint8_t *)"\002id\006server"))
        return answer(query, &chaos->host_text, 1);
    if (name_equal(name, (const uint8_t *)"\007authors\004bind") && chaos->authors.count > 0)
        return answer(query, chaos->author_texts, chaos->authors.count);
    return SERVED_NEXT;
}

static const struct plugin chaos_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "chaos",
    .options = options,
    .setup = setup,
    .serve = serve,
};
PLUGIN(chaos)
