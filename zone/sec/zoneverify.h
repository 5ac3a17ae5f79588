/* Does a signed zone validate? All of it, over an interval of time: every authoritative RRset has a signature
 * of each algorithm of the DNSKEY set that verifies from the interval's begin to its end, the chain of NSEC
 * or NSEC3 is whole and tells the truth, the keys are those that the parent's DS names, ZONEMD is right. What
 * is wrong is told as findings, in the order of the zone. An independent eye: it shares with the signer only
 * how canonical forms are made. RFC 4035 5, RFC 5155 8, RFC 6840. Starts threads for the call. */
#ifndef ZONE_SEC_ZONEVERIFY_H
#define ZONE_SEC_ZONEVERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/err.h"
#include "zone/sec/opinion.h"
#include "zone/store/snapshot.h"
#include "zone/text/finding.h"
#include "zone/wire/rrset.h"

/* A finding before it is text: for who knows where in a file the record stands. */
struct zoneverify_fault {
    enum severity severity;
    const char *rule;
    const uint8_t *owner; /* whole wire name */
    uint16_t type;        /* of the set, or 0 */
    const char *message;  /* without owner and type */
};

struct zoneverify_options {
    int64_t from, to;           /* seconds since the epoch; the same: one moment */
    const struct rdata_ref *ds; /* the DS set at the parent; none: a DNSKEY that signs the set is trusted */
    unsigned ds_count;
    unsigned every; /* of the signatures below the apex only every Nth is computed, all others are looked at;
                       0 and 1: all are computed */
    bool warnings;  /* tell also what does not keep the zone from validating */
    struct opinion *opinion; /* asked about every signature that is computed, or NULL; gets the zone's keys */
    unsigned threads;        /* 0: all cores */
    const char *file;        /* for the findings, or NULL */
    struct finding_sink sink;
    void (*fault)(void *context, const struct zoneverify_fault *fault); /* instead of the sink, or NULL */
    void *fault_context;
    unsigned most; /* findings told at most; 0: 1000 */
};

struct zoneverify_result {
    unsigned errors, warnings; /* also those that were not told */
    uint64_t signatures;       /* computed */
    uint64_t opinions;         /* of which there is a second opinion */
    uint64_t rrsets;           /* signed ones looked at */
    int64_t earliest;          /* when the first signature expires; 0: there is none */
    bool nsec3, unsigned_zone; /* no DNSKEY at the apex */
};

/* ERR_OK: it could be judged; the result says how. */
enum err zone_verify(const struct snapshot *snapshot, const struct zoneverify_options *options,
    struct zoneverify_result *result) NODISCARD NONNULL(1, 2, 3);

#endif
