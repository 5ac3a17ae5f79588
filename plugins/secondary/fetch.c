#include "plugins/secondary/fetch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/base/log.h"
#include "zone/net/transfer.h"
#include "zone/sec/zonemd.h"
#include "zone/sec/zoneverify.h"
#include "zone/wire/type.h"

#define LARGE 65536 /* records that are worth all cores */
#define WHY_MAX 400
#define FAULT_MAX 300

static enum fetch_outcome failed(struct fetch *fetch, const char *format, ...) PRINTF(2, 3);

/* Told once, as long as it stays the same: a primary that is down for a day is one line. */
static enum fetch_outcome failed(struct fetch *fetch, const char *format, ...)
{
    struct zone *zone = fetch->follower->zone;
    char why[WHY_MAX], before[WHY_MAX], whole[WHY_MAX + PEER_TEXT_MAX], name[NAME_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "%s: %s", fetch->primary->text, why);
    int64_t noted = zone_noted(zone, ZONE_FAILED, before, sizeof before);
    zone_note(zone, ZONE_FAILED, "%s", whole);
    name_print(zone->name, name);
    if (noted == 0 || strcmp(before, whole) != 0)
        log_error("plugin/secondary: %s: transfer from %s", name, whole);
    return FETCH_FAILED;
}

static void tell(struct fetch *fetch, const struct transfer *transfer, const struct snapshot *snapshot)
{
    char name[NAME_TEXT_MAX];
    const struct inbound *in = &transfer->in;
    const char *kind = in->kind != INBOUND_STEPS ? "AXFR" : transfer->by_udp ? "IXFR by UDP" : "IXFR";
    name_print(fetch->follower->zone->name, name);
    zone_note(fetch->follower->zone, ZONE_TRANSFERRED,
        "%s from %s: serial %u, %llu records, %llu octets, %u ms", kind, fetch->primary->text, in->serial,
        (unsigned long long)in->records, (unsigned long long)transfer->received, transfer->took_ms);
    if (fetch->base != NULL)
        log_info("plugin/secondary: %s: serial %u is served (was %u): %s from %s, %llu records, %u ms", name,
            snapshot->serial, fetch->base->serial, kind, fetch->primary->text,
            (unsigned long long)in->records, transfer->took_ms);
    else
        log_info("plugin/secondary: %s: serial %u is served: %s from %s, %llu records, %u ms", name,
            snapshot->serial, kind, fetch->primary->text, (unsigned long long)in->records, transfer->took_ms);
}

/* RFC 8976 4: a zone that has a digest is held to it, when the plan says so. */
static bool is_intact(struct fetch *fetch, const struct snapshot *snapshot)
{
    if (!fetch->plan->zonemd || node_rrset(snapshot->apex, TYPE_ZONEMD) == NULL)
        return true;
    enum zonemd_verdict verdict = zonemd_verify(snapshot);
    if (verdict != ZONEMD_WRONG && verdict != ZONEMD_SERIAL)
        return true;
    failed(fetch, "the zone does not fit its ZONEMD: %s", zonemd_verdict_text(verdict));
    return false;
}

/* The first thing that is wrong, for people. */
static void note_fault(void *context, const struct zoneverify_fault *fault)
{
    char *text = context, owner[NAME_TEXT_MAX], type[16] = "";
    if (text[0] != '\0' || fault->severity != SEVERITY_ERROR)
        return;
    name_print(fault->owner, owner);
    if (fault->type != 0)
        type_print(fault->type, type);
    snprintf(text, FAULT_MAX, "%.150s %s: %.120s", owner, type, fault->message);
}

/* Every signature, and the chain of denial, at this moment. */
static bool is_signed(struct fetch *fetch, const struct snapshot *snapshot)
{
    char text[FAULT_MAX] = "";
    struct zoneverify_options options = {.fault = note_fault, .fault_context = text, .most = 1};
    struct zoneverify_result result;
    if (!fetch->plan->dnssec)
        return true;
    options.from = options.to = (int64_t)time(NULL);
    enum err err = zone_verify(snapshot, &options, &result);
    if (err == ERR_OK && result.errors == 0 && !result.unsigned_zone)
        return true;
    bool is_unsigned = err == ERR_OK && result.errors == 0;
    failed(fetch, "it does not verify: %s",
        err != ERR_OK ? err_text(err)
        : is_unsigned ? "the zone is not signed"
                      : text);
    return false;
}

/* Serves SNAPSHOT (taken over). */
static enum fetch_outcome publish(struct fetch *fetch, const struct transfer *transfer,
    struct snapshot *snapshot, const struct change *change)
{
    struct zone *zone = fetch->follower->zone;
    if (!is_intact(fetch, snapshot) || !is_signed(fetch, snapshot)) {
        snapshot_release(snapshot);
        return FETCH_FAILED;
    }
    const struct snapshot *current = atomic_load(&zone->current);
    unsigned flags =
        fetch->base == NULL || serial_after(snapshot->serial, fetch->base->serial) ? 0 : ZONE_NO_HISTORY;
    zone->records = snapshot->overlay == NULL ? snapshot->image->header->record_count : zone->records;
    if (change != NULL && current == fetch->base) {
        zone->records += change->added.count;
        zone->records -= change->removed.count < zone->records ? change->removed.count : zone->records;
    }
    zone_note(zone, ZONE_CHECKED, "serial %u", snapshot->serial);
    tell(fetch, transfer, snapshot);
    enum err err = zone_publish(zone, snapshot, current == fetch->base ? change : NULL, flags);
    return err == ERR_OK ? FETCH_PUBLISHED
                         : failed(fetch, "the new version cannot be kept: %s", err_text(err));
}

/* The version that follows from ours by all steps together. */
static enum fetch_outcome take_steps(struct fetch *fetch, const struct transfer *transfer)
{
    const struct inbound *in = &transfer->in;
    char why[CHANGE_WHY_MAX] = "";
    struct change sum = {0};
    const struct change *change = &in->steps[0];
    struct snapshot *snapshot;
    enum err err = ERR_OK;
    if (in->step_count > 1) {
        const struct change **list = malloc(in->step_count * sizeof *list);
        for (size_t i = 0; list != NULL && i < in->step_count; i++)
            list[i] = &in->steps[i];
        err = list != NULL ? change_condense(list, in->step_count, &sum) : ERR_MEMORY;
        free(list);
        change = &sum;
    }
    if (err == ERR_OK)
        err = change_apply(fetch->base, change, 0, why, &snapshot);
    enum fetch_outcome outcome = FETCH_FAILED;
    if (err == ERR_OK)
        outcome = publish(fetch, transfer, snapshot, change);
    else
        failed(fetch, "its steps do not fit serial %u: %s", fetch->base->serial,
            why[0] != '\0' ? why : err_text(err));
    change_clear(&sum);
    return outcome;
}

static enum fetch_outcome take_whole(struct fetch *fetch, const struct transfer *transfer)
{
    const struct inbound *in = &transfer->in;
    char why[CHANGE_WHY_MAX] = "";
    struct image *image;
    if (fetch->base != NULL && !fetch->force && !serial_after(in->serial, fetch->base->serial))
        return in->serial == fetch->base->serial && atomic_load(&fetch->follower->zone->current) != NULL
                   ? FETCH_CURRENT
                   : failed(
                         fetch, "its serial %u is not newer than ours, %u", in->serial, fetch->base->serial);
    enum err err =
        whole_build(&in->tapes, fetch->follower->zone->name, in->tapes.count > LARGE ? 0 : 1, why, &image);
    if (err != ERR_OK)
        return failed(fetch, "the zone cannot be served: %s", why[0] != '\0' ? why : err_text(err));
    struct snapshot *snapshot = snapshot_new(image);
    if (snapshot == NULL) {
        image_release(image);
        return failed(fetch, "out of memory");
    }
    enum fetch_outcome outcome = publish(fetch, transfer, snapshot, NULL);
    if (in->tapes.count > LARGE && outcome == FETCH_PUBLISHED)
        image_settle(image);
    return outcome;
}

/* An expired zone that the primary confirms is served again as it was. */
static enum fetch_outcome take_current(struct fetch *fetch, const struct transfer *transfer)
{
    struct zone *zone = fetch->follower->zone;
    if (transfer->in.serial != fetch->base->serial)
        return failed(fetch, "its serial %u is behind ours, %u", transfer->in.serial, fetch->base->serial);
    if (atomic_load(&zone->current) == NULL) {
        enum err err = zone_publish(zone, snapshot_hold(fetch->base), NULL, 0);
        if (err != ERR_OK)
            return failed(fetch, "the version cannot be kept: %s", err_text(err));
    }
    return FETCH_CURRENT;
}

static enum fetch_outcome take(struct fetch *fetch, const struct transfer *transfer)
{
    switch (transfer->in.kind) {
    case INBOUND_CURRENT:
        return take_current(fetch, transfer);
    case INBOUND_STEPS:
        return take_steps(fetch, transfer);
    case INBOUND_FULL:
    default:
        return take_whole(fetch, transfer);
    }
}

/* While the transfer was under way nobody had to wait for it: our version may have been worked into another
 * image, it may have expired, or somebody has published one. */
static bool is_still_ours(struct fetch *fetch)
{
    struct snapshot *current = zone_take(fetch->follower->zone);
    if (current == NULL)
        return true;
    if (fetch->base != NULL && current->serial == fetch->base->serial) {
        snapshot_release(fetch->base);
        fetch->base = current;
        return true;
    }
    failed(fetch, "serial %u was published meanwhile", current->serial);
    snapshot_release(current);
    return false;
}

static enum fetch_outcome take_in_turn(struct fetch *fetch, const struct transfer *transfer)
{
    struct zone *zone = fetch->follower->zone;
    zone_write_begin(zone);
    enum fetch_outcome outcome = FETCH_FAILED;
    if (atomic_load(&zone->frozen))
        failed(fetch, "the zone is frozen");
    else if (is_still_ours(fetch))
        outcome = take(fetch, transfer);
    zone_write_end(zone);
    return outcome;
}

/* *AGAIN: by AXFR it may go. */
static enum fetch_outcome attempt(struct fetch *fetch, bool incremental, bool *again)
{
    struct transfer transfer;
    struct transfer_request request = {.zone = fetch->follower->zone->name,
        .incremental = incremental,
        .udp = fetch->plan->ixfr == IXFR_UDP,
        .from = incremental ? fetch->base->serial : 0,
        .build = true,
        .max_octets = fetch->plan->max_octets,
        .max_ms = fetch->plan->max_ms,
        .stop = fetch->stop};
    enum fetch_outcome outcome = FETCH_FAILED;
    enum err err = transfer_fetch(&transfer, &fetch->primary->peer, &request);
    if (err == ERR_OK)
        outcome = take_in_turn(fetch, &transfer);
    else
        failed(fetch, "%s", transfer.why);
    *again = outcome == FETCH_FAILED && incremental && (err == ERR_OK || err == ERR_INVALID) &&
             !(err == ERR_OK && transfer.in.kind == INBOUND_CURRENT);
    transfer_clear(&transfer);
    return outcome;
}

/* Certificates are renewed while the server runs: RFC 9103 9.1 has both sides show theirs. */
static void refresh_tls(struct fetch *fetch)
{
    char why[TLS_WHY_MAX];
    if (fetch->primary->peer.transport != PEER_TLS)
        return;
    plan_refresh_tls(fetch->plan, why);
    if (why[0] != '\0')
        log_warning("plugin/secondary: %s: the old certificates go on", why);
}

enum fetch_outcome fetch_zone(struct fetch *fetch)
{
    struct follower *follower = fetch->follower;
    bool again = false;
    if (atomic_load(&follower->zone->frozen))
        return failed(fetch, "the zone is frozen");
    refresh_tls(fetch);
    fetch->base = zone_take(follower->zone);
    if (fetch->base == NULL && fetch->kept != NULL)
        fetch->base = snapshot_hold(fetch->kept);
    bool incremental = fetch->base != NULL && fetch->plan->ixfr != IXFR_OFF && !fetch->force;
    enum fetch_outcome outcome = attempt(fetch, incremental, &again);
    if (again && !atomic_load(fetch->stop))
        outcome = attempt(fetch, false, &again);
    snapshot_release(fetch->base);
    return outcome;
}
