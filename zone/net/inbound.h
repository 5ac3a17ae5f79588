/* A zone transfer as it comes in, message by message: AXFR (RFC 5936) or IXFR (RFC 1995) in any of its three
 * forms. Nothing of it is believed before it is whole: the first SOA tells how it ends, and every record must
 * be of class IN, in the zone, of a type that a zone may have, and well formed.
 *
 *     the primary has nothing newer   SOA                          INBOUND_CURRENT
 *     the whole zone                  SOA, records ..., SOA        INBOUND_FULL: `whole`, SOA first, once
 *     steps                           SOA, (SOA, records that go,
 *                                     SOA, records that come)*, SOA  INBOUND_STEPS: `steps`, oldest first
 *
 * Pure memory, no socket: the blocking transfer.h and the fuzzer feed it. One thread at a time. */
#ifndef ZONE_NET_INBOUND_H
#define ZONE_NET_INBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/store/whole.h"
#include "zone/wire/name.h"

#define INBOUND_WHY_MAX 256
#define INBOUND_SOA_MAX (2 * NAME_MAX + 20)
#define INBOUND_STEPS_MAX 65536

enum inbound_kind { INBOUND_CURRENT, INBOUND_FULL, INBOUND_STEPS };

enum inbound_state {
    INBOUND_FIRST,   /* the first SOA is awaited */
    INBOUND_SECOND,  /* what stands behind it tells the form */
    INBOUND_WHOLE,   /* records, then the SOA again */
    INBOUND_REMOVED, /* records that go, then the SOA of the next version */
    INBOUND_ADDED,   /* records that come, then a SOA: a further step's old one, or the end */
    INBOUND_DONE
};

struct inbound {
    enum inbound_state state;
    enum inbound_kind kind; /* when done */
    struct change_list whole;
    struct whole tapes; /* in place of `whole` */
    bool on_tapes;      /* set before the first message by who will build an image, and nothing else */
    struct change *steps;
    size_t step_count, step_room;
    uint32_t serial;                    /* of the first SOA: the version that the primary has */
    uint16_t rcode;                     /* the primary's refusal, 0 for none */
    uint64_t records, octets, messages; /* of records: as they are kept, not as they came */
    char why[INBOUND_WHY_MAX];          /* on failure */

    uint8_t zone[NAME_MAX + 1];
    size_t zone_len;
    bool incremental; /* IXFR was asked for */
    uint32_t from;    /* from this serial */
    uint64_t max_octets;
    uint16_t soa_len;
    uint8_t soa[INBOUND_SOA_MAX]; /* rdata of the first SOA */
    uint32_t soa_ttl;
    uint8_t *rdata; /* room for one record's */
};

/* MAX_OCTETS of records are taken at most, 0: any number. ERR_MEMORY. */
enum err inbound_init(struct inbound *inbound, const uint8_t *zone, bool incremental, uint32_t from,
    uint64_t max_octets) NODISCARD NONNULL(1, 2);

/* The next message; id, question and TSIG have been looked at. ERR_INVALID: it is nonsense, or the primary
 * refuses (`rcode`); ERR_LIMIT: too large. `why` says more, and that was the end of it. */
enum err inbound_message(struct inbound *inbound, const uint8_t *message, size_t len) NODISCARD NONNULL(1, 2);

static inline bool inbound_is_done(const struct inbound *inbound)
{
    return inbound->state == INBOUND_DONE;
}

void inbound_clear(struct inbound *inbound) NONNULL(1);

#endif
