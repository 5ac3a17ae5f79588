/* dnscached: a program of one's own over Bailiwick's server library. A small caching forwarder whose users
 * know nothing of Corefiles: it takes flags, makes a Corefile of them, and serves that. -dry-run prints it
 * instead. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uv.h>

#include "server/args.h"
#include "server/server.h"
#include "zone/base/attr.h"
#include "zone/base/file.h"
#include "zone/text/report.h"

#define NAME "dnscached"
#define VERSION "1.0.0"
#define ENTRIES_MAX 100000000
#define SECONDS_MAX 2147483647

struct dnscached {
    bool version, dry_run, log, help;
    const char *pidfile, *bind, *success, *denial, *prefetch, *ttl;
    uint16_t port;
};

static const struct arg rows[] = {
    {"pidfile", "PATH", ARG_TEXT, offsetof(struct dnscached, pidfile), "file to write the process id to"},
    {"version", NULL, ARG_FLAG, offsetof(struct dnscached, version), "print the version, and exit"},
    {"dry-run", NULL, ARG_FLAG, offsetof(struct dnscached, dry_run),
        "print the Corefile made from the flags, and exit"},
    {"log", NULL, ARG_FLAG, offsetof(struct dnscached, log), "log queries"},
    {"bind", "IPS", ARG_TEXT, offsetof(struct dnscached, bind),
        "addresses to listen on; default: \"127.0.0.1 ::1\""},
    {"port", "NUMBER", ARG_PORT, offsetof(struct dnscached, port), "port to listen on; default: 5300"},
    {"success", "ENTRIES", ARG_TEXT, offsetof(struct dnscached, success),
        "answers to remember; default: 9984"},
    {"denial", "ENTRIES", ARG_TEXT, offsetof(struct dnscached, denial), "denials to remember; default: 9984"},
    {"prefetch", "TIMES", ARG_TEXT, offsetof(struct dnscached, prefetch),
        "ask again in time for what is asked for so often in a minute; default: 10"},
    {"ttl", "SECONDS", ARG_TEXT, offsetof(struct dnscached, ttl),
        "how long to remember at most, 0: not at all; default: 60"},
    {"help", NULL, ARG_FLAG, offsetof(struct dnscached, help), "print this, and exit"},
    {.name = NULL},
};

static PRINTF(1, 2) int misused(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs(NAME ": ", stderr);
    vfprintf(stderr, format, args);
    fputs("\nTry '" NAME " -help'.\n", stderr);
    va_end(args);
    return 2;
}

/* ---- flags to a Corefile ---- */

static bool is_number(const char *text, unsigned long max)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && number <= max;
}

static void print_cache(FILE *out, const struct dnscached *d)
{
    if (strtoul(d->ttl, NULL, 10) == 0)
        return;
    fprintf(out, " cache %s {\n  success %s\n  denial %s\n", d->ttl, d->success, d->denial);
    if (strtoul(d->prefetch, NULL, 10) != 0)
        fprintf(out, "  prefetch %s\n", d->prefetch);
    fputs(" }\n", out);
}

static void print_corefile(FILE *out, const struct dnscached *d, char *const *destinations, int count)
{
    fprintf(out, ".:%u {\n errors\n bind %s\n", d->port, d->bind);
    if (d->log)
        fputs(" log\n", out);
    print_cache(out, d);
    fputs(" forward .", out);
    if (count == 0)
        fputs(" /etc/resolv.conf", out);
    for (int i = 0; i < count; i++)
        fprintf(out, " %s", destinations[i]);
    fputs("\n}\n", out);
}

/* The server reads its Corefile from a path: that of a file in memory will do. */
static const char *keep_corefile(const struct dnscached *d, char *const *destinations, int count)
{
    static char path[64];
    int fd = memfd_create("flags", 0);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL)
        return NULL;
    print_corefile(file, d, destinations, count);
    if (fflush(file) != 0)
        return NULL;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* it stays open */
    return path;
}

/* ---- serving ---- */

struct serving {
    struct server *server;
    uv_signal_t interrupt, terminate;
    struct report report;
};

static void hear(void *context, const struct finding *finding)
{
    struct finding_sink sink = report_sink(context);
    sink.report(sink.context, finding);
}

static void stop(uv_signal_t *handle, int number)
{
    struct serving *serving = handle->data;
    (void)number;
    uv_close((uv_handle_t *)&serving->interrupt, NULL);
    uv_close((uv_handle_t *)&serving->terminate, NULL);
    server_stop(serving->server);
}

static void watch(uv_loop_t *loop, struct serving *serving, uv_signal_t *handle, int number)
{
    uv_signal_init(loop, handle);
    handle->data = serving;
    uv_signal_start(handle, stop, number);
}

static int write_pidfile(const char *path)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (path == NULL || file_replace(path, text, (size_t)len, 0644) == ERR_OK)
        return 0;
    fprintf(stderr, NAME ": cannot write %s\n", path);
    return 2;
}

static int serve(const struct dnscached *d, const char *corefile)
{
    static struct serving serving;
    uv_loop_t loop;
    struct server_options options = {
        .corefile = corefile, .sink = {.report = hear, .context = &serving.report}};
    uv_loop_init(&loop);
    report_init(&serving.report, stderr);
    enum err err = server_start(&options, &loop, &serving.server);
    report_clear(&serving.report);
    if (err != ERR_OK) {
        fprintf(stderr, NAME ": not started: %s\n", err_text(err));
        return 1;
    }
    watch(&loop, &serving, &serving.interrupt, SIGINT);
    watch(&loop, &serving, &serving.terminate, SIGTERM);
    server_hello(serving.server);
    int status = write_pidfile(d->pidfile);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return status;
}

int main(int argc, char **argv)
{
    struct dnscached d = {0};
    char why[WHY_MAX];
    int rest;
    if (args_parse(argc, argv, rows, &d, &rest, why) != ERR_OK)
        return misused("%s", why);
    d.bind = d.bind != NULL ? d.bind : "127.0.0.1 ::1";
    d.port = d.port != 0 ? d.port : 5300;
    d.success = d.success != NULL ? d.success : "9984";
    d.denial = d.denial != NULL ? d.denial : "9984";
    d.prefetch = d.prefetch != NULL ? d.prefetch : "10";
    d.ttl = d.ttl != NULL ? d.ttl : "60";
    if (!is_number(d.success, ENTRIES_MAX) || !is_number(d.denial, ENTRIES_MAX) ||
        !is_number(d.prefetch, ENTRIES_MAX) || !is_number(d.ttl, SECONDS_MAX))
        return misused("-success, -denial, -prefetch and -ttl want numbers");
    if (d.help) {
        puts("usage: " NAME " [options] [destinations]\n\nA small caching DNS forwarder. Destinations are "
             "name servers (IP, IP:PORT,\n"
             "tls://IP) or a file like /etc/resolv.conf, which is the default.\n");
        args_help(stdout, rows);
        return 0;
    }
    if (d.version) {
        puts(NAME "-" VERSION);
        return 0;
    }
    if (d.dry_run) {
        print_corefile(stdout, &d, argv + rest, argc - rest);
        return 0;
    }
    const char *corefile = keep_corefile(&d, argv + rest, argc - rest);
    if (corefile == NULL)
        return misused("cannot make the Corefile");
    return serve(&d, corefile);
}
