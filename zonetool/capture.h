/* Recorded queries: a capture of packets (pcap, pcapng), a dnstap log (frame streams) or text, told apart by
 * their first octets. Of packets, DNS queries to port 53 over UDP and TCP (RFC 7766:
 * several in a segment, one in several). Of text, lines of "NAME TYPE" or "NAME TYPE COUNT", or of a query
 * log: BIND, Unbound, CoreDNS, PowerDNS, dnsdist, dnstap-read, tcpdump. What is cut short or makes no sense
 * is counted and passed over. Pure memory; one thread. */
#ifndef ZONETOOL_CAPTURE_H
#define ZONETOOL_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/wire/name.h"

struct capture {
    /* NAME is a whole wire name in lower case. */
    void (*query)(void *context, const uint8_t *name, uint16_t type, uint64_t count);
    void *context;
    uint64_t queries, passed_over;
    struct capture_streams *streams; /* its own */
    const char *form;                /* what it was: "pcap", "pcapng", "dnstap", "text" */
};

/* Tells every query in BYTES. LEN octets are all it reads. */
void capture_read(struct capture *capture, const uint8_t *bytes, size_t len) NONNULL(1, 2);

#endif
