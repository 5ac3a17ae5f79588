/* A zone of a text scenario: its text is completed, signed by ldns where the scenario says so, written to a
 * temporary file and loaded as the programs load zones. */
#ifndef TESTS_CASE_ZONE_H
#define TESTS_CASE_ZONE_H

#include <ldns/ldns.h>

#include "zone/store/snapshot.h"

enum zone_signing { ZONE_UNSIGNED, ZONE_NSEC, ZONE_NSEC3, ZONE_OPTOUT };

struct zone {
    char origin[256]; /* presentation form, absolute */
    enum zone_signing signing;
    bool bare;     /* the text is the whole zone: no SOA, NS and TTL are put before it */
    unsigned seed; /* 0: read at once; else it comes about from another text, by changes this seed chooses */
    char *text;
    struct snapshot *snapshot;
    ldns_rr_list *hashed; /* signed with NSEC3: every name (as owner of a dummy record) to tell hashes by */
};

/* Loads TEXT; on failure tells why on stderr. */
bool zone_load(struct zone *zone, const char *where);
void zone_unload(struct zone *zone);

/* The name that HASHED_OWNER is the NSEC3 owner of, or NULL. */
const ldns_rdf *zone_unhash(const struct zone *zone, const ldns_rdf *hashed_owner);

#endif
