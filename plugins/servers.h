/* How Corefile lines name the servers that a plugin asks (forward, grpc, httpjson): their addresses, files
 * like /etc/resolv.conf that list them, and `tls [CERT KEY] [CA]`. Control thread, in setup. */
#ifndef PLUGINS_SERVERS_H
#define PLUGINS_SERVERS_H

#include "plugins/plugin.h"

struct tls_context;

/* As for connect(2). */
union address server_address(const struct option_address *from) NODISCARD NONNULL(1);

/* "192.0.2.1:53", "[2001:db8::1]:53" in world memory, for logs and metrics; NULL: out of memory. */
const char *server_label(struct setup *setup, const struct option_address *address) NODISCARD NONNULL(1, 2);

/* Calls ADD for each "nameserver" line of the file at PATH, with PORT, until it fails. A file that names none
 * is an error at AT; lines that name no address are warned of. */
enum err servers_of_file(struct setup *setup, const struct token *at, const char *path, uint16_t port,
    enum err (*add)(void *context, const struct option_address *address), void *context) NODISCARD
    NONNULL(1, 2, 3, 5);

/* A context for asking over TLS with the FILES of a tls line, of which there may be none: our certificate and
 * key, then the authorities that sign the servers'. ALPN as for tls_settings. */
enum err servers_tls(struct setup *setup, const struct option_strings *files, const char *alpn,
    struct tls_context **out) NODISCARD NONNULL(1, 2, 4);

#endif
