/* The zone reader on hostile text. Whatever the text: no crash, and reading it in tiny chunks side by
 * side tells the same records and the same findings as reading it whole (chunks.h promises that). */
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

/* Records must be well-formed: the store and the encoder trust them. */
static void tell_record(struct tale *tale, const struct run *run, const struct tape_record *record)
{
    char text[64];
    tale->records++;
    if (tale->aloud)
        fprintf(
            stderr, "record of type %u, ttl %u, %u octets\n", record->type, record->ttl, record->rdata_len);
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

static struct tale read_text(const uint8_t *bytes, size_t len, size_t chunk_size, bool aloud)
{
    struct tale tale = {.hash = 0xcbf29ce484222325u, .aloud = aloud};
    struct sources sources;
    struct zone_text text;
    struct text_options options = {.origin = origin, .threads = 1, .chunk_size = chunk_size};
    uint16_t file;
    if (sources_init(&sources) != ERR_OK)
        abort();
    if (sources_add(&sources, "fuzz", (const char *)bytes, len, &file) != ERR_OK)
        abort();
    if (text_read(&sources, file, &options, &text) == ERR_OK) {
        for (size_t i = 0; i < text.count; i++)
            tell_tape(&tale, &text.chunks[i].tape);
        struct finding_sink sink = {tell_finding, &tale};
        text_report(&text, &sink);
        text_clear(&text);
    }
    sources_clear(&sources);
    return tale;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct tale whole = read_text(bytes, len, 0, false);
    struct tale pieces = read_text(bytes, len, CHUNK_TINY, false);
    if (whole.hash == pieces.hash)
        return 0;
    fputs("---- whole\n", stderr);
    read_text(bytes, len, 0, true);
    fputs("---- in pieces\n", stderr);
    read_text(bytes, len, CHUNK_TINY, true);
    abort();
}
