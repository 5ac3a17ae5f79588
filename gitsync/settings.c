#include "gitsync/settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/file.h"

#define CONFIG_MAX (1 << 20)

enum kind { TEXT, LIST, COUNT, DURATION, LIMIT, FLAG, WORD };

struct row {
    const char *word, *value;
    enum kind kind;
    size_t offset;
    const char *words; /* of kind WORD: the allowed ones, in the order of the enum */
    const char *help;
};

#define AT(field) offsetof(struct settings, field)

static const struct row rows[] = {
    {NULL, "What is deployed", TEXT, 0, NULL, NULL},
    {"repo", "URL", TEXT, AT(repo), NULL, "https, ssh or file URL, or a path (bare or with a work tree)"},
    {"branch", "NAME", TEXT, AT(branch), NULL, "the branch to follow; the remote's own when left out"},
    {"tag", "NAME", TEXT, AT(tag), NULL, "follow a tag instead"},
    {"commit", "ID", TEXT, AT(commit), NULL, "deploy this commit (40 digits)"},
    {"subdirectory", "PATH", TEXT, AT(subdirectory), NULL, "only what is below this directory"},
    {"zones", "PATTERN", LIST, AT(zones), NULL,
        "file names that are zones; default: *.zone db.* *.db; may be repeated"},
    {"dest", "DIR", TEXT, AT(dest), NULL, "publish here: the zones are at DIR/current"},
    {"keep", "N", COUNT, AT(keep), NULL, "releases kept to roll back to; default: 5"},
    {NULL, "Fetching", TEXT, 0, NULL, NULL},
    {"username", "NAME", TEXT, AT(username), NULL, "for https, and for ssh where the URL names nobody"},
    {"password-file", "FILE", TEXT, AT(password_file), NULL, "its first line is the password or token"},
    {"ssh-key", "FILE", TEXT, AT(ssh_key), NULL, "private key; ssh(1) chooses when left out (agent, ~/.ssh)"},
    {"ssh-passphrase-file", "FILE", TEXT, AT(ssh_passphrase_file), NULL, "of that key"},
    {"known-hosts", "FILE", TEXT, AT(known_hosts), NULL,
        "keys of ssh servers, as of sshd(8); ~/.ssh/known_hosts when left out"},
    {"ca-file", "FILE", TEXT, AT(ca_file), NULL, "certificates to trust for https"},
    {"proxy", "URL", TEXT, AT(proxy), NULL, "http proxy; the environment's when left out"},
    {"fetch-timeout", "TIME", DURATION, AT(fetch_timeout_s), NULL, "default: 60s"},
    {NULL, "Who may change it", TEXT, 0, NULL, NULL},
    {"signers", "FILE", TEXT, AT(signers), NULL,
        "allowed signers (ssh-keygen(1)); keep it out of the repository"},
    {"keyring", "FILE", TEXT, AT(keyring), NULL, "OpenPGP keys for gpgv(1)"},
    {"approvals", "N", COUNT, AT(approvals), NULL, "signers besides the commit's own, by signed tag"},
    {"trust-trailers", NULL, FLAG, AT(trust_trailers), NULL,
        "count Approved-by: trailers of signed commits, too"},
    {"protect", "'PATH WHO...'", LIST, AT(protect), NULL, "only these signers may change what is below PATH"},
    {"allow-rewind", NULL, FLAG, AT(allow_rewind), NULL,
        "deploy commits that do not descend from the deployed one"},
    {NULL, "What may change", TEXT, 0, NULL, NULL},
    {"serial", "RULE", WORD, AT(serial), "file date time count",
        "file, or made from history: date, time, count"},
    {"max-names-removed", "N|N%", LIMIT, AT(max_names_removed), NULL, "of each zone"},
    {"max-delegations-lost", "N|N%", LIMIT, AT(max_delegations_lost), NULL, "of each zone"},
    {"max-zones-removed", "N|N%", LIMIT, AT(max_zones_removed), NULL, "of the repository"},
    {"allow-apex-change", NULL, FLAG, AT(allow_apex_change), NULL,
        "all name servers of a zone may be exchanged at once"},
    {"allow-unsigned", NULL, FLAG, AT(allow_unsigned), NULL, "a signed zone may lose its DNSSEC chain"},
    {"warnings-are-errors", NULL, FLAG, AT(warnings_are_errors), NULL, "of the check of zones"},
    {"check-command", "CMD", TEXT, AT(check_command), NULL,
        "run in the new directory; it refuses by its exit status"},
    {"force", NULL, FLAG, AT(force), NULL, "deploy although limits are exceeded (this once)"},
    {NULL, "The server", TEXT, 0, NULL, NULL},
    {"control", "PATH", TEXT, AT(control), NULL, "bailiwickd's control socket"},
    {"reload-command", "CMD", TEXT, AT(reload_command), NULL,
        "for other servers: makes it read the zones again"},
    {"confirm", "ADDRESS[:PORT]", LIST, AT(secondaries), NULL,
        "a server (such as a secondary) that must answer with the new serial; may be repeated"},
    {"confirm-quorum", "N", COUNT, AT(confirm_quorum), NULL, "so many of them suffice; default: all"},
    {"confirm-timeout", "TIME", DURATION, AT(confirm_timeout_s), NULL,
        "for the control socket; default: 30s"},
    {"secondary-timeout", "TIME", DURATION, AT(secondary_timeout_s), NULL, "for --confirm; default: 60s"},
    {NULL, "Running (run)", TEXT, 0, NULL, NULL},
    {"interval", "TIME", DURATION, AT(interval_s), NULL, "between looks at the remote; default: 60s"},
    {"listen", "ADDRESS:PORT", TEXT, AT(listen), NULL,
        "serve /metrics /healthz /status and /webhook; off when left out"},
    {"webhook-secret-file", "FILE", TEXT, AT(webhook_secret_file), NULL, "the secret of POST /webhook"},
    {NULL, "Telling", TEXT, 0, NULL, NULL},
    {"notify", "URL", LIST, AT(notify), NULL, "POST a JSON object there after each deployment or refusal"},
    {"log", "FORM", WORD, AT(log), "text json", "text or json"},
    {"format", "FORM", WORD, AT(format), "text json markdown",
        "of plan, status and history: text, json, markdown"},
    {"quiet", NULL, FLAG, AT(quiet), NULL, "tell problems only"},
};

void settings_help(FILE *out)
{
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        char left[64];
        if (rows[i].word == NULL) {
            fprintf(out, "\n%s:\n", rows[i].value);
            continue;
        }
        snprintf(left, sizeof left, "--%s%s%s", rows[i].word, rows[i].value != NULL ? " " : "",
            rows[i].value != NULL ? rows[i].value : "");
        fprintf(out, "  %-30s %s\n", left, rows[i].help);
    }
    fputs("\nSettings:\n"
          "  --config FILE                  read \"option = value\" lines, in [sections] for several "
          "repositories\n"
          "  --only NAME                    only the repository of that section\n",
        out);
}

static const struct row *find_row(const char *word, size_t len)
{
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i].word != NULL && strlen(rows[i].word) == len && memcmp(rows[i].word, word, len) == 0)
            return &rows[i];
    return NULL;
}

/* ---- values ---- */

static bool read_count(const char *text, const char **end, uint32_t *value)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9)
        return false;
    *value = (uint32_t)strtoul(text, NULL, 10);
    *end = text + digits;
    return true;
}

static bool read_duration(const char *text, uint32_t *seconds)
{
    static const struct {
        const char *unit;
        uint32_t factor;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    const char *end;
    if (!read_count(text, &end, seconds) || *seconds == 0 || *seconds > 1000000)
        return false;
    for (unsigned i = 0; i < ARRAY_COUNT(units); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *seconds *= units[i].factor;
            return true;
        }
    }
    return false;
}

static bool read_limit(const char *text, struct limit *limit)
{
    const char *end;
    if (!read_count(text, &end, &limit->value))
        return false;
    limit->set = true;
    limit->percent = strcmp(end, "%") == 0;
    return limit->percent ? limit->value <= 100 : *end == '\0';
}

static bool read_word(const char *text, const char *words, uint32_t *value)
{
    size_t len = strlen(text);
    *value = 0;
    for (const char *at = words; *at != '\0'; (*value)++) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, text, len) == 0)
            return true;
        at += word + (at[word] == ' ');
    }
    return false;
}

static bool read_flag(const char *text, bool *value)
{
    *value = text == NULL || strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "on") == 0;
    return *value || strcmp(text, "no") == 0 || strcmp(text, "false") == 0 || strcmp(text, "off") == 0;
}

static bool read_list(const char *text, struct settings_list *list)
{
    if (list->count == SETTINGS_LIST_MAX)
        return false;
    list->at[list->count++] = text;
    return true;
}

/* VALUE lives as long as the settings; NULL for a flag without one. */
static bool take(struct settings *settings, const struct row *row, const char *value)
{
    void *field = (char *)settings + row->offset;
    if (value == NULL && row->kind != FLAG)
        return false;
    switch (row->kind) {
    case TEXT:
        *(const char **)field = value;
        return *value != '\0';
    case LIST:
        return *value != '\0' && read_list(value, field);
    case COUNT: {
        const char *end;
        return read_count(value, &end, field) && *end == '\0';
    }
    case DURATION:
        return read_duration(value, field);
    case LIMIT:
        return read_limit(value, field);
    case FLAG:
        return read_flag(value, field);
    case WORD:
        return read_word(value, row->words, field);
    }
    return false;
}

static void set_defaults(struct settings *settings)
{
    *settings = (struct settings){.name = "main",
        .fetch_timeout_s = 60,
        .confirm_timeout_s = 30,
        .secondary_timeout_s = 60,
        .keep = 5,
        .interval_s = 60};
}

/* ---- the file ---- */

struct reading {
    struct settings_set *set;
    struct settings common;
    struct problem *problem;
    const char *path;
    unsigned line;
};

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    for (size_t len = strlen(text); len > 0 && strchr(" \t\r", text[len - 1]) != NULL; len--)
        text[len - 1] = '\0';
    return text;
}

static enum outcome open_section(struct reading *reading, char *text)
{
    size_t len = strlen(text);
    struct settings_set *set = reading->set;
    if (len < 3 || text[len - 1] != ']' ||
        strspn(text + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != len - 2 ||
        text[1] == '.')
        return problem_set(reading->problem, OUTCOME_USAGE,
            "a section is [NAME], of letters, digits, - _ and .", "%s:%u: malformed section", reading->path,
            reading->line);
    text[len - 1] = '\0';
    if (set->count == SETTINGS_REPOSITORIES_MAX)
        return problem_set(reading->problem, OUTCOME_USAGE, NULL, "%s:%u: more than %d repositories",
            reading->path, reading->line, SETTINGS_REPOSITORIES_MAX);
    for (unsigned i = 0; i < set->count; i++)
        if (strcmp(set->at[i].name, text + 1) == 0)
            return problem_set(reading->problem, OUTCOME_USAGE, NULL, "%s:%u: a second section [%s]",
                reading->path, reading->line, text + 1);
    set->at[set->count] = reading->common;
    set->at[set->count++].name = text + 1;
    return OUTCOME_FINE;
}

static enum outcome take_line(struct reading *reading, char *text)
{
    text = trim(text);
    if (*text == '\0' || *text == '#' || *text == ';')
        return OUTCOME_FINE;
    if (*text == '[')
        return open_section(reading, text);
    size_t len = strcspn(text, " \t=");
    const struct row *row = find_row(text, len);
    char *equals = strchr(text, '=');
    if (row == NULL)
        return problem_set(reading->problem, OUTCOME_USAGE, "gitsync --help lists the options",
            "%s:%u: unknown option \"%.*s\"", reading->path, reading->line, (int)len, text);
    struct settings *settings =
        reading->set->count == 0 ? &reading->common : &reading->set->at[reading->set->count - 1];
    const char *value = equals != NULL ? trim(equals + 1) : NULL;
    if (!take(settings, row, value))
        return problem_set(reading->problem, OUTCOME_USAGE, row->help,
            "%s:%u: \"%s\" cannot be the value of %s", reading->path, reading->line,
            value != NULL ? value : "", row->word);
    return OUTCOME_FINE;
}

static enum outcome read_config(
    struct settings_set *set, const char *path, struct arena *arena, struct problem *problem)
{
    struct reading reading = {.set = set, .problem = problem, .path = path};
    char *text;
    size_t len;
    if (file_read(path, CONFIG_MAX, arena, &text, &len) != ERR_OK)
        return problem_set(problem, OUTCOME_USAGE, NULL, "cannot read the settings in %s", path);
    set_defaults(&reading.common);
    enum outcome outcome = OUTCOME_FINE;
    for (char *rest = text, *line; outcome == OUTCOME_FINE && (line = strsep(&rest, "\n")) != NULL;) {
        reading.line++;
        outcome = take_line(&reading, line);
    }
    if (outcome == OUTCOME_FINE && set->count == 0)
        set->at[set->count++] = reading.common;
    return outcome;
}

/* ---- the command line ---- */

static bool is_flag(const char *word, const char *name)
{
    size_t len = strlen(name);
    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, len) == 0 &&
           (word[2 + len] == '\0' || word[2 + len] == '=');
}

/* The value of the flag at *AT: behind "=", or the next word. */
static const char *value_of(int argc, char **argv, int *at)
{
    char *equals = strchr(argv[*at], '=');
    if (equals != NULL)
        return equals + 1;
    return *at + 1 < argc ? argv[++*at] : NULL;
}

/* A list given by a flag replaces the file's. */
static void clear_lists(struct settings_set *set, const struct row *row, bool *cleared)
{
    if (row->kind != LIST || *cleared)
        return;
    for (unsigned i = 0; i < set->count; i++)
        ((struct settings_list *)(void *)((char *)&set->at[i] + row->offset))->count = 0;
    *cleared = true;
}

static enum outcome take_flag(
    struct settings_set *set, int argc, char **argv, int *at, bool cleared[], struct problem *problem)
{
    const char *word = argv[*at];
    const struct row *row = strncmp(word, "--", 2) == 0 ? find_row(word + 2, strcspn(word + 2, "=")) : NULL;
    if (row == NULL)
        return problem_set(
            problem, OUTCOME_USAGE, "gitsync --help lists the options", "unknown option %s", word);
    bool alone = row->kind == FLAG && strchr(word, '=') == NULL;
    const char *value = alone ? NULL : value_of(argc, argv, at);
    clear_lists(set, row, &cleared[row - rows]);
    for (unsigned i = 0; i < set->count; i++)
        if (!take(&set->at[i], row, value))
            return problem_set(problem, OUTCOME_USAGE, row->help, "\"%s\" cannot be the value of --%s",
                value != NULL ? value : "", row->word);
    return OUTCOME_FINE;
}

/* What stands in the file must be there before the flags can change it. */
static enum outcome find_config(
    struct settings_set *set, int argc, char **argv, struct arena *arena, struct problem *problem)
{
    for (int i = 0; i < argc; i++)
        if (is_flag(argv[i], "config")) {
            set->config = value_of(argc, argv, &i);
            if (set->config == NULL)
                return problem_set(problem, OUTCOME_USAGE, NULL, "--config needs a file");
        }
    if (set->config != NULL)
        return read_config(set, set->config, arena, problem);
    set_defaults(&set->at[0]);
    set->count = 1;
    return OUTCOME_FINE;
}

static enum outcome keep_only(struct settings_set *set, struct problem *problem)
{
    if (set->only == NULL)
        return OUTCOME_FINE;
    for (unsigned i = 0; i < set->count; i++) {
        if (strcmp(set->at[i].name, set->only) != 0)
            continue;
        set->at[0] = set->at[i];
        set->count = 1;
        return OUTCOME_FINE;
    }
    return problem_set(problem, OUTCOME_USAGE, NULL, "there is no repository \"%s\"", set->only);
}

/* Several repositories publish side by side below DEST. */
static enum outcome place(
    struct settings_set *set, bool several, struct arena *arena, struct problem *problem)
{
    for (unsigned i = 0; i < set->count; i++) {
        struct settings *settings = &set->at[i];
        if (settings->dest == NULL)
            return problem_set(problem, OUTCOME_USAGE, "gitsync once --repo URL --dest DIR",
                "%s: where to publish? --dest is missing", settings->name);
        if (!several)
            continue;
        settings->dest = arena_printf(arena, "%s/%s", settings->dest, settings->name);
        if (settings->dest == NULL)
            return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    }
    return OUTCOME_FINE;
}

enum outcome settings_read(struct settings_set *set, int argc, char **argv, unsigned operands,
    struct arena *arena, struct problem *problem)
{
    bool cleared[ARRAY_COUNT(rows)] = {false};
    memset(set, 0, sizeof *set);
    enum outcome outcome = find_config(set, argc, argv, arena, problem);
    bool several = set->count > 1;
    for (int i = 0; i < argc && outcome == OUTCOME_FINE; i++) {
        if (is_flag(argv[i], "config")) {
            (void)value_of(argc, argv, &i);
        } else if (is_flag(argv[i], "only")) {
            set->only = value_of(argc, argv, &i);
        } else if (argv[i][0] != '-' && operands > 0) {
            set->operand = argv[i];
            operands--;
        } else {
            outcome = take_flag(set, argc, argv, &i, cleared, problem);
        }
    }
    if (outcome == OUTCOME_FINE)
        outcome = place(set, several, arena, problem);
    return outcome == OUTCOME_FINE ? keep_only(set, problem) : outcome;
}
