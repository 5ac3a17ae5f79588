/* What the files of the reader of captures share. Inner header of capture*.c. */
#ifndef ZONETOOL_CAPTURE_PARTS_H
#define ZONETOOL_CAPTURE_PARTS_H

#include <stdbool.h>

#include "zonetool/capture.h"

/* A DNS message; RESPONSE: such a one is wanted. */
void capture_message(struct capture *capture, const uint8_t *bytes, size_t len, bool response) NONNULL(1, 2);

/* A segment of the TCP stream FLOW to a server, whose first octet has the number SEQUENCE; BEGINS: with SYN.
 * Messages in it, or in it and those before, are told. */
void capture_stream(struct capture *capture, uint64_t flow, uint32_t sequence, bool begins,
    const uint8_t *bytes, size_t len) NONNULL(1, 5);
void capture_streams_clear(struct capture *capture) NONNULL(1);

/* A log of lines. */
void capture_text(struct capture *capture, const char *text, size_t len) NONNULL(1, 2);

#endif
