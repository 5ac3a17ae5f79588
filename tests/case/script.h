/* The text of a scenario (see tests/case/README.md), read line by line into steps. */
#ifndef TESTS_CASE_SCRIPT_H
#define TESTS_CASE_SCRIPT_H

#include "tests/case/show.h"

#define ZONES_MAX 8

/* One query and the reply it must get. */
struct step {
    unsigned line;
    char name[1100], type[32];
    bool dnssec, edns, tcp, follow;
    uint8_t packet[1024]; /* the query in octets, when it was told so */
    size_t packet_len;
    unsigned limit; /* of the server, octets */
    unsigned edns_size;
    struct shown expected;
};

struct script {
    const char *path;
    struct zone zones[ZONES_MAX];
    unsigned zone_count;
    struct step *steps;
    unsigned step_count;
};

/* False when the file cannot be understood; the reason is told on stderr. */
bool script_read(struct script *script, const char *path);
void script_clear(struct script *script);

#endif
