#include "zonetool/reconcile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/text/entry.h"
#include "zone/text/lexer.h"

/* One entry of a version. */
struct item {
    const char *text; /* whole lines */
    size_t len;
    const char *owner, *type; /* of a record: as written, NUL-terminated; else NULL */
    const char *words;        /* what it says, blanks and comments aside; of other entries their text */
    bool inherits;            /* the owner is not written */
    bool record;
};

struct items {
    struct item *list;
    size_t count, room;
};

enum { OURS, BASE, THEIRS, VERSIONS };

struct stretch {
    struct reconcile *reconcile;
    struct items versions[VERSIONS];
    struct items merged;
    bool *told; /* per item of OURS, then THEIRS: its conflict has been put out */
};

/* ---- reading ---- */

static NODISCARD bool push(struct items *items, size_t at, const struct item *item)
{
    if (items->count == items->room) {
        size_t room = items->room * 2 + 16;
        struct item *list = realloc(items->list, room * sizeof *list);
        if (list == NULL)
            return false;
        items->list = list;
        items->room = room;
    }
    memmove(items->list + at + 1, items->list + at, (items->count - at) * sizeof *items->list);
    items->list[at] = *item;
    items->count++;
    return true;
}

/* Tokens with one blank between; the class is left out, it is the zone's. */
static char *words_of(struct arena *arena, const struct entry *entry, const char *owner, size_t room)
{
    size_t len = strlen(owner);
    char *words = arena_alloc(arena, room + len + entry->count + 2, 1);
    if (words == NULL)
        return NULL;
    memcpy(words, owner, len);
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct piece *piece = &entry->pieces[i];
        if (piece->kind != PIECE_TOKEN || i == entry->owner || i == entry->class)
            continue;
        words[len++] = ' ';
        memcpy(words + len, piece->at, piece->len);
        len += piece->len;
    }
    words[len] = '\0';
    return words;
}

static bool take_record(
    struct reconcile *reconcile, const struct entry *entry, struct item *item, char *owner, size_t owner_size)
{
    const struct piece *type = &entry->pieces[entry->type];
    item->inherits = entry->owner == ENTRY_NONE;
    if (!item->inherits) {
        const struct piece *piece = &entry->pieces[entry->owner];
        snprintf(owner, owner_size, "%.*s", (int)piece->len, piece->at);
    }
    item->record = true;
    item->owner = arena_copy(&reconcile->arena, owner, strlen(owner));
    item->type = arena_copy(&reconcile->arena, type->at, type->len);
    item->words = words_of(&reconcile->arena, entry, owner, item->len);
    return item->owner != NULL && item->type != NULL && item->words != NULL;
}

/* Does the entry end where it seems to? Not if a parenthesis or a quote is open. */
static bool is_whole(const char *at, const char *end)
{
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer, at, (size_t)(end - at));
    while (lexer_next(&lexer, &token))
        continue;
    return lexer.error == NULL;
}

static enum reconciled read_version(
    struct reconcile *reconcile, const struct git_text *text, struct items *items)
{
    struct entry entry;
    char owner[sizeof reconcile->owner];
    enum reconciled result = RECONCILED;
    memcpy(owner, reconcile->owner, sizeof owner);
    entry_init(&entry);
    for (const char *at = text->text, *end = at + text->len; at < end && result == RECONCILED;
         at = entry.next) {
        if (entry_scan(&entry, at, end) != ERR_OK) {
            result = RECONCILED_NO_MEMORY;
            break;
        }
        struct item item = {.text = at, .len = (size_t)(entry.next - at)};
        bool odd = entry.kind == ENTRY_DIRECTIVE || (entry.kind == ENTRY_RECORD && entry.type == ENTRY_NONE);
        if (odd || !is_whole(at, end))
            result = RECONCILED_NOT;
        else if (entry.kind == ENTRY_RECORD)
            result = take_record(reconcile, &entry, &item, owner, sizeof owner) ? RECONCILED
                                                                                : RECONCILED_NO_MEMORY;
        else
            item.words = arena_copy(&reconcile->arena, at, item.len);
        if (result == RECONCILED && !push(items, items->count, &item))
            result = RECONCILED_NO_MEMORY;
    }
    entry_clear(&entry);
    return result;
}

enum err reconcile_pass(struct reconcile *reconcile, const struct git_text *text)
{
    struct entry entry;
    enum err err = ERR_OK;
    entry_init(&entry);
    for (const char *at = text->text, *end = at + text->len; at < end && err == ERR_OK; at = entry.next) {
        err = entry_scan(&entry, at, end);
        if (err == ERR_OK && entry.kind == ENTRY_RECORD && entry.owner != ENTRY_NONE) {
            const struct piece *piece = &entry.pieces[entry.owner];
            snprintf(reconcile->owner, sizeof reconcile->owner, "%.*s", (int)piece->len, piece->at);
        }
    }
    entry_clear(&entry);
    return err;
}

/* ---- comparing ---- */

static bool same_set(const struct item *a, const struct item *b)
{
    return a->record && b->record && strcasecmp(a->owner, b->owner) == 0 && strcasecmp(a->type, b->type) == 0;
}

static bool same_item(const struct item *a, const struct item *b)
{
    return a->record == b->record && strcasecmp(a->words, b->words) == 0 &&
           (!a->record || strcmp(strchr(a->words, ' '), strchr(b->words, ' ')) == 0);
}

static bool has_item(const struct items *items, const struct item *item)
{
    for (size_t i = 0; i < items->count; i++) {
        if (same_item(&items->list[i], item))
            return true;
    }
    return false;
}

/* Has every record of ITEM's set in A its like in B? */
static bool set_within(const struct items *a, const struct items *b, const struct item *item)
{
    for (size_t i = 0; i < a->count; i++) {
        if (same_set(&a->list[i], item) && !has_item(b, &a->list[i]))
            return false;
    }
    return true;
}

static bool set_differs(const struct stretch *stretch, unsigned a, unsigned b, const struct item *item)
{
    const struct items *x = &stretch->versions[a], *y = &stretch->versions[b];
    return !set_within(x, y, item) || !set_within(y, x, item);
}

static bool is_alias(const struct item *item)
{
    return strcasecmp(item->type, "CNAME") == 0;
}

/* Has VERSION changed another set of ITEM's owner, and is one of the two a CNAME? */
static bool alias_clashes(const struct stretch *stretch, unsigned version, const struct item *item)
{
    const struct items *items = &stretch->versions[version];
    for (size_t i = 0; i < items->count; i++) {
        const struct item *other = &items->list[i];
        if (other->record && strcasecmp(other->owner, item->owner) == 0 && !same_set(other, item) &&
            (is_alias(other) || is_alias(item)) && set_differs(stretch, version, BASE, other))
            return true;
    }
    return false;
}

/* Is ITEM, of OURS or THEIRS, in a set that both have changed, and not alike? */
static bool in_conflict(const struct stretch *stretch, unsigned version, const struct item *item)
{
    unsigned other = version == OURS ? THEIRS : OURS;
    if (!item->record)
        return false;
    if (set_differs(stretch, OURS, BASE, item) && set_differs(stretch, THEIRS, BASE, item) &&
        set_differs(stretch, OURS, THEIRS, item))
        return true;
    return set_differs(stretch, version, BASE, item) && alias_clashes(stretch, other, item);
}

/* ---- writing ---- */

static void put_line(struct reconcile *reconcile, const char *text, size_t len)
{
    fwrite(text, 1, len, reconcile->out);
    if (len > 0 && text[len - 1] != '\n')
        putc('\n', reconcile->out);
}

/* An entry that inherits its owner from another record than before gets it written, in the same column if it
 * fits. */
static void put_item(struct reconcile *reconcile, const struct item *item)
{
    size_t blanks = 0, owner = item->record ? strlen(item->owner) : 0;
    if (item->record && item->inherits && strcasecmp(reconcile->owner, item->owner) != 0) {
        while (blanks < item->len && (item->text[blanks] == ' ' || item->text[blanks] == '\t'))
            blanks++;
        fputs(item->owner, reconcile->out);
        bool spaces = memchr(item->text, '\t', blanks) == NULL;
        size_t kept = !spaces ? blanks : blanks > owner ? blanks - owner : 1;
        fwrite(item->text + (spaces ? 0 : blanks - kept), 1, kept, reconcile->out);
    }
    if (item->record)
        snprintf(reconcile->owner, sizeof reconcile->owner, "%s", item->owner);
    put_line(reconcile, item->text + blanks, item->len - blanks);
}

static void put_marker(const struct reconcile *reconcile, char c, const char *label)
{
    for (unsigned i = 0; i < reconcile->marker_size; i++)
        putc(c, reconcile->out);
    fprintf(reconcile->out, "%s%s\n", *label != '\0' ? " " : "", label);
}

/* Everything that a conflict about NAME is about: one set, or with an alias all of the name. */
static bool belongs(const struct item *item, const struct item *about, bool whole_name)
{
    return item->record && (whole_name ? strcasecmp(item->owner, about->owner) == 0 : same_set(item, about));
}

static void put_version(struct stretch *stretch, unsigned version, const struct item *about, bool whole_name)
{
    struct reconcile *reconcile = stretch->reconcile;
    const struct items *items = &stretch->versions[version];
    char before[sizeof reconcile->owner];
    memcpy(before, reconcile->owner, sizeof before);
    for (size_t i = 0; i < items->count; i++) {
        if (!belongs(&items->list[i], about, whole_name))
            continue;
        /* Whichever side is taken, it must be able to stand alone. */
        reconcile->owner[0] = '\0';
        put_item(reconcile, &items->list[i]);
        if (version != BASE)
            stretch->told[(version == THEIRS ? stretch->versions[OURS].count : 0) + i] = true;
    }
    memcpy(reconcile->owner, before, sizeof before);
}

static void put_conflict(struct stretch *stretch, const struct item *item)
{
    struct reconcile *reconcile = stretch->reconcile;
    char label[1200];
    bool whole_name = alias_clashes(stretch, OURS, item) || alias_clashes(stretch, THEIRS, item);
    snprintf(
        label, sizeof label, "ours: %s %s", item->owner, whole_name ? "(a CNAME stands alone)" : item->type);
    put_marker(reconcile, '<', label);
    put_version(stretch, OURS, item, whole_name);
    put_marker(reconcile, '|', "base");
    put_version(stretch, BASE, item, whole_name);
    put_marker(reconcile, '=', "");
    put_version(stretch, THEIRS, item, whole_name);
    put_marker(reconcile, '>', "theirs");
    snprintf(reconcile->owner, sizeof reconcile->owner, "%s", item->owner);
    reconcile->conflicts++;
}

/* ---- merging ---- */

/* What stands in ours and is not taken away by theirs. */
static NODISCARD bool take_ours(struct stretch *stretch)
{
    const struct items *ours = &stretch->versions[OURS];
    for (size_t i = 0; i < ours->count; i++) {
        const struct item *item = &ours->list[i];
        bool taken_away = has_item(&stretch->versions[BASE], item) &&
                          !has_item(&stretch->versions[THEIRS], item) && !in_conflict(stretch, OURS, item);
        if (!taken_away && !push(&stretch->merged, stretch->merged.count, item))
            return false;
    }
    return true;
}

/* Behind the last record of the same owner, else at the end. */
static size_t place_of(const struct items *merged, const struct item *item)
{
    for (size_t i = merged->count; i-- > 0;) {
        if (merged->list[i].record && strcasecmp(merged->list[i].owner, item->owner) == 0)
            return i + 1;
    }
    return merged->count;
}

/* Comments and blank lines that theirs put above a new record go where it goes. */
static NODISCARD bool take_theirs(struct stretch *stretch)
{
    const struct items *theirs = &stretch->versions[THEIRS];
    struct items *merged = &stretch->merged;
    size_t above = 0; /* new items of no record, before the next one */
    for (size_t i = 0; i < theirs->count; i++) {
        const struct item *item = &theirs->list[i];
        bool new = !has_item(&stretch->versions[BASE], item) && !has_item(&stretch->versions[OURS], item);
        bool blank = !item->record && item->words[strspn(item->words, " \t\r\n")] == '\0';
        if (blank && i + 1 < theirs->count && !has_item(&stretch->versions[OURS], &theirs->list[i + 1]))
            new = true;
        if (!new) {
            above = 0;
            continue;
        }
        size_t at = !item->record ? merged->count : place_of(merged, item);
        if (!item->record) {
            if (!push(merged, at, item))
                return false;
            above++;
            continue;
        }
        if (at < merged->count && above > 0)
            at = merged->count; /* with a comment of its own it begins a new group */
        if (!push(merged, at, item))
            return false;
        above = 0;
    }
    return true;
}

static bool is_told(const struct stretch *stretch, const struct item *item)
{
    const struct items *ours = &stretch->versions[OURS], *theirs = &stretch->versions[THEIRS];
    for (size_t i = 0; i < ours->count + theirs->count; i++) {
        const struct item *at = i < ours->count ? &ours->list[i] : &theirs->list[i - ours->count];
        if (at->text == item->text)
            return stretch->told[i];
    }
    return false;
}

/* A set that one has changed and the other taken away altogether may be in neither's text any more. */
static bool is_ours(const struct stretch *stretch, const struct item *item)
{
    const struct items *ours = &stretch->versions[OURS];
    for (size_t i = 0; i < ours->count; i++) {
        if (ours->list[i].text == item->text)
            return true;
    }
    return false;
}

static void put_merged(struct stretch *stretch)
{
    for (size_t i = 0; i < stretch->merged.count; i++) {
        const struct item *item = &stretch->merged.list[i];
        if (is_told(stretch, item))
            continue;
        if (in_conflict(stretch, is_ours(stretch, item) ? OURS : THEIRS, item))
            put_conflict(stretch, item);
        else
            put_item(stretch->reconcile, item);
    }
}

enum reconciled reconcile(struct reconcile *reconcile, const struct git_text *ours,
    const struct git_text *base, const struct git_text *theirs)
{
    const struct git_text *const texts[VERSIONS] = {ours, base, theirs};
    struct stretch stretch = {.reconcile = reconcile};
    enum reconciled result = RECONCILED;
    for (unsigned i = 0; i < VERSIONS && result == RECONCILED; i++)
        result = read_version(reconcile, texts[i], &stretch.versions[i]);
    if (result == RECONCILED) {
        stretch.told =
            calloc(stretch.versions[OURS].count + stretch.versions[THEIRS].count + 1, sizeof(bool));
        if (stretch.told != NULL && take_ours(&stretch) && take_theirs(&stretch))
            put_merged(&stretch);
        else
            result = RECONCILED_NO_MEMORY;
    }
    for (unsigned i = 0; i < VERSIONS; i++)
        free(stretch.versions[i].list);
    free(stretch.merged.list);
    free(stretch.told);
    return result;
}
