/* Reading a whole zone text on all cores. The text is cut at lines that look like the beginning of an entry;
 * each chunk is read by itself with the context ($ORIGIN, $TTL) that a quick scan for directives predicts.
 * Then the chunks are joined in order: where the chunk before ended elsewhere or in another context than
 * predicted (a parenthesis over the cut, an included $TTL ...), the chunk is read again in the right one.
 * So the result is always that of one reader from top to bottom. */
#ifndef ZONE_TEXT_CHUNKS_H
#define ZONE_TEXT_CHUNKS_H

#include "zone/text/reader.h"

struct text_options {
    const uint8_t *origin; /* initial $ORIGIN, a wire name */
    unsigned threads;      /* 0: all cores */
    size_t chunk_size;     /* octets; 0 for the default. Tests use tiny ones */
    /* The text is perhaps to be included by another that gives it a TTL and an owner: without ones of its own
     * it begins with a TTL of 0 and the origin. */
    bool fragment;
    /* Called on a reading thread when chunk CHUNK has been read, and once more when it had to be read again.
     * It may clear the tape to save memory. */
    void (*consume)(void *context, size_t chunk, struct tape *tape);
    void *context;
};

struct chunk {
    struct tape tape;
    struct arena arena;
    struct pending_list findings;
    struct context begin, finish;
    uint64_t starts, ends;      /* offsets: where it began reading, where it stopped */
    uint64_t limit;             /* it reads no entry that begins here or behind */
    uint64_t origin_at, ttl_at; /* the last such directive in it + 1, 0 for none */
    uint64_t records;
    uint16_t class;
    uint16_t class_given; /* what was known of the class, and of the last owner, before it */
    const struct chunk *owner_from;
    bool used_inherited_ttl, used_inherited_owner, soa_seen;
    uint8_t soa_owner[NAME_MAX + 1];
    bool owner_bad; /* as in struct reader, at the end */
    uint8_t owner_len, owner_labels;
    uint8_t owner[NAME_MAX + 1];
    enum err failure;
};

struct zone_text {
    struct sources *sources;
    struct chunk *chunks;
    size_t count;
    unsigned errors, warnings;
    uint64_t records;
    uint16_t file;
    uint16_t class;
    bool soa_seen;
    uint8_t soa_owner[NAME_MAX + 1]; /* lower case */
};

/* Reads source FILE of SOURCES and what it includes. The text's own errors are not a failure: they are in
 * the chunks' findings. */
enum err text_read(struct sources *sources, uint16_t file, const struct text_options *options,
    struct zone_text *text) NODISCARD NONNULL(1, 3, 4);

/* Reads those chunks of a TEXT that WANTED tells of once more, each as it was read before, and hands them to
 * OPTIONS' consume; tapes only, nothing else of TEXT changes. WANTED runs on the reading threads. */
enum err text_reread(struct zone_text *text, const struct text_options *options,
    bool (*wanted)(void *context, size_t chunk)) NODISCARD NONNULL(1, 2, 3);

void text_clear(struct zone_text *text) NONNULL(1);

/* Tells the findings of all chunks in order. */
void text_report(const struct zone_text *text, const struct finding_sink *sink) NONNULL(1, 2);

/* Tells one list of findings. */
void pending_report(const struct pending_list *list, struct sources *sources, const struct finding_sink *sink)
    NONNULL(1, 2, 3);

#endif
