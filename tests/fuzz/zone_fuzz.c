/* The zone reader on hostile text. Whatever the text: no crash, and three readings tell the same records and
 * the same findings: whole, in tiny chunks (chunks.h promises that), and by the careful path alone (the fast
 * path must not read anything differently, reader.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/chunks.h"
#include "zone/wire/rdata.h"

#define CHUNK_TINY 48

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint8_t origin[] = "\7example\3org";

/* What a reading told: FNV-1a over records and findings, in order, and their numbers. */
struct tale {
    uint64_t hash;
    uint64_t records, findings;
    bool aloud; /* print it, to see where two tales part */
};

static void tell(struct tale *tale, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++)
        tale->hash = (tale->hash ^ at[i]) * 0x100000001b3u;
}

static void tell_finding(void *context, const struct finding *finding)
{
    struct tale *tale = context;
    tale->findings++;
    if (tale->aloud)
        finding_print(stderr, finding);
    tell(tale, &finding->line, sizeof(finding->line));
    tell(tale, &finding->column, sizeof(finding->column));
    tell(tale, finding->message, strlen(finding->message));
}

static void say_record(const struct run *run, const struct tape_record *record)
{
    char owner[NAME_TEXT_MAX], text[1000];
    name_print(run->name, owner);
    rdata_print(record->type, record->rdata, record->rdata_len, text, sizeof(text));
    fprintf(stderr, "%s %u TYPE%u %s\n", owner, record->ttl, record->type, text);
}

/* Records must be well-formed: the store and the encoder trust them. */
static void tell_record(struct tale *tale, const struct run *run, const struct tape_record *record)
{
    char text[64];
    tale->records++;
    if (tale->aloud)
        say_record(run, record);
    tell(tale, run->name, run->name_len);
    tell(tale, &record->type, sizeof(record->type));
    tell(tale, &record->ttl, sizeof(record->ttl));
    tell(tale, record->rdata, record->rdata_len);
    if (name_check(run->name, run->name_len) != run->name_len)
        abort();
    if (rdata_check(record->type, record->rdata, record->rdata_len, NULL) != ERR_OK)
        abort();
    rdata_print(record->type, record->rdata, record->rdata_len, text, sizeof(text));
}

static void tell_tape(struct tale *tale, const struct tape *tape)
{
    const struct run *run = tape_first(tape);
    for (size_t i = 0; i < tape->run_count; i++, run = run_next(run)) {
        const struct tape_record *record = run_first(run);
        for (uint32_t j = 0; j < run->record_count; j++, record = tape_record_next(record))
            tell_record(tale, run, record);
    }
}

enum way { WAY_WHOLE, WAY_CHUNKS, WAY_CAREFUL };

static const char *const ways[] = {"whole", "in tiny chunks", "by the careful path"};

static void read_chunks(struct sources *sources, uint16_t file, size_t chunk_size, struct tale *tale)
{
    struct zone_text text;
    struct text_options options = {.origin = origin, .threads = 1, .chunk_size = chunk_size};
    if (text_read(sources, file, &options, &text) != ERR_OK)
        return;
    for (size_t i = 0; i < text.count; i++)
        tell_tape(tale, &text.chunks[i].tape);
    struct finding_sink sink = {tell_finding, tale};
    text_report(&text, &sink);
    text_clear(&text);
}

static void read_carefully(struct sources *sources, uint16_t file, struct tale *tale)
{
    struct tape tape;
    struct arena arena;
    struct reader reader;
    struct pending_list findings = {.arena = &arena};
    arena_init(&arena, 0);
    if (tape_init(&tape, 0) != ERR_OK)
        abort();
    reader_init(&reader, sources, file, &tape, &findings, origin);
    if (reader.end - reader.at >= 3 && memcmp(reader.at, "\xef\xbb\xbf", 3) == 0)
        reader.at += 3;
    while (reader.at < reader.end && reader.failure == ERR_OK)
        reader_entry(&reader);
    if (reader.failure == ERR_OK) {
        struct finding_sink sink = {tell_finding, tale};
        tell_tape(tale, &tape);
        pending_report(&findings, sources, &sink);
    }
    tape_clear(&tape);
    arena_clear(&arena);
}

static struct tale read_text(const uint8_t *bytes, size_t len, enum way way, bool aloud)
{
    struct tale tale = {.hash = 0xcbf29ce484222325u, .aloud = aloud};
    struct sources sources;
    uint16_t file;
    if (aloud)
        fprintf(stderr, "---- %s\n", ways[way]);
    if (sources_init(&sources) != ERR_OK)
        abort();
    if (sources_add(&sources, "fuzz", (const char *)bytes, len, &file) != ERR_OK)
        abort();
    if (way == WAY_CAREFUL)
        read_carefully(&sources, file, &tale);
    else
        read_chunks(&sources, file, way == WAY_CHUNKS ? CHUNK_TINY : 0, &tale);
    sources_clear(&sources);
    return tale;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct tale whole = read_text(bytes, len, WAY_WHOLE, false);
    for (enum way way = WAY_CHUNKS; way <= WAY_CAREFUL; way++) {
        struct tale other = read_text(bytes, len, way, false);
        if (other.hash == whole.hash)
            continue;
        read_text(bytes, len, WAY_WHOLE, true);
        read_text(bytes, len, way, true);
        abort();
    }
    return 0;
}
