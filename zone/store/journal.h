/* The journal of a zone: its latest change sets, oldest first, each beginning where the one before ends. In a
 * file beside the zone's image, or in memory only.
 *
 *     file:  | magic, version, apex | step | step | step ...        append-only
 *     step:  | from, to, lengths, time, checksum | records removed | records added |
 *
 * A step is on the disk (fdatasync) when journal_append returns. A crash can leave half of the last one: it
 * is cut off when the file is opened next, and nothing that was acknowledged is lost. When the journal
 * outgrows its limit the oldest steps go, by a new file that replaces the old one. A full disk leaves the
 * file as it was.
 *
 * The file is open only while it is read or written: a hundred thousand zones need no descriptor. All
 * functions lock; any thread, but not workers: they may wait for the disk. */
#ifndef ZONE_STORE_JOURNAL_H
#define ZONE_STORE_JOURNAL_H

#include <stdint.h>

#include "zone/store/change.h"

struct journal;

/* What is in it. */
struct journal_span {
    uint32_t from, to; /* serials; meaningless when count is 0 */
    uint32_t count;    /* steps */
    uint64_t size;     /* octets */
};

/* Opens the file at PATH, which need not exist, or makes an empty journal in memory (PATH NULL). A file of
 * another zone or another version is set aside (ERR_OK, empty). MAX: octets to keep. ERR_IO: it cannot be
 * read. */
enum err journal_open(const char *path, const uint8_t *apex, uint64_t max, struct journal **out) NODISCARD
    NONNULL(2, 4);
void journal_close(struct journal *journal);

struct journal_span journal_span(struct journal *journal) NONNULL(1);

/* Appends CHANGE. One that does not begin where the journal ends begins it anew. ERR_LIMIT: it alone is
 * larger than the limit, and the journal is empty now. ERR_IO (errno): it could not be stored; the file is as
 * it was. */
enum err journal_append(struct journal *journal, const struct change *change) NODISCARD NONNULL(1, 2);

/* Steps before the one that begins at serial KEEP may be dropped at any time, the others must not (the image
 * that a secondary starts from is of serial KEEP). Without it all may. */
void journal_keep(struct journal *journal, uint32_t keep) NONNULL(1);

/* Empties it. */
enum err journal_reset(struct journal *journal) NODISCARD NONNULL(1);

/* The change sets from serial FROM to serial TO, *COUNT of them, malloced: change_clear each and free the
 * array. ERR_MISSING: it does not lead there. */
enum err journal_read(struct journal *journal, uint32_t from, uint32_t to, struct change **out,
    size_t *count) NODISCARD NONNULL(1, 4, 5);

#endif
