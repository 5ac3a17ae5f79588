#include "plugins/forward/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/keep.h"
#include "zone/base/log.h"
#include "zone/wire/type.h"

#define PROBE_TIMEOUT_MS 1000

struct probe {
    struct inquiry inquiry;
    struct alarm alarm;
    struct target *target;
    unsigned worker;
    uint8_t packet[MESSAGE_HEADER_LEN + NAME_MAX + 4];
};

static void let_go(struct target *target)
{
    if (--target->users > 0)
        return;
    upstream_drop(target->upstream);
    free(target);
}

static void *make(void *arg)
{
    const struct target_settings *settings = arg;
    struct target *target = calloc(1, sizeof *target);
    if (target == NULL)
        return NULL;
    if (upstream_new(&settings->upstream, &target->upstream) != ERR_OK) {
        free(target);
        return NULL;
    }
    target->users = 1;
    target->probe = settings->probe;
    target->tls = settings->upstream.tls;
    target->tcp = settings->tcp;
    snprintf(target->label, sizeof target->label, "%s", settings->label);
    return target;
}

static void end(void *thing)
{
    struct target *target = thing;
    atomic_store(&target->over, true);
    let_go(target);
}

struct target *target_take(const struct target_settings *settings)
{
    return keep_take(settings->name, make, (void *)(uintptr_t)settings, end);
}

/* ---- probing ---- */

static void end_probe(struct probe *probe)
{
    atomic_store(&probe->target->probing, false);
    let_go(probe->target);
    free(probe);
}

static void ask(struct probe *probe)
{
    probe->inquiry.tcp = probe->target->tcp;
    inquiry_ask(&probe->inquiry, probe->worker, PROBE_TIMEOUT_MS);
}

static void on_alarm(struct alarm *alarm, bool ending)
{
    struct probe *probe = (struct probe *)(void *)((char *)alarm - offsetof(struct probe, alarm));
    if (ending || atomic_load(&probe->target->over))
        end_probe(probe);
    else
        ask(probe);
}

static void on_done(struct inquiry *inquiry, enum inquiry_end end)
{
    struct probe *probe = (struct probe *)(void *)inquiry;
    struct target *target = probe->target;
    if (end == INQUIRY_ANSWERED) {
        if (atomic_exchange(&target->fails, 0) > 0)
            log_info("plugin/forward: %s answers again", target->label);
        end_probe(probe);
        return;
    }
    if (end == INQUIRY_ENDING || atomic_load(&target->over)) {
        end_probe(probe);
        return;
    }
    atomic_fetch_add(&target->probes_failed, 1);
    if (atomic_fetch_add(&target->fails, 1) == 0)
        log_warning("plugin/forward: %s does not answer: %s", target->label,
            end == INQUIRY_TIMEOUT ? "timeout" : inquiry->why);
    alarm_set(&probe->alarm, probe->worker, target->probe.every_ms);
}

static void write_question(struct probe *probe)
{
    const struct probe_settings *settings = &probe->target->probe;
    uint8_t *at = probe->packet;
    size_t len = name_len(settings->name);
    at[2] = settings->no_recursion ? 0 : MESSAGE_RD >> 8;
    at[5] = 1;
    memcpy(at + MESSAGE_HEADER_LEN, settings->name, len);
    at[MESSAGE_HEADER_LEN + len + 1] = TYPE_NS;
    at[MESSAGE_HEADER_LEN + len + 3] = CLASS_IN;
    probe->inquiry.packet = at;
    probe->inquiry.len = (uint16_t)(MESSAGE_HEADER_LEN + len + 4);
    probe->inquiry.question_len = (uint16_t)(len + 4);
}

void target_probe(struct target *target, unsigned worker)
{
    bool idle = false;
    if (!atomic_compare_exchange_strong(&target->probing, &idle, true))
        return;
    struct probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL) {
        atomic_store(&target->probing, false);
        return;
    }
    target->users++;
    probe->target = target;
    probe->worker = worker;
    probe->alarm.ring = on_alarm;
    probe->inquiry.upstream = target->upstream;
    probe->inquiry.done = on_done;
    write_question(probe);
    ask(probe);
}
