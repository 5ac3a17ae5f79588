#include "server/migrate.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "zone/base/file.h"

#define FILE_MAX (64u << 20)
#define WORDS_MAX 64
#define LINE_MAX_LEN 4096
#define TRANSFERS_MAX 16

/* A line taken apart; the words stay where they are. */
struct line {
    const char *text;
    size_t len;
    size_t indent;
    const char *words[WORDS_MAX];
    size_t lens[WORDS_MAX];
    unsigned count; /* a comment's words are not among them */
    bool opens, closes;
};

struct migration {
    FILE *out;
    unsigned depth;          /* open braces */
    char plugin[64];         /* whose block is open, at depth 2 */
    bool skipping;           /* that block goes */
    bool grpc;               /* the proxy in hand speaks it */
    char held[LINE_MAX_LEN]; /* proxy's own line, until its block has been read */
    size_t held_indent;
    char options[LINE_MAX_LEN]; /* and what stays of its block */
    bool holding;
    char transfers[TRANSFERS_MAX][256]; /* to be a directive of their own behind the block */
    unsigned transfers_count;
};

static void take_apart(struct line *line, const char *text, size_t len)
{
    *line = (struct line){.text = text, .len = len};
    const char *at = text, *end = text + len;
    while (at < end && isspace((unsigned char)*at))
        at++;
    line->indent = (size_t)(at - text);
    while (at < end && *at != '#' && line->count < WORDS_MAX) {
        const char *start = at;
        bool quoted = *at == '"';
        if (quoted)
            for (at++; at < end && *at != '"'; at++)
                at += *at == '\\' && at + 1 < end;
        while (at < end && !isspace((unsigned char)*at) && *at != '#')
            at++;
        line->words[line->count] = start;
        line->lens[line->count++] = (size_t)(at - start);
        while (at < end && isspace((unsigned char)*at))
            at++;
    }
    if (line->count > 0) {
        unsigned last = line->count - 1;
        line->opens = line->lens[last] == 1 && *line->words[last] == '{';
        line->closes = line->lens[last] == 1 && *line->words[last] == '}';
    }
}

static bool is(const struct line *line, unsigned index, const char *word)
{
    return index < line->count && line->lens[index] == strlen(word) &&
           memcmp(line->words[index], word, line->lens[index]) == 0;
}

static void put_line(struct migration *m, const struct line *line)
{
    fprintf(m->out, "%.*s\n", (int)line->len, line->text);
}

static void remark(struct migration *m, const struct line *line, const char *text)
{
    fprintf(m->out, "%.*s# migrated: %s\n", (int)line->indent, line->text, text);
}

/* The words FROM to END of the line, the brace at its end left out. */
static size_t join(const struct line *line, unsigned from, char *out, size_t size)
{
    size_t at = 0;
    unsigned end = line->count - (line->opens ? 1 : 0);
    out[0] = '\0';
    for (unsigned i = from; i < end && at + line->lens[i] + 2 < size; i++)
        at += (size_t)snprintf(
            out + at, size - at, "%s%.*s", at > 0 ? " " : "", (int)line->lens[i], line->words[i]);
    return at;
}

/* ---- proxy ---- */

static void hold_option(struct migration *m, const struct line *line, const char *text)
{
    size_t used = strlen(m->options);
    snprintf(m->options + used, sizeof m->options - used, "%.*s%s\n", (int)line->indent, line->text, text);
}

static void hold_words(struct migration *m, const struct line *line)
{
    char text[LINE_MAX_LEN];
    join(line, 0, text, sizeof text);
    hold_option(m, line, text);
}

static void migrate_policy(struct migration *m, const struct line *line)
{
    if (is(line, 1, "first"))
        hold_option(m, line, "policy sequential");
    else if (is(line, 1, "least_conn"))
        hold_option(m, line, "policy random # migrated: there is no least_conn");
    else
        hold_words(m, line);
}

static void migrate_protocol(struct migration *m, const struct line *line)
{
    if (is(line, 1, "grpc")) {
        m->grpc = true;
        if (!is(line, 2, "insecure")) {
            char files[LINE_MAX_LEN], text[LINE_MAX_LEN + 8];
            size_t len = join(line, 2, files, sizeof files);
            snprintf(text, sizeof text, "tls%s%s", len > 0 ? " " : "", files);
            hold_option(m, line, text);
        }
    } else if (is(line, 1, "dns") && is(line, 2, "force_tcp")) {
        hold_option(m, line, "force_tcp");
    } else if (!is(line, 1, "dns")) {
        hold_option(m, line,
            "# migrated: protocol https_google is gone; name servers with tls:// in front of TO instead");
    }
}

/* One line of proxy's block. */
static void migrate_proxy_option(struct migration *m, const struct line *line)
{
    if (is(line, 0, "policy"))
        migrate_policy(m, line);
    else if (is(line, 0, "protocol"))
        migrate_protocol(m, line);
    else if (is(line, 0, "health_check"))
        hold_option(m, line, "# migrated: health_check asked by HTTP; forward probes by DNS, every 0.5s");
    else if (is(line, 0, "fail_timeout") || is(line, 0, "spray"))
        hold_option(m, line, "# migrated: fail_timeout and spray are gone; see max_fails and health_check");
    else if (line->count > 0)
        hold_words(m, line);
}

static void hold_proxy(struct migration *m, const struct line *line)
{
    m->holding = true;
    m->grpc = false;
    m->options[0] = '\0';
    join(line, 1, m->held, sizeof m->held);
    m->held_indent = line->indent;
}

/* grpc knows fewer options than forward: what it does not is left out. */
static void keep_grpc_options(struct migration *m)
{
    static const char *const kept[] = {"except ", "policy ", "tls"};
    char *out = m->options;
    for (char *at = m->options, *end; *at != '\0'; at = end) {
        end = at + strcspn(at, "\n");
        end += *end == '\n';
        const char *word = at + strspn(at, " \t");
        for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++) {
            if (strncmp(word, kept[i], strlen(kept[i])) != 0)
                continue;
            memmove(out, at, (size_t)(end - at));
            out += end - at;
            break;
        }
    }
    *out = '\0';
}

static void put_proxy(struct migration *m, const struct line *line, bool block)
{
    if (m->grpc)
        keep_grpc_options(m);
    remark(m, line, m->grpc ? "proxy with protocol grpc is called grpc" : "proxy is called forward");
    fprintf(m->out, "%.*s%s %s%s\n", (int)line->indent, line->text, m->grpc ? "grpc" : "forward", m->held,
        block && m->options[0] != '\0' ? " {" : "");
    if (block && m->options[0] != '\0')
        fprintf(m->out, "%s%.*s}\n", m->options, (int)line->indent, line->text);
    m->holding = false;
}

/* ---- options of other plugins ---- */

static bool has_zones(const struct migration *m)
{
    return strcmp(m->plugin, "file") == 0 || strcmp(m->plugin, "auto") == 0 ||
           strcmp(m->plugin, "secondary") == 0 || strcmp(m->plugin, "kubernetes") == 0;
}

static bool had_upstream(const struct migration *m)
{
    return has_zones(m) || strcmp(m->plugin, "etcd") == 0 || strcmp(m->plugin, "template") == 0 ||
           strcmp(m->plugin, "route53") == 0 || strcmp(m->plugin, "clouddns") == 0;
}

static void keep_transfer(struct migration *m, const struct line *line)
{
    if (m->transfers_count < TRANSFERS_MAX)
        join(line, 2, m->transfers[m->transfers_count++], sizeof m->transfers[0]);
    remark(m, line, "transfer to is a directive of its own, below");
}

/* directive DIR REGEXP TEMPLATE TIMEOUT: the last has become reload. */
static void split_directory(struct migration *m, const struct line *line)
{
    remark(m, line, "the fourth word of directory is reload now");
    fprintf(m->out, "%.*s", (int)line->indent, line->text);
    for (unsigned i = 0; i < 4; i++)
        fprintf(m->out, "%s%.*s", i > 0 ? " " : "", (int)line->lens[i], line->words[i]);
    bool unit = !isdigit((unsigned char)line->words[4][line->lens[4] - 1]);
    fprintf(m->out, "\n%.*sreload %.*s%s\n", (int)line->indent, line->text, (int)line->lens[4],
        line->words[4], unit ? "" : "s");
}

static void migrate_option(struct migration *m, const struct line *line)
{
    bool zones = has_zones(m);
    if (zones && is(line, 0, "transfer") && is(line, 1, "to")) {
        keep_transfer(m, line);
    } else if (had_upstream(m) && is(line, 0, "upstream")) {
        remark(m, line, "upstream has had no effect for years, and is gone");
    } else if (zones && is(line, 0, "no_reload")) {
        remark(m, line, "no_reload is called reload 0");
        fprintf(m->out, "%.*sreload 0\n", (int)line->indent, line->text);
    } else if (strcmp(m->plugin, "auto") == 0 && is(line, 0, "directory") && line->count == 5) {
        split_directory(m, line);
    } else if (strcmp(m->plugin, "kubernetes") == 0 && is(line, 0, "resyncperiod")) {
        remark(m, line, "resyncperiod is gone");
    } else {
        put_line(m, line);
    }
}

static void put_transfers(struct migration *m, const struct line *line)
{
    if (m->transfers_count == 0)
        return;
    fprintf(m->out, "%.*stransfer {\n", (int)line->indent, line->text);
    for (unsigned i = 0; i < m->transfers_count; i++)
        fprintf(m->out, "%.*s    to %s\n", (int)line->indent, line->text, m->transfers[i]);
    fprintf(m->out, "%.*s}\n", (int)line->indent, line->text);
    m->transfers_count = 0;
}

/* ---- directives ---- */

static const struct {
    const char *word;
    const char *remark;
    bool goes; /* with its block */
    const char *instead;
} directives[] = {
    {"federation", "federation is gone from CoreDNS, and nothing replaced it", true, NULL},
    {"upstream", "upstream is gone", true, NULL},
    {"startup", "startup is gone; a service manager runs what must run first", true, NULL},
    {"shutdown", "shutdown is gone; a service manager runs what must run last", true, NULL},
    {"reverse", "reverse is gone: write a template, see bailiwick-template(7)", true, NULL},
    {"httpproxy", "httpproxy is gone: use forward", true, NULL},
    {"metrics", "metrics is called prometheus", false, "prometheus"},
    {"health", "health no longer tells whether plugins are ready: add ready for that", false, NULL},
};

static void put_renamed(struct migration *m, const struct line *line, const char *name)
{
    fprintf(m->out, "%.*s%s%.*s\n", (int)line->indent, line->text, name,
        (int)(line->len - line->indent - line->lens[0]), line->text + line->indent + line->lens[0]);
}

/* errors and log once named a file: both write to standard output now. */
static bool names_a_file(const struct line *line)
{
    return (is(line, 0, "errors") && line->count > 1 && !line->opens) ||
           (is(line, 0, "log") && (is(line, 1, "stdout") || is(line, 1, "stderr")));
}

static void migrate_directive(struct migration *m, const struct line *line)
{
    m->skipping = false;
    if (is(line, 0, "proxy")) {
        hold_proxy(m, line);
        if (!line->opens)
            put_proxy(m, line, false);
        return;
    }
    if (names_a_file(line)) {
        remark(m, line, "it writes to standard output only");
        fprintf(m->out, "%.*s%.*s\n", (int)line->indent, line->text, (int)line->lens[0], line->words[0]);
        return;
    }
    for (unsigned i = 0; i < sizeof directives / sizeof *directives; i++) {
        if (!is(line, 0, directives[i].word))
            continue;
        remark(m, line, directives[i].remark);
        m->skipping = directives[i].goes && line->opens;
        if (directives[i].instead != NULL)
            put_renamed(m, line, directives[i].instead);
        else if (!directives[i].goes)
            put_line(m, line);
        return;
    }
    put_line(m, line);
}

/* ---- the whole ---- */

static void close_brace(struct migration *m, const struct line *line)
{
    if (m->depth == 2 && m->holding)
        put_proxy(m, line, true);
    else if (!(m->depth >= 2 && m->skipping))
        put_line(m, line);
    if (m->depth == 2) {
        put_transfers(m, line);
        m->skipping = false;
    }
    if (m->depth > 0)
        m->depth--;
}

static void migrate_line(struct migration *m, const struct line *line)
{
    if (line->closes && line->count == 1) {
        close_brace(m, line);
        return;
    }
    if (m->depth == 1 && line->count > 0) {
        snprintf(m->plugin, sizeof m->plugin, "%.*s", (int)line->lens[0], line->words[0]);
        migrate_directive(m, line);
    } else if (m->depth >= 2 && m->holding) {
        migrate_proxy_option(m, line);
    } else if (m->depth == 2 && !m->skipping && line->count > 0) {
        migrate_option(m, line);
    } else if (!(m->depth >= 2 && m->skipping)) {
        put_line(m, line);
    }
    m->depth += line->opens;
}

enum err migrate_text(const char *text, FILE *out)
{
    struct migration m = {.out = out};
    while (*text != '\0') {
        struct line line;
        size_t len = strcspn(text, "\n");
        take_apart(&line, text, len > 0 && text[len - 1] == '\r' ? len - 1 : len);
        migrate_line(&m, &line);
        text += len + (text[len] == '\n');
    }
    return ferror(out) ? ERR_IO : ERR_OK;
}

enum err migrate(const char *path, FILE *out)
{
    struct arena memory;
    char *text;
    size_t len;
    arena_init(&memory, 0);
    enum err err = file_read(path, FILE_MAX, &memory, &text, &len);
    if (err == ERR_OK)
        err = migrate_text(text, out);
    else
        fprintf(
            stderr, "bailiwickd: -migrate: %s: %s\n", path, err == ERR_IO ? strerror(errno) : err_text(err));
    arena_clear(&memory);
    return err;
}
