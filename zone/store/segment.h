/* A segment: a stretch of names in canonical order that is measured and written by itself, because its first
 * name shares no more than the apex with the one before. Inner header of the builder. */
#ifndef ZONE_STORE_SEGMENT_H
#define ZONE_STORE_SEGMENT_H

#include "zone/store/image.h"
#include "zone/store/lint.h"
#include "zone/store/sort.h"

#define INDEX_PARTS 16 /* the index is filled in parts, each by one thread */

/* A node for the index. */
struct hashed {
    uint64_t hash;
    uint32_t ref;
};

struct hashed_list {
    struct hashed *items;
    size_t count, capacity;
};

/* A link whose target lies in the zone. */
struct open_link {
    struct link *link;
    const uint8_t *target; /* whole wire name, on the tape */
    struct gathered_record record;
    uint32_t owner; /* node reference */
};

struct open_links {
    struct open_link *items;
    size_t count, capacity;
};

struct segment {
    size_t from, to; /* entries */
    /* measured */
    uint64_t size;
    uint32_t node_count, record_count, rrset_count;
    uint16_t max_labels;
    bool apex_wildcard;
    struct arena arena;
    struct lint lint;
    enum err failure;
    /* placed */
    uint64_t at;
    uint32_t number;
    /* written */
    struct hashed_list parts[INDEX_PARTS];
    struct open_links links;
};

/* What all segments share. */
struct build {
    const uint8_t *apex;
    unsigned apex_len, apex_labels;
    uint64_t seed;
    uint32_t bucket_count;
    uint32_t apex_ref;
    bool skeleton;       /* for checks only: nodes without their records */
    bool marks;          /* name servers are marked (NODE_NAMED): the image is for checks only */
    uint16_t apex_flags; /* DNAME at the apex hides all below */
    bool apex_signed;    /* some of its sets have signatures */
    const struct sort_entry *entries;
    const struct sort_entry *nsec3_entries;
    size_t count, nsec3_count;
    uint8_t *base; /* the image being written */
    uint32_t *order, *nsec3_order;
    uint64_t *nsec3_hash;
};

/* Walks the segment's names. Without WRITE it measures and checks, with it it writes at segment->at. */
void segment_walk(const struct build *build, struct segment *segment, bool write) NONNULL(1, 2);

/* The same for a segment of the NSEC3 set. */
void segment_walk_nsec3(const struct build *build, struct segment *segment, bool write) NONNULL(1, 2);

void segment_clear(struct segment *segment) NONNULL(1);

#endif
