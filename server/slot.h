/* A slot: one query with all the memory it needs from the packet to the reply. A worker has a batch of
 * them and uses each again and again; nothing in it is cleared, every stage writes the fields the next ones
 * read. A query that is suspended keeps its slot, and the batch gets another in its place. */
#ifndef SERVER_SLOT_H
#define SERVER_SLOT_H

#include "plugins/plugin.h"

#define SLOT_RX 2048 /* a longer query over UDP is malformed by the time it is cut here */
#define SLOT_TX 4096 /* the largest payload over UDP that can be configured */

struct listener;
struct sending;
struct tcp_connection;
struct worker;

struct slot {
    struct query query; /* first: a plugin's query is the server's slot */
    struct worker *worker;
    struct listener *listener;         /* where it came in */
    struct tcp_connection *connection; /* or NULL */
    struct sending *sending;           /* further messages of the reply, or NULL */
    const uint8_t *packet;             /* rx, or scratch memory */
    uint8_t *out;                      /* where the reply is written */
    uint32_t packet_len;
    uint32_t out_limit;       /* octets a reply may have there */
    enum served served;       /* SERVED_NEXT: still to be served */
    enum served resumed_with; /* the verdict of query_resume, perhaps written by another thread */
    bool waiting;             /* suspended */
    bool orphan;              /* a sub-query whose parent is over: nobody wants the reply */
    uint8_t local_len;        /* octets of `local` used */
    uint32_t device;          /* interface index of link-local clients, else 0 */

    uint64_t epoch;                       /* of the batch it came in with, while waiting */
    struct slot *wait_next, *wait_before; /* the worker's waiting queries, oldest first */
    struct slot *next;                    /* of the free list, or of the resumed ones */
    struct slot *children;                /* of a query with sub-queries */
    struct slot *sibling;
    void (*done)(struct query *child, enum served verdict, void *context);
    void *context;

    struct arena scratch;
    _Alignas(8) uint8_t local[64]; /* control message that says which address was asked */
    uint8_t rx[SLOT_RX + 64];      /* odd multiples of a cache line, so that the same places of different */
    uint8_t tx[SLOT_TX + 64];      /* slots do not all fall into one set of the cache */
};

static inline struct slot *slot_of(struct query *query)
{
    return (struct slot *)(void *)query;
}

#endif
