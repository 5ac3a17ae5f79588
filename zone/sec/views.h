/* What resolvers may see of a zone's chain of trust while keys roll (RFC 6781 4, RFC 7583 3). A cache keeps
 * whole RRsets, each for as long as it likes within its TTL; so at one moment one resolver may have the DS
 * set of yesterday with the DNSKEY set of today and a signature made in between. Each published version
 * that some cache can still hold is one set here; a view is one choice out of each of the three lists:
 *
 *     DS at the parent      {A}     {A}->{B} on its way
 *     DNSKEY, signed by     {A,B} by {A,B}
 *     other signatures      {A}  {A,B}
 *
 * views_prove looks at every choice. It is the one judge of what is safe: the rollover machine asks it
 * before each step, plans and what-if questions ask it about the versions that were truly published.
 * Pure functions; any thread. A set of keys is a mask of bits, so a zone has at most 32 keys at one time. */
#ifndef ZONE_SEC_VIEWS_H
#define ZONE_SEC_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"

#define VIEWS_KEYS_MAX 32
#define VIEWS_VERSIONS_MAX 72 /* of one list: each key comes and goes once, and one for before */

typedef uint32_t key_mask;

struct views_dnskey {
    key_mask keys;    /* in the DNSKEY RRset */
    key_mask signers; /* that signed it */
};

struct views {
    uint8_t algorithms[VIEWS_KEYS_MAX]; /* of each key */
    unsigned ds_count, dnskey_count, zone_count;
    key_mask ds[VIEWS_VERSIONS_MAX];
    struct views_dnskey dnskey[VIEWS_VERSIONS_MAX];
    key_mask zone[VIEWS_VERSIONS_MAX]; /* the keys that signed an RRset other than DNSKEY */
};

enum view_fault {
    VIEW_SECURE,
    VIEW_NO_KEY_FOR_DS,        /* no key of the DS set is in the DNSKEY set and signed it */
    VIEW_NO_KEY_FOR_ALGORITHM, /* none of one of the DS set's algorithms (RFC 4035 2.2) */
    VIEW_NO_SIGNATURE,         /* no signature by a key of the DNSKEY set */
    VIEW_NO_ALGORITHM          /* none by one of the DNSKEY set's algorithms (RFC 4035 2.2) */
};

/* The view that does not validate. */
struct view_failure {
    enum view_fault fault;
    uint8_t algorithm; /* the one that is missing, for the two faults about algorithms */
    key_mask ds;
    struct views_dnskey dnskey;
    key_mask zone;
};

void views_clear(struct views *views) NONNULL(1);

/* Add a version unless it is there already; beyond the room nothing is added and false returned. */
bool views_add_ds(struct views *views, key_mask keys) NODISCARD NONNULL(1);
bool views_add_dnskey(struct views *views, key_mask keys, key_mask signers) NODISCARD NONNULL(1);
bool views_add_zone(struct views *views, key_mask signers) NODISCARD NONNULL(1);

/* True when every view validates, or is of an unsigned delegation (an empty DS set). Otherwise FAILURE is
 * the first that does not. */
bool views_prove(const struct views *views, struct view_failure *failure) NODISCARD NONNULL(1, 2);

/* "no key of the DS set signs the DNSKEY set" and so on. */
const char *view_fault_text(enum view_fault fault);

#endif
