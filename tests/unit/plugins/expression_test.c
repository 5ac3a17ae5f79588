/* Expressions: their values, their operators' strength, and what is refused; and how names are rewritten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/expression.h"
#include "plugins/rewrite/rewriter.h"
#include "server/build.h"
#include "server/regex.h"
#include "zone/wire/type.h"

static struct arena memory;
static struct world world; /* keeps the regular expressions */
static struct build build = {.world = &world};
static struct query query;
static char heard[1024];

static void hear(void *context, const struct finding *finding)
{
    (void)context;
    snprintf(heard, sizeof heard, "%s", finding->message);
}

static const struct finding_sink sink = {.report = hear};
static const struct token place = {.text = "", .file = "expressions", .line = 1, .column = 1};

static void make_query(void)
{
    query.scratch = &memory;
    question_set(&query.message.question, (const uint8_t *)"\003WWW\007example\003org", TYPE_AAAA, CLASS_IN);
    query.question = &query.message.question;
    query.message.id = 7;
    query.message.len = 45;
    query.message.edns.size = 1232;
    query.message.edns.dnssec = true;
    query.transport = TRANSPORT_TCP;
    query.client.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(4000)};
    query.client.v6.sin6_addr.s6_addr[15] = 1;
    query.server.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(53)};
}

static const struct {
    const char *text, *value;
} good[] = {
    {"name()", "www.example.org."},
    {"type() + class() + proto()", "AAAAINtcp"},
    {"client_ip() + ' ' + port() + ' ' + server_ip() + ' ' + server_port()", "[::1] 4000 0.0.0.0 53"},
    {"id() + size() * 2 - bufsize() % 100", "65"},
    {"do()", "true"},
    {"1 + 2 * 3 == 7 && !false", "true"},
    {"(1 + 2) * 3 > 8 and not (2 < 1)", "true"},
    {"false || false or true", "true"},
    {"type() in ['A', 'AAAA']", "true"},
    {"type() not in ['A', \"AAAA\"]", "false"},
    {"5 in [1, 2, 2 + 3]", "true"},
    {"'ex' in name()", "true"},
    {"name() startsWith 'www' && name() endsWith 'org.' && name() contains 'amp'", "true"},
    {"name() matches '^www\\\\.[a-z]+\\\\.org\\\\.$'", "true"},
    {"incidr(client_ip(), '::/64')", "true"},
    {"incidr(client_ip(), '192.0.2.0/24') || incidr('192.0.2.9', '192.0.2.8' + '/31')", "true"},
    {"size() > 100 ? 'large' : size() > 40 ? 'middling' : 'small'", "middling"},
    {"len(name())", "16"},
    {"upper('a') + lower('B')", "Ab"},
    {"metadata('none/such')", ""},
    {"0x10 - -1", "17"},
    {"1 / 0", ""},
    {"9223372036854775807 + 1", ""},
    {"'1' == 1", "false"},
    {"'a' < 'b'", "true"},
};

static void test_values(void **state)
{
    struct setup setup = {.host = &build, .world = &memory, .sink = &sink};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char out[EXPRESSION_TEXT_MAX];
        struct expression *expression = expression_parse(&setup, &place, good[i].text);
        if (expression == NULL)
            fail_msg("'%s': %s", good[i].text, heard);
        size_t len = expression_print(expression, &query, out);
        assert_int_equal(len, strlen(out));
        if (strcmp(out, good[i].value) != 0)
            fail_msg("'%s' is '%s'", good[i].text, out);
        assert_int_equal(expression_is_true(expression, &query), strcmp(out, "true") == 0);
    }
}

static void test_malformed(void **state)
{
    static const char *const malformed[] = {"", "type(", "type()'A'", "type() ==", "== 1", "nothing",
        "nothing()", "type(1)", "incidr(client_ip())", "incidr(client_ip(), '10.0.0.0/33')", "[1, 2", "(1",
        "1)", "'a", "1 ? 2", "name() matches '('", "name() matches type()", "12a", "not", "1 not 2",
        "1 ** 2"};
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct setup setup = {.host = &build, .world = &memory, .sink = &sink};
        heard[0] = '\0';
        if (expression_parse(&setup, &place, malformed[i]) != NULL)
            fail_msg("'%s' is accepted", malformed[i]);
        assert_string_not_equal(heard, "");
    }
}

static const struct {
    enum rewriter_kind kind;
    const char *from, *to, *name, *out; /* out NULL: no match */
} names[] = {
    {REWRITE_EXACT, "a.test", "b.test", "a.test.", "b.test."},
    {REWRITE_EXACT, "A.Test.", "b.test", "a.test.", "b.test."},
    {REWRITE_EXACT, "a.test", "b.test", "x.a.test.", NULL},
    {REWRITE_PREFIX, "pre-", "post.", "pre-a.test.", "post.a.test."},
    {REWRITE_SUFFIX, ".test", ".example.", "a.b.test.", "a.b.example."},
    {REWRITE_SUFFIX, ".test", ".example.", "a.tests.", NULL},
    {REWRITE_SUBSTRING, "b", "cc", "abab.test.", "accacc.test."},
    {REWRITE_REGEX, "(.*)-(us)\\.test", "{2}.{1}.{3}{x}{", "ftp-us.test.", "us.ftp.{x}{."},
    {REWRITE_REGEX, "^x", "y", "a.test.", NULL},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct setup setup = {.host = &build, .world = &memory, .sink = &sink};
        struct token from = {.text = names[i].from, .len = (uint32_t)strlen(names[i].from), .file = "f"};
        struct token to = {.text = names[i].to, .len = (uint32_t)strlen(names[i].to), .file = "f"};
        struct rewriter rewriter;
        char out[REWRITER_OUT_MAX] = "";
        assert_int_equal(rewriter_init(&rewriter, names[i].kind, &setup, &from, &to), ERR_OK);
        bool match = rewriter_apply(&rewriter, names[i].name, strlen(names[i].name), out);
        assert_int_equal(match, names[i].out != NULL);
        assert_int_equal(rewriter_matches(&rewriter, names[i].name, strlen(names[i].name)), match);
        if (match && names[i].kind != REWRITE_REGEX)
            assert_string_equal(out, names[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_malformed), cmocka_unit_test(test_names)};
    arena_init(&memory, 0);
    make_query();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    regex_free_all(world.regexes);
    arena_clear(&memory);
    return failed;
}
