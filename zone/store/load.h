/* From zone text to a snapshot: reads a master file with its includes on several threads, checks it, and
 * builds an image. The one way in for zonetool and for the server. */
#ifndef ZONE_STORE_LOAD_H
#define ZONE_STORE_LOAD_H

#include "zone/store/snapshot.h"
#include "zone/text/finding.h"

struct load_options {
    const uint8_t *origin;          /* wire name, or NULL: from $ORIGIN or an absolute SOA owner, else the
                                       file's name */
    unsigned threads;               /* 0: one per core */
    struct finding_sink sink;       /* receives every finding */
    bool checks;                    /* run the semantic checks too */
};

struct load_result {
    unsigned errors, warnings;      /* findings told */
    uint64_t records;
};

/* Reads PATH ("-" for standard input). On ERR_INVALID there were findings of error level and no image. */
enum err load_image(const char *path, const struct load_options *options, struct load_result *result,
    struct image **out) NODISCARD NONNULL(1, 2, 3, 4);

/* The digest that load_image would store for PATH, to tell whether a cached image is current. Reads the
 * file and those it includes at memory speed. */
enum err load_source(const char *path, struct image_source *source) NODISCARD NONNULL(1, 2);

/* Reads PATH again and compares it with CURRENT while reading: only what differs is kept. *OUT is a new
 * snapshot (image of CURRENT + overlay, or a fresh image when too much changed); *CHANGES counts changed
 * nodes, 0 when the text says the same. */
enum err load_changes(const char *path, const struct load_options *options, struct snapshot *current,
    struct load_result *result, uint32_t *changes, struct snapshot **out) NODISCARD NONNULL(1, 2, 3, 4, 5, 6);

#endif
