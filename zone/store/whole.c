#include "zone/store/whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/store/build.h"
#include "zone/text/chunks.h"
#include "zone/text/sources.h"
#include "zone/wire/type.h"

#define CHUNK_RECORDS 65536u
#define CHUNK_EXPECTED ((size_t)4 << 20)

static enum err open_chunk(struct whole *whole)
{
    if (whole->chunk_count == whole->room) {
        size_t room = whole->room * 2 + 4;
        struct chunk *chunks = realloc(whole->chunks, room * sizeof *chunks);
        if (chunks == NULL)
            return ERR_MEMORY;
        whole->chunks = chunks;
        whole->room = room;
    }
    struct chunk *chunk = &whole->chunks[whole->chunk_count];
    memset(chunk, 0, sizeof *chunk);
    enum err err = tape_init(&chunk->tape, whole->chunk_count > 0 ? CHUNK_EXPECTED : 0);
    whole->chunk_count += err == ERR_OK;
    return err;
}

enum err whole_add(struct whole *whole, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len)
{
    enum err err = rdata_len <= UINT16_MAX ? ERR_OK : ERR_RANGE;
    if (err == ERR_OK &&
        (whole->chunk_count == 0 || whole->chunks[whole->chunk_count - 1].tape.record_count >= CHUNK_RECORDS))
        err = open_chunk(whole);
    if (err == ERR_OK)
        err = tape_put(&whole->chunks[whole->chunk_count - 1].tape, owner, type, ttl, rdata, rdata_len);
    whole->count += err == ERR_OK;
    return err;
}

/* The first error. */
static void keep_first(void *context, const struct finding *finding)
{
    char *why = context;
    if (finding->severity == SEVERITY_ERROR && why[0] == '\0')
        snprintf(why, CHANGE_WHY_MAX, "%s [%s]", finding->message, finding->rule);
}

enum err whole_build(const struct whole *whole, const uint8_t *apex, unsigned threads,
    char why[CHANGE_WHY_MAX], struct image **out)
{
    struct sources sources;
    struct build_result result;
    char first[CHANGE_WHY_MAX] = "";
    uint16_t file;
    enum err err = sources_init(&sources);
    if (err != ERR_OK)
        return err;
    struct finding_sink sink = {.report = keep_first, .context = first};
    struct build_options options = {.apex = apex, .threads = threads, .sink = &sink};
    struct zone_text text = {.sources = &sources,
        .chunks = whole->chunks,
        .count = whole->chunk_count,
        .records = whole->count,
        .class = CLASS_IN};
    err = sources_add(&sources, "changed zone", "", 0, &file); /* where findings are */
    if (err == ERR_OK)
        err = build_image(&text, &options, &result, out);
    if (err == ERR_INVALID && why != NULL)
        memcpy(why, first, sizeof first);
    sources_clear(&sources);
    return err;
}

void whole_clear(struct whole *whole)
{
    for (size_t i = 0; i < whole->chunk_count; i++)
        tape_clear(&whole->chunks[i].tape);
    free(whole->chunks);
    *whole = (struct whole){0};
}
