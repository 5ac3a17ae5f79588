#include "plugins/sign/terms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/zones.h"
#include "zone/base/file.h"

#define POLICY_MAX (1u << 20)
#define DAY_S 86400

/* CoreDNS's: signatures of 32 days, begun three hours ago, made anew when two weeks are left. */
#define COREDNS_VALIDITY_S (32 * DAY_S)
#define COREDNS_REFRESH_S (14 * DAY_S)
#define COREDNS_INCEPTION_S (3 * 3600)
#define COREDNS_DIRECTORY "/var/lib/coredns"

struct written {
    const char *path;
    struct option_zones zones;
    struct option_lines key;
    const char *directory, *keys, *policy, *parent, *state;
    const char *passphrase, *identity, *module;
    const char *validity, *refresh, *jitter, *inception;
    int64_t parent_every_ms, journal;
    struct option_zones fallthrough;
    int serial, denial;
    bool zonemd, cds;
};

static const char *const serials[] = {"auto", "increment", "unixtime", "date", NULL};
static const enum serial_policy serial_policies[] = {
    SERIAL_AUTO, SERIAL_INCREMENT, SERIAL_UNIXTIME, SERIAL_DATE};
static const char *const denials[] = {"nsec", "nsec3", "nsec3-opt-out", NULL};

#define FIELD(name) .offset = offsetof(struct written, name)

/* The first row is that of CoreDNS's form alone. */
const struct option terms_options[] = {
    {.arg = "DBFILE",
        .kind = OPTION_PATH,
        .flags = OPTION_REQUIRED,
        FIELD(path),
        .help = "with `key`: the text of the zone"},
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        FIELD(zones),
        .help =
            "zones that other plugins of the block bring, and those below them; the block's own when left "
            "out. With `key` a file stands before them: the zone's text"},
    {.word = "keys",
        .arg = "DIRECTORY",
        .kind = OPTION_PATH,
        .flags = OPTION_ONCE,
        FIELD(keys),
        .help = "where the keys of the zones are, and new ones go, as signer and BIND name their files"},
    {.word = "passphrase_file",
        .arg = "FILE",
        .kind = OPTION_PATH,
        FIELD(passphrase),
        .help = "opens sealed keys, seals new ones; the PIN of a token whose keys' URI names none"},
    {.word = "identity",
        .arg = "FILE",
        .kind = OPTION_PATH,
        FIELD(identity),
        .help = "opens keys that are sealed for it as a recipient, seals new ones"},
    {.word = "pkcs11_module",
        .arg = "PATH",
        .kind = OPTION_PATH,
        FIELD(module),
        .help = "the PKCS#11 module whose token keeps the private keys"},
    {.word = "policy",
        .arg = "FILE[:NAME]|default",
        .kind = OPTION_STRING,
        FIELD(policy),
        .help = "keys are made and rolled as this dnssec-policy says; without it, used as their times say"},
    {.word = "parent",
        .arg = "ADDRESS",
        .kind = OPTION_STRING,
        FIELD(parent),
        .help = "a server of the parent zone, which is asked for the DS set when keys change or a rollover "
                "waits"},
    {.word = "parent_every",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        FIELD(parent_every_ms),
        .min = 1000,
        .max = INT64_C(86400000),
        .fallback = "5m",
        .help = "how often it is asked then"},
    {.word = "validity",
        .arg = "SPAN",
        .kind = OPTION_STRING,
        FIELD(validity),
        .help = "how long signatures last; the policy's, or 14d, when left out"},
    {.word = "refresh",
        .arg = "SPAN",
        .kind = OPTION_STRING,
        FIELD(refresh),
        .help = "signatures are made anew when they last less than this; the policy's, or 5 of 14 parts"},
    {.word = "jitter",
        .arg = "SPAN",
        .kind = OPTION_STRING,
        FIELD(jitter),
        .help = "their ends are spread over so much; the policy's, or half a day of 14"},
    {.word = "inception",
        .arg = "SPAN",
        .kind = OPTION_STRING,
        FIELD(inception),
        .help = "how long ago they begin, for clocks that are slow; 1h when left out"},
    {.word = "denial",
        .arg = "nsec|nsec3|nsec3-opt-out",
        .kind = OPTION_CHOICE,
        FIELD(denial),
        .choices = denials,
        .fallback = "nsec",
        .help = "how absent names are denied; a policy that says nsec3 goes first"},
    {.word = "serial",
        .arg = "auto|increment|unixtime|date",
        .kind = OPTION_CHOICE,
        FIELD(serial),
        .choices = serials,
        .fallback = "auto",
        .help = "the signed zone's serial: that of the zone, but above the last one's (auto), or made"},
    {.word = "zonemd", .kind = OPTION_FLAG, FIELD(zonemd), .help = "add a digest of the zone (RFC 8976)"},
    {.word = "cds",
        .arg = "on|off",
        .kind = OPTION_ON_OFF,
        FIELD(cds),
        .fallback = "on",
        .help = "publish CDS and CDNSKEY, so that the parent can take the DS (RFC 7344)"},
    {.word = "state",
        .arg = "DIRECTORY",
        .kind = OPTION_PATH,
        FIELD(state),
        .help = "where signed zones are kept; the server's state directory when left out"},
    {.word = "journal",
        .arg = "SIZE",
        .kind = OPTION_SIZE,
        FIELD(journal),
        .max = INT64_C(1) << 40,
        .fallback = "64m",
        .help = "octets of changes that are kept for each zone, for secondaries"},
    {.word = "fallthrough",
        .arg = "ZONES...",
        .kind = OPTION_ZONES,
        .flags = OPTION_OPTIONAL,
        FIELD(fallthrough),
        .help = "names that do not exist are left to the next plugin, in these zones, or in all"},
    {.word = "key",
        .arg = "file KEY...|directory DIR...",
        .kind = OPTION_LINES,
        FIELD(key),
        .help = "CoreDNS's form: these keys sign everything, whatever their times say"},
    {.word = "directory",
        .arg = "DIR",
        .kind = OPTION_PATH,
        FIELD(directory),
        .help =
            "CoreDNS's form: where the signed text goes, as db.NAME.signed; /var/lib/coredns when left out"},
    OPTIONS_END,
};

/* ---- life ---- */

static struct terms *terms_new(void)
{
    struct terms *terms = calloc(1, sizeof *terms);
    if (terms == NULL)
        return NULL;
    atomic_init(&terms->refs, 1);
    arena_init(&terms->memory, 0);
    return terms;
}

struct terms *terms_hold(struct terms *terms)
{
    atomic_fetch_add(&terms->refs, 1);
    return terms;
}

void terms_release(struct terms *terms)
{
    if (terms == NULL || atomic_fetch_sub(&terms->refs, 1) > 1)
        return;
    secrets_clear(&terms->secrets);
    arena_clear(&terms->memory);
    free(terms);
}

/* ---- keys ---- */

static enum err copy(struct terms *terms, const char *text, const char **out)
{
    *out = arena_printf(&terms->memory, "%s", text);
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err add_key_file(struct setup *setup, struct terms *terms, const struct token *token)
{
    const char *path = setup_path(setup, token->text);
    if (path == NULL)
        return ERR_MEMORY;
    if (terms->key_file_count == TERMS_KEY_FILES_MAX)
        return setup_error(setup, token, NULL, "more than %d keys", TERMS_KEY_FILES_MAX);
    return copy(terms, path, &terms->key_files[terms->key_file_count++]);
}

static enum err need_directory(struct setup *setup, const struct token *token, const char *path)
{
    if (access(path, R_OK | X_OK) == 0)
        return ERR_OK;
    return setup_error(setup, token, "signer keygen -K DIRECTORY ZONE makes keys", "%s cannot be read", path);
}

static enum err read_key_line(struct setup *setup, struct terms *terms, const struct directive *line)
{
    const char *kind = line->args_count > 1 ? line->args[0].text : "";
    enum err err = ERR_OK;
    if (strcmp(kind, "file") == 0) {
        for (unsigned i = 1; i < line->args_count && err == ERR_OK; i++)
            err = add_key_file(setup, terms, &line->args[i]);
        return err;
    }
    if (strcmp(kind, "directory") != 0 || line->args_count != 2 || terms->keys != NULL)
        return setup_error(setup, &line->name, NULL, "key file KEY... or key directory DIR is wanted");
    const char *path = setup_path(setup, line->args[1].text);
    if (path == NULL)
        return ERR_MEMORY;
    err = need_directory(setup, &line->args[1], path);
    return err == ERR_OK ? copy(terms, path, &terms->keys) : err;
}

/* Secrets are read once, when the configuration is. */
static enum err read_secrets(struct setup *setup, const struct written *written, struct terms *terms)
{
    struct secrets_sources sources = {
        .passphrase_file = written->passphrase, .identity_file = written->identity};
    char why[SECRETS_WHY_MAX];
    enum err err = written->module != NULL ? copy(terms, written->module, &terms->module) : ERR_OK;
    sources.module = terms->module;
    if (err != ERR_OK)
        return err;
    err = secrets_read(&sources, &terms->secrets, why);
    if (err == ERR_OK || err == ERR_MEMORY)
        return err;
    return setup_error(setup, &setup->directive->name,
        "the user that the server runs as must be able to read it", "%s", why);
}

/* ---- the policy ---- */

static enum err read_policy(struct setup *setup, struct terms *terms, const char *given)
{
    const char *colon = strrchr(given, ':');
    const struct token *at = &setup->directive->name;
    if (strcmp(given, "default") == 0 || strcmp(given, "insecure") == 0)
        return policy_parse("", 0, "policy", given, setup->sink, &terms->policy);
    char *name = arena_printf(
        setup->world, "%.*s", (int)(colon != NULL ? (size_t)(colon - given) : strlen(given)), given);
    const char *path = name != NULL ? setup_path(setup, name) : NULL;
    char *text;
    size_t len;
    if (path == NULL)
        return ERR_MEMORY;
    if (file_read(path, POLICY_MAX, setup->world, &text, &len) != ERR_OK)
        return setup_error(setup, at, "policy FILE[:NAME], or policy default", "%s cannot be read", path);
    enum err err =
        policy_parse(text, len, path, colon != NULL ? colon + 1 : NULL, setup->sink, &terms->policy);
    if (err == ERR_MEMORY || err == ERR_OK)
        return err;
    return setup_error(
        setup, at, NULL, "%s: no policy %s that could be used", path, colon != NULL ? colon + 1 : "");
}

static uint32_t span_of(int64_t seconds)
{
    return seconds < INT32_MAX ? (uint32_t)seconds : INT32_MAX;
}

static void follow_policy(struct terms *terms)
{
    const struct policy *policy = &terms->policy;
    struct zonesign_options *options = &terms->options;
    options->validity_s = span_of(policy->signatures_validity_s);
    options->validity_keys_s = span_of(policy->signatures_validity_dnskey_s);
    options->refresh_s = span_of(policy->signatures_refresh_s);
    options->jitter_s = span_of(policy->signatures_jitter_s);
    options->nsec3 = policy->nsec != POLICY_NSEC;
    options->opt_out = policy->nsec == POLICY_NSEC3_OPT_OUT;
    options->iterations = policy->nsec3_iterations;
    options->has_dnskey_ttl = true;
    options->dnskey_ttl = span_of(policy->dnskey_ttl_s);
    memset(options->cds_digests, 0, sizeof options->cds_digests);
    options->cds_digests[0] = policy->cds_digest;
    options->cdnskey = policy->cdnskey;
}

/* ---- times ---- */

static enum err read_span(struct setup *setup, const char *word, const char *text, uint32_t *out)
{
    if (text == NULL)
        return ERR_OK;
    int64_t span = policy_duration(text, strlen(text));
    if (span < 0 || span > INT32_MAX)
        return setup_error(
            setup, &setup->directive->name, "90s, 12h, 14d ...", "%s %s is no span of time", word, text);
    *out = (uint32_t)span;
    return ERR_OK;
}

static enum err read_times(
    struct setup *setup, const struct written *written, struct zonesign_options *options)
{
    uint32_t usual = options->validity_s;
    enum err err = read_span(setup, "validity", written->validity, &options->validity_s);
    if (err == ERR_OK && written->validity != NULL && options->validity_s > 0) { /* the rest in proportion */
        options->refresh_s = (uint32_t)((uint64_t)options->refresh_s * options->validity_s / usual);
        options->jitter_s = (uint32_t)((uint64_t)options->jitter_s * options->validity_s / usual);
        options->validity_keys_s = 0;
    }
    if (err == ERR_OK)
        err = read_span(setup, "refresh", written->refresh, &options->refresh_s);
    if (err == ERR_OK)
        err = read_span(setup, "jitter", written->jitter, &options->jitter_s);
    if (err == ERR_OK)
        err = read_span(setup, "inception", written->inception, &options->inception_s);
    uint64_t spent = (uint64_t)options->refresh_s + options->jitter_s;
    if (err == ERR_OK && spent >= options->validity_s)
        return setup_error(setup, &setup->directive->name, "a refresh of a third of the validity is usual",
            "signatures of %us would have to be made anew at once: refresh and jitter take %" PRIu64 "s",
            options->validity_s, spent);
    return err;
}

/* ---- the whole ---- */

static enum err read_coredns(struct setup *setup, struct written *written, struct terms *terms)
{
    enum err err = copy(terms, written->path, &terms->path);
    for (unsigned i = 0; i < written->key.count && err == ERR_OK; i++)
        err = read_key_line(setup, terms, written->key.at[i]);
    if (err == ERR_OK && (written->keys != NULL || written->policy != NULL))
        err = setup_error(setup, &setup->directive->name, "zones alone, and keys DIRECTORY",
            "keys and policy are for zones that other plugins bring; here `key` names a text's keys");
    if (err != ERR_OK)
        return err;
    terms->options.validity_s = COREDNS_VALIDITY_S;
    terms->options.refresh_s = COREDNS_REFRESH_S;
    terms->options.inception_s = COREDNS_INCEPTION_S;
    terms->options.serial = SERIAL_UNIXTIME;
    return copy(
        terms, written->directory != NULL ? written->directory : COREDNS_DIRECTORY, &terms->directory);
}

static enum err read_ours(struct setup *setup, const struct written *written, struct terms *terms)
{
    const struct token *at = &setup->directive->name;
    if (written->keys == NULL)
        return setup_error(setup, at, "keys DIRECTORY, or CoreDNS's sign DBFILE { key file KEY }",
            "it is not said where the keys are");
    if (written->directory != NULL)
        return setup_error(setup, at, NULL, "directory goes with CoreDNS's form, which has `key`");
    enum err err = need_directory(setup, at, written->keys);
    if (err == ERR_OK)
        err = copy(terms, written->keys, &terms->keys);
    terms->options.serial = serial_policies[written->serial];
    terms->options.nsec3 = written->denial > 0;
    terms->options.opt_out = written->denial == 2;
    if (err == ERR_OK && written->policy != NULL) {
        err = read_policy(setup, terms, written->policy);
        terms->has_policy = true;
        if (err == ERR_OK)
            follow_policy(terms);
    }
    return err;
}

static enum err read_parent(struct setup *setup, const struct written *written, struct terms *terms)
{
    if (written->parent == NULL)
        return ERR_OK;
    if (peer_parse(written->parent, 0, &terms->parent) != ERR_OK)
        return setup_error(setup, &setup->directive->name, NULL, "parent %s is no address", written->parent);
    terms->has_parent = true;
    terms->parent_every_s = (written->parent_every_ms + 999) / 1000;
    return ERR_OK;
}

static bool is_coredns(const struct directive *directive)
{
    for (unsigned i = 0; i < directive->lines_count; i++) {
        if (strcmp(directive->lines[i].name.text, "key") == 0)
            return true;
    }
    return false;
}

static enum err fill(struct setup *setup, struct written *written, bool coredns, struct terms *terms)
{
    zonesign_options_init(&terms->options);
    terms->options.trust = true;
    terms->options.zonemd = written->zonemd;
    enum err err = coredns ? read_coredns(setup, written, terms) : read_ours(setup, written, terms);
    if (err == ERR_OK)
        err = read_times(setup, written, &terms->options);
    if (err == ERR_OK)
        err = read_parent(setup, written, terms);
    if (err == ERR_OK)
        err = read_secrets(setup, written, terms);
    terms->options.cds = !written->cds ? CDS_KEEP : CDS_SYNC;
    if (terms->has_policy && terms->policy.keys_count == 0)
        terms->options.cds = CDS_DELETE; /* on the way to insecurity (RFC 8078 4) */
    terms->fall = written->fallthrough;
    terms->journal = (uint64_t)written->journal;
    const char *state = written->state != NULL ? written->state : zones_state(!setup->check);
    if (err == ERR_OK)
        err = setup_state(setup, &setup->directive->name, state);
    if (err == ERR_OK && state != NULL)
        err = copy(terms, state, &terms->state);
    return err;
}

enum err terms_read(struct setup *setup, struct option_zones *zones, struct terms **out)
{
    struct written written = {.path = NULL};
    bool coredns = is_coredns(setup->directive);
    enum err err = options_parse(setup, coredns ? terms_options : terms_options + 1, &written);
    if (err != ERR_OK)
        return err;
    struct terms *terms = terms_new();
    if (terms == NULL)
        return ERR_MEMORY;
    err = fill(setup, &written, coredns, terms);
    if (err != ERR_OK) {
        terms_release(terms);
        return err;
    }
    *zones = written.zones;
    *out = terms;
    return ERR_OK;
}
