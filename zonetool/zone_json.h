/* A zone as JSON, both ways:
 *
 *     {"zone": "example.org.", "serial": 7, "rrsets": [
 *       {"name": "www.example.org.", "type": "A", "ttl": 300, "records": ["192.0.2.80"]}, ...]}
 *
 * Records are in the presentation form of master files. Reading, "zone" and "serial" may be missing, names
 * may be relative to "zone", and "class" may be there if it is IN. */
#ifndef ZONETOOL_ZONE_JSON_H
#define ZONETOOL_ZONE_JSON_H

#include <stddef.h>
#include <stdio.h>

#include "zone/store/image.h"

void zone_json_print(const struct image *image, FILE *out) NONNULL(1, 2);

/* JSON as the text of a master file, malloced. NULL, or a phrase that says what is wrong. */
const char *zone_json_read(const char *json, char **text, size_t *len) NODISCARD NONNULL(1, 2, 3);

#endif
