#include "gitsync/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/json.h"

void plan_init(struct plan *plan, const char *repository)
{
    memset(plan, 0, sizeof *plan);
    arena_init(&plan->arena, 0);
    plan->repository = repository;
    plan->signer = "";
}

void plan_clear(struct plan *plan)
{
    arena_clear(&plan->arena);
    for (unsigned i = 0; i < plan->piece_count; i++)
        arena_clear(&plan->pieces[i]);
    plan->piece_count = 0;
    free(plan->zones);
    plan->zones = NULL;
    plan->zone_count = plan->zone_room = 0;
}

struct zone_plan *plan_add(struct plan *plan, const char *path)
{
    if (plan->zone_count == plan->zone_room) {
        unsigned room = plan->zone_room == 0 ? 16 : plan->zone_room * 2;
        struct zone_plan *zones = realloc(plan->zones, room * sizeof *zones);
        if (zones == NULL)
            return NULL;
        plan->zones = zones;
        plan->zone_room = room;
    }
    const char *copy = arena_printf(&plan->arena, "%s", path);
    if (copy == NULL)
        return NULL;
    struct zone_plan *zone = &plan->zones[plan->zone_count++];
    *zone = (struct zone_plan){.path = copy, .zone = "", .findings = "", .why = "", .hint = ""};
    return zone;
}

const char *zone_change_word(enum zone_change change)
{
    return change == ZONE_ADDED ? "added" : change == ZONE_CHANGED ? "changed" : "removed";
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* The kinds of change, in the order in which they are told. */
static const struct kind {
    const char *word, *sign;
    size_t offset;
} kinds[] = {
    {"added", "+", offsetof(struct zone_plan, added)},
    {"removed", "-", offsetof(struct zone_plan, removed)},
    {"changed", "~", offsetof(struct zone_plan, changed)},
    {"delegations_lost", "!", offsetof(struct zone_plan, delegations_lost)},
};

static const struct name_list *list_of(const struct zone_plan *zone, const struct kind *kind)
{
    return (const struct name_list *)(const void *)((const char *)zone + kind->offset);
}

void plan_zone_line(const struct zone_plan *zone, char *out, size_t room)
{
    const char *name = zone->zone[0] != '\0' ? zone->zone : zone->path;
    if (zone->change == ZONE_REMOVED)
        snprintf(out, room, "%s removed (serial was %" PRIu32 ")", name, zone->old_serial);
    else if (zone->change == ZONE_ADDED)
        snprintf(out, room, "%s added: serial %" PRIu32 ", %" PRIu64 " record%s", name, zone->new_serial,
            zone->new_records, plural(zone->new_records));
    else if (zone->in_text_only)
        snprintf(out, room, "%s serial %" PRIu32 " -> %" PRIu32 ": no record but the SOA changed", name,
            zone->old_serial, zone->new_serial);
    else
        snprintf(out, room,
            "%s serial %" PRIu32 " -> %" PRIu32 ": %" PRIu32 " name%s added, %" PRIu32 " removed, %" PRIu32
            " changed",
            name, zone->old_serial, zone->new_serial, zone->added.count, plural(zone->added.count),
            zone->removed.count, zone->changed.count);
}

/* ---- text ---- */

static void print_lists(FILE *out, const struct zone_plan *zone, const char *indent)
{
    for (unsigned k = 0; k < ARRAY_COUNT(kinds); k++) {
        const struct name_list *list = list_of(zone, &kinds[k]);
        for (unsigned i = 0; i < list->count && i < PLAN_EXAMPLES; i++)
            fprintf(out, "%s%s %s%s\n", indent, kinds[k].sign, list->examples[i],
                kinds[k].sign[0] == '!' ? " (delegation lost)" : "");
        if (list->count > PLAN_EXAMPLES)
            fprintf(out, "%s%s and %" PRIu32 " more\n", indent, kinds[k].sign, list->count - PLAN_EXAMPLES);
    }
}

static void print_indented(FILE *out, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        fprintf(out, "    %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void print_text(FILE *out, const struct plan *plan)
{
    char line[2048];
    fprintf(out, "%s: %.12s \"%s\" by %s\n", plan->repository, plan->commit.id, plan->commit.summary,
        plan->commit.author);
    fprintf(out, "  from %.12s, %u file%s changed, %u zone%s\n",
        plan->from[0] != '\0' ? plan->from : "nothing", plan->files_changed, plural(plan->files_changed),
        plan->zone_count, plural(plan->zone_count));
    fprintf(out, "  %s\n", plan->signer);
    for (unsigned i = 0; i < plan->zone_count; i++) {
        plan_zone_line(&plan->zones[i], line, sizeof line);
        fprintf(out, "  %s\n", line);
        print_lists(out, &plan->zones[i], "    ");
        print_indented(out, plan->zones[i].findings);
        if (plan->zones[i].outcome != OUTCOME_FINE)
            fprintf(out, "    refused: %s\n", plan->zones[i].why);
    }
    if (plan->problem.outcome == OUTCOME_FINE) {
        fprintf(out, "  may be deployed\n");
        return;
    }
    fprintf(out, "  refused (%s): %s\n", outcome_word(plan->problem.outcome), plan->problem.text);
    if (plan->problem.hint[0] != '\0')
        fprintf(out, "    hint: %s\n", plan->problem.hint);
}

/* ---- JSON ---- */

static void put_zone(struct json *json, const struct zone_plan *zone)
{
    json_open(json, NULL, '{');
    json_text(json, "zone", zone->zone);
    json_text(json, "path", zone->path);
    json_text(json, "change", zone_change_word(zone->change));
    json_bool(json, "text_only", zone->in_text_only);
    json_number(json, "old_serial", zone->old_serial);
    json_number(json, "new_serial", zone->new_serial);
    json_number(json, "old_records", zone->old_records);
    json_number(json, "new_records", zone->new_records);
    for (unsigned k = 0; k < ARRAY_COUNT(kinds); k++) {
        const struct name_list *list = list_of(zone, &kinds[k]);
        json_open(json, kinds[k].word, '{');
        json_number(json, "count", list->count);
        json_open(json, "names", '[');
        for (unsigned i = 0; i < list->count && i < PLAN_EXAMPLES; i++)
            json_text(json, NULL, list->examples[i]);
        json_close(json, ']');
        json_close(json, '}');
    }
    json_number(json, "errors", zone->errors);
    json_number(json, "warnings", zone->warnings);
    json_text(json, "findings", zone->findings);
    json_text(json, "verdict", outcome_word(zone->outcome));
    json_text(json, "why", zone->outcome != OUTCOME_FINE ? zone->why : NULL);
    json_close(json, '}');
}

static void print_json(FILE *out, const struct plan *plan)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_text(&json, "repository", plan->repository);
    json_text(&json, "commit", plan->commit.id);
    json_text(&json, "summary", plan->commit.summary);
    json_text(&json, "author", plan->commit.author);
    json_text(&json, "from", plan->from[0] != '\0' ? plan->from : NULL);
    json_text(&json, "signer", plan->signer);
    json_number(&json, "files_changed", plan->files_changed);
    json_open(&json, "zones", '[');
    for (unsigned i = 0; i < plan->zone_count; i++)
        put_zone(&json, &plan->zones[i]);
    json_close(&json, ']');
    json_text(&json, "verdict", outcome_word(plan->problem.outcome));
    json_text(&json, "why", plan->problem.outcome != OUTCOME_FINE ? plan->problem.text : NULL);
    json_text(&json, "hint", plan->problem.hint[0] != '\0' ? plan->problem.hint : NULL);
    json_close(&json, '}');
    fputc('\n', out);
}

/* ---- Markdown ---- */

/* What comes from outside must not become markup. */
static void put_markdown(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\`*_{}[]<>()#+!|~", *text) != NULL)
            fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void print_markdown(FILE *out, const struct plan *plan)
{
    fprintf(out, "### %s: `%.12s` ", plan->repository, plan->commit.id);
    put_markdown(out, plan->commit.summary);
    fprintf(
        out, "\n\n%s\n\n", plan->problem.outcome == OUTCOME_FINE ? "**May be deployed.**" : "**Refused.**");
    if (plan->problem.outcome != OUTCOME_FINE) {
        put_markdown(out, plan->problem.text);
        fputs("\n\n", out);
    }
    put_markdown(out, plan->signer);
    fputs("\n\n| Zone | Change | Serial | Names + | Names - | Names ~ | Errors | Warnings | Verdict |\n"
          "|---|---|---|---|---|---|---|---|---|\n",
        out);
    for (unsigned i = 0; i < plan->zone_count; i++) {
        const struct zone_plan *zone = &plan->zones[i];
        fputs("| ", out);
        put_markdown(out, zone->zone[0] != '\0' ? zone->zone : zone->path);
        fprintf(out,
            " | %s | %" PRIu32 " → %" PRIu32 " | %" PRIu32 " | %" PRIu32 " | %" PRIu32 " | %u | %u | %s |\n",
            zone_change_word(zone->change), zone->old_serial, zone->new_serial, zone->added.count,
            zone->removed.count, zone->changed.count, zone->errors, zone->warnings,
            outcome_word(zone->outcome));
    }
    for (unsigned i = 0; i < plan->zone_count; i++) {
        const struct zone_plan *zone = &plan->zones[i];
        fputs("\n<details><summary>", out);
        put_markdown(out, zone->zone[0] != '\0' ? zone->zone : zone->path);
        fputs("</summary>\n\n```\n", out);
        print_lists(out, zone, "");
        fputs(zone->findings, out);
        fputs("```\n</details>\n", out);
    }
}

void plan_print(FILE *out, const struct plan *plan, enum plan_form form)
{
    switch (form) {
    case PLAN_TEXT:
        print_text(out, plan);
        break;
    case PLAN_JSON:
        print_json(out, plan);
        break;
    case PLAN_MARKDOWN:
        print_markdown(out, plan);
        break;
    }
}
