/* A source text in memory: a mapped file, or a copy of what a pipe gave. LEXER_PAD octets behind its end
 * can be read (they are zero). A file that is cut short meanwhile cannot hurt (zone/base/guard.h), but what
 * was read of one that changes is worth nothing: ask input_changed afterwards. */
#ifndef ZONE_TEXT_INPUT_H
#define ZONE_TEXT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

/* What tells one state of a file from another without reading it. */
struct input_stamp {
    uint64_t size, inode, device;
    int64_t changed_ns, modified_ns;
};

struct input {
    const char *text;
    size_t len;
    size_t mapped; /* octets to unmap; 0: it lies on the heap */
    struct input_stamp stamp;
    int64_t opened_ns; /* when its stamp was taken */
    bool regular;      /* a plain file, so that the stamp means something */
    int guard;         /* of the mapping, -1 without one */
};

/* Opens PATH, "-" for standard input. errno tells why it failed. */
enum err input_open(struct input *input, const char *path) NODISCARD NONNULL(1, 2);

/* Copies TEXT. */
enum err input_from_memory(struct input *input, const char *text, size_t len) NODISCARD NONNULL(1);

/* Room for a text of LEN octets, to be written through *TEXT before anybody reads it. */
enum err input_reserve(struct input *input, size_t len, char **text) NODISCARD NONNULL(1, 3);

/* Whether the file at PATH that INPUT was opened from has changed in place since. One that was replaced
 * (another inode) has not: what was read is the old content, whole. */
bool input_changed(const struct input *input, const char *path) NODISCARD NONNULL(1, 2);

void input_close(struct input *input) NONNULL(1);

/* Gives back the pages of text before OFFSET; they are read from the file again if they are needed. */
void input_forget(const struct input *input, size_t from, size_t to) NONNULL(1);

#endif
