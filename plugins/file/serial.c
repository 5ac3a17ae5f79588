#include "plugins/file/serial.h"

#include <stdlib.h>
#include <string.h>

#include "zone/store/diff.h"
#include "zone/store/journal.h"
#include "zone/wire/type.h"

#define SERIAL_AT 20 /* octets from the end of a SOA's rdata */

/* Do the two SOA records of CHANGE say the same but for their serials? */
static bool only_serials(const struct change *change)
{
    struct change_record old, new;
    size_t from = 0, to = 0;
    if (!change_only_soa(change))
        return false;
    if (!change_next(&change->removed, &from, &old) || !change_next(&change->added, &to, &new))
        return true;
    size_t head = old.rdata_len - SERIAL_AT;
    return old.rdata_len == new.rdata_len &&old.ttl == new.ttl &&memcmp(old.rdata, new.rdata, head) == 0 &&
           memcmp(old.rdata + head + 4, new.rdata + head + 4, SERIAL_AT - 4) == 0;
}

static enum err set_serial(struct snapshot **snapshot, uint32_t serial)
{
    uint8_t owner[NAME_MAX + 1], rdata[2 * NAME_MAX + SERIAL_AT];
    struct snapshot *from = *snapshot, *made = NULL;
    struct change change = {0};
    struct record soa;
    record_read(from->soa->data, true, &soa);
    (void)snapshot_owner(from, from->apex, owner);
    memcpy(rdata, soa.rdata, soa.rdata_len);
    for (unsigned i = 0; i < 4; i++)
        rdata[soa.rdata_len - SERIAL_AT + i] = (uint8_t)(serial >> (24 - 8 * i));
    enum err err = change_remove(&change, owner, TYPE_SOA, from->soa->ttl, soa.rdata, soa.rdata_len);
    if (err == ERR_OK)
        err = change_add(&change, owner, TYPE_SOA, from->soa->ttl, rdata, soa.rdata_len);
    if (err == ERR_OK)
        err = change_apply(from, &change, 0, NULL, &made);
    change_clear(&change);
    if (err != ERR_OK)
        return err;
    snapshot_release(from);
    *snapshot = made;
    return ERR_OK;
}

enum err serial_raise(const struct snapshot *before, uint32_t mtime_s, struct snapshot **snapshot, bool *same)
{
    uint32_t serial = (*snapshot)->serial;
    *same = false;
    if (before != NULL) {
        struct change change;
        enum err err = diff_snapshots(before, *snapshot, 0, &change);
        if (err != ERR_OK)
            return err;
        *same = only_serials(&change) && !serial_after(serial, before->serial);
        change_clear(&change);
    }
    if (*same)
        return ERR_OK;
    if (serial_after(mtime_s, serial))
        serial = mtime_s;
    if (before != NULL && !serial_after(serial, before->serial))
        serial = before->serial + 1;
    return serial == (*snapshot)->serial ? ERR_OK : set_serial(snapshot, serial);
}

/* Undoing all that the journal tells must be possible: what it removed is not there, what it added is. Nobody
 * keeps the last version itself. */
static bool is_last_version(struct zone *zone, const struct journal_span *span, struct snapshot *snapshot)
{
    struct history history = {0};
    struct change sum = {0};
    struct snapshot *undone = NULL;
    enum err err = zone_history(zone, span->from, span->to, &history);
    const struct change **steps = err == ERR_OK ? calloc(history.count, sizeof *steps) : NULL;
    for (size_t i = 0; steps != NULL && i < history.count; i++)
        steps[i] = &history.steps[i];
    if (err == ERR_OK)
        err = steps != NULL ? change_condense(steps, history.count, &sum) : ERR_MEMORY;
    if (err == ERR_OK) {
        struct change back = {.from = sum.to, .to = sum.from, .removed = sum.added, .added = sum.removed};
        err = change_apply(snapshot, &back, 0, NULL, &undone);
    }
    change_clear(&sum);
    free(steps);
    history_clear(&history);
    snapshot_release(undone);
    return err == ERR_OK;
}

enum err serial_go_on(struct zone *zone, struct snapshot **snapshot)
{
    struct journal_span span;
    if (zone->state == NULL || !zone_history_open(zone, &span) || !serial_after(span.to, (*snapshot)->serial))
        return ERR_OK;
    enum err err = set_serial(snapshot, span.to);
    if (err == ERR_OK && !is_last_version(zone, &span, *snapshot))
        err = set_serial(snapshot, span.to + 1);
    return err;
}
