#include "zone/check/zone_pass.h"

#include <string.h>

#include "zone/store/index.h"
#include "zone/text/chunks.h"
#include "zone/wire/type.h"

static bool entry_is(const struct build *build, size_t i, const uint8_t *name, size_t len)
{
    const struct run *run = build->entries[i].run;
    return run->name_len == len && memcmp(run->name, name, len) == 0;
}

size_t zone_pass_find(const struct build *build, const uint8_t *name, size_t *count)
{
    size_t from = 0, to = build->count, len = name_len(name);
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (name_compare(build->entries[middle].run->name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *count = 0;
    while (from + *count < build->count && entry_is(build, from + *count, name, len))
        ++*count;
    return from;
}

const struct node *zone_pass_node(const struct zone_pass *pass, const uint8_t *name)
{
    const struct build *build = pass->build;
    unsigned relative = (unsigned)name_len(name) - build->apex_len;
    if (pass->zone->image == NULL)
        return NULL;
    uint32_t ref = index_find(pass->zone->image, index_hash(build->seed, name, relative), name, relative);
    return ref != 0 ? image_node(pass->zone->image, ref) : NULL;
}

bool zone_pass_gather(struct zone_pass *pass, const uint8_t *name)
{
    size_t count, from = zone_pass_find(pass->build, name, &count);
    return count > 0 && gather(&pass->gathered, pass->build->entries + from, count, false) == ERR_OK;
}

#define TELL_RECORD(pass, name, at, part, ...)                                                               \
    TELL_AT((pass)->shared, (pass)->lint, name, (at)->run, (at)->record, part, __VA_ARGS__)

/* ---- the apex: names that its records give ---- */

/* What is known of a name that the zone itself should have. */
enum standing { STANDS_OUTSIDE, STANDS_COVERED, STANDS_MISSING, STANDS_ALIAS, STANDS_BARE, STANDS_HOST };

/* Does something above answer for the absent NAME: a delegation, a DNAME, a wildcard? */
static bool is_covered(const struct zone_pass *pass, const uint8_t *name)
{
    while (name_len(name) > pass->build->apex_len) {
        name += *name + 1;
        const struct node *node = zone_pass_node(pass, name);
        if (node != NULL)
            return (node->flags & (NODE_DELEGATION | NODE_DNAME | NODE_WILDCARD_CHILD | NODE_HIDDEN)) != 0;
    }
    return false;
}

static enum standing standing_of(const struct zone_pass *pass, const uint8_t *written)
{
    uint8_t name[NAME_MAX];
    name_lower(name, written);
    if (!name_under(name, pass->apex))
        return STANDS_OUTSIDE;
    const struct node *node = zone_pass_node(pass, name);
    if (node == NULL)
        return is_covered(pass, name) ? STANDS_COVERED : STANDS_MISSING;
    if ((node->flags & (NODE_DELEGATION | NODE_HIDDEN)) != 0)
        return STANDS_COVERED;
    if ((node->flags & NODE_CNAME) != 0)
        return STANDS_ALIAS;
    return (node->flags & NODE_ADDRESSES) != 0 ? STANDS_HOST : STANDS_BARE;
}

static void check_primary(struct zone_pass *pass)
{
    const struct gathered_set *soa = visit_set(&pass->gathered, TYPE_SOA);
    char text[NAME_TEXT_MAX];
    if (soa == NULL)
        return;
    const struct gathered_record *record = &pass->gathered.records[soa->from];
    name_print(record->record->rdata, text);
    switch (standing_of(pass, record->record->rdata)) {
    case STANDS_MISSING:
    case STANDS_BARE:
        TELL_RECORD(pass, "soa-mname-missing", record, PART_DATA, "the primary %s has no address", text);
        break;
    case STANDS_ALIAS:
        TELL_RECORD(pass, "soa-mname-cname", record, PART_DATA, "the primary %s is an alias", text);
        break;
    default:
        break;
    }
}

/* The form of the text: the SOA first, a newline last. */
static void check_text(struct zone_pass *pass)
{
    const struct zone_text *text = pass->zone->text;
    const struct input *input = &sources_get(text->sources, text->file)->input;
    const struct gathered_set *soa = visit_set(&pass->gathered, TYPE_SOA);
    const struct run *first = NULL;
    for (size_t i = 0; i < text->count && first == NULL; i++) {
        if (text->chunks[i].tape.run_count > 0)
            first = tape_first(&text->chunks[i].tape);
    }
    if (soa != NULL && first != NULL && first->record_count > 0 && run_first(first)->type != TYPE_SOA)
        TELL_RECORD(pass, "soa-not-first", &pass->gathered.records[soa->from], PART_TYPE,
            "the SOA is not the first record");
    if (input->len > 0 && input->text[input->len - 1] != '\n') {
        const struct gathered_record *at = pass->gathered.record_count > 0 ? pass->gathered.records : NULL;
        TELL_AT(pass->shared, pass->lint, "file-no-newline", at != NULL ? at->run : NULL,
            at != NULL ? at->record : NULL, PART_OWNER, "the file does not end with a newline");
    }
}

void zone_pass(const struct visits *shared, struct lint *lint, const struct lint_zone *zone)
{
    struct zone_pass pass = {
        .shared = shared, .lint = lint, .zone = zone, .build = zone->build, .apex = zone->build->apex};
    if (zone_pass_gather(&pass, pass.apex)) {
        if (zone->image != NULL)
            check_primary(&pass);
        check_text(&pass);
    }
    gather_clear(&pass.gathered);
}
