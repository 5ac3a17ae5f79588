/* A reply before it is written: per section, references to RRsets with an owner and a TTL. Plugins on
 * the way back may drop, reorder, retime or add references; bytes are made once, by reply_encode
 * (zone/wire/encode.h). References point into a frozen snapshot or into the query's scratch memory. */
#ifndef ZONE_WIRE_REPLY_H
#define ZONE_WIRE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/wire/rrset.h"

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

/* How a reference names its owner, from the cheapest to write to the dearest. */
enum owner_kind {
    OWNER_QNAME,    /* the suffix of the question's name that begins at label `label`: two octets */
    OWNER_TARGET,   /* the name in the rdata of record `record` of reference `ref`: two octets */
    OWNER_RELATIVE, /* `name`: `name_len` octets of labels, completed by the apex at label `label` of the
                       question's name; NSEC and NSEC3 owners */
    OWNER_NAME      /* `name`: a whole wire name of `name_len` octets */
};

struct rr_ref {
    const struct rrset *rrset;
    const uint8_t *name;
    uint32_t ttl;
    uint8_t owner;   /* enum owner_kind */
    uint8_t section; /* enum section */
    uint8_t name_len;
    uint8_t label;
    uint16_t ref; /* index in the same reply, smaller than this reference's own */
    uint16_t record;
    uint16_t first;  /* the record to begin with (rotation) */
    bool signatures; /* write the RRSIGs behind the records */
    bool records;    /* write the records; false gives the signatures alone */
    bool glue;       /* in-domain glue: TC is set when it does not fit (RFC 9471 3.1) */
};

/* The records of a reply that another server has written, as octets: sent on without being taken apart. They
 * lie in a whole message, behind a header and a question whose name has as many octets as the one that is
 * answered (their compression pointers lead there), and hold neither OPT nor TSIG. Whoever wants to look at
 * references instead calls reply_open (zone/wire/reply_open.h). */
struct reply_body {
    const uint8_t *message;
    uint32_t at, end;       /* where the records begin and end in it */
    uint16_t counts[3];     /* of each section */
    uint16_t ttl_count;     /* TTL fields, */
    const uint16_t *ttl_at; /* their places in the message */
    bool ttls_whole;        /* and these are all of them */
    bool soa;               /* an SOA record stands in the authority section */
    uint32_t ttl;           /* the lowest of all records; UINT32_MAX when there is none */
    uint32_t soa_ttl;       /* how long a denial holds (RFC 2308 5); valid when soa is set */
};

#define REPLY_INLINE 24

struct reply {
    struct rr_ref *refs; /* in the order of their sections */
    uint16_t count;
    uint16_t capacity;
    uint16_t rcode;       /* 12 bits; above 15 goes to the OPT record */
    bool authoritative;   /* AA */
    bool truncated;       /* TC wanted whatever fits */
    bool authentic;       /* AD */
    bool recursion;       /* RA */
    bool compact;         /* CO in the OPT record: what is not there is denied compactly (RFC 9824 5.1) */
    uint16_t ede;         /* extended error code + 1, 0 for none (RFC 8914) */
    const char *ede_text; /* or NULL; lives as long as the reply */
    const uint8_t *raw;   /* a finished message to send instead, or NULL; its id is set on sending */
    uint32_t raw_len;
    uint32_t body_ttl;             /* what the TTL fields of `body` become, when */
    bool retimed;                  /* this is set */
    const struct reply_body *body; /* the records instead of references, or NULL */
    struct rr_ref inline_refs[REPLY_INLINE];
};

/* Empties REPLY: NOERROR, not authoritative. */
void reply_clear(struct reply *reply) NONNULL(1);

/* What reply_add does when there is no room or the reference cannot be the last. */
struct rr_ref *reply_add_slow(struct reply *reply, enum section section, struct arena *scratch) NONNULL(1, 3);

/* A new last reference, zeroed but for `rrset`, `ttl` (the RRset's), `section` and `records` = true; it
 * grows into SCRATCH. One for a section that others already stand behind (an alias followed into another
 * zone) goes before those, and their places change. NULL when out of memory. */
static inline NONNULL(1, 3, 4) struct rr_ref *reply_add(
    struct reply *reply, enum section section, const struct rrset *rrset, struct arena *scratch)
{
    struct rr_ref *ref = &reply->refs[reply->count];
    if (LIKELY(reply->count < reply->capacity && (reply->count == 0 || ref[-1].section <= section)))
        reply->count++;
    else if ((ref = reply_add_slow(reply, section, scratch)) == NULL)
        return NULL;
    *ref = (struct rr_ref){.rrset = rrset, .ttl = rrset->ttl, .section = (uint8_t)section, .records = true};
    return ref;
}

#endif
