/* What gRPC wraps around a DNS message: CoreDNS's dns.proto,
 *
 *     service DnsService { rpc Query (DnsPacket) returns (DnsPacket); }     message DnsPacket { bytes msg =
 * 1; }
 *
 * in protobuf, behind the five octets that gRPC puts in front of each message (a flag for compression, a
 * length). Any thread. */
#ifndef PLUGINS_BACKEND_FRAME_H
#define PLUGINS_BACKEND_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

#define FRAME_HEAD_MAX 11 /* octets before a DNS message */

/* Writes what comes before a DNS message of LEN octets, below 64 KiB; returns its length. */
size_t frame_write_head(uint8_t *out, size_t len) NONNULL(1);

/* Finds the DNS message in the whole BYTES of an answer. ERR_WIRE with a phrase in *WHY. */
enum err frame_read(const uint8_t *bytes, size_t len, const uint8_t **message, size_t *message_len,
    const char **why) NODISCARD NONNULL(1, 3, 4, 5);

#endif
