/* Building an image from tapes. The records of all tapes are put in canonical order, gathered into nodes,
 * measured, laid out and written, each step on all cores; empty non-terminals are added, hidden names found,
 * the index filled and the links resolved. The same text gives the same octets, whatever the count of
 * threads. */
#ifndef ZONE_STORE_BUILD_H
#define ZONE_STORE_BUILD_H

#include "zone/store/image.h"
#include "zone/store/lint.h"
#include "zone/text/chunks.h"

struct build_options {
    const uint8_t *apex; /* lower-case wire name */
    unsigned threads;
    bool checks;            /* all rules, not just the fatal ones */
    bool skeleton;          /* check only: the image has no records and is good for nothing else */
    bool whole_when_signed; /* with `skeleton`: a zone with DNSKEY or ZONEMD gets its records all the same */
    bool remember;          /* note size, times and digest of the sources in the image */
    size_t segment;         /* names built as one piece; 0 for the default. Tests use tiny ones */
    uint32_t now;           /* that signatures are judged by; 0: the clock */
    const struct lint_hooks *hooks;  /* checks beside the store's own, or NULL; with `checks` only */
    const struct finding_sink *sink; /* told the semantic findings in the order of the zone, or NULL */
};

struct build_result {
    unsigned errors, warnings, fatal;
};

/* ERR_INVALID when a fatal rule was broken. The tapes are only read. */
enum err build_image(const struct zone_text *text, const struct build_options *options,
    struct build_result *result, struct image **out) NODISCARD NONNULL(1, 2, 3, 4);

#endif
