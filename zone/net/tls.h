/* TLS, by OpenSSL: the only place that knows it. A context holds what all connections of one kind share
 * (certificate, key, authorities, session tickets); a connection belongs to whoever opened it.
 *
 *     context --- tls_open(fd) --- tls_read / tls_write ... tls_close
 *
 * Contexts count their users, and any thread may open connections on them at once. The files of a certificate
 * are looked at again by tls_context_refresh, and new connections get what is in them then; when the new
 * files are no good the old certificate stays. A connection is used by one thread at a time and works on
 * sockets that block as well as on ones that do not: there, TLS_WANTS_READ and TLS_WANTS_WRITE say what to
 * wait for before the same call is made again. The handshake happens inside the first reads and writes. The
 * program ignores SIGPIPE.
 *
 * TLS 1.2 and above (RFC 7858 3.2, RFC 9325 3.1.1). Clients that know a session offer it (RFC 8446 2.2);
 * early data are neither sent nor taken. */
#ifndef ZONE_NET_TLS_H
#define ZONE_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

struct tls_context;
struct tls;

#define TLS_WHY_MAX 256

/* What a client of a server may be asked to show (crypto/tls names them alike). */
enum tls_client_auth {
    TLS_CLIENT_NOCERT,
    TLS_CLIENT_REQUEST,         /* asked for one, any or none will do */
    TLS_CLIENT_REQUIRE,         /* some certificate, whoever signed it */
    TLS_CLIENT_VERIFY_IF_GIVEN, /* none, or one that the authorities signed */
    TLS_CLIENT_REQUIRE_AND_VERIFY
};

struct tls_settings {
    const char *cert;    /* PEM file, the chain behind it; a client may have none */
    const char *key;     /* PEM file */
    const char *ca;      /* PEM file of authorities; NULL: the system's, for clients */
    const char *alpn;    /* protocols offered or taken, by preference, with blanks between: "dot", "h2" */
    const char *keylog;  /* file to which secrets are appended, or NULL */
    bool server;         /* the side that accepts */
    bool insecure;       /* a client that does not verify the server: it knows no name or pin to hold it to */
    uint8_t client_auth; /* enum tls_client_auth, of a server */
};

/* Makes a context. SETTINGS and its texts need not stay. On failure WHY (of TLS_WHY_MAX octets) says what is
 * wrong with which file. One user: the caller. */
enum err tls_context_new(const struct tls_settings *settings, struct tls_context **out, char *why) NODISCARD
    NONNULL(1, 2, 3);

/* One user more, one less. Any thread. */
struct tls_context *tls_context_hold(struct tls_context *context) NONNULL(1);
void tls_context_drop(struct tls_context *context);

/* Reads certificate, key and authorities again when one of their files has changed. ERR_STALE: nothing has.
 * On another failure the old ones stay in use, and WHY tells. One thread at a time. */
enum err tls_context_refresh(struct tls_context *context, char *why) NODISCARD NONNULL(1, 2);

/* When the certificate ends, in seconds since 1970; 0: there is none. */
int64_t tls_context_expires(const struct tls_context *context) NONNULL(1);

/* Begins TLS on the connected socket FD, which stays the caller's. SERVER_NAME is what a client wants to
 * reach: told to the server (SNI) unless it is an address, and what its certificate must be for; NULL: the
 * authorities alone decide. NULL when out of memory. */
struct tls *tls_open(struct tls_context *context, int fd, const char *server_name) NODISCARD NONNULL(1);

/* Tells the other side (if the socket takes it at once) and frees; the socket is not closed. */
void tls_close(struct tls *tls);

/* What reads and writes return when they moved no octets. */
enum tls_outcome { TLS_ENDED = 0, TLS_WANTS_READ = -1, TLS_WANTS_WRITE = -2, TLS_FAILED = -3 };

/* Octets read or written, at least 1, or an enum tls_outcome. After TLS_FAILED only tls_why and tls_close. */
int tls_read(struct tls *tls, void *bytes, size_t size) NODISCARD NONNULL(1, 2);
int tls_write(struct tls *tls, const void *bytes, size_t len) NODISCARD NONNULL(1, 2);

/* Brings the handshake on without data: 1 when it is done, else an enum tls_outcome. */
int tls_handshake(struct tls *tls) NODISCARD NONNULL(1);

/* Has the other side shown a certificate that our authorities vouch for, and is it for NAME? One for
 * *.example.net is for nobody in particular. After the handshake; false when nobody was asked for one. */
bool tls_peer_is(const struct tls *tls, const char *name) NODISCARD NONNULL(1, 2);

/* Octets that lie decrypted here, which no event of the socket will announce. */
bool tls_has_pending(const struct tls *tls) NONNULL(1);

/* Why it failed, as a phrase; valid until tls_close. */
const char *tls_why(const struct tls *tls) NONNULL(1);

/* What was agreed on: the protocol of ALPN (NULL: none), "TLSv1.3", and whether an old session went on. */
const char *tls_alpn(const struct tls *tls) NONNULL(1);
const char *tls_version(const struct tls *tls) NONNULL(1);
bool tls_resumed(const struct tls *tls) NONNULL(1);

#endif
