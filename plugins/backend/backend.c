/* Targets, and what the plugins' lines do at their start and end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/backend/call.h"
#include "zone/net/tls.h"

struct target *backend_hold(struct target *target)
{
    target->users++;
    return target;
}

void backend_drop(struct target *target)
{
    if (target == NULL || --target->users > 0)
        return;
    if (target->flow.tls != NULL)
        tls_context_drop(target->flow.tls);
    free(target->server_name);
    free(target->lanes);
    free(target);
}

static enum err target_new(const struct backend *backend, unsigned index, struct target **out)
{
    const struct flow_target *settings = &backend->settings[index];
    struct target *target = calloc(1, sizeof *target);
    if (target == NULL)
        return ERR_MEMORY;
    target->users = 1;
    target->flow = *settings;
    target->flow.connect_ms = CONNECT_MS;
    if (settings->tls != NULL)
        tls_context_hold(settings->tls);
    target->expire_ms = backend->expire_ms;
    snprintf(target->label, sizeof target->label, "%s", backend->labels[index]);
    target->lanes_count = backend->sides_count;
    target->lanes = aligned_alloc(64, target->lanes_count * sizeof *target->lanes);
    if (settings->server_name != NULL)
        target->flow.server_name = target->server_name = strdup(settings->server_name);
    if (target->lanes == NULL || (settings->server_name != NULL && target->server_name == NULL)) {
        backend_drop(target);
        return ERR_MEMORY;
    }
    memset(target->lanes, 0, target->lanes_count * sizeof *target->lanes);
    *out = target;
    return ERR_OK;
}

static enum err start_line(struct backend *backend)
{
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    backend->sides = aligned_alloc(64, workers * sizeof *backend->sides);
    if (backend->sides == NULL)
        return ERR_MEMORY;
    memset(backend->sides, 0, workers * sizeof *backend->sides);
    backend->sides_count = workers;
    if (backend->block->cancel_ms != 0 && backend->block->cancel_ms < backend->deadline_ms)
        backend->deadline_ms = backend->block->cancel_ms;
    for (unsigned i = 0; i < backend->targets_count; i++) {
        enum err err = target_new(backend, i, &backend->targets[i]);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

enum err backend_start(void *self)
{
    enum err err = ERR_OK;
    for (struct backend *line = self; line != NULL && err == ERR_OK; line = line->next)
        err = start_line(line);
    return err;
}

static void stop_line(struct backend *line)
{
    for (unsigned i = 0; i < line->targets_count; i++) {
        if (line->targets[i] == NULL)
            continue;
        atomic_store(&line->targets[i]->over, true); /* connections see it, and close */
        backend_drop(line->targets[i]);
    }
    for (unsigned i = 0; i < line->sides_count; i++) {
        while (line->sides[i].free != NULL) {
            struct call *call = line->sides[i].free;
            line->sides[i].free = call->next;
            free(call);
        }
    }
    free(line->sides);
    tls_context_drop(line->tls);
}

void backend_stop(void *self)
{
    for (struct backend *line = self; line != NULL; line = line->next)
        stop_line(line);
}

/* Certificates that were renewed. */
void backend_refresh(void *self)
{
    char why[TLS_WHY_MAX];
    for (struct backend *line = self; line != NULL; line = line->next) {
        enum err err = line->tls != NULL ? tls_context_refresh(line->tls, why) : ERR_OK;
        (void)err; /* the old one stays */
    }
}

/* A line for all names of the block that lets none fall through. */
static bool takes_all(const struct backend *line, const struct block *block)
{
    if (line->except_count > 0 || line->fall_count > 0)
        return false;
    for (unsigned i = 0; i < block->zones_count; i++) {
        bool taken = false;
        for (unsigned k = 0; k < line->from_count && !taken; k++)
            taken = name_under(block->zones[i], line->from[k]);
        if (!taken)
            return false;
    }
    return true;
}

bool backend_ends(void *self, const struct block *block)
{
    const struct backend *line = self;
    while (line != NULL && !takes_all(line, block))
        line = line->next;
    return line != NULL;
}
