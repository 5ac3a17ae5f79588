/* A zone transfer as it goes out, message by message: the whole of a snapshot (AXFR, RFC 5936), change sets
 * (IXFR, RFC 1995), or the present SOA alone (RFC 1995 2). Names are compressed against the zone's apex, the
 * owner before and its ancestors (canonical order makes these the likely ones), and by the links of the
 * RRsets, so that nothing is searched for.
 *
 * Messages are filled to OUTBOUND_FILL octets, where compression pointers end (RFC 1035 4.1.4): larger ones
 * hold fewer records per octet. A record that needs more gets a larger message.
 *
 * Reads frozen memory, keeps the snapshot alive until it is freed. One thread at a time, any thread. */
#ifndef ZONE_NET_OUTBOUND_H
#define ZONE_NET_OUTBOUND_H

#include "zone/store/change.h"
#include "zone/store/snapshot.h"
#include "zone/wire/message.h"

#define OUTBOUND_FILL 16384

struct outbound;

/* What QUERY asked for is answered with SNAPSHOT (held as long as it is needed): the header, the question and
 * EDNS follow it. NULL: out of memory. */
struct outbound *outbound_axfr(const struct message *query, struct snapshot *snapshot) NODISCARD
    NONNULL(1, 2);
struct outbound *outbound_soa(const struct message *query, struct snapshot *snapshot) NODISCARD NONNULL(1, 2);
/* COUNT successive change sets that end in SNAPSHOT; they are taken over with the malloced array, also on
 * failure. */
struct outbound *outbound_ixfr(const struct message *query, struct snapshot *snapshot, struct change *steps,
    size_t count) NODISCARD NONNULL(1, 2, 3);
void outbound_free(struct outbound *outbound);

/* Writes the next message into OUT of LIMIT octets and leaves RESERVE of them free (TSIG). Returns its
 * length; 0 when the last one has been, or when a record does not fit at all (outbound_broken). */
size_t outbound_next(struct outbound *outbound, uint8_t *out, size_t limit, size_t reserve) NONNULL(1, 2);
bool outbound_done(const struct outbound *outbound) NONNULL(1);
bool outbound_broken(const struct outbound *outbound) NONNULL(1);

/* What has been written so far. */
uint64_t outbound_records(const struct outbound *outbound) NONNULL(1);

/* Octets that a transfer of the whole zone takes, roughly: an IXFR longer than that is none. */
uint64_t outbound_zone_size(const struct snapshot *snapshot) NONNULL(1);

#endif
