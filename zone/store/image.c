#include "zone/store/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "zone/base/file.h"
#include "zone/base/hash.h"
#include "zone/base/parallel.h"

#define HUGE ((size_t)2 << 20)
#define PIECE ((size_t)1 << 20) /* checksummed as one */

/* Small images share pages; many zones are mostly small ones. */
#define HEAP_BELOW ((uint64_t)32 << 10)

static void *allocate(uint64_t size)
{
    if (size < HEAP_BELOW) {
        void *base = aligned_alloc(64, (size + 63) & ~(uint64_t)63);
        return base != NULL ? memset(base, 0, size) : NULL;
    }
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base != MAP_FAILED ? base : NULL;
}

struct image *image_new(uint64_t size)
{
    struct image *image = calloc(1, sizeof *image);
    if (image == NULL)
        return NULL;
    void *base = allocate(size);
    if (base == NULL) {
        free(image);
        return NULL;
    }
    image->base = base;
    image->size = size;
    image->refs = 1;
    return image;
}

void image_place(struct image *image)
{
    const struct image_header *header = (const struct image_header *)(const void *)image->base;
    image->header = header;
    image->order = (const uint32_t *)(const void *)(image->base + header->order_at);
    image->nsec3_order = (const uint32_t *)(const void *)(image->base + header->nsec3_order_at);
    image->nsec3_hash = (const uint64_t *)(const void *)(image->base + header->nsec3_hash_at);
    image->index = (const struct bucket *)(const void *)(image->base + header->index_at);
}

#if !defined(MADV_COLLAPSE)
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

void image_settle(const struct image *image)
{
    uintptr_t from = ((uintptr_t)image->base + HUGE - 1) & ~(uintptr_t)(HUGE - 1);
    uintptr_t to = ((uintptr_t)image->base + image->size) & ~(uintptr_t)(HUGE - 1);
    for (; !image->mapped && from < to; from += HUGE) {
        if (madvise((void *)from, HUGE, MADV_COLLAPSE) != 0)
            return; /* an older kernel, or no huge page to be had: nothing is lost */
    }
}

struct image *image_hold(struct image *image)
{
    __atomic_add_fetch(&image->refs, 1, __ATOMIC_RELAXED);
    return image;
}

void image_release(struct image *image)
{
    if (image == NULL || __atomic_sub_fetch(&image->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (!image->mapped && image->size < HEAP_BELOW)
        free((void *)(uintptr_t)image->base);
    else
        munmap((void *)(uintptr_t)image->base, image->size);
    free(image);
}

/* ---- checksums ---- */

struct summing {
    const uint8_t *bytes;
    size_t len;
    uint64_t (*sums)[2];
};

static void sum_piece(void *context, size_t i)
{
    const struct summing *summing = context;
    size_t from = i * PIECE, len = summing->len - from < PIECE ? summing->len - from : PIECE;
    hash_block(i, summing->bytes + from, len, summing->sums[i]);
}

static enum err sum_body(const uint8_t *bytes, size_t len, unsigned threads, uint64_t *sum)
{
    size_t pieces = (len + PIECE - 1) / PIECE;
    struct summing summing = {.bytes = bytes, .len = len};
    summing.sums = malloc((pieces + 1) * sizeof *summing.sums);
    if (summing.sums == NULL)
        return ERR_MEMORY;
    parallel_each(threads, pieces, sum_piece, &summing);
    uint64_t folded[2];
    hash_block(len, summing.sums, pieces * sizeof *summing.sums, folded);
    free(summing.sums);
    *sum = folded[0] ^ folded[1];
    return ERR_OK;
}

static uint64_t sum_header(const struct image_header *header)
{
    struct image_header copy = {0};
    memcpy(&copy, header, header->header_len);
    copy.checksum[1] = 0;
    uint64_t sum[2];
    hash_block(0, &copy, sizeof copy, sum);
    return sum[0] ^ sum[1];
}

/* ---- opening ---- */

static enum err refuse(const struct finding_sink *sink, const char *path, enum err err, const char *why)
{
    if (sink != NULL && sink->report != NULL) {
        struct finding finding = {.severity = SEVERITY_ERROR,
            .rule = "image",
            .file = path,
            .message = why,
            .hint = "make it again from the zone's text, with zonetool compile or by restarting the server"};
        sink->report(sink->context, &finding);
    }
    return err;
}

static bool section_fits(const struct image_header *header, uint64_t at, uint64_t count, uint64_t each)
{
    return at % 8 == 0 && at >= header->header_len && at <= header->size &&
           count <= (header->size - at) / each;
}

#define HEADER_LEAST offsetof(struct image_header, apex_name)

static const char other_version[] = "a zone image of another version";
static const char contradiction[] = "the zone image is damaged: its header contradicts itself";

/* What must hold before any offset of the header is used. */
static const char *check_header(const struct image_header *header, uint64_t size)
{
    if (header->version != IMAGE_VERSION)
        return other_version;
    if (header->size > size)
        return "the zone image is truncated";
    if (header->size != size)
        return "the zone image has octets behind its end";
    if (header->header_len < HEADER_LEAST || header->header_len > sizeof *header || header->header_len > size)
        return contradiction;
    if (sum_header(header) != header->checksum[1])
        return "the zone image is damaged: its header fails its checksum";
    bool fits = section_fits(header, header->order_at, header->node_count, 4) &&
                section_fits(header, header->nsec3_order_at, header->nsec3_count, 4) &&
                section_fits(header, header->nsec3_hash_at, header->nsec3_count, 8) &&
                section_fits(header, header->index_at, header->bucket_count, sizeof(struct bucket)) &&
                section_fits(header, header->sources_at, header->sources_len, 1);
    fits = fits && header->header_len == image_header_len(header->apex_len, header->nsec3_count) &&
           (header->nsec3_count > 0 || header->nsec3_salt_len == 0);
    if (!fits || header->node_count == 0 || header->bucket_count == 0 || header->apex_len == 0 ||
        (uint64_t)header->apex * 8 >= header->order_at)
        return contradiction;
    return NULL;
}

static enum err verify(const uint8_t *base, uint64_t size, unsigned threads, const char **why)
{
    const struct image_header *header = (const struct image_header *)(const void *)base;
    if (memcmp(base, IMAGE_MAGIC, size < sizeof header->magic ? size : sizeof header->magic) != 0)
        *why = "not a zone image";
    else if (size < HEADER_LEAST)
        *why = "the zone image is truncated";
    else
        *why = check_header(header, size);
    if (*why != NULL)
        return *why == other_version ? ERR_VERSION : ERR_DAMAGED;
    uint64_t sum;
    enum err err = sum_body(base + header->header_len, size - header->header_len, threads, &sum);
    if (err == ERR_OK && sum != header->checksum[0]) {
        *why = "the zone image is damaged: its content fails its checksum";
        err = ERR_DAMAGED;
    }
    return err;
}

static enum err map(const char *path, struct file_map *map, char *why, size_t why_len)
{
    enum err err = file_map_open(map, path);
    if (err == ERR_IO || err == ERR_MISSING) {
        snprintf(why, why_len, "cannot open: %s", strerror(err == ERR_MISSING ? ENOENT : errno));
        return err;
    }
    if (err == ERR_OK && map->len == 0) {
        snprintf(why, why_len, "the zone image is empty");
        file_map_close(map);
        return ERR_DAMAGED;
    }
    return err;
}

enum err image_open(const char *path, unsigned threads, const struct finding_sink *sink, struct image **out)
{
    char text[256];
    const char *why = text;
    struct file_map file;
    enum err err = map(path, &file, text, sizeof text);
    if (err != ERR_OK)
        return refuse(sink, path, err, text);
    err = verify(file.bytes, file.len, threads, &why);
    struct image *image = err == ERR_OK ? calloc(1, sizeof *image) : NULL;
    if (image == NULL) {
        file_map_close(&file);
        return err == ERR_OK ? ERR_MEMORY : why != NULL ? refuse(sink, path, err, why) : err;
    }
    image->base = file.bytes;
    image->size = file.len;
    image->mapped = true;
    image->refs = 1;
    image_place(image);
    *out = image;
    return ERR_OK;
}

/* ---- writing ---- */

#define WRITE_PIECE ((size_t)8 << 20)

enum err image_write(const struct image *image, const char *path)
{
    struct image_header header = {0};
    struct file_write file;
    size_t head = image->header->header_len, len = image->size - head;
    memcpy(&header, image->base, head);
    enum err err = sum_body(image->base + head, len, 0, &header.checksum[0]);
    if (err != ERR_OK)
        return err;
    header.checksum[1] = sum_header(&header);
    err = file_write_open(&file, path, 0666);
    if (err != ERR_OK)
        return err;
    err = file_write(&file, &header, head);
    for (size_t at = 0; err == ERR_OK && at < len; at += WRITE_PIECE)
        err = file_write(&file, image->base + head + at, len - at < WRITE_PIECE ? len - at : WRITE_PIECE);
    if (err == ERR_OK)
        return file_write_commit(&file);
    file_write_abandon(&file);
    return err;
}
