#include "server/control_command.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/json.h"
#include "zone/base/log.h"
#include "zone/base/version.h"
#include "zone/wire/message.h"
#include "zone/wire/name.h"

struct command {
    const char *name;
    const char *arg; /* what help calls its argument, NULL when it takes none */
    control_run *run;
    const char *help;
    bool whole; /* its argument is all that is left of the line */
};

static const struct command commands[];

void control_put_time(struct json *json, const char *name, uint64_t seconds)
{
    char text[40];
    time_t time = (time_t)seconds;
    struct tm tm;
    if (seconds == 0 || gmtime_r(&time, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        json_text(json, name, NULL);
    else
        json_text(json, name, text);
}

/* ---- status, stats ---- */

static const char *run_status(struct control_request *request)
{
    struct server_status status = {0};
    struct json *json = &request->json;
    request->hooks->status(request->hooks->context, &status);
    json_text(json, "version", BAILIWICK_VERSION);
    json_number(json, "pid", (uint64_t)getpid());
    json_text(json, "state", request->hooks->draining(request->hooks->context) ? "draining" : "serving");
    json_text(json, "corefile", status.corefile);
    control_put_time(json, "started", status.started_s);
    control_put_time(json, "loaded", status.reloaded_s);
    json_number(json, "workers", status.workers);
    json_number(json, "blocks", status.blocks);
    json_number(json, "listeners", status.listeners);
    json_number(json, "zones", status.zones);
    json_number(json, "reloads", status.reloads);
    json_number(json, "reload_failures", status.reload_failures);
    return NULL;
}

#define COUNTER(name)                                                                                        \
    {                                                                                                        \
#name, offsetof(struct server_counters, name)                                                        \
    }

static const struct {
    const char *name;
    size_t offset;
} counters[] = {
    {"queries_udp", offsetof(struct server_counters, queries)},
    {"queries_tcp", offsetof(struct server_counters, queries) + sizeof(uint64_t)},
    COUNTER(replies),
    COUNTER(dropped),
    COUNTER(malformed),
    COUNTER(truncated),
    COUNTER(batches),
    COUNTER(suspended),
    COUNTER(send_errors),
    COUNTER(connections),
    COUNTER(connections_now),
    COUNTER(connections_evicted),
    COUNTER(connections_refused),
};

static void put_rcodes(struct json *json, const struct server_counters *count)
{
    json_open(json, "rcodes", '{');
    for (unsigned i = 0; i < ARRAY_COUNT(count->rcodes); i++) {
        char number[16];
        const char *name = rcode_name(i);
        if (name == NULL && count->rcodes[i] == 0)
            continue;
        snprintf(number, sizeof number, "%u", i);
        json_number(json, name != NULL ? name : number, count->rcodes[i]);
    }
    json_close(json, '}');
}

static const char *run_stats(struct control_request *request)
{
    struct server_status status = {0};
    request->hooks->status(request->hooks->context, &status);
    for (unsigned i = 0; i < ARRAY_COUNT(counters); i++) {
        uint64_t value;
        memcpy(&value, (const char *)&status.counters + counters[i].offset, sizeof value);
        json_number(&request->json, counters[i].name, value);
    }
    put_rcodes(&request->json, &status.counters);
    return NULL;
}

/* ---- zones ---- */

void control_put_zone(struct json *json, const struct zone_status *zone)
{
    char name[NAME_TEXT_MAX];
    name_print(zone->name, name);
    json_open(json, NULL, '{');
    json_text(json, "zone", name);
    json_text(json, "state", zone->state);
    json_number(json, "serial", zone->serial);
    if (zone->made_of !=
        0) /* whoever deploys an unsigned zone wants to know that its signed form is served */
        json_number(json, "of_serial", (uint32_t)zone->made_of);
    json_number(json, "records", zone->records);
    control_put_time(json, "loaded", zone->loaded_s);
    json_text(json, "plugin", zone->plugin);
    json_text(json, "source", zone->source);
    json_text(json, "error", zone->error);
    json_bool(json, "frozen", zone->frozen);
    json_close(json, '}');
}

static void put_each(void *context, const struct zone_status *zone)
{
    control_put_zone(context, zone);
}

static const char *run_zones(struct control_request *request)
{
    json_open(&request->json, "zones", '[');
    request->hooks->zones(request->hooks->context, put_each, &request->json);
    json_close(&request->json, ']');
    return NULL;
}

/* ---- reload, stop ---- */

static void put_finding(void *context, const struct finding *finding)
{
    struct json *json = context;
    json_open(json, NULL, '{');
    json_text(json, "severity", severity_text(finding->severity));
    json_text(json, "file", finding->file);
    json_number(json, "line", finding->line);
    json_number(json, "column", finding->column);
    json_text(json, "rule", finding->rule);
    json_text(json, "message", finding->message);
    json_text(json, "hint", finding->hint);
    json_close(json, '}');
}

static const char *run_reload(struct control_request *request)
{
    struct finding_sink sink = {.report = put_finding, .context = &request->json};
    bool wait = strcmp(request->arg, "wait") == 0;
    if (!wait && request->arg[0] != '\0')
        return "reload, or reload wait";
    json_open(&request->json, "findings", '[');
    enum err err = request->hooks->reload(request->hooks->context, &sink);
    json_close(&request->json, ']');
    if (err != ERR_OK)
        return err_text(err);
    return wait ? control_reload_wait(request) : NULL;
}

#define DRAIN_MAX_S 86400

static const char *run_drain(struct control_request *request)
{
    size_t digits = strspn(request->arg, "0123456789");
    unsigned long seconds = digits != 0 && digits < 8 ? strtoul(request->arg, NULL, 10) : 0;
    if (request->arg[digits] != '\0' || seconds == 0 || seconds > DRAIN_MAX_S)
        return "the seconds must be from 1 to 86400";
    enum err err = request->hooks->drain(request->hooks->context, (unsigned)seconds);
    return err != ERR_OK ? err_text(err) : NULL;
}

static const char *const levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

/* What is logged from now on, until the next start. */
static const char *run_log(struct control_request *request)
{
    unsigned at = 0;
    while (at < ARRAY_COUNT(levels) && strcmp(levels[at], request->arg) != 0)
        at++;
    if (at == ARRAY_COUNT(levels) && request->arg[0] != '\0')
        return "the level must be debug, info, warning or error";
    if (at < ARRAY_COUNT(levels))
        log_set_level((enum log_level)at);
    for (at = 0; at + 1 < ARRAY_COUNT(levels) && !log_wants((enum log_level)at);)
        at++;
    json_text(&request->json, "level", levels[at]);
    return NULL;
}

static const char *run_stop(struct control_request *request)
{
    *request->stop = true;
    return NULL;
}

static const char *run_help(struct control_request *request);

static const struct command commands[] = {
    {"status", NULL, run_status, "what the server is and since when", false},
    {"stats", NULL, run_stats, "counters of queries, replies and connections", false},
    {"zones", NULL, run_zones, "all zones served", false},
    {"zone", "NAME", control_zone, "one zone, and why it is or is not current", false},
    {"reload", "[wait]", run_reload, "read the Corefile and changed zone files again; wait for the zones",
        false},
    {"refresh", "NAME", control_refresh, "look for a newer version of a zone now", false},
    {"retransfer", "NAME", control_retransfer, "fetch or read a zone as a whole, whatever its serial", false},
    {"notify", "NAME", control_notify, "send NOTIFY to a zone's secondaries", false},
    {"freeze", "NAME", control_freeze, "let nothing change a zone", false},
    {"thaw", "NAME", control_thaw, "let it change again, and look for a newer version", false},
    {"edit", "NAME begin|add|set|del|diff|commit|rebase|abort ...", control_edit,
        "change a zone by hand: records as in its text", true},
    {"rollback", "NAME SERIAL", control_rollback, "serve an earlier version again, under a new serial", true},
    {"log", "[LEVEL]", run_log, "tell what is logged, or log from debug, info, warning or error on", false},
    {"drain", "SECONDS", run_drain, "go on serving for so long, then stop", false},
    {"stop", NULL, run_stop, "end the server", false},
    {"help", NULL, run_help, "the commands", false},
};

static const char *run_help(struct control_request *request)
{
    json_open(&request->json, "commands", '[');
    for (unsigned i = 0; i < ARRAY_COUNT(commands); i++) {
        json_open(&request->json, NULL, '{');
        json_text(&request->json, "command", commands[i].name);
        json_text(&request->json, "argument", commands[i].arg);
        json_text(&request->json, "what", commands[i].help);
        json_close(&request->json, '}');
    }
    json_close(&request->json, ']');
    return NULL;
}

/* ---- the request's line ---- */

static const struct command *find_command(const char *word)
{
    for (unsigned i = 0; i < ARRAY_COUNT(commands); i++)
        if (strcmp(commands[i].name, word) == 0)
            return &commands[i];
    return NULL;
}

/* Splits LINE into a command and at most one argument. An error's text, or NULL. */
static const char *split(char *line, const struct command **command, const char **arg)
{
    static const char blanks[] = " \t\r";
    char *word = strtok_r(line, blanks, &line);
    char *rest = word != NULL ? strtok_r(NULL, blanks, &line) : NULL;
    *command = word != NULL ? find_command(word) : NULL;
    *arg = rest != NULL ? rest : "";
    if (*command == NULL)
        return "unknown command; try help";
    if (rest != NULL && (*command)->whole) {
        if (*line != '\0') /* the blank that ended the first word */
            line[-1] = ' ';
        return NULL;
    }
    if (rest != NULL && strtok_r(NULL, blanks, &line) != NULL)
        return "too many words";
    if ((*command)->arg == NULL && rest != NULL)
        return "the command takes no argument";
    bool lacks = (*command)->arg != NULL && (*command)->arg[0] != '[' && rest == NULL;
    return lacks ? "the command lacks its argument" : NULL;
}

/* The verdict is known only behind the members, and the order of members in an object is free. */
static void write_answer(struct control_request *request, char *line)
{
    const struct command *command;
    const char *error = split(line, &command, &request->arg);
    json_open(&request->json, NULL, '{');
    if (error == NULL)
        error = command->run(request);
    json_bool(&request->json, "ok", error == NULL);
    if (error != NULL)
        json_text(&request->json, "error", error);
    json_close(&request->json, '}');
}

char *control_answer(const struct control_hooks *hooks, const char *line, size_t *len, bool *stop,
    struct control_later *later, bool *taken)
{
    char *text = NULL, *copy = strdup(line);
    FILE *out = copy != NULL ? open_memstream(&text, len) : NULL;
    *taken = false;
    if (out != NULL) {
        struct control_request request = {.hooks = hooks, .stop = stop, .later = later};
        json_init(&request.json, out);
        write_answer(&request, copy);
        fputc('\n', out);
        *taken = request.taken;
        if (fclose(out) != 0 || request.taken) {
            free(text);
            text = NULL;
        }
    }
    free(copy);
    return text;
}
