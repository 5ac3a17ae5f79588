#include "zonetool/written.h"

#include <string.h>

enum err written_open(struct written *written, const char *path, const uint8_t *origin)
{
    uint16_t file;
    struct text_options options = {
        .origin = origin != NULL ? origin : (const uint8_t *)"", .threads = 1, .fragment = true};
    memset(written, 0, sizeof *written);
    enum err err = sources_init(&written->sources);
    if (err != ERR_OK)
        return err;
    err = sources_open(&written->sources, path, &file);
    if (err == ERR_OK)
        err = text_read(&written->sources, file, &options, &written->text);
    written->read = err == ERR_OK;
    if (err == ERR_OK && written->text.errors > 0)
        err = ERR_INVALID;
    if (err != ERR_OK)
        written_close(written);
    return err;
}

void written_close(struct written *written)
{
    if (written->read)
        text_clear(&written->text);
    sources_clear(&written->sources);
    written->read = false;
}

static const struct tape_record *find_in_run(
    const struct run *run, uint16_t type, bool (*match)(const struct tape_record *record))
{
    const struct tape_record *record = run_first(run);
    for (uint32_t i = 0; i < run->record_count; i++, record = tape_record_next(record)) {
        if (record->type == type && (match == NULL || match(record)))
            return record;
    }
    return NULL;
}

bool written_find(struct written *written, uint16_t type, bool (*match)(const struct tape_record *record),
    struct written_place *out)
{
    for (size_t c = 0; c < written->text.count; c++) {
        const struct tape *tape = &written->text.chunks[c].tape;
        const struct run *run = tape_first(tape);
        for (size_t i = 0; i < tape->run_count; i++, run = run_next(run)) {
            const struct tape_record *record = find_in_run(run, type, match);
            if (record == NULL)
                continue;
            const struct source *source = sources_get(&written->sources, run->file);
            *out = (struct written_place){.path = source->path,
                .input = &source->input,
                .at = run->at + record->behind,
                .included = run->file != 0};
            return true;
        }
    }
    return false;
}
