/* The files that a zone's text comes from: the zone file and what it includes, in the order they were
 * met. Shared by the readers of one zone, any thread; kept until every finding has been told. */
#ifndef ZONE_TEXT_SOURCES_H
#define ZONE_TEXT_SOURCES_H

#include <pthread.h>

#include "zone/text/finding.h"
#include "zone/text/input.h"

struct source {
    char *path;
    struct input input;
    /* where the last place that was asked for lies, so that places in ascending order cost one pass */
    size_t counted_to;
    uint32_t counted_lines;
};

/* What an untrusted text may cost. */
struct source_limits {
    const char *directory; /* resolved: every file lies below it; NULL: anywhere */
    uint64_t octets;       /* of all files together; one included twice counts twice */
    uint64_t records;      /* that $GENERATE makes */
};

struct sources {
    pthread_mutex_t lock;
    struct source **files;
    size_t count, capacity;
    const struct source_limits *limits; /* or NULL */
    uint64_t octets, generated;         /* so far */
    uint32_t openings;                  /* calls of sources_open */
    /* Where files come from that are no files (a revision of a repository); NULL, or ERR_MISSING: from the
     * file system. Called under the lock. */
    enum err (*fetch)(void *context, const char *path, struct input *input);
    void *context;
};

#define SOURCES_MAX 65535
#define OPENINGS_MAX 200000 /* files that include the next one twice would be read 2^depth times */

enum err sources_init(struct sources *sources) NODISCARD NONNULL(1);
void sources_clear(struct sources *sources) NONNULL(1);

/* Opens PATH (or finds it among those open) and tells its number. errno tells why it failed; ERR_LIMIT: there
 * were too many, or too many openings, or more octets than the limits allow; ERR_UNSUPPORTED: it lies outside
 * of the directory they name. */
enum err sources_open(struct sources *sources, const char *path, uint16_t *number) NODISCARD NONNULL(1, 2, 3);

/* Adds a text in memory under a name for findings. */
enum err sources_add(struct sources *sources, const char *name, const char *text, size_t len,
    uint16_t *number) NODISCARD NONNULL(1, 2, 5);

/* Adds an input under a name for findings, and takes it over when it succeeds. */
enum err sources_adopt(struct sources *sources, const char *name, struct input *input,
    uint16_t *number) NODISCARD NONNULL(1, 2, 3, 4);

/* Counts COUNT records that are to be generated; false when that is more than the limits allow. */
bool sources_generate(struct sources *sources, uint64_t count) NODISCARD NONNULL(1);

struct source *sources_get(struct sources *sources, uint16_t number) NONNULL(1);

/* Line and column, both from 1, of an offset in a source. One thread at a time. */
void source_place(struct source *source, uint64_t at, uint32_t *line, uint32_t *column) NONNULL(1, 3, 4);

/* Tells of files that have changed in place since they were opened, and returns how many: what was read
 * of them belongs to no state of theirs. */
unsigned sources_report_changed(struct sources *sources, const struct finding_sink *sink) NONNULL(1, 2);

#endif
