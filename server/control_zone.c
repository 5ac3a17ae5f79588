/* The control socket's commands about one zone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/zones.h"
#include "server/control_command.h"
#include "zone/base/provenance.h"
#include "zone/store/journal.h"
#include "zone/wire/name.h"

static const char *find_zone(struct control_request *request, struct zone **out)
{
    uint8_t name[NAME_MAX + 1];
    size_t len;
    if (name_parse(request->arg, strlen(request->arg), NULL, name, &len, NULL) != ERR_OK)
        return "no domain name";
    name_lower(name, name);
    *out = request->hooks->zone != NULL ? request->hooks->zone(request->hooks->context, name) : NULL;
    return *out != NULL ? NULL : "no such zone is served";
}

/* ---- zone NAME ---- */

static void put_history(struct json *json, struct zone *zone)
{
    struct journal_span span;
    json_open(json, "history", '{');
    if (zone_history_span(zone, &span)) {
        json_number(json, "from", span.from);
        json_number(json, "to", span.to);
        json_number(json, "steps", span.count);
        json_number(json, "octets", span.size);
    }
    json_text(json, "directory", zone->state);
    json_close(json, '}');
}

/* The stations in the order of time would tell a story, too, but people look for a name. */
static void put_steps(struct json *json, struct zone *zone)
{
    static const char *const names[ZONE_STEPS] = {
        "notified", "asked", "transferred", "checked", "published", "told", "failed"};
    char text[ZONE_ERROR_MAX];
    json_open(json, "steps", '[');
    for (unsigned i = 0; i < ZONE_STEPS; i++) {
        int64_t at_s = zone_noted(zone, (enum zone_step)i, text, sizeof text);
        if (i == ZONE_PUBLISHED && at_s == 0)
            at_s = zone->published_s;
        if (at_s == 0)
            continue;
        json_open(json, NULL, '{');
        json_text(json, "step", names[i]);
        control_put_time(json, "at", (uint64_t)at_s);
        json_text(json, "what", text[0] != '\0' ? text : NULL);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static const char *reason(struct zone *zone, const struct zone_status *status, char text[ZONE_ERROR_MAX])
{
    if (status->frozen)
        return "frozen: nothing may change it until it is thawed";
    if (atomic_load(&zone->expired))
        return "expired: no primary has answered for too long";
    if (status->error != NULL)
        return status->error;
    if (zone_noted(zone, ZONE_PUBLISHED, text, ZONE_ERROR_MAX) != 0 && text[0] != '\0')
        return text;
    return status->loaded_s == 0 ? "not there yet" : "what was found last is served";
}

/* The commit that gitsync published the zone's file from. */
static void put_provenance(struct json *json, const struct zone_status *status)
{
    struct provenance provenance;
    if (status->source == NULL || status->source[0] != '/' || !provenance_find(&provenance, status->source))
        return;
    json_text(json, "commit", provenance.commit);
    if (provenance.signer[0] != '\0')
        json_text(json, "signer", provenance.signer);
}

const char *control_zone(struct control_request *request)
{
    struct zone *zone;
    struct zone_status status;
    char error[ZONE_ERROR_MAX], text[ZONE_ERROR_MAX];
    const char *why = find_zone(request, &zone);
    if (why != NULL)
        return why;
    zone_tell(zone, &status, error);
    json_open(&request->json, "zones", '[');
    control_put_zone(&request->json, &status);
    json_close(&request->json, ']');
    json_bool(&request->json, "current", status.error == NULL && status.loaded_s != 0 && !status.frozen);
    json_text(&request->json, "why", reason(zone, &status, text));
    if (zone->expires_s != 0)
        control_put_time(&request->json, "expires", (uint64_t)zone->expires_s);
    put_provenance(&request->json, &status);
    put_history(&request->json, zone);
    put_steps(&request->json, zone);
    return NULL;
}

/* ---- looking for a newer version ---- */

struct looking {
    struct control_later *later;
    struct zone *zone;
};

static char *zone_answer(struct zone *zone, size_t *len)
{
    char *text = NULL, error[ZONE_ERROR_MAX];
    struct json json;
    struct zone_status status;
    FILE *out = open_memstream(&text, len);
    if (out == NULL)
        return NULL;
    zone_tell(zone, &status, error);
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_open(&json, "zones", '[');
    control_put_zone(&json, &status);
    json_close(&json, ']');
    json_bool(&json, "ok", status.error == NULL);
    if (status.error != NULL)
        json_text(&json, "error", status.error);
    json_close(&json, '}');
    fputc('\n', out);
    return fclose(out) == 0 ? text : NULL;
}

static void looked(void *context)
{
    struct looking *looking = context;
    size_t len = 0;
    char *text = zone_answer(looking->zone, &len);
    control_later_send(looking->later, text, len);
    zone_release(looking->zone);
    free(looking);
}

static const char *look(struct control_request *request, struct zone *zone, bool force)
{
    struct looking *looking = request->later != NULL ? calloc(1, sizeof *looking) : NULL;
    if (looking == NULL)
        return err_text(ERR_MEMORY);
    *looking = (struct looking){.later = request->later, .zone = zone_hold(zone)};
    request->taken = zone->kind->refresh != NULL && zone->kind->refresh(zone, force, looked, looking);
    if (request->taken)
        return NULL;
    zone_release(zone);
    free(looking);
    return "there is nothing that could be asked for this zone";
}

static const char *find_and_look(struct control_request *request, bool force)
{
    struct zone *zone;
    const char *why = find_zone(request, &zone);
    if (why != NULL)
        return why;
    return atomic_load(&zone_changed_at(zone)->frozen) ? "the zone is frozen" : look(request, zone, force);
}

const char *control_refresh(struct control_request *request)
{
    return find_and_look(request, false);
}

const char *control_retransfer(struct control_request *request)
{
    return find_and_look(request, true);
}

const char *control_notify(struct control_request *request)
{
    struct zone *zone;
    const char *why = find_zone(request, &zone);
    if (why == NULL)
        zones_tell(zone, ZONE_ASK_NOTIFY);
    return why;
}

const char *control_freeze(struct control_request *request)
{
    struct zone *zone;
    const char *why = find_zone(request, &zone);
    if (why == NULL && zone_freeze(zone_changed_at(zone)) != ERR_OK)
        why = "it is frozen, but the state directory cannot be written to: a restart would thaw it";
    return why;
}

const char *control_thaw(struct control_request *request)
{
    struct zone *zone;
    const char *why = find_zone(request, &zone);
    if (why != NULL)
        return why;
    if (!atomic_load(&zone_changed_at(zone)->frozen))
        return "the zone is not frozen";
    zone_thaw(zone_changed_at(zone));
    if (request->later == NULL || zone->kind->refresh == NULL)
        return NULL;
    return look(request, zone, true);
}
