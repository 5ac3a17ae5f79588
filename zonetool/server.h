/* The server that a subcommand talks to: the options that say how, and the operand @SERVER. One thread. */
#ifndef ZONETOOL_SERVER_H
#define ZONETOOL_SERVER_H

#include "zone/net/peer.h"
#include "zonetool/zonetool.h"

/* What was written; the rows below set it. */
struct server_options {
    const char *key, *key_file, *port, *source, *timeout, *ca, *tls_name;
    bool tcp, tls;
};

extern struct server_options server_options;

/* Rows for a command's own options. */
#define SERVER_OPTION_ROWS                                                                                   \
    {.letter = 'y',                                                                                          \
        .word = "key",                                                                                       \
        .value = "KEY",                                                                                      \
        .help = "sign with [ALGORITHM:]NAME:SECRET, or env:VARIABLE that holds such",                        \
        .text = &server_options.key},                                                                        \
        {.letter = 'k',                                                                                      \
            .word = "key-file",                                                                              \
            .value = "FILE",                                                                                 \
            .help = "sign with the key in FILE",                                                             \
            .text = &server_options.key_file},                                                               \
        {.letter = 'p',                                                                                      \
            .word = "port",                                                                                  \
            .value = "PORT",                                                                                 \
            .help = "53 if not given",                                                                       \
            .text = &server_options.port},                                                                   \
        {.letter = 'b',                                                                                      \
            .word = "source",                                                                                \
            .value = "ADDRESS",                                                                              \
            .help = "send from it",                                                                          \
            .text = &server_options.source},                                                                 \
        {.word = "tcp", .help = "use TCP only", .flag = &server_options.tcp},                                \
        {.word = "tls", .help = "use TLS, on port 853", .flag = &server_options.tls},                        \
        {.word = "tls-name",                                                                                 \
            .value = "NAME",                                                                                 \
            .help = "the server's certificate must be for NAME",                                             \
            .text = &server_options.tls_name},                                                               \
        {.word = "ca",                                                                                       \
            .value = "FILE",                                                                                 \
            .help = "and be signed by these authorities, not the system's",                                  \
            .text = &server_options.ca},                                                                     \
        {.word = "timeout",                                                                                  \
            .value = "SECONDS",                                                                              \
            .help = "to wait for an answer, 5 if not given",                                                 \
            .text = &server_options.timeout},

struct server {
    struct peer peer;
    struct tsig_ring ring; /* of the key file */
    struct tsig_key *key;
    char text[PEER_TEXT_MAX]; /* its address */
};

/* Takes "@SERVER" (an address, or a host's name) out of OPERANDS, of which *COUNT are left in LEFT; and makes
 * the server of it and the options. Complains when that cannot be. */
enum outcome server_open(struct server *server, char *const *operands, unsigned *count,
    const char **left) NODISCARD NONNULL(1, 2, 3, 4);
void server_close(struct server *server) NONNULL(1);

#endif
