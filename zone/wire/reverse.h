/* Networks (an address and a prefix length) and the reverse zones they stand for: in-addr.arpa (RFC 1035
 * 3.5) and ip6.arpa (RFC 3596 2.5). A prefix that ends inside of a label needs several zones: 10.0.0.0/22
 * is four of them, 0.0.10.in-addr.arpa to 3.0.10.in-addr.arpa. Any thread. */
#ifndef ZONE_WIRE_REVERSE_H
#define ZONE_WIRE_REVERSE_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"

struct network {
    uint8_t family;     /* 4 or 6 */
    uint8_t prefix_len; /* in bits */
    uint8_t ip[16];     /* network order, the bits behind the prefix clear */
};

/* "10.0.0.0/8", "2001:db8::/32", or an address, which is a network of one. */
bool network_parse(const char *text, struct network *network) NODISCARD NONNULL(1, 2);

/* True when the LEN octets of IP (4 or 16) lie in the network. */
bool network_has(const struct network *network, const uint8_t *ip, unsigned len) NONNULL(1, 2);

/* How many zones the network needs: 1, or up to 128 for IPv4 and 8 for IPv6. */
unsigned reverse_zones(const struct network *network) NONNULL(1);

/* The INDEXth of them in wire form; OUT has room for NAME_MAX. Returns its length. */
unsigned reverse_zone(const struct network *network, unsigned index, uint8_t *out) NONNULL(1, 3);

#endif
