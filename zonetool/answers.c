/* zonetool answers: which answers differ between two versions of a zone, over all names and types, or over
 * recorded queries, weighted by how often they were asked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/file.h"
#include "zone/base/hash.h"
#include "zone/base/parallel.h"
#include "zone/wire/type.h"
#include "zonetool/capture.h"
#include "zonetool/effect.h"
#include "zonetool/show.h"
#include "zonetool/side.h"

static struct {
    const char *queries;
    const char *top;
    bool dnssec;
} options;

const struct option_row answers_options[] = {
    SERVER_OPTION_ROWS{.word = "queries",
        .value = "FILE",
        .help = "recorded queries: pcap, pcapng, dnstap or text; weighs answers by them",
        .text = &options.queries},
    {.word = "dnssec",
        .help = "ask as validators do (DO bit): signers and proofs of what is not there count, too",
        .flag = &options.dnssec},
    {.word = "top", .value = "N", .help = "answers to print, 100 if not given; 0: all", .text = &options.top},
    {.word = NULL},
};

struct row {
    struct effect effect;
    uint64_t weight;
};

struct rows {
    struct row *list;
    size_t count, room;
    struct arena arena;
    uint64_t asked, weight; /* questions in the zone; how often they were asked */
    bool failed;
};

static void push_row(struct rows *rows, const struct row *row)
{
    if (rows->count == rows->room) {
        size_t room = rows->room * 2 + 64;
        struct row *list = realloc(rows->list, room * sizeof *list);
        rows->failed |= list == NULL;
        if (list == NULL)
            return;
        rows->list = list;
        rows->room = room;
    }
    rows->list[rows->count] = *row;
    rows->list[rows->count].effect.name =
        (const uint8_t *)arena_copy(&rows->arena, row->effect.name, name_len(row->effect.name));
    rows->failed |= rows->list[rows->count].effect.name == NULL;
    rows->count += !rows->failed;
}

struct asking {
    const struct snapshot *snapshots[2]; /* old, new */
    struct rows *parts;                  /* of each piece of work */
    uint32_t pieces_of_old;
};

static void ask_one(const struct asking *asking, struct rows *rows, struct arena *scratch,
    const uint8_t *name, uint16_t type, uint64_t weight)
{
    struct row row = {.effect = {.name = name, .type = type}, .weight = weight};
    ask(asking->snapshots[0], name, type, options.dnssec, scratch, &row.effect.old);
    ask(asking->snapshots[1], name, type, options.dnssec, scratch, &row.effect.new);
    rows->asked++;
    rows->weight += weight;
    if (!told_same(&row.effect.old, &row.effect.new))
        push_row(rows, &row);
}

/* ---- all names and types ---- */

#define PIECE 4096u

static void ask_node(const struct asking *asking, struct rows *rows, struct arena *scratch,
    const struct node *const nodes[2], const uint8_t *name)
{
    /* What most ask for, whether it is there or not. */
    ask_one(asking, rows, scratch, name, TYPE_A, 1);
    ask_one(asking, rows, scratch, name, TYPE_AAAA, 1);
    for (unsigned side = 0; side < 2; side++) {
        const struct rrset *rrset = nodes[side] != NULL ? node_rrsets(nodes[side]) : NULL;
        for (unsigned i = 0; rrset != NULL && i < nodes[side]->rrset_count; i++, rrset = rrset_next(rrset)) {
            bool usual = rrset->type == TYPE_A || rrset->type == TYPE_AAAA || rrset->count == 0;
            bool told = side == 1 && nodes[0] != NULL && node_rrset(nodes[0], rrset->type) != NULL;
            if (!usual && !told)
                ask_one(asking, rows, scratch, name, rrset->type, 1);
        }
    }
}

/* Pieces of the old zone's nodes, then of the new one's, of which those that the old one has are left out. */
static void ask_piece(void *context, size_t number)
{
    const struct asking *asking = context;
    unsigned side = number >= asking->pieces_of_old;
    const struct image *image = asking->snapshots[side]->image;
    struct rows *rows = &asking->parts[number];
    struct arena scratch;
    uint32_t from = (uint32_t)(number - (side == 1 ? asking->pieces_of_old : 0)) * PIECE;
    uint32_t to = image->header->node_count - from < PIECE ? image->header->node_count : from + PIECE;
    arena_init(&scratch, 0);
    arena_init(&rows->arena, 0);
    for (uint32_t i = from; i < to; i++) {
        const struct node *nodes[2], *node = image_node(image, image->order[i]);
        uint8_t name[NAME_MAX + 1];
        nodes[side] = node;
        nodes[1 - side] = snapshot_find(asking->snapshots[1 - side], false, node->name, node->name_len);
        if (side == 1 && nodes[0] != NULL)
            continue;
        snapshot_owner(asking->snapshots[side], node, name);
        ask_node(asking, rows, &scratch, nodes, name);
    }
    arena_clear(&scratch);
}

static uint32_t piece_count(const struct snapshot *snapshot)
{
    return (snapshot->image->header->node_count + PIECE - 1) / PIECE;
}

static enum err ask_all(struct asking *asking, unsigned threads, struct rows *all)
{
    asking->pieces_of_old = piece_count(asking->snapshots[0]);
    size_t count = asking->pieces_of_old + piece_count(asking->snapshots[1]);
    asking->parts = calloc(count, sizeof *asking->parts);
    if (asking->parts == NULL)
        return ERR_MEMORY;
    parallel_each(threads, count, ask_piece, asking);
    for (size_t i = 0; i < count; i++) {
        struct rows *part = &asking->parts[i];
        all->failed |= part->failed;
        all->asked += part->asked;
        all->weight += part->weight;
        for (size_t j = 0; j < part->count; j++)
            push_row(all, &part->list[j]);
        free(part->list);
        arena_clear(&part->arena);
    }
    free(asking->parts);
    return all->failed ? ERR_MEMORY : ERR_OK;
}

/* ---- recorded queries ---- */

struct question_count {
    const uint8_t *name;
    uint64_t hash, count;
    uint16_t type;
};

/* Open addressing, a power of two. */
struct counting {
    struct question_count *slots;
    size_t used, mask;
    struct arena arena;
    bool failed;
};

static struct question_count *find_slot(
    struct question_count *slots, size_t mask, uint64_t hash, const uint8_t *name, uint16_t type)
{
    size_t at = hash & mask;
    while (slots[at].name != NULL &&
           !(slots[at].hash == hash && slots[at].type == type && name_equal(slots[at].name, name)))
        at = (at + 1) & mask;
    return &slots[at];
}

static bool widen(struct counting *counting)
{
    size_t mask = counting->mask * 2 + 1;
    struct question_count *slots = calloc(mask + 1, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; counting->slots != NULL && i <= counting->mask; i++) {
        const struct question_count *old = &counting->slots[i];
        if (old->name != NULL)
            *find_slot(slots, mask, old->hash, old->name, old->type) = *old;
    }
    free(counting->slots);
    counting->slots = slots;
    counting->mask = mask;
    return true;
}

static void count_query(void *context, const uint8_t *name, uint16_t type, uint64_t count)
{
    struct counting *counting = context;
    size_t len = name_len(name);
    uint64_t hash = hash_bytes(type, name, len);
    if (counting->failed || (counting->used * 2 >= counting->mask && !widen(counting))) {
        counting->failed = true;
        return;
    }
    struct question_count *slot = find_slot(counting->slots, counting->mask, hash, name, type);
    if (slot->name == NULL) {
        char *kept = arena_copy(&counting->arena, name, len);
        counting->failed |= kept == NULL;
        if (kept == NULL)
            return;
        *slot = (struct question_count){.name = (const uint8_t *)kept, .hash = hash, .type = type};
        counting->used++;
    }
    slot->count += count;
}

static void ask_counted(const struct asking *asking, const struct counting *counting, struct rows *rows)
{
    struct arena scratch;
    const uint8_t *apex = asking->snapshots[0]->image->header->apex_name;
    arena_init(&scratch, 0);
    for (size_t i = 0; counting->slots != NULL && i <= counting->mask; i++) {
        const struct question_count *slot = &counting->slots[i];
        if (slot->name != NULL && name_under(slot->name, apex))
            ask_one(asking, rows, &scratch, slot->name, slot->type, slot->count);
    }
    arena_clear(&scratch);
}

static enum outcome ask_recorded(const struct asking *asking, struct rows *rows, struct capture *capture)
{
    struct counting counting = {.mask = 1023};
    struct file_map map;
    enum err err = file_map_open(&map, options.queries);
    if (err != ERR_OK)
        return complain("%s: %s", options.queries, strerror(errno));
    arena_init(&counting.arena, 0);
    counting.slots = calloc(counting.mask + 1, sizeof *counting.slots);
    counting.failed = counting.slots == NULL;
    *capture = (struct capture){.query = count_query, .context = &counting};
    capture_read(capture, map.bytes, map.len);
    file_map_close(&map);
    if (!counting.failed)
        ask_counted(asking, &counting, rows);
    arena_clear(&counting.arena);
    free(counting.slots);
    if (counting.failed || rows->failed)
        return complain("out of memory");
    if (capture->queries == 0)
        return complain("%s: there are no queries in it", options.queries);
    return OUTCOME_CLEAN;
}

/* ---- telling ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    int order = name_compare(x->effect.name, y->effect.name);
    return order != 0 ? order : x->effect.type - y->effect.type;
}

struct told_answers {
    const struct rows *rows;
    const struct capture *capture; /* NULL: all names and types were asked */
    uint64_t changed;              /* by weight */
    size_t shown;
    const uint8_t *apex;
};

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static void print_text(const struct told_answers *told)
{
    const struct rows *rows = told->rows;
    for (size_t i = 0; i < told->shown; i++) {
        const struct row *row = &rows->list[i];
        if (told->capture != NULL)
            printf("%10llu  ", (unsigned long long)row->weight);
        printf("%s: %s\n", effect_subject(&row->effect), effect_what(&row->effect));
    }
    if (told->shown < rows->count)
        printf("... and %zu more\n", rows->count - told->shown);
    printf("%s: ", show_name(told->apex));
    if (told->capture != NULL)
        printf("%llu queries (%s), %llu of them for this zone; %llu (%.2f%%) get another answer\n",
            (unsigned long long)told->capture->queries, told->capture->form, (unsigned long long)rows->weight,
            (unsigned long long)told->changed, percent(told->changed, rows->weight));
    else
        printf(
            "%llu questions asked, %zu get another answer\n", (unsigned long long)rows->asked, rows->count);
    if (told->capture != NULL && told->capture->passed_over > 0)
        printf("%llu more were cut short or made no sense\n", (unsigned long long)told->capture->passed_over);
}

static void print_json(const struct told_answers *told)
{
    struct json json;
    json_init(&json, stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "zone", show_name(told->apex));
    json_number(&json, "questions", told->rows->asked);
    if (told->capture != NULL) {
        json_text(&json, "form", told->capture->form);
        json_number(&json, "queries", told->capture->queries);
        json_number(&json, "passed_over", told->capture->passed_over);
        json_number(&json, "queries_in_zone", told->rows->weight);
        json_number(&json, "queries_changed", told->changed);
    }
    json_number(&json, "changed", told->rows->count);
    json_open(&json, "answers", '[');
    for (size_t i = 0; i < told->shown; i++) {
        const struct row *row = &told->rows->list[i];
        json_open(&json, NULL, '{');
        json_text(&json, "name", show_name(row->effect.name));
        json_text(&json, "type", show_type(row->effect.type));
        json_number(&json, "queries", row->weight);
        json_text(&json, "old", told_word(row->effect.old.kind));
        json_text(&json, "new", told_word(row->effect.new.kind));
        json_number(&json, "old_ttl", row->effect.old.ttl);
        json_text(&json, "what", effect_what(&row->effect));
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    putchar('\n');
}

static void print_markdown(const struct told_answers *told)
{
    const struct rows *rows = told->rows;
    fputs("### Answers of ", stdout);
    show_code(stdout, show_name(told->apex));
    if (told->capture != NULL)
        printf("\n\n**%.2f%%** of %llu recorded queries get another answer.\n\n",
            percent(told->changed, rows->weight), (unsigned long long)rows->weight);
    else
        printf("\n\n**%zu** of %llu questions get another answer.\n\n", rows->count,
            (unsigned long long)rows->asked);
    if (told->shown > 0)
        puts("| Queries | Question | What happens |\n|---|---|---|");
    for (size_t i = 0; i < told->shown; i++) {
        const struct row *row = &rows->list[i];
        printf("| %llu | ", (unsigned long long)row->weight);
        effect_show_subject(stdout, &row->effect);
        printf(" | %s |\n", effect_what(&row->effect));
    }
}

static enum outcome tell(
    struct rows *rows, const struct capture *capture, const uint8_t *apex, const char *format)
{
    size_t top = options.top != NULL ? strtoul(options.top, NULL, 10) : 100;
    struct told_answers told = {.rows = rows, .capture = capture, .apex = apex};
    if (rows->count > 0)
        qsort(rows->list, rows->count, sizeof *rows->list, compare_rows);
    for (size_t i = 0; i < rows->count; i++)
        told.changed += rows->list[i].weight;
    told.shown = top == 0 || top > rows->count ? rows->count : top;
    if (format != NULL && strcmp(format, "json") == 0)
        print_json(&told);
    else if (format != NULL && strcmp(format, "markdown") == 0)
        print_markdown(&told);
    else
        print_text(&told);
    return rows->count > 0 ? OUTCOME_FINDINGS : OUTCOME_CLEAN;
}

static enum outcome compare(struct side sides[2], const struct arguments *arguments, struct report *report)
{
    struct rows rows = {0};
    struct capture capture;
    arena_init(&rows.arena, 0);
    enum outcome outcome = side_snapshot(&sides[0], NULL, arguments, report);
    if (outcome == OUTCOME_CLEAN)
        outcome = side_snapshot(&sides[1], sides[0].snapshot->image->header->apex_name, arguments, report);
    if (outcome != OUTCOME_CLEAN)
        return outcome;
    struct asking asking = {.snapshots = {sides[0].snapshot, sides[1].snapshot}};
    const uint8_t *apex = sides[0].snapshot->image->header->apex_name;
    if (!name_equal(apex, sides[1].snapshot->image->header->apex_name))
        return complain("%s and %s are zones of different names", sides[0].name, sides[1].name);
    if (options.queries != NULL)
        outcome = ask_recorded(&asking, &rows, &capture);
    else if (ask_all(&asking, arguments->threads, &rows) != ERR_OK)
        outcome = complain("out of memory");
    if (outcome == OUTCOME_CLEAN)
        outcome = tell(&rows, options.queries != NULL ? &capture : NULL, apex, arguments->format);
    free(rows.list);
    arena_clear(&rows.arena);
    return outcome;
}

enum outcome answers_run(const struct arguments *arguments)
{
    struct side sides[2];
    struct report report;
    report_init(&report, stderr);
    enum outcome outcome = sides_open(sides, arguments->operands, arguments, &report);
    if (outcome == OUTCOME_CLEAN)
        outcome = compare(sides, arguments, &report);
    sides_close(sides);
    report_clear(&report);
    return outcome;
}
