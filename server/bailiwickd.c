/* bailiwickd: command line, signals, pid file, and the loop of the control plane. What it starts and stops
 * is server.h's. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <uv.h>

#include "server/args.h"
#include "server/control.h"
#include "server/explain.h"
#include "server/migrate.h"
#include "server/plugin_list.h"
#include "server/server.h"
#include "zone/base/file.h"
#include "zone/base/log.h"
#include "zone/base/service.h"
#include "zone/base/version.h"
#include "zone/text/report.h"

/* Warnings that are told when the server starts; thousands of zones may have many more. */
#define WARNINGS_TOLD 50

enum exit_status { EXIT_FINE = 0, EXIT_FINDINGS = 1, EXIT_CANNOT = 2 };

struct arguments {
    const char *conf;
    const char *pidfile;
    const char *control;
    const char *state;
    const char *options;
    const char *explain;
    const char *migrate;
    uint16_t port;
    unsigned workers;
    bool plugins, mdoc, quiet, version, check, help;
};

static const struct arg rows[] = {
    {"conf", "FILE", ARG_TEXT, offsetof(struct arguments, conf),
        "the Corefile; default: ./Corefile, if it is there"},
    {"dns.port", "PORT", ARG_PORT, offsetof(struct arguments, port),
        "port for zones that name none; default: 53"},
    {"p", "PORT", ARG_PORT, offsetof(struct arguments, port), NULL},
    {"check", NULL, ARG_FLAG, offsetof(struct arguments, check),
        "verify Corefile and zones, open no socket, and exit"},
    {"explain", "QUESTION", ARG_TEXT, offsetof(struct arguments, explain),
        "tell in words how 'NAME TYPE' would be answered, and exit"},
    {"migrate", "FILE", ARG_TEXT, offsetof(struct arguments, migrate),
        "print that Corefile of an older CoreDNS in today's form, and exit"},
    {"control", "PATH", ARG_TEXT, offsetof(struct arguments, control),
        "socket for bailiwickctl; 'off' for none"},
    {"state", "DIRECTORY", ARG_TEXT, offsetof(struct arguments, state),
        "where zones keep their journals; default: $STATE_DIRECTORY"},
    {"pidfile", "FILE", ARG_TEXT, offsetof(struct arguments, pidfile), "write the process id there"},
    {"workers", "N", ARG_COUNT, offsetof(struct arguments, workers),
        "threads that serve; default: one for each core"},
    {"quiet", NULL, ARG_FLAG, offsetof(struct arguments, quiet),
        "do not tell on standard output what is served"},
    {"plugins", NULL, ARG_FLAG, offsetof(struct arguments, plugins), "list the plugins built in, and exit"},
    {"options", "PLUGIN", ARG_TEXT, offsetof(struct arguments, options), "tell a plugin's options, and exit"},
    {"mdoc", NULL, ARG_FLAG, offsetof(struct arguments, mdoc), "with -options: as for its man page"},
    {"version", NULL, ARG_FLAG, offsetof(struct arguments, version), "print the version, and exit"},
    {"help", NULL, ARG_FLAG, offsetof(struct arguments, help), "print this, and exit"},
    {.name = NULL},
};

/* The one running server: signals and the control socket reach it through here. */
struct daemon {
    struct arguments arguments;
    struct server_options options;
    uv_loop_t loop;
    struct server *server;
    struct control *control;
    int signals; /* a signalfd, and what waits at it */
    uv_poll_t signalled;
    uv_timer_t drain; /* runs while draining */
    /* Findings come from loading threads, too. */
    pthread_mutex_t findings_lock;
    struct report report;                /* where they go before the server runs */
    unsigned untold;                     /* warnings that were too many */
    const struct finding_sink *listener; /* the reload that somebody waits for at the control socket */
};

/* ---- what is wrong, told ---- */

static void log_finding(const struct finding *finding)
{
    static const enum log_level levels[] = {
        [SEVERITY_INFO] = LOG_INFO, [SEVERITY_WARNING] = LOG_WARNING, [SEVERITY_ERROR] = LOG_ERROR};
    char place[32] = "";
    if (finding->line != 0)
        snprintf(place, sizeof place, ":%u:%u", finding->line, finding->column);
    log_write(levels[finding->severity], "%s%s%s%s%s%s", finding->file != NULL ? finding->file : "", place,
        finding->file != NULL ? ": " : "", finding->message, finding->hint != NULL ? "; hint: " : "",
        finding->hint != NULL ? finding->hint : "");
}

/* Before serving a finding is for whoever started us, with the line it stands on; later it is for the log. */
static void hear_finding(void *context, const struct finding *finding)
{
    struct daemon *daemon = context;
    if (daemon->arguments.explain != NULL && finding->severity != SEVERITY_ERROR)
        return;
    pthread_mutex_lock(&daemon->findings_lock);
    if (daemon->server == NULL) {
        struct finding_sink sink = report_sink(&daemon->report);
        bool tell = daemon->arguments.check || finding->severity == SEVERITY_ERROR ||
                    daemon->report.warnings < WARNINGS_TOLD;
        if (tell)
            sink.report(sink.context, finding);
        daemon->untold += !tell;
    } else {
        log_finding(finding);
        if (daemon->listener != NULL)
            daemon->listener->report(daemon->listener->context, finding);
    }
    pthread_mutex_unlock(&daemon->findings_lock);
}

/* ---- signals and control ---- */

static void stop(struct daemon *daemon)
{
    if (daemon->server == NULL)
        return;
    service_notify("STOPPING=1");
    uv_close((uv_handle_t *)&daemon->signalled, NULL);
    close(daemon->signals);
    uv_close((uv_handle_t *)&daemon->drain, NULL);
    control_stop(daemon->control);
    server_stop(daemon->server);
    daemon->server = NULL;
}

/* The server logs how it went. */
static enum err reload(struct daemon *daemon)
{
    service_reloading();
    enum err err = server_reload(daemon->server);
    service_notify("READY=1");
    return err;
}

static void drained(uv_timer_t *timer)
{
    log_info("drained");
    stop(timer->data);
}

/* With a lameduck time in the configuration the first signal begins it, the second ends it. */
static void end(struct daemon *daemon, const char *why)
{
    bool waiting = uv_is_active((const uv_handle_t *)&daemon->drain) != 0;
    int64_t lameduck_ms = waiting ? 0 : server_end(daemon->server);
    if (lameduck_ms == 0 || uv_timer_start(&daemon->drain, drained, (uint64_t)lameduck_ms, 0) != 0) {
        log_info("%s: shutting down", why);
        stop(daemon);
        return;
    }
    log_info("%s: going into lameduck mode for %g seconds", why, (double)lameduck_ms / 1000);
    service_notify("STATUS=lameduck");
}

static void take(struct daemon *daemon, uint32_t number)
{
    switch (number) {
    case SIGUSR1:
        log_info("SIGUSR1: reloading");
        if (reload(daemon) != ERR_OK)
            log_warning("SIGUSR1: nothing was changed");
        break;
    case SIGUSR2:
        log_warning("SIGUSR2: replacing the running program is not supported; restart it");
        break;
    case SIGQUIT:
        log_info("SIGQUIT: quitting at once");
        if (daemon->arguments.pidfile != NULL)
            unlink(daemon->arguments.pidfile);
        _exit(EXIT_FINE);
    default:
        end(daemon, number == SIGINT ? "SIGINT" : "SIGTERM");
    }
}

static void on_signals(uv_poll_t *poll, int status, int events)
{
    struct daemon *daemon = poll->data;
    struct signalfd_siginfo info;
    (void)status;
    (void)events;
    while (daemon->server != NULL && read(daemon->signals, &info, sizeof info) == (ssize_t)sizeof info)
        take(daemon, info.ssi_signo);
}

/* Before any thread is there, so that none hears them: what comes while the first load runs is neither lost
 * nor fatal, the kernel keeps it until the loop reads it. */
static enum err hold_signals(struct daemon *daemon)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGQUIT};
    sigset_t set;
    sigemptyset(&set);
    for (unsigned i = 0; i < ARRAY_COUNT(numbers); i++)
        sigaddset(&set, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    daemon->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return daemon->signals >= 0 ? ERR_OK : ERR_IO;
}

static void watch_signals(struct daemon *daemon)
{
    if (uv_poll_init(&daemon->loop, &daemon->signalled, daemon->signals) != 0)
        abort(); /* a descriptor that cannot be waited for is not one of signalfd's */
    daemon->signalled.data = daemon;
    uv_poll_start(&daemon->signalled, UV_READABLE, on_signals);
}

static void hook_status(void *context, struct server_status *status)
{
    server_status(((struct daemon *)context)->server, status);
}

static void hook_zones(void *context, void (*each)(void *, const struct zone_status *), void *each_context)
{
    server_zones(((struct daemon *)context)->server, each, each_context);
}

static struct zone *hook_zone(void *context, const uint8_t *name)
{
    return server_zone(((struct daemon *)context)->server, name);
}

static enum err hook_reload(void *context, const struct finding_sink *sink)
{
    struct daemon *daemon = context;
    pthread_mutex_lock(&daemon->findings_lock);
    daemon->listener = sink;
    pthread_mutex_unlock(&daemon->findings_lock);
    enum err err = reload(daemon);
    pthread_mutex_lock(&daemon->findings_lock);
    daemon->listener = NULL;
    pthread_mutex_unlock(&daemon->findings_lock);
    return err;
}

static enum err hook_drain(void *context, unsigned seconds)
{
    struct daemon *daemon = context;
    log_info("draining: stops in %u seconds", seconds);
    service_notify("STATUS=draining");
    (void)server_end(daemon->server);
    return uv_timer_start(&daemon->drain, drained, (uint64_t)seconds * 1000, 0) == 0 ? ERR_OK : ERR_INVALID;
}

static bool hook_draining(void *context)
{
    return uv_is_active((const uv_handle_t *)&((struct daemon *)context)->drain) != 0;
}

static void hook_stop(void *context)
{
    log_info("stopped by bailiwickctl");
    stop(context);
}

/* A socket that was asked for must be there; the usual one is a convenience. */
static enum err open_control(struct daemon *daemon)
{
    char usual[CONTROL_PATH_MAX];
    const struct control_hooks hooks = {.context = daemon,
        .status = hook_status,
        .zones = hook_zones,
        .zone = hook_zone,
        .reload = hook_reload,
        .drain = hook_drain,
        .draining = hook_draining,
        .stop = hook_stop};
    const char *asked = daemon->arguments.control;
    if (asked != NULL && strcmp(asked, "off") == 0)
        return ERR_OK;
    if (asked == NULL && !control_default_path(usual))
        return ERR_OK;
    const char *path = asked != NULL ? asked : usual;
    enum err err = control_start(&daemon->loop, path, &hooks, &daemon->control);
    if (err == ERR_OK)
        return ERR_OK;
    const char *why = err == ERR_EXISTS ? "another server listens there" : strerror(errno);
    if (asked == NULL) {
        log_warning("no control socket at %s: %s", path, why);
        return ERR_OK;
    }
    log_error("cannot open the control socket %s: %s", path, why);
    return err;
}

/* ---- the program ---- */

static enum err write_pidfile(const char *path)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    enum err err = path != NULL ? file_replace(path, text, (size_t)len, 0644) : ERR_OK;
    if (err != ERR_OK)
        log_error("cannot write the pid file %s: %s", path, strerror(errno));
    return err;
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static enum exit_status run_check(struct daemon *daemon)
{
    const char *name = daemon->options.corefile != NULL ? daemon->options.corefile : "built-in Corefile";
    enum err err = server_check(&daemon->options);
    report_clear(&daemon->report);
    unsigned errors = daemon->report.errors, warnings = daemon->report.warnings;
    if (err == ERR_OK && !daemon->arguments.quiet)
        printf(
            warnings != 0 ? "%s: fine, with %u warning%s\n" : "%s: fine\n", name, warnings, plural(warnings));
    if (err == ERR_OK)
        return EXIT_FINE;
    if (errors != 0)
        printf("%s: %u error%s, %u warning%s\n", name, errors, plural(errors), warnings, plural(warnings));
    else
        printf("%s: %s\n", name, err_text(err));
    return err == ERR_INVALID ? EXIT_FINDINGS : EXIT_CANNOT;
}

static enum exit_status run(struct daemon *daemon)
{
    enum exit_status status = EXIT_FINE;
    struct server *server = NULL;
    if (hold_signals(daemon) != ERR_OK) {
        log_fatal("cannot listen for signals: %s", strerror(errno));
        return EXIT_CANNOT;
    }
    uv_loop_init(&daemon->loop);
    enum err err = server_start(&daemon->options, &daemon->loop, &server);
    report_clear(&daemon->report);
    if (err != ERR_OK) {
        unsigned errors = daemon->report.errors;
        if (err == ERR_INVALID)
            log_fatal("not started, because of %u error%s", errors, plural(errors));
        else
            log_fatal("cannot start: %s", err_text(err));
        return err == ERR_INVALID ? EXIT_FINDINGS : EXIT_CANNOT;
    }
    daemon->server = server;
    if (daemon->untold != 0)
        log_warning("%u more warnings; bailiwickd -check tells them all", daemon->untold);
    watch_signals(daemon);
    uv_timer_init(&daemon->loop, &daemon->drain);
    daemon->drain.data = daemon;
    server_hello(server);
    if (open_control(daemon) != ERR_OK || write_pidfile(daemon->arguments.pidfile) != ERR_OK) {
        stop(daemon);
        status = EXIT_CANNOT;
    } else {
        service_notify("READY=1");
    }
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    uv_loop_close(&daemon->loop);
    if (daemon->arguments.pidfile != NULL && status == EXIT_FINE)
        unlink(daemon->arguments.pidfile);
    return status;
}

static enum exit_status run_explain(struct daemon *daemon)
{
    uv_loop_init(&daemon->loop);
    enum err err = explain(&daemon->options, daemon->arguments.explain, &daemon->loop);
    report_clear(&daemon->report);
    return err == ERR_OK ? EXIT_FINE : err == ERR_INVALID ? EXIT_FINDINGS : EXIT_CANNOT;
}

/* The form in which CoreDNS lists its plugins; scripts read it. */
static void list_plugins(void)
{
    puts("Server types:\n  dns\n\nOther plugins:");
    for (const char *const *name = server_plugins(); *name != NULL; name++)
        printf("  dns.%s\n", *name);
}

static enum exit_status tell_options(const char *name, bool mdoc)
{
    struct plugin_list list;
    plugin_list_init(&list);
    int at = plugin_list_find(&list, name);
    if (at < 0) {
        fprintf(stderr, "bailiwickd: there is no plugin '%s'; -plugins lists them\n", name);
        return EXIT_CANNOT;
    }
    const struct option *options = list.items[at]->options;
    if (mdoc) {
        options_man(stdout, options);
        return EXIT_FINE;
    }
    options_usage(stdout, name, options);
    options_tell(stdout, options);
    return EXIT_FINE;
}

static void print_version(void)
{
    struct utsname system;
    printf("bailiwickd %s\n", BAILIWICK_VERSION);
    if (uname(&system) == 0)
        printf("%s %s, libuv %s\n", system.sysname, system.machine, uv_version_string());
}

static enum exit_status misused(const char *why)
{
    fprintf(stderr, "bailiwickd: %s\nTry 'bailiwickd -help'.\n", why);
    return EXIT_CANNOT;
}

static enum exit_status dispatch(struct daemon *daemon)
{
    struct arguments *arguments = &daemon->arguments;
    if (arguments->help) {
        puts("usage: bailiwickd [flags]\n\nAn authoritative DNS server that reads CoreDNS's Corefile.\n");
        args_help(stdout, rows);
    } else if (arguments->version) {
        print_version();
    } else if (arguments->plugins) {
        list_plugins();
    } else if (arguments->migrate != NULL) {
        return migrate(arguments->migrate, stdout) == ERR_OK ? EXIT_FINE : EXIT_CANNOT;
    } else if (arguments->options != NULL) {
        return tell_options(arguments->options, arguments->mdoc);
    } else {
        if (arguments->conf == NULL && access("Corefile", F_OK) == 0)
            arguments->conf = "Corefile";
        daemon->options = (struct server_options){.corefile = arguments->conf,
            .port = arguments->port,
            .workers = arguments->workers,
            .quiet = arguments->quiet,
            .sink = {.report = hear_finding, .context = daemon}};
        report_init(&daemon->report, arguments->check ? stdout : stderr);
        if (arguments->explain != NULL)
            return run_explain(daemon);
        return arguments->check ? run_check(daemon) : run(daemon);
    }
    return EXIT_FINE;
}

/* Every TCP connection takes a descriptor: what the soft limit (often 1024) forbids the hard one may allow.
 */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warning("the limit of open files stays as it is: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    static struct daemon daemon = {.findings_lock = PTHREAD_MUTEX_INITIALIZER};
    char why[WHY_MAX];
    int rest;
    /* SIGHUP means nothing here, as in CoreDNS. */
    signal(SIGHUP, SIG_IGN);
    raise_descriptor_limit();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write, like any other */
    log_mark_priorities(service_has_journal());
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (args_parse(argc, argv, rows, &daemon.arguments, &rest, why) != ERR_OK)
        return (int)misused(why);
    if (rest != argc) {
        snprintf(why, sizeof why, "surplus argument '%.80s'", argv[rest]);
        return (int)misused(why);
    }
    zones_set_state(daemon.arguments.state);
    return (int)dispatch(&daemon);
}
