/* Changes that an operator makes to a zone being served: edit transactions, and rollback to an earlier
 * version. What is published so is journalled and goes to the secondaries like any version. A zone that comes
 * from elsewhere, a file or a primary, is frozen by it: that would undo the change when it is read next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/zones.h"
#include "server/control_command.h"
#include "zone/store/change_text.h"
#include "zone/store/diff.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define WORDS_MAX 4
#define SERIAL_AT 20 /* octets from the end of a SOA's rdata */

/* An open transaction. */
struct edit {
    struct edit *next;
    struct zone *zone;
    struct snapshot *base, *work;
    bool committing; /* a background thread is at it: it goes when that is done, and stays when it is not */
    char why[CHANGE_WHY_MAX];
};

static struct edit *edits;

/* ---- words ---- */

struct words {
    char text[CONTROL_REQUEST_MAX];
    char *at[WORDS_MAX]; /* the last one is the rest of the line */
    unsigned count;
};

static void split(struct words *words, const char *line, unsigned most)
{
    snprintf(words->text, sizeof words->text, "%s", line);
    char *at = words->text;
    words->count = 0;
    while (words->count < most) {
        at += strspn(at, " \t");
        if (*at == '\0')
            return;
        words->at[words->count++] = at;
        at += strcspn(at, " \t");
        if (*at != '\0' && words->count < most)
            *at++ = '\0';
    }
}

static const char *find_zone(struct control_request *request, const char *word, struct zone **out)
{
    uint8_t name[NAME_MAX + 1];
    size_t len;
    if (word == NULL || name_parse(word, strlen(word), NULL, name, &len, NULL) != ERR_OK)
        return "no domain name";
    name_lower(name, name);
    *out = request->hooks->zone != NULL ? request->hooks->zone(request->hooks->context, name) : NULL;
    if (*out != NULL)
        *out = zone_changed_at(*out); /* a signed zone follows by itself */
    return *out != NULL ? NULL : "no such zone is served";
}

/* ---- steps of a transaction ---- */

/* One record as written: "www 300 A 192.0.2.1"; it lies in LIST. */
static enum err parse_record(
    struct edit *edit, const char *line, struct change_list *list, struct change_record *out)
{
    size_t at = 0;
    enum err err =
        change_text_read(line, strlen(line), edit->zone->name, edit->work->soa->ttl, list, edit->why);
    if (err == ERR_OK && list->count == 1 && change_next(list, &at, out))
        return ERR_OK;
    if (edit->why[0] == '\0')
        snprintf(edit->why, sizeof edit->why, "one record is wanted: OWNER [TTL] TYPE RDATA");
    return err != ERR_OK ? err : ERR_SYNTAX;
}

static enum err remove_records(struct change *change, const uint8_t *owner, const struct rrset *rrset)
{
    const uint8_t *at = rrset->data;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < rrset->count && err == ERR_OK; i++) {
        struct record record;
        at = record_read(at, rrset_linked(rrset->type), &record);
        err = change_remove(change, owner, rrset->type, rrset->ttl, record.rdata, record.rdata_len);
    }
    return err;
}

/* All RRsets of OWNER, or the one of TYPE. */
static enum err remove_rrsets(struct edit *edit, struct change *change, const uint8_t *owner, uint16_t type)
{
    size_t len = name_len(owner), apex_len = name_len(edit->zone->name);
    const struct node *node = NULL;
    enum err err = ERR_OK;
    if (name_under(owner, edit->zone->name))
        node = snapshot_find(edit->work, false, owner, (unsigned)(len - apex_len));
    const struct rrset *rrset = node != NULL ? node_rrsets(node) : NULL;
    for (unsigned i = 0; node != NULL && i < node->rrset_count && err == ERR_OK; i++) {
        if ((type == 0 && rrset->type != TYPE_SOA) || rrset->type == type)
            err = remove_records(change, owner, rrset);
        rrset = rrset_next(rrset);
    }
    return err;
}

static enum err apply(struct edit *edit, const struct change *change)
{
    struct snapshot *next;
    enum err err = change_apply(edit->work, change, 0, edit->why, &next);
    if (err != ERR_OK)
        return err;
    snapshot_release(edit->work);
    edit->work = next;
    return ERR_OK;
}

static enum err put(struct edit *edit, const char *line, bool replace)
{
    struct change_list list = {0};
    struct change_record record;
    struct change change = {0};
    enum err err = parse_record(edit, line, &list, &record);
    if (err == ERR_OK && replace)
        err = remove_rrsets(edit, &change, record.owner, record.type);
    if (err == ERR_OK)
        err = change_add(&change, record.owner, record.type, record.ttl, record.rdata, record.rdata_len);
    if (err == ERR_OK)
        err = apply(edit, &change);
    change_clear(&change);
    change_list_clear(&list);
    return err;
}

static enum err drop_record(struct edit *edit, const char *line, struct change *change)
{
    struct change_list list = {0};
    struct change_record record;
    enum err err = parse_record(edit, line, &list, &record);
    if (err == ERR_OK)
        err = change_remove(change, record.owner, record.type, record.ttl, record.rdata, record.rdata_len);
    change_list_clear(&list);
    return err;
}

/* "www", "www A" or "www A 192.0.2.1". */
static enum err drop(struct edit *edit, const char *line)
{
    struct words words;
    struct change change = {0};
    uint8_t owner[NAME_MAX + 1];
    size_t len;
    uint16_t type = 0;
    enum err err = ERR_SYNTAX;
    split(&words, line, 3);
    if (words.count == 0 ||
        name_parse(words.at[0], strlen(words.at[0]), edit->zone->name, owner, &len, NULL) != ERR_OK)
        snprintf(edit->why, sizeof edit->why, "del OWNER [TYPE [RDATA]] is wanted");
    else if (words.count > 1 && !type_parse(words.at[1], strlen(words.at[1]), &type))
        snprintf(edit->why, sizeof edit->why, "there is no such record type");
    else
        err = ERR_OK;
    if (err == ERR_OK) {
        octets_lower(owner, owner, len);
        err = words.count == 3 ? drop_record(edit, line, &change) : remove_rrsets(edit, &change, owner, type);
    }
    if (err == ERR_OK && change.removed.count == 0) {
        snprintf(edit->why, sizeof edit->why, "there is nothing of that name and type");
        err = ERR_INVALID;
    }
    if (err == ERR_OK)
        err = apply(edit, &change);
    change_clear(&change);
    return err;
}

static void put_list(struct json *json, const char *name, const struct change_list *list)
{
    struct change_record record;
    static char text[RDATA_MAX * 5];
    json_open(json, name, '[');
    for (size_t at = 0; change_next(list, &at, &record);) {
        char owner[NAME_TEXT_MAX], type[16], *line = NULL;
        name_print(record.owner, owner);
        type_print(record.type, type);
        rdata_print(record.type, record.rdata, record.rdata_len, text, sizeof text);
        if (asprintf(&line, "%s %u IN %s %s", owner, record.ttl, type, text) >= 0)
            json_text(json, NULL, line);
        free(line);
    }
    json_close(json, ']');
}

static enum err put_diff(struct control_request *request, const struct edit *edit)
{
    struct change change;
    enum err err = diff_snapshots(edit->base, edit->work, 0, &change);
    if (err != ERR_OK)
        return err;
    put_list(&request->json, "removed", &change.removed);
    put_list(&request->json, "added", &change.added);
    change_clear(&change);
    return ERR_OK;
}

/* ---- publishing ---- */

/* The present SOA with another serial. */
static enum err change_serial(const struct snapshot *snapshot, uint32_t serial, struct change *change)
{
    uint8_t owner[NAME_MAX + 1], rdata[2 * NAME_MAX + SERIAL_AT];
    struct record soa;
    record_read(snapshot->soa->data, true, &soa);
    (void)snapshot_owner(snapshot, snapshot->apex, owner);
    memcpy(rdata, soa.rdata, soa.rdata_len);
    for (unsigned i = 0; i < 4; i++)
        rdata[soa.rdata_len - SERIAL_AT + i] = (uint8_t)(serial >> (24 - 8 * i));
    enum err err = change_remove(change, owner, TYPE_SOA, snapshot->soa->ttl, soa.rdata, soa.rdata_len);
    return err == ERR_OK ? change_add(change, owner, TYPE_SOA, snapshot->soa->ttl, rdata, soa.rdata_len)
                         : err;
}

struct publishing {
    struct control_later *later;
    struct zone *zone;
    struct snapshot *base, *next; /* commit */
    struct edit *edit;            /* commit: where it comes from */
    uint32_t to;                  /* rollback: to this serial */
    bool rollback;
    enum err err;
    const char *error;
    char why[CHANGE_WHY_MAX];
};

static enum err raise_serial(struct publishing *p)
{
    struct change change = {0};
    struct snapshot *raised;
    if (p->next->serial != p->base->serial)
        return serial_after(p->next->serial, p->base->serial) ? ERR_OK : ERR_RANGE;
    enum err err = change_serial(p->next, p->next->serial + 1, &change);
    if (err == ERR_OK)
        err = change_apply(p->next, &change, 0, p->why, &raised);
    change_clear(&change);
    if (err != ERR_OK)
        return err;
    snapshot_release(p->next);
    p->next = raised;
    return ERR_OK;
}

static enum err invert(const struct change *change, struct change *out)
{
    struct change_record record;
    enum err err = ERR_OK;
    for (size_t at = 0; err == ERR_OK && change_next(&change->added, &at, &record);)
        err = change_remove(out, record.owner, record.type, record.ttl, record.rdata, record.rdata_len);
    for (size_t at = 0; err == ERR_OK && change_next(&change->removed, &at, &record);)
        err = change_add(out, record.owner, record.type, record.ttl, record.rdata, record.rdata_len);
    return err;
}

/* What has come since goes, and what has gone comes again; raise_serial makes the serial a later one. */
static enum err go_back(struct publishing *p)
{
    struct history history = {0};
    struct change sum = {0}, back = {0};
    struct snapshot *current = p->base, *old = NULL;
    enum err err = zone_history(p->zone, p->to, current->serial, &history);
    const struct change **steps = err == ERR_OK ? calloc(history.count, sizeof *steps) : NULL;
    for (size_t i = 0; steps != NULL && i < history.count; i++)
        steps[i] = &history.steps[i];
    if (err == ERR_OK)
        err = steps != NULL ? change_condense(steps, history.count, &sum) : ERR_MEMORY;
    free(steps);
    if (err == ERR_OK)
        err = invert(&sum, &back);
    if (err == ERR_OK)
        err = change_apply(current, &back, 0, p->why, &old);
    change_clear(&sum);
    change_clear(&back);
    if (err == ERR_OK)
        err = change_serial(old, current->serial + 1, &back);
    if (err == ERR_OK)
        err = change_apply(old, &back, 0, p->why, &p->next);
    change_clear(&back);
    snapshot_release(old);
    history_clear(&history);
    return err;
}

/* Whoever was told that it is done must find it after a crash, too: where there is a directory, the freeze
 * that keeps file and primary from undoing it and the step itself lie there before anybody sees it. */
static const char *serve_and_freeze(struct publishing *p)
{
    struct zone *zone = p->zone;
    bool freezes = zone->kind->refresh != NULL, was = atomic_load(&zone->frozen);
    bool lasts = zone->state != NULL && zone->journal_max > 0;
    const char *error = NULL;
    if (freezes && zone_freeze(zone) != ERR_OK)
        error = "nothing is changed: the state directory cannot be written to";
    else if (zone_publish(zone, snapshot_hold(p->next), NULL, lasts ? ZONE_MUST_LAST : 0) != ERR_OK)
        error = "nothing is changed: the journal cannot be written";
    if (error != NULL && freezes && !was)
        zone_thaw(zone);
    return error;
}

static void run_publishing(void *arg)
{
    struct publishing *p = arg;
    zone_write_begin(p->zone);
    struct snapshot *current = zone_take(p->zone);
    if (p->rollback)
        p->base = current != NULL ? snapshot_hold(current) : NULL;
    if (current == NULL || current != p->base)
        p->error = "the zone has changed since the edit began";
    else if ((p->err = p->rollback ? go_back(p) : raise_serial(p)) != ERR_OK)
        p->error = p->err == ERR_MISSING ? "the zone's history has no such serial"
                   : p->err == ERR_RANGE ? "the serial must go up"
                   : p->why[0] != '\0'   ? p->why
                                         : err_text(p->err);
    if (p->error == NULL)
        p->error = serve_and_freeze(p);
    snapshot_release(current);
    zone_write_end(p->zone);
}

static void edit_free(struct edit *edit)
{
    for (struct edit **at = &edits; *at != NULL; at = &(*at)->next) {
        if (*at == edit) {
            *at = edit->next;
            break;
        }
    }
    snapshot_release(edit->base);
    snapshot_release(edit->work);
    zone_release(edit->zone);
    free(edit);
}

/* What could not be published is still there, to be tried again when the disk has room, or rebased. */
static void end_commit(struct edit *edit, bool published)
{
    edit->committing = false;
    if (published)
        edit_free(edit);
}

static void end_publishing(void *arg)
{
    struct publishing *p = arg;
    char *text = NULL;
    size_t len = 0;
    struct json json;
    FILE *out = open_memstream(&text, &len);
    if (out != NULL) {
        json_init(&json, out);
        json_open(&json, NULL, '{');
        if (p->error == NULL)
            json_number(&json, "serial", p->next->serial);
        json_bool(&json, "frozen", atomic_load(&p->zone->frozen));
        json_bool(&json, "ok", p->error == NULL);
        if (p->error != NULL)
            json_text(&json, "error", p->error);
        if (p->error != NULL && p->edit != NULL)
            json_bool(&json, "kept", true);
        json_close(&json, '}');
        fputc('\n', out);
        fclose(out);
    }
    if (p->edit != NULL)
        end_commit(p->edit, p->error == NULL);
    control_later_send(p->later, text, len);
    snapshot_release(p->base);
    snapshot_release(p->next);
    zone_release(p->zone);
    free(p);
}

static const char *publish(struct control_request *request, const struct publishing *what)
{
    struct publishing *p = request->later != NULL ? malloc(sizeof *p) : NULL;
    if (p == NULL)
        return err_text(ERR_MEMORY);
    *p = *what;
    p->later = request->later;
    zone_hold(p->zone);
    request->taken = host_work(run_publishing, end_publishing, p) == ERR_OK;
    if (request->taken)
        return NULL;
    zone_release(p->zone);
    free(p);
    return err_text(ERR_MEMORY);
}

/* ---- the commands ---- */

static struct edit *edit_of(const struct zone *zone)
{
    struct edit *edit = edits;
    while (edit != NULL && edit->zone != zone)
        edit = edit->next;
    return edit;
}

static const char *begin(struct zone *zone)
{
    struct snapshot *base = zone_take(zone);
    if (base == NULL)
        return "the zone is not served yet";
    bool is_signed = base->soa->sig_count > 0;
    struct edit *edit = is_signed ? NULL : calloc(1, sizeof *edit);
    if (edit == NULL) {
        snapshot_release(base);
        return is_signed ? "the zone is signed: nobody here would sign the change" : err_text(ERR_MEMORY);
    }
    edit->zone = zone_hold(zone);
    edit->base = base;
    edit->work = snapshot_hold(base);
    edit->next = edits;
    edits = edit;
    return NULL;
}

static const char *commit(struct control_request *request, struct edit *edit)
{
    struct publishing what = {.zone = edit->zone,
        .base = snapshot_hold(edit->base),
        .next = snapshot_hold(edit->work),
        .edit = edit};
    const char *error = edit->base == edit->work ? "nothing has been changed" : publish(request, &what);
    edit->committing = error == NULL;
    if (error == NULL)
        return NULL;
    snapshot_release(what.base);
    snapshot_release(what.next);
    return error;
}

/* CHANGE without its SOA records, which must be one and the same. */
static enum err leave_soa(struct edit *edit, const struct change *change, struct change *out)
{
    struct change_record old, new;
    size_t from = 0, to = 0;
    enum err err = ERR_OK;
    bool has_old = change_next(&change->removed, &from, &old) && old.type == TYPE_SOA;
    bool has_new = change_next(&change->added, &to, &new) && new.type == TYPE_SOA;
    if (has_old != has_new || (has_old && (old.rdata_len != new.rdata_len || old.ttl != new.ttl ||
                                              memcmp(old.rdata, new.rdata, old.rdata_len) != 0))) {
        snprintf(edit->why, sizeof edit->why, "the edit changes the SOA, which has changed meanwhile");
        return ERR_INVALID;
    }
    for (from = has_old ? from : 0; err == ERR_OK && change_next(&change->removed, &from, &old);)
        err = change_remove(out, old.owner, old.type, old.ttl, old.rdata, old.rdata_len);
    for (to = has_new ? to : 0; err == ERR_OK && change_next(&change->added, &to, &new);)
        err = change_add(out, new.owner, new.type, new.ttl, new.rdata, new.rdata_len);
    return err;
}

/* What the edit changes, on top of what is served now. */
static enum err rebase(struct control_request *request, struct edit *edit)
{
    struct snapshot *base = zone_take(edit->zone), *work = NULL;
    struct change change = {0}, bare = {0};
    enum err err = base != NULL ? diff_snapshots(edit->base, edit->work, 0, &change) : ERR_MISSING;
    if (err == ERR_OK)
        err = leave_soa(edit, &change, &bare);
    if (err == ERR_OK)
        err = change_apply(base, &bare, 0, edit->why, &work);
    change_clear(&change);
    change_clear(&bare);
    if (err != ERR_OK) {
        snapshot_release(base);
        return err;
    }
    snapshot_release(edit->base);
    snapshot_release(edit->work);
    edit->base = base;
    edit->work = work;
    json_number(&request->json, "serial", base->serial);
    return ERR_OK;
}

static const char *step(
    struct control_request *request, struct edit *edit, const char *verb, const char *line)
{
    enum err err = ERR_OK;
    edit->why[0] = '\0';
    if (strcmp(verb, "add") == 0 || strcmp(verb, "set") == 0)
        err = put(edit, line, verb[0] == 's');
    else if (strcmp(verb, "del") == 0)
        err = drop(edit, line);
    else if (strcmp(verb, "diff") == 0)
        err = put_diff(request, edit);
    else if (strcmp(verb, "commit") == 0)
        return commit(request, edit);
    else if (strcmp(verb, "rebase") == 0)
        err = rebase(request, edit);
    else if (strcmp(verb, "abort") == 0)
        edit_free(edit);
    else
        return "edit NAME begin, add, set, del, diff, commit, rebase or abort";
    if (err == ERR_OK)
        return NULL;
    return edit->why[0] != '\0' ? edit->why : err_text(err);
}

const char *control_edit(struct control_request *request)
{
    struct words words;
    struct zone *zone;
    split(&words, request->arg, 3);
    const char *why = find_zone(request, words.count > 0 ? words.at[0] : NULL, &zone);
    if (why != NULL)
        return why;
    const char *verb = words.count > 1 ? words.at[1] : "";
    struct edit *edit = edit_of(zone);
    if (strcmp(verb, "begin") == 0)
        return edit == NULL ? begin(zone) : "an edit of this zone is open already";
    if (edit == NULL)
        return "begin an edit of this zone first";
    if (edit->committing)
        return "the edit is being committed";
    return step(request, edit, verb, words.count > 2 ? words.at[2] : "");
}

const char *control_rollback(struct control_request *request)
{
    struct words words;
    struct zone *zone;
    split(&words, request->arg, 2);
    const char *why = find_zone(request, words.count > 0 ? words.at[0] : NULL, &zone);
    if (why != NULL)
        return why;
    char *end = NULL;
    unsigned long long serial = words.count == 2 ? strtoull(words.at[1], &end, 10) : 0;
    if (words.count != 2 || *end != '\0' || end == words.at[1] || serial > UINT32_MAX)
        return "rollback NAME SERIAL";
    return publish(request, &(struct publishing){.zone = zone, .rollback = true, .to = (uint32_t)serial});
}
