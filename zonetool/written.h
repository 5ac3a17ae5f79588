/* Where the records of a zone stand in its text: in the zone's file or in one that it includes. For what
 * edits text. One thread. */
#ifndef ZONETOOL_WRITTEN_H
#define ZONETOOL_WRITTEN_H

#include "zone/text/chunks.h"

struct written {
    struct sources sources;
    struct zone_text text;
    bool read;
};

/* The entry of a record. */
struct written_place {
    const char *path;
    const struct input *input;
    size_t at; /* where it begins */
    bool included;
};

/* Reads PATH and what it includes; ORIGIN may be NULL where nobody asks for owners. ERR_INVALID: it has
 * errors. */
enum err written_open(struct written *written, const char *path, const uint8_t *origin) NODISCARD
    NONNULL(1, 2);
void written_close(struct written *written) NONNULL(1);

/* The first record of TYPE whose rdata MATCH likes (NULL: any). */
bool written_find(struct written *written, uint16_t type, bool (*match)(const struct tape_record *record),
    struct written_place *out) NONNULL(1, 4);

#endif
