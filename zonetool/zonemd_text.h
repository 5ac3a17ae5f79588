/* A ZONEMD record in the text of a zone: made anew where it stands, or put in. */
#ifndef ZONETOOL_ZONEMD_TEXT_H
#define ZONETOOL_ZONEMD_TEXT_H

#include "zone/sec/zonemd.h"
#include "zonetool/zonetool.h"

struct zonemd_record {
    const uint8_t *apex;
    uint32_t serial, ttl;
    enum zonemd_hash hash;
    const uint8_t *digest;
};

/* Writes the record into the zone whose text begins in the file PATH; the rest of the text stays as it is. */
enum outcome zonemd_text_write(const char *path, const struct zonemd_record *zonemd) NONNULL(1, 2);

#endif
