/* The control socket's commands and the client's reading of JSON on hostile text: an answer is always one
 * line with one JSON object, and text that is no JSON is refused without reading behind its end. */
#include <stdlib.h>
#include <string.h>

#include "server/control_command.h"
#include "zone/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The fuzzed text also stands where the server's own texts would. */
static const char *text;

static void status_of(void *context, struct server_status *status)
{
    (void)context;
    *status = (struct server_status){.corefile = text};
}

static void zones_of(void *context, void (*each)(void *, const struct zone_status *), void *each_context)
{
    (void)context;
    each(each_context, &(struct zone_status){.name = (const uint8_t *)"", .plugin = text, .source = text});
}

static enum err reload_of(void *context, const struct finding_sink *sink)
{
    (void)context;
    struct finding finding = {.message = text, .hint = text, .file = text};
    sink->report(sink->context, &finding);
    return ERR_INVALID;
}

static enum err drain_of(void *context, unsigned seconds)
{
    (void)context;
    return seconds % 2 != 0 ? ERR_OK : ERR_INVALID;
}

static bool draining_of(void *context)
{
    (void)context;
    return true;
}

static void stop_of(void *context)
{
    (void)context;
}

static void discard_object(void *context, const char *object)
{
    char out[16];
    if (json_get(object, "file", out, sizeof out))
        ++*(unsigned *)context;
}

static void check_answer(const char *request)
{
    static const struct control_hooks hooks = {.status = status_of,
        .zones = zones_of,
        .reload = reload_of,
        .drain = drain_of,
        .draining = draining_of,
        .stop = stop_of};
    bool stop = false, taken;
    size_t len, ok_len;
    unsigned objects = 0;
    char *answer = control_answer(&hooks, request, &len, &stop, NULL, &taken);
    FILE *out = fopen("/dev/null", "w");
    if (answer == NULL || out == NULL || strlen(answer) != len || strchr(answer, '\n') != answer + len - 1)
        abort();
    if (json_print(out, answer, NULL) != ERR_OK || json_member(answer, "ok", &ok_len) == NULL)
        abort();
    json_each(answer, "findings", discard_object, &objects);
    fclose(out);
    free(answer);
}

static void read_hostile(const char *json)
{
    char out[8];
    unsigned objects = 0;
    FILE *null = fopen("/dev/null", "w");
    if (null == NULL)
        abort();
    if (json_print(null, json, "ok") == ERR_OK)
        json_each(json, "a", discard_object, &objects);
    (void)json_get(json, "a", out, sizeof out);
    fclose(null);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    text = copy;
    check_answer(copy);
    check_answer("status");
    check_answer("zones");
    check_answer("reload");
    read_hostile(copy);
    free(copy);
    return 0;
}
