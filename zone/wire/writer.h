/* Writing RRset references into a message under construction: the inner half of encode.h, which owns
 * the writer. Compression follows the links of rrset.h; the writer only remembers where the names in rdata
 * came to stand, because later owners (glue) and records (NS names of one host domain) point to them.
 *
 * What is not remembered (a reply of more than TRACKED_REFS references, a place beyond the reach of a
 * pointer) is written in full: longer, never wrong. */
#ifndef ZONE_WIRE_WRITER_H
#define ZONE_WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/copy.h"
#include "zone/wire/question.h"
#include "zone/wire/reply.h"

#define POINTER_MAX 0x3fff /* a compression pointer has 14 bits (RFC 1035 4.1.4) */
#define TRACKED_REFS 64    /* references whose rdata names later ones may point to */
#define TRACKED_NAMES 256  /* names remembered, of all references together */
#define UNTRACKED 0xffff

struct writer {
    uint8_t *out; /* the message */
    uint8_t *at;
    uint8_t *end; /* what is behind it is kept for OPT and TSIG */
    const struct question *question;
    const struct reply *reply;
    uint16_t class;
    bool truncated;
    uint16_t counts[3];              /* records written, by section */
    uint16_t names_used;             /* of `names` */
    uint16_t names_of[TRACKED_REFS]; /* where the names of reference i begin in `names` */
    uint16_t names[TRACKED_NAMES];   /* place in the message; 0: not written */
};

/* Writes the references of the reply, or as many as there is room for. */
void writer_put_all(struct writer *writer) NONNULL(1);

#endif
