/* provenance: which commit is served? TXT answers in class CH for commit.bailiwick, from the release that
 * gitsync has published. The control thread looks at the release once a second, so that workers only read. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/plugin.h"
#include "zone/base/provenance.h"
#include "zone/wire/type.h"

#define LOOK_MS 1000
#define STRINGS 4
#define STRING_MAX 256 /* with its length octet (RFC 1035 3.3.14) */

/* The answer's rdata; frozen once published. */
struct answer {
    uint16_t len;
    uint8_t bytes[STRINGS * STRING_MAX];
};

struct provenance_plugin {
    const char *directory;
    _Atomic(struct answer *) answer; /* NULL: there is no release */
    struct host_timer *timer;
};

static const struct option options[] = {
    {.arg = "DIRECTORY",
        .kind = OPTION_PATH,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct provenance_plugin, directory),
        .help = "the top of the release that gitsync publishes: its DEST/current"},
    OPTIONS_END,
};

static void add(struct answer *answer, const char *name, const char *value)
{
    char text[STRING_MAX];
    int len = snprintf(text, sizeof text, "%s=%s", name, value);
    if (*value == '\0')
        return;
    len = len > 255 ? 255 : len;
    answer->bytes[answer->len++] = (uint8_t)len;
    memcpy(answer->bytes + answer->len, text, (size_t)len);
    answer->len = (uint16_t)(answer->len + len);
}

static struct answer *make(const char *directory)
{
    struct provenance provenance;
    struct answer *answer = provenance_read(&provenance, directory) ? calloc(1, sizeof *answer) : NULL;
    if (answer == NULL)
        return NULL;
    add(answer, "commit", provenance.commit);
    add(answer, "repository", provenance.repository);
    add(answer, "committed", provenance.committed);
    add(answer, "signer", provenance.signer);
    return answer;
}

static void look(void *arg)
{
    struct provenance_plugin *self = arg;
    struct answer *now = make(self->directory), *old = atomic_load(&self->answer);
    bool same =
        old != NULL && now != NULL && old->len == now->len && memcmp(old->bytes, now->bytes, now->len) == 0;
    if (same || (old == NULL && now == NULL)) {
        free(now);
        return;
    }
    atomic_store(&self->answer, now);
    if (old != NULL)
        host_retire(free, old);
}

static enum err setup(struct setup *setup, void **self)
{
    struct provenance_plugin *provenance = ARENA_NEW(setup->world, struct provenance_plugin);
    if (provenance == NULL)
        return ERR_MEMORY;
    *self = provenance;
    return options_parse(setup, options, provenance);
}

static enum err start(void *self)
{
    struct provenance_plugin *provenance = self;
    look(provenance);
    provenance->timer = host_timer_start(LOOK_MS, look, provenance);
    return provenance->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    struct provenance_plugin *provenance = self;
    host_timer_stop(provenance->timer);
    free(atomic_load(&provenance->answer));
}

static enum served serve(void *self, struct query *query)
{
    struct provenance_plugin *provenance = self;
    const struct question *question = query->question;
    if (LIKELY(question->class != CLASS_CH) || question->type != TYPE_TXT ||
        !name_equal(question->lower, (const uint8_t *)"\006commit\011bailiwick"))
        return SERVED_NEXT;
    const struct answer *answer = atomic_load(&provenance->answer);
    if (answer == NULL)
        return query_fail(query, "provenance", RCODE_SERVFAIL, "no release in %s", provenance->directory);
    struct rdata_ref rdata = {answer->bytes, answer->len};
    struct rrset *rrset = rrset_make(query->scratch, TYPE_TXT, 0, &rdata, 1);
    if (rrset == NULL || reply_add(&query->reply, SECTION_ANSWER, rrset, query->scratch) == NULL)
        return query_fail(query, "provenance", RCODE_SERVFAIL, "out of memory");
    return SERVED_ANSWERED;
}

static const struct plugin provenance_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "provenance",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .refresh = look,
    .stop = stop,
};
PLUGIN(provenance)
