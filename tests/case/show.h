/* A reply as text, one line per record: "owner ttl TYPE rdata". What makes expectations long and says little
 * is shortened: RRSIG shows the type it covers, NSEC its next name, SOA its serial, DNSKEY nothing, and an
 * NSEC3 owner is told as the name that was hashed, in brackets. */
#ifndef TESTS_CASE_SHOW_H
#define TESTS_CASE_SHOW_H

#include "tests/case/zone.h"

enum { SHOW_ANSWER, SHOW_AUTHORITY, SHOW_ADDITIONAL, SHOW_SECTIONS };

struct shown {
    char *head; /* "NOERROR aa" */
    char *section[SHOW_SECTIONS];
};

/* Reads the message with ldns, which is not ours. False when it is malformed. */
bool show_reply(const struct zone *zone, const uint8_t *message, size_t len, struct shown *shown);

/* Adds to the head what matters when the query was told in octets: opcode, questions echoed, OPT. */
bool show_wire(const uint8_t *message, size_t len, struct shown *shown);
void shown_clear(struct shown *shown);

#endif
