/* What of ldns is used: numbers and functions by heart, so that its headers need not be there. A unit test
 * compares them with ldns/ldns.h. Inner header of opinion.c. */
#ifndef ZONE_SEC_OPINION_LDNS_H
#define ZONE_SEC_OPINION_LDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define LIBRARY "libldns.so.3"

enum { STATUS_OK = 0, STATUS_MEMORY = 8, STATUS_UNKNOWN_ALGORITHM = 26, STATUS_NO_ALGORITHM = 27 };
enum { SECTION_OF_ANSWER = 1 };

struct opinion {
    void *library;
    void *keys; /* ldns_rr_list */
    int (*wire2rr)(void **rr, const uint8_t *wire, size_t max, size_t *pos, int section);
    void (*rr_free)(void *rr);
    void *(*list_new)(void);
    bool (*list_push)(void *list, const void *rr);
    void (*list_free)(void *list);
    void (*list_deep_free)(void *list);
    int (*verify)(const void *rrset, const void *rrsig, const void *keys, time_t now, void *good);
    int (*verify_notime)(const void *rrset, const void *rrsig, const void *keys, void *good);
    const char *(*error)(int status);
};

#endif
