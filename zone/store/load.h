/* From zone text to a snapshot: reads a master file with its includes on several threads, checks it, and
 * builds an image. The one way in for zonetool and for the server. */
#ifndef ZONE_STORE_LOAD_H
#define ZONE_STORE_LOAD_H

#include "zone/store/snapshot.h"
#include "zone/text/finding.h"

struct lint_hooks;
struct source_limits;
struct sources;

struct load_options {
    const uint8_t *origin;              /* wire name, or NULL: from $ORIGIN or an absolute SOA owner, else the
                                           file's name */
    unsigned threads;                   /* 0: one per core */
    struct finding_sink sink;           /* receives every finding */
    bool checks;                        /* run all semantic checks, not only the fatal ones */
    bool remember;                      /* the image will be stored: let load_current tell if it is */
    size_t chunk_size;                  /* octets of text read as one piece; 0 for the default */
    const struct lint_hooks *hooks;     /* checks beside the store's own (lint.h), or NULL */
    const struct source_limits *limits; /* on a text that nobody vouches for (zone/text/sources.h), or NULL */
    bool whole_when_signed; /* load_check: the hooks get a whole image of a signed zone (build.h) */
    uint32_t now;           /* that signatures are judged by; 0: the clock */
    size_t segment;         /* names built as one piece; 0 for the default */
};

struct load_result {
    unsigned errors, warnings; /* findings told */
    uint64_t records;
};

/* Reads PATH ("-" for standard input). ERR_INVALID: the text has syntax errors, or breaks a rule that keeps
 * a server from taking the zone (lint.h: fatal); the findings say which. Findings of other rules do not
 * keep the image from being made. */
enum err load_image(const char *path, const struct load_options *options, struct load_result *result,
    struct image **out) NODISCARD NONNULL(1, 2, 3, 4);

/* The same from a source that is open already. */
enum err load_source(struct sources *sources, uint16_t file, const struct load_options *options,
    struct load_result *result, struct image **out) NODISCARD NONNULL(1, 3, 4, 5);

/* And from a text in memory; NAME stands in findings, and relative $INCLUDEs are sought beside it. */
enum err load_memory(const char *name, const char *text, size_t len, const struct load_options *options,
    struct load_result *result, struct image **out) NODISCARD NONNULL(1, 4, 5, 6);

/* The zone's name as the name of its file suggests it (db.example.org, example.org.zone ...), lower case; the
 * root when it suggests none. ORIGIN has room for NAME_MAX + 1. */
void load_guess_origin(const char *path, uint8_t *origin) NONNULL(1, 2);

/* Checks PATH as load_image does with `checks`, without making an image: faster and leaner. */
enum err load_check(const char *path, const struct load_options *options,
    struct load_result *result) NODISCARD NONNULL(1, 2, 3);

/* Was IMAGE made from PATH as it is now? The image remembers every file it came from: when size and times are
 * as they were that is enough, else the files' contents decide, read at memory speed. */
bool load_current(const char *path, const struct image *image) NONNULL(1, 2);

/* Reads PATH again and compares it with CURRENT while reading: only what differs is kept. *OUT is a new
 * snapshot (image of CURRENT + overlay, or a fresh image when too much changed); *CHANGES counts changed
 * nodes, 0 when the text says the same. */
enum err load_changes(const char *path, const struct load_options *options, struct snapshot *current,
    struct load_result *result, uint32_t *changes, struct snapshot **out) NODISCARD NONNULL(1, 2, 3, 4, 5, 6);

#endif
