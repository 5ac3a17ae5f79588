/* The Corefile reader: what text becomes which tree, and what is said about broken text. The broken files in
 * testdata/corefiles/broken say in their first lines what is expected: "# expect LINE:COLUMN RULE". */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/corefile.h"
#include "server/report.h"
#include "zone/wire/name.h"

#define TEXT_MAX 8192

struct heard {
    char text[TEXT_MAX];
    size_t len;
};

static void hear(void *context, const struct finding *finding)
{
    struct heard *heard = context;
    const char *level = finding->severity == SEVERITY_ERROR ? "" : "~";
    heard->len += (size_t)snprintf(heard->text + heard->len, TEXT_MAX - heard->len, "%s%u:%u %s\n", level,
        finding->line, finding->column, finding->rule);
}

static const char *environment(const char *name)
{
    if (strcmp(name, "PORT") == 0)
        return "1053";
    if (strcmp(name, "ZONES") == 0)
        return "a.org b.org:54, c.org";
    if (strcmp(name, "BRACE") == 0)
        return "{";
    return strcmp(name, "LOOP") == 0 ? "{$LOOP}" : NULL;
}

static void put(struct heard *out, const char *text)
{
    out->len += (size_t)snprintf(out->text + out->len, TEXT_MAX - out->len, "%s", text);
}

static void put_lines(struct heard *out, const struct directive *lines, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        put(out, i != 0 ? "; " : "");
        put(out, lines[i].name.text);
        for (unsigned j = 0; j < lines[i].args_count; j++) {
            put(out, lines[i].args[j].quoted ? " '" : " ");
            put(out, lines[i].args[j].text);
            put(out, lines[i].args[j].quoted ? "'" : "");
        }
        if (!lines[i].has_block)
            continue;
        put(out, " {");
        put_lines(out, lines[i].lines, lines[i].lines_count);
        put(out, "}");
    }
}

static void put_tree(struct heard *out, const struct corefile *corefile)
{
    for (unsigned i = 0; i < corefile->blocks_count; i++) {
        const struct server_block *block = &corefile->blocks[i];
        for (unsigned j = 0; j < block->keys_count; j++) {
            char zone[NAME_TEXT_MAX], port[16];
            name_print(block->keys[j].zone, zone);
            if (block->keys[j].scheme != SCHEME_DNS) {
                put(out, scheme_text(block->keys[j].scheme));
                put(out, "://");
            }
            put(out, zone);
            snprintf(port, sizeof port, ":%u ", block->keys[j].port);
            put(out, port);
        }
        put(out, "{");
        put_lines(out, block->directives, block->directives_count);
        put(out, "}\n");
    }
}

static enum err parse(const char *text, size_t len, struct heard *findings, struct heard *tree)
{
    struct arena world;
    arena_init(&world, 0);
    struct finding_sink sink = {.report = hear, .context = findings};
    struct corefile_context context = {.sink = &sink, .environment = environment};
    struct corefile corefile = {0};
    *findings = (struct heard){0};
    *tree = (struct heard){0};
    enum err err = corefile_parse("Corefile", text, len, &context, &world, &corefile);
    put_tree(tree, &corefile);
    arena_clear(&world);
    return err;
}

static const struct {
    const char *text, *tree;
} good[] = {
    {"", ""},
    {"# nothing\n", ""},
    {". {\n whoami\n}\n", ".:53 {whoami}\n"},
    {"\xef\xbb\xbf. {\r\n whoami\r\n}\r\n", ".:53 {whoami}\n"},
    {". { whoami }", ".:53 {whoami}\n"},
    {".\n{\nwhoami\nlog\n}", ".:53 {whoami; log}\n"},
    {"example.org\nwhoami\nfile db\n", "example.org.:53 {whoami; file db}\n"},
    {"example.org", "example.org.:53 {}\n"},
    {"EXAMPLE.org, b.net:1053,c.net,\n d.net e.net {\n}\n",
        "example.org.:53 b.net.:1053 c.net.:53 d.net.:53 e.net.:53 {}\n"},
    {"a.org,\nb.org {\n}\n", "a.org.:53 b.org.:53 {}\n"},
    {"a.org ,b.org,c.org d.org { }\n", "a.org.:53 b.org.:53 c.org.:53 d.org.:53 {}\n"},
    {":1053 {\n}\n", ".:1053 {}\n"},
    {"dns://.:54 tls://a quic://a grpc://a https://a https3://a:8443 { }",
        ".:54 tls://a.:853 quic://a.:853 grpc://a.:443 https://a.:443 https3://a.:8443 {}\n"},
    {"10.0.0.0/24 { }", "0.0.10.in-addr.arpa.:53 {}\n"},
    {"10.1.2.3/8:54 { }", "10.in-addr.arpa.:54 {}\n"},
    {"0.0.0.0/0 { }", "in-addr.arpa.:53 {}\n"},
    {"10.0.4.0/22 { }", "4.0.10.in-addr.arpa.:53 5.0.10.in-addr.arpa.:53 6.0.10.in-addr.arpa.:53 "
                        "7.0.10.in-addr.arpa.:53 {}\n"},
    {"192.0.2.64/31 { }", "64.2.0.192.in-addr.arpa.:53 65.2.0.192.in-addr.arpa.:53 {}\n"},
    {"2001:db8::/32 { }", "8.b.d.0.1.0.0.2.ip6.arpa.:53 {}\n"},
    {"2001:db8::/31:54 { }", "8.b.d.0.1.0.0.2.ip6.arpa.:54 9.b.d.0.1.0.0.2.ip6.arpa.:54 {}\n"},
    {"0/26.2.0.192.in-addr.arpa { }", "0/26.2.0.192.in-addr.arpa.:53 {}\n"},
    {". {\n log \"a \\\"b\\\" \\n{\"\n}", ".:53 {log 'a \"b\" \\n{'}\n"},
    {". {\n log \"two\nlines\" more\n errors\n}", ".:53 {log 'two\nlines' more; errors}\n"},
    {". {\n log \"\" x\n}", ".:53 {log '' x}\n"},
    {". {\n log a\"b\n}", ".:53 {log a\"b}\n"},
    {"# c {\n. { # c }\n log # c\n}\n#", ".:53 {log}\n"},
    {".:{$PORT} {\n log {%PORT%}x{$PORT} \"{$PORT}\" {$} {%%}\n}",
        ".:1053 {log '1053x1053' '1053' {$} {%%}}\n"},
    {". {\n file db {\n reload 1s\n fallthrough a b\n }\n log\n}",
        ".:53 {file db {reload 1s; fallthrough a b}; log}\n"},
    {". {\n a {\n b {\n c {\n d\n }\n }\n }\n}", ".:53 {a {b {c {d}}}}\n"},
    {". {\n hosts { 10.0.0.1 a }\n}", ".:53 {hosts {10.0.0.1 a}}\n"},
    {". {\n hosts\n {\n x\n }\n}", ".:53 {hosts {x}}\n"},
    {"{$ZONES} d.org {\n}", "a.org.:53 b.org.:54 c.org.:53 d.org.:53 {}\n"},
    {". {\n log {$BRACE}\n}", ".:53 {log '{'}\n"},
    {". {\n log {$LOOP}\n}", ".:53 {log {$LOOP}}\n"},
    {". {\n log {combined} \"{\" \"}\"\n}", ".:53 {log {combined} '{' '}'}\n"},
    {"(s) {\n log\n file db {\n reload 0\n }\n}\n. {\n errors\n import s\n whoami\n}\n",
        ".:53 {errors; log; file db {reload 0}; whoami}\n"},
    {"(a) {\n log\n}\n(b) {\n import a\n import a\n}\nx.org {\n import b\n}\ny.org {\n file db {\n import "
     "a\n }\n}",
        "x.org.:53 {log; log}\ny.org.:53 {file db {log}}\n"},
    {"(s) { log }\n(e) { }\n. {\n errors\n import s\n import e\n file db { import s }\n}\n",
        ".:53 {errors; log; file db {log}}\n"},
    {"(s) { log }\n. { import s } b.org { import s }", ".:53 {log}\nb.org.:53 {log}\n"},
    {"(hosts) {\n x.org {\n log\n }\n}\nimport hosts\n", "x.org.:53 {log}\n"},
    {". {\n log\xc2\xa0x\n}", ".:53 {log x}\n"},
    {". {\n import \"no*such\"\n log\n}", ".:53 {log}\n"},
    {"a.org { \n view x\n}\na.org {\n log\n}", "a.org.:53 {view x}\na.org.:53 {log}\n"},
    {"a.org {\n bind 127.0.0.1\n}\na.org {\n bind 127.0.0.2 ::1\n}",
        "a.org.:53 {bind 127.0.0.1}\na.org.:53 {bind 127.0.0.2 ::1}\n"},
    {"a.org:1 a.org:2 tls://a.org:3 { }\na.org:4 { }", "a.org.:1 a.org.:2 tls://a.org.:3 {}\na.org.:4 {}\n"},
};

static void test_good(void **state)
{
    (void)state;
    struct heard findings, tree;
    for (unsigned i = 0; i < ARRAY_COUNT(good); i++) {
        enum err err = parse(good[i].text, strlen(good[i].text), &findings, &tree);
        if (err != ERR_OK || strcmp(tree.text, good[i].tree) != 0)
            print_error("case %u:\n%s\n%s", i, good[i].text, findings.text);
        assert_int_equal(err, ERR_OK);
        assert_string_equal(tree.text, good[i].tree);
    }
}

/* What is wrong, and that the reading goes on behind it. */
static const struct {
    const char *text, *findings, *tree;
} bad[] = {
    {"a.org:1053{\n log\n}\nb.org {\n}", "1:1 glued-brace\n", "a.org.:1053 {log}\nb.org.:53 {}\n"},
    {". {\n file db{\n  reload 0\n }\n log\n}", "2:7 glued-brace\n", ".:53 {file db {reload 0}; log}\n"},
    {". {\n hosts{\n  x\n }\n log\n}", "2:2 glued-brace\n", ".:53 {hosts {x}; log}\n"},
    {". {\n log\n}\nerrors\nlog a\n", "4:1 outside-of-blocks\n5:1 outside-of-blocks\n", ".:53 {log}\n"},
    {". {\n log\n}\nb.org\n", "4:1 outside-of-blocks\n", ".:53 {log}\n"},
    {". {\n log\n", "1:3 unclosed-block\n", ".:53 {log}\n"},
    {". {\n file db {\n reload 1s\n}\nb.org {\n log\n}\n", "5:1 block-in-block\n", NULL},
    {"a.org {\n log\nb.org {\n errors\n}\n", "3:1 block-in-block\n", "a.org.:53 {log}\nb.org.:53 {errors}\n"},
    {"a.org\n log\nb.org {\n errors\n}\n", "3:1 block-in-block\n", "a.org.:53 {log}\nb.org.:53 {errors}\n"},
    {". {\n}\n}\n", "3:1 stray-brace\n", ".:53 {}\n"},
    {". {\n {\n log\n }\n errors\n}", "2:2 stray-brace\n", ".:53 {errors}\n"},
    {"{\n log\n}", "1:1 no-zone\n", "{log}\n"},
    {"\"\" {\n}", "1:4 no-zone\n", "{}\n"},
    {"a.org, {\n}", "1:1 stray-comma\n", "a.org.:53 {}\n"},
    {"a.org:99999 b.org:0 c.org:x d.org: e.org { }",
        "1:1 bad-port\n1:13 bad-port\n1:21 bad-port\n1:29 bad-port\n", "e.org.:53 {}\n"},
    {"ftp://a.org b.org { }", "1:1 unknown-scheme\n", "b.org.:53 {}\n"},
    {"2001:db8::1 { }", "1:1 address-as-zone\n", "{}\n"},
    {"10.0.0.1 { }", "~1:1 address-as-zone\n", "10.0.0.1.:53 {}\n"},
    {"a..org b.org { }", "1:1 bad-zone\n", "b.org.:53 {}\n"},
    {". {\n log \"open\n}\n", "2:6 open-quote\n1:3 unclosed-block\n", NULL},
    {". {\n log a#b c\n}", "~2:6 comment-in-word\n", ".:53 {log a}\n"},
    {". {\n log {$UNSET}x\n}", "~2:6 unset-variable\n", ".:53 {log 'x'}\n"},
    {"(a) {\n import b\n}\n(b) {\n import a\n}\n. {\n import a\n log\n}", "5:9 import-loop\n",
        ".:53 {log}\n"},
    {". {\n import\n import a b\n import \"\"\n log\n}",
        "2:2 import-argument\n3:11 import-argument\n3:9 unreadable-file\n4:2 import-argument\n",
        ".:53 {log}\n"},
    {". {\n import a*b*\n import [ab]\n}", "2:9 import-pattern\n3:9 import-pattern\n", ".:53 {}\n"},
    {"(a) {\n log\n}\n. {\n}", "~1:1 unused-snippet\n", ".:53 {}\n"},
    {"(a) {\n log\n}\n(a) {\n}\n. {\n import a\n}", "4:1 duplicate-snippet\n~1:1 unused-snippet\n",
        ".:53 {}\n"},
    {"", "~0:0 no-block\n", ""},
    {"(a)\n. {\n}", "1:1 snippet-body\n", ".:53 {}\n"},
    {"(a) {\n log\n", "1:5 unclosed-block\n~1:1 unused-snippet\n", ""},
    {"whoami\nlog\n", "~1:1 plugin-as-zone\n", "whoami.:53 {log}\n"},
    {"a.org {\n}\nA.ORG. {\n}", "3:1 duplicate-zone\n", "a.org.:53 {}\na.org.:53 {}\n"},
    {"a.org a.org:53 {\n}", "1:7 duplicate-zone\n", "a.org.:53 a.org.:53 {}\n"},
    {"a.org {\n bind ::1\n}\na.org {\n}", "4:1 duplicate-zone\n", NULL},
    {"a.org {\n bind ::1 127.0.0.1\n}\na.org {\n bind 127.0.0.1\n}", "4:1 duplicate-zone\n", NULL},
    {"a.org {\n}\na.org {\n view x\n}", "3:1 duplicate-zone\n", NULL},
};

static void test_bad(void **state)
{
    (void)state;
    struct heard findings, tree;
    for (unsigned i = 0; i < ARRAY_COUNT(bad); i++) {
        enum err err = parse(bad[i].text, strlen(bad[i].text), &findings, &tree);
        bool warned_only = true;
        for (const char *line = findings.text; *line != '\0'; line = strchr(line, '\n') + 1)
            warned_only = warned_only && *line == '~';
        if (strcmp(findings.text, bad[i].findings) != 0 ||
            (bad[i].tree != NULL && strcmp(tree.text, bad[i].tree) != 0))
            print_error("case %u:\n%s\n", i, bad[i].text);
        assert_string_equal(findings.text, bad[i].findings);
        if (bad[i].tree != NULL)
            assert_string_equal(tree.text, bad[i].tree);
        assert_int_equal(err, warned_only ? ERR_OK : ERR_INVALID);
    }
}

/* A NUL octet, and every prefix of a file with everything in it: no crash, no hang. */
static void test_any_cut(void **state)
{
    (void)state;
    static const char all[] =
        "\xef\xbb\xbf(s) {\n log \"x\\\"\" {$A}\n}\na.org:53, tls://b.org 10.0.0.0/22 {\n import s\n"
        " file db {\n  x { y }\n }\n}\nc {\n}\n}\n\0x";
    struct heard findings, tree;
    for (size_t len = 0; len < sizeof all; len++) {
        char *copy = malloc(len != 0 ? len : 1);
        memcpy(copy, all, len);
        enum err err = parse(copy, len, &findings, &tree);
        assert_true(err == ERR_OK || err == ERR_INVALID);
        free(copy);
    }
}

static void test_depth(void **state)
{
    (void)state;
    struct heard findings, tree;
    char text[4000];
    size_t len = (size_t)snprintf(text, sizeof text, ". {\n");
    for (unsigned i = 0; i < 500; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "x {\n");
    assert_int_equal(parse(text, len, &findings, &tree), ERR_INVALID);
    assert_non_null(strstr(findings.text, "nesting-limit"));
    memset(text, '{', sizeof text);
    for (unsigned i = 1; i < sizeof text; i += 2)
        text[i] = '\n';
    assert_int_equal(parse(text, sizeof text, &findings, &tree), ERR_INVALID);
}

/* Each snippet imports the one before twice: 2^20 lines when nothing counted. */
static void test_import_limit(void **state)
{
    (void)state;
    struct heard findings, tree;
    char text[4000];
    size_t len = (size_t)snprintf(text, sizeof text, "(s0) {\n}\n");
    for (unsigned i = 1; i < 20; i++)
        len += (size_t)snprintf(
            text + len, sizeof text - len, "(s%u) {\n import s%u\n import s%u\n}\n", i, i - 1, i - 1);
    len += (size_t)snprintf(text + len, sizeof text - len, ". {\n import s19\n}\n");
    assert_int_equal(parse(text, len, &findings, &tree), ERR_INVALID);
    assert_non_null(strstr(findings.text, "import-limit"));
    assert_null(strstr(strstr(findings.text, "import-limit") + 1, "import-limit"));
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Paths are relative to the importing file, globs come in order, directories in them are passed over. */
static void test_import_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/corefile_test.XXXXXX", path[512];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/conf.d", directory);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/conf.d/c.conf", directory);
    assert_int_equal(mkdir(path, 0755), 0);
    write_file(directory, "Corefile", "import conf.d/*.conf\nimport common\n. {\n import logging\n}\n");
    write_file(directory, "conf.d/b.conf", "b.org {\n import inner\n}\n");
    write_file(directory, "conf.d/a.conf", "a.org {\n}\n");
    write_file(directory, "conf.d/inner", "errors\nimport ../loop\nlog");
    write_file(directory, "loop", "import conf.d/inner");
    write_file(directory, "common", "(logging) {\n log\n}");
    snprintf(path, sizeof path, "%s/Corefile", directory);

    struct arena world;
    struct heard findings = {0}, tree = {0};
    struct finding_sink sink = {.report = hear, .context = &findings};
    struct corefile_context context = {.sink = &sink, .port = 5353};
    struct corefile corefile = {0};
    arena_init(&world, 0);
    assert_int_equal(corefile_read(path, &context, &world, &corefile), ERR_INVALID);
    put_tree(&tree, &corefile);
    assert_string_equal(findings.text, "1:8 import-loop\n");
    assert_string_equal(tree.text, "a.org.:5353 {}\nb.org.:5353 {errors; log}\n.:5353 {log}\n");
    assert_int_equal(corefile.files_count, 6);
    const struct token *log = &corefile.blocks[1].directives[1].name;
    assert_non_null(strstr(log->file, "conf.d/inner"));
    assert_int_equal(log->line, 3);
    arena_clear(&world);

    static const char *const made[] = {"Corefile", "conf.d/b.conf", "conf.d/a.conf", "conf.d/inner", "loop",
        "common", "conf.d/c.conf", "conf.d", ""};
    for (unsigned i = 0; i < ARRAY_COUNT(made); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, made[i]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(corefile_read("/nonexistent/Corefile", &context, &world, &corefile), ERR_MISSING);
}

static const struct {
    const char *directive, *message, *hint;
} names[] = {
    {"fil db", "unknown directive 'fil'", "did you mean 'file'?"},
    {"whoaim", "unknown directive 'whoaim'", "did you mean 'whoami'?"},
    {"zzz", "unknown directive 'zzz'", NULL},
    {"kubernetes cluster.local", "CoreDNS plugin 'kubernetes' is not built into bailiwickd", NULL},
    {"pprof", "CoreDNS plugin 'pprof' is not built into bailiwickd", "profile the process with perf(1)"},
    {"proxy . 8.8.8.8", "'proxy' was removed in CoreDNS 1.5.0, replaced by 'forward'", NULL},
    {"upstream", "'upstream' has had no effect since CoreDNS 1.7.0", "remove it"},
    {"whoami}", "unknown directive 'whoami}'", "a brace stands alone, with blanks around it"},
};

struct last {
    char message[256], hint[256];
};

static void keep(void *context, const struct finding *finding)
{
    struct last *last = context;
    snprintf(last->message, sizeof last->message, "%s", finding->message);
    snprintf(last->hint, sizeof last->hint, "%s", finding->hint != NULL ? finding->hint : "");
}

static void keep_error(void *context, const struct finding *finding)
{
    if (finding->severity == SEVERITY_ERROR)
        keep(context, finding);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const known[] = {"file", "log", "whoami", "errors"};
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        char text[256];
        struct arena world;
        struct corefile corefile;
        struct corefile_context context = {0};
        struct last last = {{0}, {0}};
        struct finding_sink sink = {.report = keep, .context = &last};
        int len = snprintf(text, sizeof text, ". {\n log\n %s\n}\n", names[i].directive);
        arena_init(&world, 0);
        assert_int_equal(corefile_parse("C", text, (size_t)len, &context, &world, &corefile), ERR_OK);
        assert_int_equal(corefile_check_names(&corefile, known, ARRAY_COUNT(known), &sink), 1);
        assert_string_equal(last.message, names[i].message);
        assert_string_equal(last.hint, names[i].hint != NULL ? names[i].hint : "");
        arena_clear(&world);
    }
}

/* A snippet's misspelt name is looked for among files, and told as what it is. */
static void test_import_hint(void **state)
{
    static const struct {
        const char *text, *hint;
    } cases[] = {
        {"(common) {\n}\n. {\n import comon\n}", "did you mean the snippet 'common'?"},
        {". {\n import common\n}",
            "no snippet of that name stands above, and a file is looked for beside the importing one"},
        {". {\n import ./none\n}", "the path begins at the directory of the importing file"},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct arena world;
        struct corefile corefile;
        struct last last = {{0}, {0}};
        struct finding_sink sink = {.report = keep_error, .context = &last};
        struct corefile_context context = {.sink = &sink};
        arena_init(&world, 0);
        enum err err = corefile_parse("C", cases[i].text, strlen(cases[i].text), &context, &world, &corefile);
        assert_int_equal(err, ERR_INVALID);
        assert_string_equal(last.hint, cases[i].hint);
        arena_clear(&world);
    }
}

static void test_builtin(void **state)
{
    (void)state;
    struct heard findings, tree;
    assert_int_equal(parse(corefile_builtin, strlen(corefile_builtin), &findings, &tree), ERR_OK);
    assert_string_equal(tree.text, ".:53 {whoami; log}\n");
}

/* ---- the files of testdata/corefiles ---- */

static enum err read_testdata(const char *path, struct heard *findings, unsigned *blocks)
{
    struct arena world;
    struct finding_sink sink = {.report = hear, .context = findings};
    struct corefile_context context = {.sink = &sink};
    struct corefile corefile = {0};
    arena_init(&world, 0);
    enum err err = corefile_read(path, &context, &world, &corefile);
    *blocks = corefile.blocks_count;
    arena_clear(&world);
    return err;
}

/* Calls CHECK with each *.conf; they are run from the root of the sources. */
static void each_file(const char *directory, void (*check)(const char *path))
{
    unsigned count = 0;
    DIR *files = opendir(directory);
    assert_non_null(files);
    for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        char path[512];
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".conf") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        check(path);
        count++;
    }
    closedir(files);
    assert_true(count >= 5);
}

static void check_good(const char *path)
{
    struct heard findings = {0};
    unsigned blocks;
    enum err err = read_testdata(path, &findings, &blocks);
    if (err != ERR_OK)
        print_error("%s:\n%s", path, findings.text);
    assert_int_equal(err, ERR_OK);
    assert_string_equal(findings.text, "");
    assert_true(blocks >= 1);
}

/* Each expected line is there, and nothing of error level that is not expected. */
static void check_broken(const char *path)
{
    struct heard findings = {0};
    unsigned blocks, wanted = 0, found = 0;
    char line[256];
    enum err err = read_testdata(path, &findings, &blocks);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && strncmp(line, "# expect ", 9) == 0) {
        wanted++;
        if (strstr(findings.text, line + 9) == NULL)
            print_error("%s: no %s\n%s", path, line + 9, findings.text);
        assert_non_null(strstr(findings.text, line + 9));
    }
    fclose(file);
    for (const char *at = findings.text; *at != '\0'; at = strchr(at, '\n') + 1)
        found += *at != '~';
    assert_true(wanted != 0 && found <= wanted);
    assert_int_equal(err, found != 0 ? ERR_INVALID : ERR_OK);
}

static void test_testdata(void **state)
{
    (void)state;
    setenv("BAILIWICK_TEST_ZONE", "example.org", 1);
    setenv("BAILIWICK_TEST_PORT", "5301", 1);
    each_file("testdata/corefiles/good", check_good);
    each_file("testdata/corefiles/broken", check_broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_import_limit),
        cmocka_unit_test(test_import_files),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_import_hint),
        cmocka_unit_test(test_builtin),
        cmocka_unit_test(test_testdata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
