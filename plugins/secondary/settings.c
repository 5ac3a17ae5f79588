#include "plugins/secondary/settings.h"

#include <string.h>

#include "plugins/zones.h"

static const char *const ixfr_words[] = {[IXFR_OFF] = "off", [IXFR_ON] = "on", [IXFR_UDP] = "udp", NULL};

const struct option settings_options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct settings, zones),
        .help = "the zones; the block's own when left out"},
    {.word = "transfer",
        .arg = "from ADDRESS... [key NAME]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct settings, transfers),
        .help =
            "the primaries, each an address, perhaps with a port, perhaps behind tcp:// or tls://; they are "
            "asked in this order, and their messages are signed with the key"},
    {.word = "key",
        .arg = "NAME",
        .kind = OPTION_STRING,
        .offset = offsetof(struct settings, key),
        .help = "the TSIG key (see tsig) for primaries that have none of their own"},
    {.word = "notify",
        .arg = "from NETWORK...|key NAME",
        .kind = OPTION_LINES,
        .offset = offsetof(struct settings, notifies),
        .help = "who may notify besides the primaries: networks, or whoever signs with the key; with a key "
                "and no "
                "network, nobody may without a signature"},
    {.word = "fallthrough",
        .arg = "ZONES...",
        .kind = OPTION_ZONES,
        .flags = OPTION_OPTIONAL,
        .offset = offsetof(struct settings, fallthrough),
        .help = "names that do not exist are left to the next plugin, in these zones, or in all"},
    {.word = "ixfr",
        .arg = "on|off|udp",
        .kind = OPTION_CHOICE,
        .offset = offsetof(struct settings, ixfr),
        .choices = ixfr_words,
        .fallback = "on",
        .help =
            "ask for what has changed; udp: first by UDP, where one message is enough; off: always for the "
            "whole zone"},
    {.word = "zonemd",
        .arg = "on|off",
        .kind = OPTION_ON_OFF,
        .offset = offsetof(struct settings, zonemd),
        .fallback = "on",
        .help = "a version whose ZONEMD record does not fit its contents is refused; it costs a digest of "
                "the whole "
                "zone for each version of a zone that has one"},
    {.word = "dnssec",
        .arg = "on|off",
        .kind = OPTION_ON_OFF,
        .offset = offsetof(struct settings, dnssec),
        .fallback = "off",
        .help = "verify all signatures and the chain of denial of each version, and refuse those in which "
                "anything is "
                "wrong"},
    {.word = "state",
        .arg = "DIRECTORY",
        .kind = OPTION_PATH,
        .offset = offsetof(struct settings, state),
        .help = "where zones are kept; the server's state directory when left out"},
    {.word = "journal",
        .arg = "SIZE",
        .kind = OPTION_SIZE,
        .offset = offsetof(struct settings, journal),
        .max = INT64_C(1) << 40,
        .fallback = "64m",
        .help = "octets of changes that are kept for each zone, for secondaries of this one"},
    {.word = "max_size",
        .arg = "SIZE",
        .kind = OPTION_SIZE,
        .offset = offsetof(struct settings, max_size),
        .max = INT64_C(1) << 40,
        .fallback = "4g",
        .help = "octets of records that a transfer may have"},
    {.word = "nsec3_iterations",
        .arg = "COUNT",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct settings, iterations),
        .min = 1,
        .max = 65535,
        .fallback = "2500",
        .help = "a zone with more of them is answered without its proofs, which would take too long"},
    {.word = "max_time",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct settings, max_time_ms),
        .min = 1000,
        .max = INT64_C(86400000),
        .fallback = "2h",
        .help = "how long a transfer may take"},
    {.word = "timeout",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct settings, timeout_ms),
        .min = 100,
        .max = INT64_C(600000),
        .fallback = "10s",
        .help = "how long to wait for a connection, and for each message"},
    {.word = "source",
        .arg = "ADDRESS",
        .kind = OPTION_STRING,
        .offset = offsetof(struct settings, source),
        .help = "the address to transfer from"},
    {.word = "tls",
        .arg = "[CERT KEY] [CA]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct settings, tls),
        .help = "for tls:// primaries: our certificate and its key, for those that ask for one, and the "
                "authorities "
                "that must have signed theirs; the system's when left out"},
    {.word = "tls_servername",
        .arg = "NAME",
        .kind = OPTION_STRING,
        .offset = offsetof(struct settings, tls_servername),
        .help =
            "what the certificate of tls:// primaries must be for; without this and without tls they are not "
            "verified"},
    {.word = "catalog",
        .arg = "[MEMBER-ZONES...]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct settings, catalogs),
        .help = "the zones are catalogs (RFC 9432): the zones that they list, those in these zones, are "
                "followed, "
                "too; a block may have primaries of theirs, and groups with primaries of their own"},
    OPTIONS_END,
};

/* ---- keys ---- */

/* A key to be found when those of all blocks are known. */
struct wanted_key {
    struct plan *plan; /* held: the job runs although the line was refused */
    const struct tsig_ring *keys;
    const struct token *at;
    const struct tsig_key **into[PRIMARIES_MAX];
    unsigned count;
    uint8_t name[NAME_MAX + 1];
};

static enum err find_key(void *arg, const struct finding_sink *sink)
{
    struct wanted_key *wanted = arg;
    const struct tsig_key *key = tsig_ring_find(wanted->keys, wanted->name);
    if (key == NULL) {
        struct finding finding = {.severity = SEVERITY_ERROR,
            .rule = "option",
            .file = wanted->at->file,
            .line = wanted->at->line,
            .column = wanted->at->column,
            .message = "there is no TSIG key of this name",
            .token = wanted->at->text,
            .token_len = wanted->at->source_len,
            .hint = "tsig { secret NAME KEY }, in any server block"};
        sink->report(sink->context, &finding);
    }
    for (unsigned i = 0; i < wanted->count && key != NULL; i++)
        *wanted->into[i] = tsig_key_hold(key);
    plan_release(wanted->plan);
    return key != NULL ? ERR_OK : ERR_INVALID;
}

static struct wanted_key *want_key(
    struct setup *setup, struct plan *plan, const struct token *at, const char *text)
{
    struct wanted_key *wanted = ARENA_NEW(setup->world, struct wanted_key);
    const char *why = NULL;
    if (wanted == NULL)
        return NULL;
    wanted->keys = setup->keys;
    wanted->at = at;
    if (name_parse(text, strlen(text), (const uint8_t *)"", wanted->name, NULL, &why) != ERR_OK) {
        setup_error(setup, at, NULL, "%s", why != NULL ? why : "this is no name");
        return NULL;
    }
    name_lower(wanted->name, wanted->name);
    if (setup_job(setup, find_key, wanted) != ERR_OK)
        return NULL;
    wanted->plan = plan_hold(plan);
    return wanted;
}

static void want_for(struct wanted_key *wanted, const struct tsig_key **into)
{
    wanted->into[wanted->count++] = into;
}

/* ---- lines ---- */

/* "WORD ARG... [key NAME]": how many args there are, and the key's name or NULL. */
static enum err split_line(struct setup *setup, const struct directive *line, const char *word,
    unsigned *count, const struct token **key)
{
    *count = line->args_count;
    *key = NULL;
    if (*count >= 2 && strcmp(line->args[*count - 2].text, "key") == 0) {
        *key = &line->args[*count - 1];
        *count -= 2;
    }
    if (*count > 0 && strcmp(line->args[0].text, word) == 0)
        return ERR_OK;
    if (*count == 0 && *key != NULL)
        return ERR_OK;
    return setup_error(setup, &line->name, NULL, "%s %s ADDRESS... is wanted", line->name.text, word);
}

static enum err add_primary(struct setup *setup, struct plan *plan, const struct token *token)
{
    if (plan->primary_count == PRIMARIES_MAX)
        return setup_error(setup, token, NULL, "there are more than %d primaries", PRIMARIES_MAX);
    struct plan_primary *primary = &plan->primaries[plan->primary_count];
    char text[PEER_TEXT_MAX];
    if (peer_parse(token->text, 0, &primary->peer) != ERR_OK)
        return setup_error(setup, token, "192.0.2.1, [2001:db8::1]:53, tls://192.0.2.1",
            "%s is not the address of a primary", token->text);
    peer_address_print(&primary->peer.address, text);
    primary->text = arena_copy(&plan->memory, text, strlen(text));
    if (primary->text == NULL)
        return ERR_MEMORY;
    plan->primary_count++;
    return ERR_OK;
}

static enum err add_transfer(struct setup *setup, struct settings *settings, const struct directive *line)
{
    struct plan *plan = settings->plan;
    const struct token *key;
    unsigned count, first = plan->primary_count;
    if (line->args_count > 1 && strcmp(line->args[0].text, "to") == 0)
        return ERR_OK; /* a directive of its own: server/corefile_transfer.h */
    enum err err = split_line(setup, line, "from", &count, &key);
    if (err == ERR_OK && count < 2)
        return setup_error(setup, &line->name, NULL, "transfer from ADDRESS... is wanted");
    for (unsigned i = 1; i < count && err == ERR_OK; i++)
        err = add_primary(setup, plan, &line->args[i]);
    const char *name = key != NULL ? key->text : settings->key;
    if (err != ERR_OK || name == NULL)
        return err;
    struct wanted_key *wanted = want_key(setup, plan, key != NULL ? key : &line->name, name);
    for (unsigned i = first; wanted != NULL && i < plan->primary_count; i++)
        want_for(wanted, &plan->primaries[i].peer.key);
    return wanted != NULL ? ERR_OK : ERR_INVALID;
}

static enum err add_notify(struct setup *setup, struct settings *settings, const struct directive *line,
    struct network *networks, unsigned *network_count)
{
    const struct token *key;
    unsigned count;
    enum err err = split_line(setup, line, "from", &count, &key);
    if (err != ERR_OK)
        return err;
    for (unsigned i = 1; i < count; i++) {
        if (!network_parse(line->args[i].text, &networks[(*network_count)++]))
            return setup_error(
                setup, &line->args[i], NULL, "%s is no address and no network", line->args[i].text);
    }
    if (key == NULL)
        return ERR_OK;
    settings->plan->notify_signed |= count <= 1;
    struct wanted_key *wanted = want_key(setup, settings->plan, key, key->text);
    if (wanted != NULL)
        want_for(wanted, &settings->plan->notify_key);
    return wanted != NULL ? ERR_OK : ERR_INVALID;
}

static enum err add_notifies(struct setup *setup, struct settings *settings)
{
    unsigned room = 1, count = 0;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < settings->notifies.count; i++)
        room += settings->notifies.at[i]->args_count;
    struct network *networks = ARENA_ARRAY(setup->world, struct network, room);
    if (networks == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < settings->notifies.count && err == ERR_OK; i++)
        err = add_notify(setup, settings, settings->notifies.at[i], networks, &count);
    return err == ERR_OK ? netset_init(&settings->plan->notifiers, networks, count, &settings->plan->memory)
                         : err;
}

/* ---- TLS ---- */

static enum err add_tls(struct setup *setup, struct settings *settings)
{
    const struct directive *line = settings->tls.count > 0 ? settings->tls.at[0] : NULL;
    struct plan *plan = settings->plan;
    struct tls_settings tls = {.alpn = "dot", .insecure = line == NULL && settings->tls_servername == NULL};
    char why[TLS_WHY_MAX] = "";
    const char *files[3] = {NULL};
    bool any = false;
    for (unsigned i = 0; i < plan->primary_count; i++)
        any |= plan->primaries[i].peer.transport == PEER_TLS;
    if (!any)
        return ERR_OK;
    if (line != NULL && line->args_count > 3)
        return setup_error(setup, &line->name, NULL, "tls [CERT KEY] [CA] is wanted");
    for (unsigned i = 0; line != NULL && i < line->args_count; i++)
        files[i] = setup_path(setup, line->args[i].text);
    bool pair = line != NULL && line->args_count >= 2;
    tls.cert = pair ? files[0] : NULL;
    tls.key = pair ? files[1] : NULL;
    tls.ca = pair ? files[2] : files[0];
    if (tls_context_new(&tls, &plan->tls, why) != ERR_OK)
        return setup_error(setup, line != NULL ? &line->name : &setup->directive->name, NULL, "TLS: %s", why);
    const char *name = settings->tls_servername;
    name = name != NULL ? arena_copy(&plan->memory, name, strlen(name)) : NULL;
    for (unsigned i = 0; i < plan->primary_count; i++) {
        plan->primaries[i].peer.tls = plan->tls;
        plan->primaries[i].peer.tls_name = name;
    }
    return ERR_OK;
}

/* ---- the whole ---- */

static enum err finish_plan(struct setup *setup, struct settings *settings)
{
    struct plan *plan = settings->plan;
    union peer_address source = {.any = {.sa_family = AF_UNSPEC}};
    plan->ixfr = (enum plan_ixfr)settings->ixfr;
    plan->zonemd = settings->zonemd;
    plan->dnssec = settings->dnssec;
    plan->max_octets = (uint64_t)settings->max_size;
    plan->max_ms = (uint32_t)settings->max_time_ms;
    plan->text = "";
    if (settings->source != NULL &&
        peer_address_parse(settings->source, strlen(settings->source), 0, &source) != ERR_OK)
        return setup_error(setup, &setup->directive->name, NULL, "source %s is no address", settings->source);
    for (unsigned i = 0; i < plan->primary_count && plan->text != NULL; i++) {
        struct plan_primary *primary = &plan->primaries[i];
        primary->peer.timeout_ms = (uint32_t)settings->timeout_ms;
        if (source.any.sa_family == primary->peer.address.any.sa_family)
            primary->peer.source = source;
        plan->text = arena_printf(&plan->memory, "%s%s%s", plan->text, i > 0 ? " " : "", primary->text);
    }
    return plan->text != NULL ? add_tls(setup, settings) : ERR_MEMORY;
}

static enum err fill_plan(struct setup *setup, struct settings *settings)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < settings->transfers.count && err == ERR_OK; i++)
        err = add_transfer(setup, settings, settings->transfers.at[i]);
    if (err == ERR_OK && settings->plan->primary_count == 0)
        err = setup_error(setup, &setup->directive->name, "transfer from ADDRESS", "there is no primary");
    if (err == ERR_OK)
        err = add_notifies(setup, settings);
    return err == ERR_OK ? finish_plan(setup, settings) : err;
}

/* The rows of a `catalog` block: a line's, with groups instead of catalogs. Of a group: with a name. What is
 * not about primaries is the line's. */
static const char *const about_primaries[] = {"transfer", "key", "notify", "source", "tls", "tls_servername",
    "timeout", "ixfr", "zonemd", "dnssec", "max_size", "max_time"};

static bool is_about_primaries(const char *word)
{
    for (unsigned i = 0; i < ARRAY_COUNT(about_primaries); i++) {
        if (strcmp(about_primaries[i], word) == 0)
            return true;
    }
    return false;
}

static void make_rows(struct option *rows, bool group)
{
    static const struct option name = {.arg = "NAME",
        .kind = OPTION_STRING,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct settings, group),
        .help = "the group"};
    static const struct option groups = {.word = "group",
        .arg = "NAME",
        .kind = OPTION_LINES,
        .offset = offsetof(struct settings, catalogs),
        .help = "primaries of the members of a group"};
    static const struct option end = OPTIONS_END;
    *rows++ = group ? name : settings_options[0];
    for (const struct option *row = settings_options; row->help != NULL; row++) {
        if (row->word != NULL && is_about_primaries(row->word))
            *rows++ = *row;
    }
    if (!group)
        *rows++ = groups;
    *rows = end;
}

static enum err read_inner(struct setup *setup, const struct directive *line, const struct settings *outer,
    struct settings *settings, bool group)
{
    struct option rows[ARRAY_COUNT(settings_options) + 1];
    make_rows(rows, group);
    *settings = (struct settings){.plan = NULL};
    enum err err = options_parse_line(setup, line, rows, settings);
    if (err != ERR_OK)
        return err;
    settings->state = outer->state;
    settings->journal = outer->journal;
    settings->iterations = outer->iterations;
    settings->fallthrough = outer->fallthrough;
    if (settings->transfers.count == 0 && settings->notifies.count > 0)
        return setup_error(
            setup, &settings->notifies.at[0]->name, "transfer from ADDRESS", "there is no primary");
    settings->plan = settings->transfers.count == 0 ? plan_hold(outer->plan) : plan_new();
    if (settings->plan == NULL)
        return ERR_MEMORY;
    err = settings->transfers.count == 0 ? ERR_OK : fill_plan(setup, settings);
    if (err != ERR_OK) {
        plan_release(settings->plan);
        settings->plan = NULL;
    }
    return err;
}

enum err settings_read_members(struct setup *setup, const struct directive *line,
    const struct settings *outer, struct settings *settings)
{
    return read_inner(setup, line, outer, settings, false);
}

enum err settings_read_group(struct setup *setup, const struct directive *line, const struct settings *outer,
    struct settings *settings)
{
    return read_inner(setup, line, outer, settings, true);
}

enum err settings_read(struct setup *setup, struct settings *settings)
{
    *settings = (struct settings){.plan = NULL};
    enum err err = options_parse(setup, settings_options, settings);
    if (err != ERR_OK)
        return err;
    if (settings->state == NULL)
        settings->state = zones_state(!setup->check);
    err = setup_state(setup, &setup->directive->name, settings->state);
    if (err != ERR_OK)
        return err;
    settings->plan = plan_new();
    if (settings->plan == NULL)
        return ERR_MEMORY;
    err = fill_plan(setup, settings);
    if (err != ERR_OK) {
        plan_release(settings->plan);
        settings->plan = NULL;
    }
    return err;
}
