#include "plugins/update/desk.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/update/draft.h"
#include "zone/base/log.h"
#include "zone/store/journal.h"
#include "zone/wire/type.h"

/* ---- what is kept ---- */

/* The steps that lead on from what the text says, when there is no image behind which to find them: the
 * server has ended between the first step and the first image. */
static enum err recover_steps(struct zone *zone, struct snapshot *text, struct snapshot **out)
{
    struct history history = {0};
    struct journal_span span;
    struct change sum = {0};
    enum err err = zone_history(zone, text->serial, text->serial, &history); /* opens the journal */
    history_clear(&history);
    if (!zone_history_span(zone, &span) || !serial_after(span.to, text->serial))
        return ERR_MISSING;
    err = zone_history(zone, text->serial, span.to, &history);
    const struct change **steps = err == ERR_OK ? calloc(history.count + 1, sizeof *steps) : NULL;
    for (size_t i = 0; steps != NULL && i < history.count; i++)
        steps[i] = &history.steps[i];
    if (err == ERR_OK)
        err = steps != NULL ? change_condense(steps, history.count, &sum) : ERR_MEMORY;
    if (err == ERR_OK)
        err = change_apply(text, &sum, 0, NULL, out);
    change_clear(&sum);
    free(steps);
    history_clear(&history);
    return err;
}

/* What was acknowledged before the server ended is newer than the text, unless somebody has given the text a
 * later serial since: then that is what he wants. */
static void recover(struct zone *zone)
{
    struct snapshot *text = zone_take(zone), *kept = NULL;
    char name[NAME_TEXT_MAX];
    if (text == NULL)
        return;
    if (zone_recover(zone, &kept) != ERR_OK && recover_steps(zone, text, &kept) != ERR_OK)
        kept = NULL;
    if (kept != NULL && serial_after(kept->serial, text->serial)) {
        name_print(zone->name, name);
        log_info(
            "plugin/update: %s: serial %u is served: the text has serial %u, and updates were made since",
            name, kept->serial, text->serial);
        zone_begin(zone, snapshot_hold(kept));
        host_retire((void (*)(void *))snapshot_release, text);
    } else {
        zone->has_image = false; /* it does not lead to what is served */
        snapshot_release(text);
    }
    snapshot_release(kept);
}

void desk_prepare(struct zone *zone, const char *state, bool recovers)
{
    if (zone->keeps_image)
        return;
    if (zone->state == NULL)
        zone->state = state;
    zone->keeps_image = true;
    if (recovers)
        recover(zone);
}

/* ---- one update ---- */

/* RFC 2136 3.3, for each record: to delete whatever a name has, one must be allowed to delete all of it. */
static bool may(
    const struct errand *errand, const struct snapshot *snapshot, const struct update_record *update)
{
    if (update->type != TYPE_ANY)
        return policy_allows(errand->policy, &errand->client, update->owner, update->type);
    unsigned len = (unsigned)(name_len(update->owner) - name_len(errand->zone->name));
    const struct node *node = snapshot_find(snapshot, false, update->owner, len);
    const struct rrset *rrset = node != NULL ? node_rrsets(node) : NULL;
    for (unsigned i = 0; node != NULL && i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        bool stays = len == 0 && (rrset->type == TYPE_SOA || rrset->type == TYPE_NS);
        if (!stays && !policy_allows(errand->policy, &errand->client, update->owner, rrset->type))
            return false;
    }
    return true;
}

static enum rcode answer(struct errand *errand, enum rcode rcode, const char *why)
{
    struct reply *reply = &errand->query->reply;
    reply->rcode = (uint16_t)rcode;
    if (why != NULL) {
        reply->ede = (rcode == RCODE_REFUSED ? EDE_PROHIBITED : EDE_OTHER) + 1;
        reply->ede_text = arena_copy(errand->query->scratch, why, strlen(why));
    }
    return rcode;
}

static enum rcode check_policy(
    struct errand *errand, const struct snapshot *snapshot, const struct update_section *updates)
{
    char why[NAME_TEXT_MAX + 80], owner[NAME_TEXT_MAX], type[16];
    for (unsigned i = 0; i < updates->count; i++) {
        const struct update_record *update = &updates->records[i];
        bool made = update->type == TYPE_RRSIG || update->type == TYPE_NSEC || update->type == TYPE_NSEC3;
        if (!made && may(errand, snapshot, update))
            continue;
        name_print(update->owner, owner);
        type_print(update->type, type);
        snprintf(why, sizeof why, "this client may not change %s %s", owner, type);
        return answer(errand, RCODE_REFUSED, why);
    }
    return RCODE_NOERROR;
}

/* The change that the message asks for, and the version that follows from SNAPSHOT by it; *NEXT NULL when
 * nothing changes. */
static enum rcode work(
    struct errand *errand, struct snapshot *snapshot, struct change *change, struct snapshot **next)
{
    const struct message *message = &errand->query->message;
    struct update_message update;
    struct draft draft;
    char why[CHANGE_WHY_MAX] = "";
    *next = NULL;
    enum rcode rcode = update_message_read(&update, errand->zone->name, message->bytes, message->len,
        message->body_at, message->ancount, message->nscount, errand->query->scratch);
    if (rcode != RCODE_NOERROR)
        return answer(errand, rcode, NULL);
    draft_begin(&draft, snapshot, errand->zone->name, errand->query->scratch);
    rcode = draft_require(&draft, &update.prerequisites);
    if (rcode != RCODE_NOERROR)
        return answer(errand, rcode, NULL);
    rcode = check_policy(errand, snapshot, &update.updates);
    if (rcode != RCODE_NOERROR)
        return rcode;
    rcode = draft_apply(&draft, &update.updates);
    enum err err = rcode == RCODE_NOERROR ? draft_finish(&draft, change) : ERR_MEMORY;
    if (err == ERR_OK && change->added.count > 0)
        err = change_apply(snapshot, change, 1, why, next);
    if (err == ERR_OK)
        return answer(errand, RCODE_NOERROR, NULL);
    return answer(
        errand, err == ERR_INVALID ? RCODE_REFUSED : RCODE_SERVFAIL, why[0] != '\0' ? why : err_text(err));
}

/* ---- all that wait for one zone ---- */

struct shift {
    struct zone *zone;
    struct errand *errands; /* in order */
    unsigned count;
    struct snapshot *base, *now;
    struct change *changes; /* of those that have changed something */
    unsigned changes_count;
};

static const char *no_way(const struct zone *zone, const struct snapshot *base)
{
    if (base == NULL)
        return "the zone is not served yet";
    if (atomic_load(&zone->frozen))
        return "the zone is frozen";
    return base->soa->sig_count > 0 ? "the zone is signed, and nobody here would sign the change" : NULL;
}

static void work_all(struct shift *shift)
{
    for (struct errand *errand = shift->errands; errand != NULL; errand = errand->next) {
        struct change *change = &shift->changes[shift->changes_count];
        struct snapshot *next;
        if (work(errand, shift->now, change, &next) != RCODE_NOERROR || next == NULL) {
            change_clear(change);
            *change = (struct change){0};
            continue;
        }
        errand->changes = true;
        shift->changes_count++;
        snapshot_release(shift->now);
        shift->now = next;
    }
}

static void fail_all(struct shift *shift, bool only_changes, enum rcode rcode, const char *why)
{
    for (struct errand *errand = shift->errands; errand != NULL; errand = errand->next) {
        if (!only_changes || errand->changes)
            answer(errand, rcode, why);
    }
}

static enum err publish(struct shift *shift)
{
    struct change sum = {0};
    const struct change *change = &shift->changes[0];
    enum err err = ERR_OK;
    if (shift->changes_count > 1) {
        const struct change **list = calloc(shift->changes_count, sizeof *list);
        for (unsigned i = 0; list != NULL && i < shift->changes_count; i++)
            list[i] = &shift->changes[i];
        err = list != NULL ? change_condense(list, shift->changes_count, &sum) : ERR_MEMORY;
        free(list);
        change = &sum;
    }
    struct zone *zone = shift->zone;
    if (err == ERR_OK)
        err = zone_anchor(zone, shift->base);
    if (err == ERR_OK)
        err = zone_publish(zone, snapshot_hold(shift->now), change, ZONE_MUST_LAST);
    if (err == ERR_OK) {
        zone->records += change->added.count;
        zone->records -= change->removed.count < zone->records ? change->removed.count : zone->records;
        zone_note(zone, ZONE_TRANSFERRED, "UPDATE: serial %u, %u messages, %u records came, %u went",
            shift->now->serial, shift->changes_count, change->added.count, change->removed.count);
    }
    change_clear(&sum);
    return err;
}

static void work_shift(struct shift *shift)
{
    shift->changes = calloc(shift->count, sizeof *shift->changes);
    zone_write_begin(shift->zone);
    desk_prepare(shift->zone, shift->errands->state, false);
    shift->base = zone_take(shift->zone);
    const char *why = shift->changes != NULL ? no_way(shift->zone, shift->base) : err_text(ERR_MEMORY);
    if (why != NULL) {
        fail_all(shift, false, shift->base != NULL ? RCODE_REFUSED : RCODE_SERVFAIL, why);
    } else {
        shift->now = snapshot_hold(shift->base);
        work_all(shift);
        enum err err = shift->changes_count > 0 ? publish(shift) : ERR_OK;
        if (err != ERR_OK) {
            log_error("plugin/update: what is asked for cannot be kept: %s", err_text(err));
            fail_all(shift, true, RCODE_SERVFAIL, "the change cannot be kept");
        }
        snapshot_release(shift->now);
    }
    zone_write_end(shift->zone);
    snapshot_release(shift->base);
    for (unsigned i = 0; i < shift->changes_count; i++)
        change_clear(&shift->changes[i]);
    free(shift->changes);
}

/* ---- the desk ---- */

static _Atomic(struct errand *) waiting; /* the latest first */
static atomic_bool busy;                 /* somebody works, or will */

static void send_home(struct errand *errand)
{
    zone_release(errand->zone);
    query_resume(errand->query, SERVED_ANSWERED); /* and the errand's memory is gone */
}

/* Those of the first one's zone, in order; *LIST keeps the others. */
static void take_shift(struct errand **list, struct shift *shift)
{
    struct errand **end = &shift->errands;
    *shift = (struct shift){.zone = (*list)->zone};
    for (struct errand **at = list; *at != NULL;) {
        struct errand *errand = *at;
        if (errand->zone != shift->zone) {
            at = &errand->next;
            continue;
        }
        *at = errand->next;
        errand->next = NULL;
        *end = errand;
        end = &errand->next;
        shift->count++;
    }
}

static struct errand *take_waiting(void)
{
    struct errand *list = NULL, *next;
    for (struct errand *errand = atomic_exchange(&waiting, NULL); errand != NULL; errand = next) {
        next = errand->next;
        errand->next = list;
        list = errand;
    }
    return list;
}

static void work_list(struct errand *list)
{
    while (list != NULL) {
        struct shift shift;
        struct errand *next;
        take_shift(&list, &shift);
        zone_hold(shift.zone);
        work_shift(&shift);
        for (struct errand *errand = shift.errands; errand != NULL; errand = next) {
            next = errand->next;
            send_home(errand);
        }
        zone_release(shift.zone);
    }
}

static void run(void *arg UNUSED)
{
    do {
        for (struct errand *list; (list = take_waiting()) != NULL;)
            work_list(list);
        atomic_store(&busy, false);
    } while (atomic_load(&waiting) != NULL && !atomic_exchange(&busy, true));
}

void desk_put(struct errand *errand)
{
    struct errand *next;
    errand->next = atomic_load(&waiting);
    while (!atomic_compare_exchange_weak(&waiting, &errand->next, errand))
        continue;
    if (atomic_exchange(&busy, true) || host_work(run, NULL, NULL) == ERR_OK)
        return;
    atomic_store(&busy, false);
    for (struct errand *failed = take_waiting(); failed != NULL; failed = next) {
        next = failed->next;
        answer(failed, RCODE_SERVFAIL, err_text(ERR_MEMORY));
        send_home(failed);
    }
}
