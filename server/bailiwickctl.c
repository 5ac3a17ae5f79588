/* bailiwickctl: sends one request to a bailiwickd's control socket and tells the answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/args.h"
#include "server/control.h"
#include "zone/base/json.h"
#include "zone/base/version.h"

enum exit_status { EXIT_FINE = 0, EXIT_REFUSED = 1, EXIT_CANNOT = 2 };

struct arguments {
    const char *control;
    unsigned timeout_s;
    bool json, version, help;
};

static const struct arg rows[] = {
    {"control", "PATH", ARG_TEXT, offsetof(struct arguments, control), "the server's control socket"},
    {"s", "PATH", ARG_TEXT, offsetof(struct arguments, control), NULL},
    {"json", NULL, ARG_FLAG, offsetof(struct arguments, json),
        "print the answer as it comes: one line of JSON"},
    {"timeout", "SECONDS", ARG_COUNT, offsetof(struct arguments, timeout_s), "how long to wait; default: 60"},
    {"version", NULL, ARG_FLAG, offsetof(struct arguments, version), "print the version, and exit"},
    {"help", NULL, ARG_FLAG, offsetof(struct arguments, help), "print this, and exit"},
    {.name = NULL},
};

static const char usage[] =
    "usage: bailiwickctl [flags] COMMAND [ARGUMENT ...]\n\n"
    "Commands: status, stats, zones, zone NAME, reload [wait], refresh NAME, retransfer NAME, notify NAME,\n"
    "freeze NAME, thaw NAME, edit NAME ..., rollback NAME SERIAL, drain SECONDS, stop, help\n\n";

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >= (int)sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Tries the usual places when no path is given. The error told is the first that is not "no such file". */
static int connect_server(const char *asked)
{
    char place[CONTROL_PATH_MAX], told[CONTROL_PATH_MAX] = "";
    int fd = -1, error = ENOENT;
    if (asked != NULL) {
        fd = connect_to(asked);
        if (fd < 0)
            fprintf(stderr, "bailiwickctl: cannot connect to %s: %s\n", asked, strerror(errno));
        return fd;
    }
    for (unsigned i = 0; fd < 0 && control_place(i, place); i++) {
        fd = connect_to(place);
        if (fd < 0 && (told[0] == '\0' || (error == ENOENT && errno != ENOENT))) {
            error = errno;
            memcpy(told, place, sizeof told);
        }
    }
    if (fd < 0)
        fprintf(
            stderr, "bailiwickctl: no server found, at %s: %s (try -control PATH)\n", told, strerror(error));
    return fd;
}

static void limit_wait(int fd, unsigned seconds)
{
    struct timeval limit = {.tv_sec = seconds != 0 ? seconds : 60};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* The answer's line, malloced; NULL with a word on standard error. */
static char *ask(int fd, char *const *words)
{
    char request[CONTROL_REQUEST_MAX];
    int len = 0;
    for (unsigned i = 0; words[i] != NULL && len < (int)sizeof request; i++)
        len += snprintf(request + len, sizeof request - (size_t)len, "%s%s", i > 0 ? " " : "", words[i]);
    if (len < (int)sizeof request)
        len += snprintf(request + len, sizeof request - (size_t)len, "\n");
    if (len >= (int)sizeof request || strcspn(request, "\n") != (size_t)len - 1) {
        fprintf(stderr, "bailiwickctl: malformed command\n");
        return NULL;
    }
    FILE *stream = fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    errno = 0;
    ssize_t got = -1;
    if (stream != NULL && send(fd, request, (size_t)len, MSG_NOSIGNAL) == len)
        got = getline(&line, &room, stream);
    if (got <= 0 || line[got - 1] != '\n') {
        fprintf(stderr, "bailiwickctl: no answer: %s\n", errno != 0 ? strerror(errno) : "connection closed");
        free(line);
        line = NULL;
    }
    if (stream != NULL)
        fclose(stream);
    return line;
}

static void tell_finding(void *context, const char *object)
{
    char severity[16] = "", file[1024], line[16] = "0", column[16] = "0", rule[64], message[1024] = "",
         hint[512];
    struct finding finding = {.message = message, .severity = SEVERITY_INFO};
    (void)context;
    finding.file = json_get(object, "file", file, sizeof file) ? file : NULL;
    finding.rule = json_get(object, "rule", rule, sizeof rule) ? rule : NULL;
    finding.hint = json_get(object, "hint", hint, sizeof hint) ? hint : NULL;
    if (json_get(object, "line", line, sizeof line) && json_get(object, "column", column, sizeof column)) {
        finding.line = (uint32_t)strtoul(line, NULL, 10);
        finding.column = (uint32_t)strtoul(column, NULL, 10);
    }
    (void)json_get(object, "message", message, sizeof message);
    (void)json_get(object, "severity", severity, sizeof severity);
    while (finding.severity < SEVERITY_ERROR && strcmp(severity_text(finding.severity), severity) != 0)
        finding.severity++;
    finding_print(stdout, &finding);
}

static enum exit_status tell(const char *line, bool json)
{
    size_t len;
    char error[256];
    const char *ok = json_member(line, "ok", &len);
    bool fine = ok != NULL && len == 4 && memcmp(ok, "true", 4) == 0;
    if (json) {
        fputs(line, stdout);
        return fine ? EXIT_FINE : EXIT_REFUSED;
    }
    json_each(line, "findings", tell_finding, NULL);
    if (!fine && json_get(line, "error", error, sizeof error))
        fprintf(stderr, "bailiwickctl: %s\n", error);
    else if (json_member(line, "findings", &len) == NULL && json_print(stdout, line, "ok") != ERR_OK)
        fprintf(stderr, "bailiwickctl: the answer is not understood\n");
    return fine ? EXIT_FINE : EXIT_REFUSED;
}

static enum exit_status misused(const char *why)
{
    fprintf(stderr, "bailiwickctl: %s\nTry 'bailiwickctl -help'.\n", why);
    return EXIT_CANNOT;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    char why[WHY_MAX];
    int rest;
    if (args_parse(argc, argv, rows, &arguments, &rest, why) != ERR_OK)
        return (int)misused(why);
    if (arguments.help) {
        fputs(usage, stdout);
        args_help(stdout, rows);
        return EXIT_FINE;
    }
    if (arguments.version) {
        printf("bailiwickctl %s\n", BAILIWICK_VERSION);
        return EXIT_FINE;
    }
    if (rest == argc)
        return (int)misused("what is to be done?");
    int fd = connect_server(arguments.control);
    if (fd < 0)
        return EXIT_CANNOT;
    limit_wait(fd, arguments.timeout_s);
    char *line = ask(fd, argv + rest);
    enum exit_status status = line != NULL ? tell(line, arguments.json) : EXIT_CANNOT;
    free(line);
    return (int)status;
}
