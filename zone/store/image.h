/* A zone image: an immutable, position-independent block holding one whole zone, in memory or mapped
 * from a file. See node.h for nodes. Layout, all offsets from the start, little-endian hosts only:
 *
 *     header | nodes in canonical order | NSEC3 nodes in hash order | order | nsec3 order | index | sources
 *
 * `order[n]` is the reference of node n; `nsec3_order[n]` likewise, with the first 8 octets of the hash
 * in `nsec3_hash[n]`. The index is a hash table of 64-octet buckets, one cache line each: an exact name
 * costs about one cache miss for the bucket and one for the node; a missing one usually just the bucket.
 *
 * Images are frozen once made and shared by reference count. Reading is for any thread. */
#ifndef ZONE_STORE_IMAGE_H
#define ZONE_STORE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/store/node.h"
#include "zone/text/finding.h"
#include "zone/text/input.h"
#include "zone/wire/name.h"

#define IMAGE_MAGIC "bwimage\n"
#define IMAGE_VERSION 2

/* One of the files an image was made from. The list stands at the end of the image, so that a cached image is
 * used only for the text it came from. */
struct image_source {
    struct input_stamp stamp; /* modified_ns is 0 when the file was too fresh for its times to be trusted */
    uint64_t digest[2];       /* hash_block of its contents; 0 0 when not known */
    uint16_t path_len;
    char path[]; /* no NUL; entries are 8-aligned */
};

struct image_header {
    char magic[8];
    uint32_t version;
    uint32_t header_len;
    uint64_t size;        /* octets of the whole image */
    uint64_t checksum[2]; /* of everything behind the header; then of the header itself */
    uint64_t sources_at;
    uint32_t sources_len;
    uint32_t source_count;
    uint64_t seed; /* of the name hash */
    uint32_t serial;
    uint32_t apex; /* node reference */
    uint32_t node_count;
    uint32_t nsec3_count;
    uint32_t record_count;
    uint32_t rrset_count;
    uint64_t order_at;
    uint64_t nsec3_order_at;
    uint64_t nsec3_hash_at;
    uint64_t index_at;
    uint32_t bucket_count;
    uint16_t max_labels; /* deepest node, labels below the apex */
    uint8_t apex_len;
    uint8_t apex_labels;
    uint16_t nsec3_iterations; /* of the NSEC3PARAM in use (RFC 5155 4) */
    uint8_t nsec3_salt_len;
    uint8_t flags;                   /* enum image_flag */
    uint8_t apex_name[NAME_MAX + 1]; /* lower case; only apex_len octets are there when no salt follows */
    uint8_t nsec3_salt[255];         /* is there when there are NSEC3 nodes */
};

/* header_len: a small zone's image is hardly larger than a whole header would be. */
static inline uint32_t image_header_len(unsigned apex_len, uint32_t nsec3_count)
{
    size_t used =
        nsec3_count > 0 ? sizeof(struct image_header) : offsetof(struct image_header, apex_name) + apex_len;
    return (uint32_t)((used + 7) & ~(size_t)7);
}

enum image_flag {
    IMAGE_NSEC = 1,  /* the apex has an NSEC record */
    IMAGE_NSEC3 = 2, /* the apex has a usable NSEC3PARAM and there are NSEC3 nodes */
    IMAGE_SIGNED = 4 /* the apex SOA is signed */
};

#define BUCKET_ENTRIES 10

struct bucket {
    uint16_t tag[BUCKET_ENTRIES]; /* low 16 bits of the hash */
    uint32_t overflow;            /* entries that had to go to a following bucket */
    uint32_t ref[BUCKET_ENTRIES]; /* 0: free */
};

struct image {
    const uint8_t *base;
    const struct image_header *header;
    const uint32_t *order;
    const uint32_t *nsec3_order;
    const uint64_t *nsec3_hash;
    const struct bucket *index;
    size_t size;
    bool mapped; /* from a file */
    int refs;    /* shared; use image_hold and image_release */
};

/* Maps PATH and verifies it: size, version, checksums. ERR_DAMAGED, ERR_VERSION or ERR_IO come with a
 * finding that says what to do. THREADS share the reading, 0 for all cores. */
enum err image_open(const char *path, unsigned threads, const struct finding_sink *sink,
    struct image **out) NODISCARD NONNULL(1, 4);

/* Writes IMAGE to PATH by way of a temporary file beside it, fsync and rename. */
enum err image_write(const struct image *image, const char *path) NODISCARD NONNULL(1, 2);

/* Walks the whole structure and checks every offset: what a hostile file could get wrong behind a
 * correct checksum. Used by zonetool and the fuzzer. */
enum err image_audit(const struct image *image, const char **why) NODISCARD NONNULL(1);

/* For the builder: an image of SIZE octets, zeroed, in anonymous memory; and, once its header is in place,
 * the handle's pointers. */
struct image *image_new(uint64_t size) NODISCARD;
void image_place(struct image *image) NONNULL(1);

/* Moves an image in anonymous memory into huge pages, so that lookups, which jump about, miss the TLB less.
 * Takes a while: for a background thread, after the image serves. Not at building: zonetool check of a
 * million delegations took 0.33 s of system time with its image in huge pages, 0.21 s in small ones. */
void image_settle(const struct image *image) NONNULL(1);

struct image *image_hold(struct image *image) NONNULL(1);
void image_release(struct image *image);

static inline const struct node *image_node(const struct image *image, uint32_t ref)
{
    return (const struct node *)(const void *)(image->base + (uint64_t)ref * 8);
}

/* BLAKE2b-256 of the zone's canonical content, not of the bytes: equal zones give equal digests. */
void image_content_digest(const struct image *image, uint8_t digest[32]) NONNULL(1, 2);

#endif
