/* Checking zone files: the text, the zone's content, its signatures, and zones against each other, by the
 * rules of rule.h at the levels of levels.h. The one way for zonetool, for gitsync and for a server that
 * wants to know before it loads.
 *
 *     check_zone    one file -> findings told to a sink, sorted by place, ignored ones left out
 *     check_across  the zones seen so far against each other
 *
 * One struct check belongs to one thread; within a call all cores are used. */
#ifndef ZONE_CHECK_CHECK_H
#define ZONE_CHECK_CHECK_H

#include <stdint.h>

#include "zone/base/err.h"
#include "zone/check/levels.h"
#include "zone/text/finding.h"

struct opinion;

struct check_options {
    const uint8_t *origin;       /* wire name, or NULL: as load.h finds it */
    const struct levels *levels; /* NULL: the default set */
    unsigned threads;            /* 0: one per core */
    int64_t now;                 /* seconds since 1970 that signatures are judged by; 0 for the clock */
    uint32_t ttl_max;            /* ttl-long tells above it; 0 for a week */
    uint32_t told_max;           /* findings of one rule told for a file; 0 for 200 */
    bool verify;                 /* signatures and ZONEMD digests, too */
    struct opinion *opinion;     /* ldns is asked about signatures, too (zone/sec/opinion.h); or NULL */
    bool across;                 /* remember what check_across needs */
    bool untrusted;              /* nobody vouches for the text: see limits below */
    const char *confine;  /* with untrusted: $INCLUDE stays below this directory; NULL: the file's own */
    bool ignore_comments; /* heed "; zonecheck:ignore" */
};

/* What an untrusted text may cost (zone/text/sources.h): octets read with includes, records, seconds. */
#define CHECK_UNTRUSTED_OCTETS ((uint64_t)256 << 20)
#define CHECK_UNTRUSTED_RECORDS 1000000u /* that $GENERATE makes */

struct check_result {
    unsigned errors, warnings, infos; /* told */
    unsigned ignored;                 /* by comments */
    uint64_t records;
    uint64_t signatures; /* verified */
    uint64_t opinions;   /* about them, by ldns */
};

struct check;

struct check *check_new(const struct check_options *options) NODISCARD NONNULL(1);
void check_free(struct check *check);

/* Changes the options for the zones to come; `across` must stay. */
void check_configure(struct check *check, const struct check_options *options) NONNULL(1, 2);

/* Checks PATH ("-" for standard input). ERR_OK whatever was found; another error when the file could not be
 * read at all: nothing is told then, but what the reader told of it. */
enum err check_zone(struct check *check, const char *path, const struct finding_sink *sink,
    struct check_result *result) NODISCARD NONNULL(1, 2, 3, 4);

/* Checks the zones of all check_zone calls so far against each other. */
void check_across(struct check *check, const struct finding_sink *sink, struct check_result *result)
    NONNULL(1, 2, 3);

#endif
