/* zonetool textconv: a zone file as `git diff` is to see it: one record per line, in canonical order, owner,
 * TTL, class and type written out. A name that the text leaves relative to an origin it does not state stays
 * relative. A file with errors is shown as it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/chunks.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"
#include "zonetool/rewrite.h"
#include "zonetool/show.h"

/* Stands for the origin that is not known: no zone has such a name. */
static const uint8_t unknown_origin[] = "\1@";
#define UNKNOWN_TEXT "\\@."

struct line {
    const uint8_t *owner;
    const struct tape_record *record;
};

struct lines {
    struct line *list;
    size_t count;
};

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = name_compare(x->owner, y->owner);
    if (order != 0)
        return order;
    bool x_soa = x->record->type == TYPE_SOA, y_soa = y->record->type == TYPE_SOA;
    if (x_soa != y_soa)
        return x_soa ? -1 : 1;
    if (x->record->type != y->record->type)
        return x->record->type - y->record->type;
    size_t least = x->record->rdata_len < y->record->rdata_len ? x->record->rdata_len : y->record->rdata_len;
    order = memcmp(x->record->rdata, y->record->rdata, least);
    return order != 0 ? order : x->record->rdata_len - y->record->rdata_len;
}

/* "www.\@." is www, "\@." is @. */
static void put_relative(const char *text)
{
    for (const char *found; (found = strstr(text, UNKNOWN_TEXT)) != NULL;
         text = found + strlen(UNKNOWN_TEXT)) {
        bool alone = found == text || found[-1] != '.';
        fwrite(text, 1, (size_t)(found - text) - !alone, stdout);
        if (alone)
            putchar('@');
    }
    fputs(text, stdout);
}

static void put_line(const struct line *line)
{
    const struct tape_record *record = line->record;
    put_relative(show_name(line->owner));
    printf("\t%u\tIN\t%s\t", record->ttl, show_type(record->type));
    put_relative(show_rdata(record->type, record->rdata, record->rdata_len));
    putchar('\n');
}

static bool collect(const struct zone_text *text, struct lines *lines)
{
    lines->list = malloc((text->records + 1) * sizeof *lines->list);
    for (size_t c = 0; c < text->count && lines->list != NULL; c++) {
        const struct tape *tape = &text->chunks[c].tape;
        const struct run *run = tape_first(tape);
        for (size_t i = 0; i < tape->run_count; i++, run = run_next(run)) {
            const struct tape_record *record = run_first(run);
            for (uint32_t j = 0; j < run->record_count; j++, record = tape_record_next(record))
                lines->list[lines->count++] = (struct line){.owner = run->name, .record = record};
        }
    }
    return lines->list != NULL;
}

static enum outcome put_text(const struct zone_text *text)
{
    struct lines lines = {0};
    if (!collect(text, &lines))
        return complain("out of memory");
    qsort(lines.list, lines.count, sizeof *lines.list, compare_lines);
    for (size_t i = 0; i < lines.count; i++)
        put_line(&lines.list[i]);
    free(lines.list);
    return OUTCOME_CLEAN;
}

enum outcome textconv_run(const struct arguments *arguments)
{
    const char *path = arguments->operands[0];
    struct sources sources;
    struct zone_text text;
    uint16_t file;
    struct text_options options = {.origin = arguments->origin != NULL ? arguments->origin : unknown_origin,
        .threads = arguments->threads,
        .fragment = true};
    if (sources_init(&sources) != ERR_OK)
        return complain("out of memory");
    enum err err = sources_open(&sources, path, &file);
    enum outcome outcome = OUTCOME_CLEAN;
    if (err == ERR_OK)
        err = text_read(&sources, file, &options, &text);
    if (err != ERR_OK) {
        outcome = complain("%s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    } else {
        const struct input *input = &sources_get(&sources, file)->input;
        outcome = text.errors > 0 ? print_octets(input->text, input->len) : put_text(&text);
        text_clear(&text);
    }
    sources_clear(&sources);
    return outcome;
}
