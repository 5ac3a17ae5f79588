#include "zone/store/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zone/base/hash.h"
#include "zone/base/parallel.h"
#include "zone/store/load.h"

/* A file that changed this short before it was opened may change again within one tick of its times. Ticks
 * are some milliseconds, but whole seconds or two where the file system keeps no finer ones. */
#define TICK_NS ((int64_t)100000000)
#define COARSE_TICK_NS ((int64_t)2000000000)

static bool is_fresh(const struct input *input)
{
    const struct input_stamp *stamp = &input->stamp;
    int64_t last = stamp->modified_ns > stamp->changed_ns ? stamp->modified_ns : stamp->changed_ns;
    return input->opened_ns - last < (last % 1000000000 == 0 ? COARSE_TICK_NS : TICK_NS);
}

static size_t entry_size(size_t path_len)
{
    return (offsetof(struct image_source, path) + path_len + 7) & ~(size_t)7;
}

size_t source_list_size(const struct sources *sources)
{
    size_t size = 0;
    for (size_t i = 0; i < sources->count; i++)
        size += entry_size(strlen(sources->files[i]->path));
    return size;
}

#define PIECE ((size_t)4 << 20)

struct digesting {
    const struct input *input;
    uint64_t (*sums)[2];
};

static void digest_piece(void *context, size_t i)
{
    const struct digesting *digesting = context;
    const struct input *input = digesting->input;
    size_t from = i * PIECE, len = input->len - from < PIECE ? input->len - from : PIECE;
    hash_block(i, input->text + from, len, digesting->sums[i]);
    input_forget(input, from, from + PIECE);
}

static void digest(const struct input *input, unsigned threads, uint64_t sum[2])
{
    size_t pieces = input->len / PIECE + 1;
    struct digesting digesting = {.input = input};
    sum[0] = sum[1] = 0;
    digesting.sums = malloc(pieces * sizeof *digesting.sums);
    if (digesting.sums == NULL)
        return;
    parallel_each(threads, pieces, digest_piece, &digesting);
    hash_block(input->len, digesting.sums, pieces * sizeof *digesting.sums, sum);
    free(digesting.sums);
}

void source_list_write(struct sources *sources, unsigned threads, uint8_t *out)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct source *source = sources->files[i];
        struct image_source *entry = (struct image_source *)(void *)out;
        size_t path_len = strlen(source->path);
        entry->stamp = source->input.stamp;
        if (is_fresh(&source->input))
            entry->stamp.modified_ns = 0;
        digest(&source->input, threads, entry->digest);
        entry->path_len = (uint16_t)path_len;
        memcpy(entry->path, source->path, path_len);
        out += entry_size(path_len);
    }
}

static bool same_stamp(const struct image_source *entry, const struct stat *st)
{
    const struct input_stamp *stamp = &entry->stamp;
    return stamp->modified_ns != 0 && stamp->size == (uint64_t)st->st_size && stamp->inode == st->st_ino &&
           stamp->device == st->st_dev &&
           stamp->modified_ns == (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec &&
           stamp->changed_ns == (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

static bool same_content(const struct image_source *entry, const char *path)
{
    struct input input;
    uint64_t sum[2];
    if (input_open(&input, path) != ERR_OK)
        return false;
    bool same = input.len == entry->stamp.size && (entry->digest[0] | entry->digest[1]) != 0;
    if (same) {
        digest(&input, 0, sum);
        same = sum[0] == entry->digest[0] && sum[1] == entry->digest[1];
    }
    input_close(&input);
    return same;
}

static bool unchanged(const struct image_source *entry)
{
    struct stat st;
    char *path = strndup(entry->path, entry->path_len);
    bool same = path != NULL && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                (same_stamp(entry, &st) || same_content(entry, path));
    free(path);
    return same;
}

bool load_current(const char *path, const struct image *image)
{
    const uint8_t *at = image->base + image->header->sources_at, *end = at + image->header->sources_len;
    size_t head = offsetof(struct image_source, path);
    for (uint32_t i = 0; i < image->header->source_count; i++) {
        const struct image_source *entry = (const struct image_source *)(const void *)at;
        if ((size_t)(end - at) < head || (size_t)(end - at) < entry_size(entry->path_len))
            return false;
        if (i == 0 && (entry->path_len != strlen(path) || memcmp(entry->path, path, entry->path_len) != 0))
            return false;
        if (!unchanged(entry))
            return false;
        at += entry_size(entry->path_len);
    }
    return image->header->source_count > 0;
}
