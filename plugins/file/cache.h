/* Zone images on disk, one for each origin and path of its text. Whether an image still says what the text
 * says is load_current's to tell. Any thread, but one at a time for each zone. */
#ifndef PLUGINS_FILE_CACHE_H
#define PLUGINS_FILE_CACHE_H

#include <stdint.h>

#include "zone/base/err.h"
#include "zone/store/image.h"
#include "zone/text/finding.h"

#define CACHE_TEXT_MIN (1 << 20) /* octets of text below which loading is as quick as looking */

/* Where images go when the Corefile does not say: $XDG_CACHE_HOME/bailiwick, $CACHE_DIRECTORY (systemd) or
 * /var/cache/bailiwick, whichever can be written; NULL when none can. malloc'd. */
char *cache_directory(void) NODISCARD;

/* The image of NAME made from the file at TEXT, current or not. ERR_MISSING when there is none; a damaged
 * one is told to SINK, removed, and missing, too. */
enum err cache_open(const char *directory, const uint8_t *name, const char *text, unsigned threads,
    const struct finding_sink *sink, struct image **out) NODISCARD NONNULL(1, 2, 3, 5, 6);

enum err cache_write(const char *directory, const uint8_t *name, const char *text,
    const struct image *image) NODISCARD NONNULL(1, 2, 3, 4);

#endif
