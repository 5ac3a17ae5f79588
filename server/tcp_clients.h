/* How many TCP connections each client has, for a limit (the tcp plugin). A client is an IPv4 address, or the
 * /64 of an IPv6 address. The counts are those of the whole process, whichever worker a connection came to;
 * they lie in two rows of a table by two seeded hashes, and the smaller one counts: it is never too small,
 * and too large only where both places are shared with others. Any thread; touched when a connection comes or
 * goes, and only while there is a limit. */
#ifndef SERVER_TCP_CLIENTS_H
#define SERVER_TCP_CLIENTS_H

#include "plugins/plugin.h"

/* Counts one connection more of CLIENT, unless it has LIMIT already. */
bool tcp_client_enter(const union address *client, unsigned limit) NODISCARD NONNULL(1);
void tcp_client_leave(const union address *client) NONNULL(1);

#endif
