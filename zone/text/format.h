/* A master file in its canonical layout (layout.h), with the proof that it still means the same: both texts
 * are read, and the sums of the hashes of their records are compared, and their numbers, classes and
 * findings. A text with errors is not formatted. Large texts take all cores. */
#ifndef ZONE_TEXT_FORMAT_H
#define ZONE_TEXT_FORMAT_H

#include <stdbool.h>

#include "zone/text/finding.h"
#include "zone/text/input.h"

struct format_options {
    const uint8_t *origin; /* for relative names before the first $ORIGIN; NULL: any will do */
    unsigned threads;      /* 0: all cores */
    size_t chunk_size;     /* 0 for the default. Tests use tiny ones */
    bool unproved;         /* no text is made, only whether it is in the layout already */
    struct finding_sink sink;
};

struct formatted {
    struct input text; /* empty if unproved */
    bool same;         /* the text was in that layout before */
};

/* The text of the file at PATH ("-": standard input) into FORMATTED, to be closed by input_close.
 * ERR_INVALID: it has errors, which the sink was told; ERR_UNSUPPORTED: its layout could not be changed
 * without changing its meaning. On ERR_IO errno tells more. */
enum err format_file(const char *path, const struct format_options *options,
    struct formatted *formatted) NODISCARD NONNULL(1, 2, 3);

/* Likewise, a text in memory; NAME is where relative $INCLUDEs are sought from. */
enum err format_text(const char *name, const char *text, size_t len, const struct format_options *options,
    struct formatted *formatted) NODISCARD NONNULL(1, 4, 5);

#endif
