/* `reload wait`: the configuration has been read; the answer comes when every zone whose text lies on this
 * machine has been looked at, and says of each what is served and why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/zones.h"
#include "server/control_command.h"

struct waiting {
    struct control_later *later;
    const struct control_hooks *hooks;
    size_t left; /* zones being looked at, and one for the one who asks */
};

struct summary {
    struct json *json;
    uint64_t failed;
};

static void put_zone(void *context, const struct zone_status *zone)
{
    struct summary *summary = context;
    summary->failed += zone->error != NULL;
    control_put_zone(summary->json, zone);
}

static char *answer(const struct control_hooks *hooks, size_t *len)
{
    char *text = NULL;
    struct json json;
    struct summary summary = {.json = &json};
    FILE *out = open_memstream(&text, len);
    if (out == NULL)
        return NULL;
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_open(&json, "zones", '[');
    hooks->zones(hooks->context, put_zone, &summary);
    json_close(&json, ']');
    json_number(&json, "failed", summary.failed);
    json_bool(&json, "ok", summary.failed == 0);
    if (summary.failed > 0)
        json_text(&json, "error", "some zones are not served as their texts say");
    json_close(&json, '}');
    fputc('\n', out);
    return fclose(out) == 0 ? text : NULL;
}

static void one_less(void *context)
{
    struct waiting *waiting = context;
    if (--waiting->left > 0)
        return;
    size_t len = 0;
    char *text = waiting->later->client != NULL ? answer(waiting->hooks, &len) : NULL;
    control_later_send(waiting->later, text, len);
    free(waiting);
}

static void look(void *context, const struct zone_status *status)
{
    struct waiting *waiting = context;
    const struct zone_kind *kind = status->zone != NULL ? status->zone->kind : NULL;
    if (kind == NULL || !kind->local || kind->refresh == NULL || status->frozen)
        return;
    waiting->left++;
    if (!kind->refresh(status->zone, true, one_less, waiting))
        waiting->left--;
}

const char *control_reload_wait(struct control_request *request)
{
    struct waiting *waiting = request->later != NULL ? calloc(1, sizeof *waiting) : NULL;
    if (waiting == NULL)
        return err_text(ERR_MEMORY);
    *waiting = (struct waiting){.later = request->later, .hooks = request->hooks, .left = 1};
    request->hooks->zones(request->hooks->context, look, waiting);
    request->taken = true;
    if (--waiting->left > 0)
        return NULL;
    waiting->left = 1; /* nothing is looked at: the answer is written soon, like any other */
    if (host_call(one_less, waiting) != ERR_OK)
        request->taken = false;
    return NULL;
}
