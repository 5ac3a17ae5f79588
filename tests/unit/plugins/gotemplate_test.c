/* Templates: what they print, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/template/gotemplate.h"
#include "plugins/template/record.h"
#include "server/build.h"
#include "server/regex.h"
#include "zone/wire/type.h"

static struct arena memory;
static struct world world; /* keeps the regular expressions */
static struct build build = {.world = &world};
static struct query query;

static bool find_var(void *context, const char *name, const char **text)
{
    (void)context;
    *text = "seven";
    return strcmp(name, "seven") == 0;
}

static struct gotemplate_data make_data(const struct regex *regex, const struct regex_match *match)
{
    query.message.id = 4711;
    return (struct gotemplate_data){.zone = "example.org.",
        .name = "www.example.org.",
        .class = "IN",
        .type = "A",
        .remote = "192.0.2.1",
        .query = &query,
        .regex = regex,
        .match = match,
        .var = find_var,
        .scratch = &memory};
}

static const struct {
    const char *text, *printed;
} good[] = {
    {"", ""},
    {"plain } text", "plain } text"},
    {"{{ .Name }} {{.Zone}} {{ .Class }}{{ .Type }}", "www.example.org. example.org. INA"},
    {"{{ .Group.host }}/{{ index .Group \"host\" }}/{{ index .Match 1 }}/{{ index .Match 0 }}",
        "www/www/www/www.example.org."},
    {"{{ parseInt \"ff\" 16 8 }} {{ parseInt \"0x10\" 0 64 }}", "255 16"},
    {"{{ \"ff\" | printf \"%s-%s\" .Type }}", "A-ff"},
    {"{{ printf \"%03d|%x|%5s|%%\" 7 255 \"ab\" }}", "007|ff|   ab|%"},
    {"a {{- 1 -}} b", "a1b"},
    {"{{ if eq .Type \"AAAA\" }}six{{ else if eq .Type \"A\" }}four{{ else }}none{{ end }}.", "four."},
    {"{{ if and (gt 2 1) (ne .Type \"MX\") }}yes{{ end }}", "yes"},
    {"{{ if not .Group.host }}no{{ end }}{{ len .Type }}", "1"},
    {"{{ $x := .Type }}{{ $x }}{{ $x = \"B\" }}{{ $x }}", "AB"},
    {"{{ .Var.seven }} {{ .Message.Id }} {{ .Question.Name }}", "seven 4711 www.example.org."},
    {"{{/* a comment }} */}}x", "x"},
    {"{{ \"}}\" }}", "}}"},
    {"{{ print 1 \"a\" true }}", "1atrue"},
    {"{{ .Meta \"a/b\" }}", ""},
};

static void test_printing(void **state)
{
    struct setup setup = {.host = &build, .world = &memory};
    static const struct token token = {.text = ""};
    struct regex_match match;
    (void)state;
    struct regex *regex = regex_compile(&setup, &token, "^(?P<host>[a-z]+)[.].*$");
    assert_non_null(regex);
    assert_true(regex_match(regex, "www.example.org.", 16, &match));
    struct gotemplate_data data = make_data(regex, &match);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char out[GOTEMPLATE_OUT_MAX];
        const char *why = NULL;
        struct gotemplate *template = gotemplate_parse(good[i].text, &memory, &why);
        if (template == NULL || !gotemplate_print(template, &data, out, &why))
            fail_msg("'%s': %s", good[i].text, why);
        assert_string_equal(out, good[i].printed);
        assert_int_equal(gotemplate_is_constant(template), strstr(good[i].text, "{{") == NULL);
    }
}

static const char *const malformed[] = {"{{", "{{ .Name", "{{ }}", "{{ .Nme }}", "{{ nothing }}",
    "{{ if true }}", "{{ end }}", "{{ else }}", "{{ $x }}", "{{ parseInt \"1\" }}",
    "{{ range .Match }}{{ end }}", "{{ .Match }}", "{{ .Group }}", "{{ index .Name 1 }}", "{{ eq .Match 1 }}",
    "{{ (1 }}", "{{ \"a }}", "{{ 12a }}", "{{ .Name .Zone }}", "{{ 1 | .Name }}", "{{ .Meta }}",
    "{{ if true }}{{ else }}x"};

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        const char *why = NULL;
        if (gotemplate_parse(malformed[i], &memory, &why) != NULL)
            fail_msg("'%s' is accepted", malformed[i]);
        assert_non_null(why);
    }
}

static const char *const failing[] = {"{{ index .Match 1 }}", "{{ .Group.none }}", "{{ .Var.none }}",
    "{{ parseInt \"g\" 16 8 }}", "{{ parseInt \"256\" 10 8 }}", "{{ parseInt \"-1\" 10 8 }}",
    "{{ parseInt .Name 10 8 }}", "{{ printf \"%d\" }}", "{{ printf \"%\" 1 }}"};

static void test_failing(void **state)
{
    struct gotemplate_data data = make_data(NULL, NULL);
    (void)state;
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        char out[GOTEMPLATE_OUT_MAX];
        const char *why = NULL;
        struct gotemplate *template = gotemplate_parse(failing[i], &memory, &why);
        assert_non_null(template);
        if (gotemplate_print(template, &data, out, &why))
            fail_msg("'%s' prints '%s'", failing[i], out);
        assert_non_null(why);
    }
}

static const struct {
    const char *text;
    uint32_t ttl;
    uint16_t type;
} lines[] = {
    {"a.test 60 IN A 192.0.2.1", 60, TYPE_A},
    {"a.test. IN 1h30m A 192.0.2.1", 5400, TYPE_A},
    {"a.test MX 10 b.test", 3600, TYPE_MX},
    {"a.test 1 CH TXT \"two words\" more", 1, TYPE_TXT},
    {". 0 SOA a b (1 2 3 4 5)", 0, TYPE_SOA},
    {"a.test 60 TYPE65280 \\# 2 abcd", 60, 65280},
};

static void test_records(void **state)
{
    static const char *const wrong[] = {"", "a.test", "a.test 60", "a.test 60 IN", "a..test A 192.0.2.1",
        "a.test A 192.0.2.256", "a.test 60 IN NOPE x", "a.test A 192.0.2.1 x", "a.test A (192.0.2.1"};
    struct one_record record;
    const char *why;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(record_parse(lines[i].text, &memory, &record, &why), ERR_OK);
        assert_int_equal(record.rrset->ttl, lines[i].ttl);
        assert_int_equal(record.rrset->type, lines[i].type);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        why = NULL;
        assert_int_equal(record_parse(wrong[i], &memory, &record, &why), ERR_SYNTAX);
        assert_non_null(why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_printing), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_failing), cmocka_unit_test(test_records)};
    arena_init(&memory, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    regex_free_all(world.regexes);
    arena_clear(&memory);
    return failed;
}
