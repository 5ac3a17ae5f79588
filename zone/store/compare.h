/* Comparing a zone's text with a snapshot by sums of hashes, name by name. Inner header of load_changes:
 * compare.c finds what differs, changes.c makes a snapshot of it. */
#ifndef ZONE_STORE_COMPARE_H
#define ZONE_STORE_COMPARE_H

#include "zone/store/load.h"
#include "zone/text/chunks.h"

#define UNKNOWN UINT32_MAX /* a name that the snapshot has not */

/* The sum of one run's records, for the node with a slot. */
struct part_sum {
    uint32_t slot;
    uint64_t sum;
};

struct part_sums {
    struct part_sum *items;
    size_t count;
    bool failed;
};

/* Slots: the image's nodes by number, its NSEC3 nodes, the overlay's nodes, its NSEC3 nodes. */
struct comparing {
    const struct snapshot *snapshot;
    const struct image_header *header;
    struct sources sources;
    uint16_t file;
    const struct load_options *options;
    struct zone_text text; /* without its tapes */
    struct part_sums *chunks;
    size_t chunk_count;
    uint64_t *sums;
    uint8_t *changed; /* a bit per slot */
    uint32_t slots;
    uint32_t changed_count;
    bool unknown; /* names came that were not there */
};

/* The slot of a relative name, lower case, in the ordinary tree (HASH is its hash in the image's index) or in
 * the NSEC3 set; UNKNOWN when the snapshot has no such name. */
uint32_t comparing_slot(const struct comparing *comparing, uint64_t hash, const uint8_t *name, unsigned len)
    NONNULL(1);
uint32_t comparing_nsec3_slot(const struct comparing *comparing, const uint8_t *name, unsigned len)
    NONNULL(1);

const struct node *comparing_node(const struct comparing *comparing, uint32_t slot) NONNULL(1);

/* Does the run hold records of the zone? */
bool comparing_in_zone(const struct comparing *comparing, const struct run *run) NONNULL(1, 2);

/* Octets of the run's name without the apex. */
unsigned comparing_relative_len(const struct comparing *comparing, const struct run *run) NONNULL(1, 2);

uint64_t comparing_record_hash(uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len);
uint64_t comparing_node_sum(const struct node *node) NONNULL(1);

/* Reads the text, tells its findings and keeps the sums of its names. ERR_INVALID: the text has errors. */
enum err comparing_read(struct comparing *comparing, struct load_result *result) NODISCARD NONNULL(1, 2);

/* Marks the slots whose sums differ from the snapshot's. */
enum err comparing_compare(struct comparing *comparing) NODISCARD NONNULL(1);

bool comparing_is_changed(const struct comparing *comparing, uint32_t slot) NONNULL(1);

/* Does the chunk of the text hold a name that is not as it was? */
bool comparing_chunk_changed(const struct comparing *comparing, size_t chunk) NONNULL(1);

void comparing_clear(struct comparing *comparing) NONNULL(1);

#endif
