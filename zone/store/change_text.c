#include "zone/store/change_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "zone/text/chunks.h"
#include "zone/text/sources.h"

static void keep_first(void *context, const struct finding *finding)
{
    char *why = context;
    if (finding->severity == SEVERITY_ERROR && why[0] == '\0')
        snprintf(why, CHANGE_WHY_MAX, "%s", finding->message);
}

static enum err take_tape(const struct tape *tape, struct change_list *list)
{
    const struct run *run = tape_first(tape);
    enum err err = ERR_OK;
    for (size_t i = 0; i < tape->run_count && err == ERR_OK; i++, run = run_next(run)) {
        const struct tape_record *record = run_first(run);
        for (uint32_t r = 0; r < run->record_count && err == ERR_OK; r++) {
            err =
                change_list_add(list, run->name, record->type, record->ttl, record->rdata, record->rdata_len);
            record = tape_record_next(record);
        }
    }
    return err;
}

static enum err read_source(struct sources *sources, const char *text, size_t len, const uint8_t *origin,
    struct change_list *list, char *why)
{
    struct text_options options = {.origin = origin, .threads = 1};
    struct finding_sink sink = {.report = keep_first, .context = why};
    struct zone_text read;
    uint16_t file;
    enum err err = sources_add(sources, "edit", text, len, &file);
    if (err == ERR_OK)
        err = text_read(sources, file, &options, &read);
    if (err != ERR_OK)
        return err;
    text_report(&read, &sink);
    if (read.errors > 0)
        err = ERR_SYNTAX;
    for (size_t i = 0; i < read.count && err == ERR_OK; i++)
        err = take_tape(&read.chunks[i].tape, list);
    text_clear(&read);
    return err;
}

enum err change_text_read(const char *text, size_t len, const uint8_t *origin, uint32_t ttl,
    struct change_list *list, char why[CHANGE_WHY_MAX])
{
    struct sources sources;
    char *whole = NULL;
    int whole_len = asprintf(&whole, "$TTL %u\n%.*s\n", ttl, (int)len, text);
    why[0] = '\0';
    if (whole_len < 0)
        return ERR_MEMORY;
    enum err err = sources_init(&sources);
    if (err == ERR_OK) {
        err = read_source(&sources, whole, (size_t)whole_len, origin, list, why);
        sources_clear(&sources);
    }
    free(whole);
    return err;
}
