/* The control socket: requests over a real Unix socket against hooks that answer from here, JSON both ways,
 * and the command line's flags. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/args.h"
#include "server/control.h"
#include "server/control_command.h"
#include "zone/base/json.h"

/* ---- a server made of fixed answers ---- */

struct fake {
    unsigned stops, drain_s;
    bool reload_fails;
    struct control *control;
};

static void fake_status(void *context, struct server_status *status)
{
    (void)context;
    *status = (struct server_status){.corefile = "Core\"file\x01", .started_s = 1, .workers = 2, .zones = 2};
    status->counters.queries[0] = 7;
    status->counters.queries[1] = 8;
    status->counters.rcodes[3] = 9;
}

static void fake_zones(void *context, void (*each)(void *, const struct zone_status *), void *each_context)
{
    static const struct zone_status zones[] = {
        {.name = (const uint8_t *)"\7example\3org",
            .plugin = "file",
            .source = "db",
            .state = "serving",
            .serial = 5},
        {.name = (const uint8_t *)"\1b", .plugin = "file", .state = "failed", .error = "db:1:1: bad"},
    };
    (void)context;
    for (unsigned i = 0; i < ARRAY_COUNT(zones); i++)
        each(each_context, &zones[i]);
}

static struct zone *fake_zone(void *context, const uint8_t *name)
{
    static const struct zone_kind kind = {.plugin = "file"};
    static struct zone *zone; /* one for all tests */
    (void)context;
    if (!name_equal(name, (const uint8_t *)"\1b"))
        return NULL;
    if (zone == NULL)
        zone = zone_new(&kind, name, NULL);
    return zone;
}

static enum err fake_reload(void *context, const struct finding_sink *sink)
{
    struct fake *fake = context;
    struct finding finding = {
        .severity = SEVERITY_ERROR, .rule = "r", .file = "C", .line = 3, .column = 4, .message = "m"};
    if (!fake->reload_fails)
        return ERR_OK;
    sink->report(sink->context, &finding);
    return ERR_INVALID;
}

static enum err fake_drain(void *context, unsigned seconds)
{
    ((struct fake *)context)->drain_s = seconds;
    return ERR_OK;
}

static bool fake_draining(void *context)
{
    return ((struct fake *)context)->drain_s != 0;
}

static void fake_stop(void *context)
{
    struct fake *fake = context;
    fake->stops++;
    control_stop(fake->control);
}

static struct control_hooks hooks_for(struct fake *fake)
{
    return (struct control_hooks){.context = fake,
        .status = fake_status,
        .zones = fake_zones,
        .zone = fake_zone,
        .reload = fake_reload,
        .drain = fake_drain,
        .draining = fake_draining,
        .stop = fake_stop};
}

/* ---- commands ---- */

static const struct {
    const char *request, *answer;
} exchanges[] = {
    {"zone b",
        "{\"zones\":[{\"zone\":\"b.\",\"state\":\"missing\",\"serial\":0,\"records\":0,\"loaded\":null,"
        "\"plugin\":\"file\",\"source\":null,\"error\":null,\"frozen\":false}],\"current\":false,"
        "\"why\":\"not there yet\",\"history\":{\"directory\":null},\"steps\":[],\"ok\":true}\n"},
    {"zones", NULL},
    {"freeze b", "{\"ok\":true}\n"},
    {"refresh b", "{\"ok\":false,\"error\":\"the zone is frozen\"}\n"},
    {"thaw b", "{\"ok\":true}\n"},
    {"thaw b", "{\"ok\":false,\"error\":\"the zone is not frozen\"}\n"},
    {"notify c", "{\"ok\":false,\"error\":\"no such zone is served\"}\n"},
    {"reload now", "{\"ok\":false,\"error\":\"reload, or reload wait\"}\n"},
    {"zone c", "{\"ok\":false,\"error\":\"no such zone is served\"}\n"},
    {"zone a..b", "{\"ok\":false,\"error\":\"no domain name\"}\n"},
    {"zone", "{\"ok\":false,\"error\":\"the command lacks its argument\"}\n"},
    {"zones x", "{\"ok\":false,\"error\":\"the command takes no argument\"}\n"},
    {"zone a b", "{\"ok\":false,\"error\":\"too many words\"}\n"},
    {"", "{\"ok\":false,\"error\":\"unknown command; try help\"}\n"},
    {"zoness", "{\"ok\":false,\"error\":\"unknown command; try help\"}\n"},
    {"drain 0", "{\"ok\":false,\"error\":\"the seconds must be from 1 to 86400\"}\n"},
    {"drain 86401", "{\"ok\":false,\"error\":\"the seconds must be from 1 to 86400\"}\n"},
    {"drain 5x", "{\"ok\":false,\"error\":\"the seconds must be from 1 to 86400\"}\n"},
    {"drain 77777777777", "{\"ok\":false,\"error\":\"the seconds must be from 1 to 86400\"}\n"},
    {" reload ", "{\"findings\":[],\"ok\":true}\n"},
};

static void test_commands(void **state)
{
    struct fake fake = {0};
    struct control_hooks hooks = hooks_for(&fake);
    bool stop = false, taken;
    size_t len;
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(exchanges); i++) {
        char *answer = control_answer(&hooks, exchanges[i].request, &len, &stop, NULL, &taken);
        if (exchanges[i].answer != NULL)
            assert_string_equal(answer, exchanges[i].answer);
        else
            assert_non_null(strstr(answer, "\"serial\":5"));
        assert_int_equal(len, strlen(answer));
        free(answer);
    }
    assert_false(stop);
    assert_int_equal(fake.drain_s, 0);
    free(control_answer(&hooks, "drain 30", &len, &stop, NULL, &taken));
    assert_int_equal(fake.drain_s, 30);
    char *status = control_answer(&hooks, "status", &len, &stop, NULL, &taken);
    assert_non_null(strstr(status, "\"state\":\"draining\""));
    free(status);
    free(control_answer(&hooks, "stop", &len, &stop, NULL, &taken));
    assert_true(stop);
    assert_int_equal(fake.stops, 0);
    fake.reload_fails = true;
    char *answer = control_answer(&hooks, "reload", &len, &stop, NULL, &taken);
    assert_string_equal(answer,
        "{\"findings\":[{\"severity\":\"error\",\"file\":\"C\",\"line\":3,\"column\":4,\"rule\":\"r\","
        "\"message\":\"m\","
        "\"hint\":null}],\"ok\":false,\"error\":\"refused because of errors in the data\"}\n");
    free(answer);
    answer = control_answer(&hooks, "stats", &len, &stop, NULL, &taken);
    assert_non_null(strstr(answer, "\"queries_udp\":7,\"queries_tcp\":8,"));
    assert_non_null(strstr(answer, "\"NXDOMAIN\":9"));
    free(answer);
}

/* ---- the socket ---- */

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Lines of the answer, to the end of the connection or to COUNT. */
static unsigned read_lines(int fd, unsigned count)
{
    unsigned lines = 0;
    char octet;
    while (lines < count && read(fd, &octet, 1) == 1)
        lines += octet == '\n';
    return lines;
}

static unsigned seen[4];

/* Many requests at once, one in pieces, one too long, one that ends the server. */
static void *client_thread(void *arg)
{
    static const char many[] = "status\nzones\nzone b\nfoo\nstatus\n";
    char *wide = malloc(CONTROL_REQUEST_MAX * 2);
    memset(wide, 'x', CONTROL_REQUEST_MAX * 2);
    int fd = dial(arg);
    if (write(fd, many, sizeof many - 1) > 0)
        seen[0] = read_lines(fd, 5);
    for (const char *at = "zones\n"; *at != '\0'; at++)
        if (write(fd, at, 1) == 1)
            usleep(1000);
    seen[1] = read_lines(fd, 1);
    int other = dial(arg);
    if (send(other, wide, CONTROL_REQUEST_MAX * 2, MSG_NOSIGNAL) > 0)
        seen[2] = read_lines(other, 1);
    close(other);
    if (write(fd, "stop\n", 5) == 5)
        seen[3] = read_lines(fd, 2);
    close(fd);
    free(wide);
    return NULL;
}

static void test_socket(void **state)
{
    char directory[] = "/tmp/control_test.XXXXXX", path[64];
    struct fake fake = {0};
    struct control_hooks hooks = hooks_for(&fake);
    struct control *second;
    struct stat status;
    uv_loop_t loop;
    pthread_t thread;
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(control_start(&loop, path, &hooks, &fake.control), ERR_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(control_start(&loop, path, &hooks, &second), ERR_EXISTS);
    assert_int_equal(pthread_create(&thread, NULL, client_thread, path), 0);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    pthread_join(thread, NULL);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(seen[0], 5);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 0);
    assert_int_equal(seen[3], 1);
    assert_int_equal(fake.stops, 1);
    assert_int_not_equal(stat(path, &status), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* A socket file without a listener is replaced, another file is not. */
static void test_stale(void **state)
{
    char directory[] = "/tmp/control_test.XXXXXX", path[64];
    struct fake fake = {0};
    struct control_hooks hooks = hooks_for(&fake);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uv_loop_t loop;
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    uv_loop_init(&loop);
    assert_int_equal(control_start(&loop, path, &hooks, &fake.control), ERR_OK);
    control_stop(fake.control);
    control_stop(NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    FILE *file = fopen(path, "w");
    fclose(file);
    assert_int_equal(control_start(&loop, path, &hooks, &fake.control), ERR_IO);
    assert_int_equal(remove(path), 0);
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(control_start(&loop, path, &hooks, &fake.control), ERR_IO);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- JSON ---- */

static char *printed(const char *text, enum err want)
{
    char *out = NULL;
    size_t len;
    FILE *file = open_memstream(&out, &len);
    enum err err = json_print(file, text, "ok");
    fclose(file);
    assert_int_equal(err, want);
    return out;
}

static void test_json_print(void **state)
{
    static const char *const broken[] = {
        "", "x", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":\"", "[1]", "{\"a\":[{]}"};
    (void)state;
    char *text = printed(
        "{\"ok\":true,\"a\":\"x\\u0007\\\"y\",\"b\":{\"c\":1,\"d\":null},\"t\":[{\"n\":\"long one\",\"v\":1},"
        "{\"n\":\"x\",\"v\":22}],\"l\":[1,\"two\"]}",
        ERR_OK);
    assert_string_equal(text,
        "a                        x?\"y\nb.c                      1\nb.d                      -\n"
        "n         v\nlong one  1\nx         22\n1\ntwo\n");
    free(text);
    for (unsigned i = 0; i < ARRAY_COUNT(broken); i++)
        free(printed(broken[i], ERR_SYNTAX));
}

static void test_json_text(void **state)
{
    char *out = NULL, got[64];
    size_t len;
    struct json json;
    (void)state;
    FILE *file = open_memstream(&out, &len);
    json_init(&json, file);
    json_open(&json, NULL, '{');
    json_text(&json, "a", "x\"\\\n\xff\xc3\xa9");
    json_open(&json, "l", '[');
    json_number(&json, NULL, 1);
    json_bool(&json, NULL, false);
    json_close(&json, ']');
    json_close(&json, '}');
    fclose(file);
    assert_string_equal(out, "{\"a\":\"x\\\"\\\\\\u000a\\u00ff\xc3\xa9\",\"l\":[1,false]}");
    assert_true(json_get(out, "a", got, sizeof got));
    assert_string_equal(got, "x\"\\??\xc3\xa9");
    assert_false(json_get(out, "b", got, sizeof got));
    free(out);
}

/* ---- flags ---- */

struct flags {
    const char *conf;
    uint16_t port;
    unsigned count;
    bool quiet, help;
};

static const struct arg flag_rows[] = {
    {"conf", "FILE", ARG_TEXT, offsetof(struct flags, conf), "c"},
    {"dns.port", "PORT", ARG_PORT, offsetof(struct flags, port), "p"},
    {"p", "PORT", ARG_PORT, offsetof(struct flags, port), NULL},
    {"n", "N", ARG_COUNT, offsetof(struct flags, count), "n"},
    {"quiet", NULL, ARG_FLAG, offsetof(struct flags, quiet), "q"},
    {"help", NULL, ARG_FLAG, offsetof(struct flags, help), "h"},
    {.name = NULL},
};

static const struct {
    const char *line; /* separated by blanks */
    const char *why;  /* NULL: fine, and this is in the struct: */
    const char *conf;
    int port, rest;
    bool quiet;
} lines[] = {
    {"-conf a -p 53 -quiet x", NULL, "a", 53, 6, true},
    {"--conf=a --dns.port=1053 --quiet=false", NULL, "a", 1053, 4, false},
    {"-conf= -p 1", "'' cannot be the value of -conf", NULL, 0, 0, false},
    {"-quiet -- -conf", NULL, NULL, 0, 3, true},
    {"-quiet - -conf", NULL, NULL, 0, 2, true},
    {"-conf", "'-conf' needs a value", NULL, 0, 0, false},
    {"-p 0", "'0' cannot be the value of -p", NULL, 0, 0, false},
    {"-p 65536", "'65536' cannot be the value of -p", NULL, 0, 0, false},
    {"-p=1x", "'1x' cannot be the value of -p", NULL, 0, 0, false},
    {"-quiet=maybe", "'maybe' cannot be the value of -quiet", NULL, 0, 0, false},
    {"-nope", "unknown flag '-nope'", NULL, 0, 0, false},
    {"-con a", "unknown flag '-con'", NULL, 0, 0, false},
    {"-n 1025", "'1025' cannot be the value of -n", NULL, 0, 0, false},
    {"-conf -p", NULL, "-p", 0, 3, false},
};

static void test_args(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(lines); i++) {
        char copy[128], why[WHY_MAX] = "", *argv[16] = {copy}, *rest_of = copy;
        struct flags flags = {0};
        int argc = 1, rest = 0;
        snprintf(copy, sizeof copy, "%s", lines[i].line);
        for (char *word = strsep(&rest_of, " "); word != NULL; word = strsep(&rest_of, " "))
            argv[argc++] = word;
        enum err err = args_parse(argc, argv, flag_rows, &flags, &rest, why);
        assert_int_equal(err, lines[i].why != NULL ? ERR_SYNTAX : ERR_OK);
        assert_string_equal(why, lines[i].why != NULL ? lines[i].why : "");
        if (lines[i].why != NULL)
            continue;
        assert_int_equal(rest, lines[i].rest);
        assert_int_equal(flags.port, lines[i].port);
        assert_int_equal(flags.quiet, lines[i].quiet);
        assert_string_equal(flags.conf != NULL ? flags.conf : "", lines[i].conf != NULL ? lines[i].conf : "");
    }
}

static void test_args_help(void **state)
{
    char *out = NULL;
    size_t len;
    (void)state;
    FILE *file = open_memstream(&out, &len);
    args_help(file, flag_rows);
    fclose(file);
    assert_non_null(strstr(out, "  -dns.port, -p PORT     p\n"));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_socket),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_json_print),
        cmocka_unit_test(test_json_text),
        cmocka_unit_test(test_args),
        cmocka_unit_test(test_args_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
