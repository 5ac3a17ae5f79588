#include "zone/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "zone/base/ip.h"

#define ALPN_MAX 64
#define SESSIONS 8 /* a client keeps those of so many server names */
#define SERVER_NAME_MAX 256

/* How a file looked when it was read. */
struct stamp {
    struct timespec changed;
    ino_t inode;
    off_t size;
};

struct session {
    char server_name[SERVER_NAME_MAX];
    SSL_SESSION *session;
};

struct tls_context {
    _Atomic unsigned users;
    pthread_mutex_t lock; /* of `ssl` and `sessions` */
    SSL_CTX *ssl;
    struct tls_settings settings; /* texts are ours */
    struct stamp stamps[3];
    uint8_t alpn[ALPN_MAX]; /* as on the wire: length and octets of each */
    unsigned alpn_len;
    unsigned next_session;
    struct session sessions[SESSIONS];
    _Atomic int64_t expires_s;
};

struct tls {
    SSL *ssl;
    struct tls_context *context;
    char server_name[SERVER_NAME_MAX];
    char alpn[32];
    char why[TLS_WHY_MAX];
};

/* ---- errors ---- */

/* The oldest error is the cause, those behind it say what it came to. */
static void explain(char *why, const char *what, const char *file)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (code != 0 && reason == NULL && ERR_SYSTEM_ERROR(code))
        reason = strerror(ERR_GET_REASON(code));
    ERR_clear_error();
    snprintf(why, TLS_WHY_MAX, "%s%s%s: %s", what, file != NULL ? " " : "", file != NULL ? file : "",
        reason != NULL ? reason : "unknown error");
}

/* ---- contexts ---- */

static struct stamp stamp_of(const char *file)
{
    struct stat found;
    struct stamp stamp = {0};
    if (file != NULL && stat(file, &found) == 0)
        stamp = (struct stamp){found.st_mtim, found.st_ino, found.st_size};
    return stamp;
}

static void take_stamps(const struct tls_settings *settings, struct stamp stamps[3])
{
    stamps[0] = stamp_of(settings->cert);
    stamps[1] = stamp_of(settings->key);
    stamps[2] = stamp_of(settings->ca);
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->inode == b->inode && a->size == b->size;
}

static enum err load_certificate(SSL_CTX *ssl, const struct tls_settings *settings, char *why)
{
    if (settings->cert == NULL)
        return ERR_OK;
    if (SSL_CTX_use_certificate_chain_file(ssl, settings->cert) != 1) {
        explain(why, "certificate", settings->cert);
        return ERR_INVALID;
    }
    const char *key = settings->key != NULL ? settings->key : settings->cert;
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ssl) != 1) {
        explain(why, "key", key);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err load_authorities(SSL_CTX *ssl, const struct tls_settings *settings, char *why)
{
    if (settings->ca != NULL && SSL_CTX_load_verify_locations(ssl, settings->ca, NULL) != 1) {
        explain(why, "authorities", settings->ca);
        return ERR_INVALID;
    }
    if (settings->ca != NULL && settings->server)
        SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(settings->ca));
    if (settings->ca == NULL && !settings->server && !settings->insecure &&
        SSL_CTX_set_default_verify_paths(ssl) != 1) {
        explain(why, "authorities of the system", NULL);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static int accept_any(int verified, X509_STORE_CTX *store)
{
    (void)verified, (void)store;
    return 1;
}

static void set_verification(SSL_CTX *ssl, const struct tls_settings *settings)
{
    if (!settings->server) {
        SSL_CTX_set_verify(ssl, settings->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
        return;
    }
    static const struct {
        int mode;
        SSL_verify_cb callback;
    } modes[] = {
        [TLS_CLIENT_NOCERT] = {SSL_VERIFY_NONE, NULL},
        [TLS_CLIENT_REQUEST] = {SSL_VERIFY_PEER, accept_any},
        [TLS_CLIENT_REQUIRE] = {SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any},
        [TLS_CLIENT_VERIFY_IF_GIVEN] = {SSL_VERIFY_PEER, NULL},
        [TLS_CLIENT_REQUIRE_AND_VERIFY] = {SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL},
    };
    SSL_CTX_set_verify(ssl, modes[settings->client_auth].mode, modes[settings->client_auth].callback);
}

/* RFC 7301 3.2: of what the client offers, the server takes what it likes best, and refuses when there is
 * nothing for it. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *offered, unsigned offered_len, void *arg)
{
    const struct tls_context *context = arg;
    (void)ssl;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, context->alpn, context->alpn_len, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void log_secret(const SSL *ssl, const char *line)
{
    const struct tls_context *context = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);
    FILE *file = fopen(context->settings.keylog, "ae");
    if (file == NULL)
        return;
    fprintf(file, "%s\n", line);
    fclose(file);
}

/* A server has sent a ticket: remembered for the next connection to that name. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls *tls = SSL_get_ex_data(ssl, 0);
    struct tls_context *context = tls->context;
    struct session *place = NULL;
    pthread_mutex_lock(&context->lock);
    for (unsigned i = 0; i < SESSIONS && place == NULL; i++) {
        struct session *known = &context->sessions[i];
        if (known->session != NULL && strcmp(known->server_name, tls->server_name) == 0)
            place = known;
    }
    if (place == NULL)
        place = &context->sessions[context->next_session++ % SESSIONS];
    SSL_SESSION_free(place->session);
    memcpy(place->server_name, tls->server_name, sizeof place->server_name);
    place->session = session;
    pthread_mutex_unlock(&context->lock);
    return 1;
}

static int64_t end_of_certificate(SSL_CTX *ssl)
{
    const X509 *certificate = SSL_CTX_get0_certificate(ssl);
    struct tm end;
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    return (int64_t)timegm(&end);
}

static enum err set_up(struct tls_context *context, SSL_CTX *ssl, char *why)
{
    const struct tls_settings *settings = &context->settings;
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_mode(
        ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_ex_data(ssl, 0, context);
    set_verification(ssl, settings);
    if (settings->keylog != NULL)
        SSL_CTX_set_keylog_callback(ssl, log_secret);
    if (settings->server) {
        static const unsigned char id[] = "bailiwick";
        SSL_CTX_set_session_id_context(ssl, id, sizeof id - 1);
        if (context->alpn_len > 0)
            SSL_CTX_set_alpn_select_cb(ssl, choose_alpn, context);
    } else {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ssl, keep_session);
        if (context->alpn_len > 0 && SSL_CTX_set_alpn_protos(ssl, context->alpn, context->alpn_len) != 0)
            return ERR_MEMORY;
    }
    enum err err = load_certificate(ssl, settings, why);
    return err != ERR_OK ? err : load_authorities(ssl, settings, why);
}

static enum err make_ssl(struct tls_context *context, SSL_CTX **out, char *why)
{
    ERR_clear_error();
    SSL_CTX *ssl = SSL_CTX_new(context->settings.server ? TLS_server_method() : TLS_client_method());
    if (ssl == NULL) {
        explain(why, "TLS", NULL);
        return ERR_MEMORY;
    }
    enum err err = set_up(context, ssl, why);
    if (err != ERR_OK) {
        SSL_CTX_free(ssl);
        return err;
    }
    *out = ssl;
    return ERR_OK;
}

static char *copy_text(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static void write_alpn(struct tls_context *context, const char *words)
{
    while (words != NULL && *words != '\0') {
        size_t len = strcspn(words, " ");
        if (len > 0 && context->alpn_len + 1 + len <= ALPN_MAX) {
            context->alpn[context->alpn_len] = (uint8_t)len;
            memcpy(context->alpn + context->alpn_len + 1, words, len);
            context->alpn_len += 1 + (unsigned)len;
        }
        words += len + (words[len] == ' ');
    }
}

static void context_free(struct tls_context *context)
{
    for (unsigned i = 0; i < SESSIONS; i++)
        SSL_SESSION_free(context->sessions[i].session);
    SSL_CTX_free(context->ssl);
    free((char *)(uintptr_t)context->settings.cert);
    free((char *)(uintptr_t)context->settings.key);
    free((char *)(uintptr_t)context->settings.ca);
    free((char *)(uintptr_t)context->settings.keylog);
    pthread_mutex_destroy(&context->lock);
    free(context);
}

enum err tls_context_new(const struct tls_settings *settings, struct tls_context **out, char *why)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (context == NULL)
        return ERR_MEMORY;
    context->users = 1;
    pthread_mutex_init(&context->lock, NULL);
    context->settings = *settings;
    context->settings.cert = copy_text(settings->cert);
    context->settings.key = copy_text(settings->key);
    context->settings.ca = copy_text(settings->ca);
    context->settings.keylog = copy_text(settings->keylog);
    context->settings.alpn = NULL;
    write_alpn(context, settings->alpn);
    take_stamps(&context->settings, context->stamps);
    enum err err = make_ssl(context, &context->ssl, why);
    if (err != ERR_OK) {
        context_free(context);
        return err;
    }
    context->expires_s = end_of_certificate(context->ssl);
    *out = context;
    return ERR_OK;
}

struct tls_context *tls_context_hold(struct tls_context *context)
{
    context->users++;
    return context;
}

void tls_context_drop(struct tls_context *context)
{
    if (context != NULL && --context->users == 0)
        context_free(context);
}

enum err tls_context_refresh(struct tls_context *context, char *why)
{
    struct stamp stamps[3];
    bool same = true;
    take_stamps(&context->settings, stamps);
    for (unsigned i = 0; i < 3; i++)
        same = same && same_stamp(&stamps[i], &context->stamps[i]);
    if (same)
        return ERR_STALE;
    SSL_CTX *fresh;
    enum err err = make_ssl(context, &fresh, why);
    if (err != ERR_OK)
        return err;
    memcpy(context->stamps, stamps, sizeof stamps);
    context->expires_s = end_of_certificate(fresh);
    pthread_mutex_lock(&context->lock);
    SSL_CTX *old = context->ssl;
    context->ssl = fresh;
    pthread_mutex_unlock(&context->lock);
    SSL_CTX_free(old); /* connections hold it as long as they need it */
    return ERR_OK;
}

int64_t tls_context_expires(const struct tls_context *context)
{
    return context->expires_s;
}

/* ---- connections ---- */

static bool is_address(const char *name)
{
    uint8_t ip[16];
    return ip4_parse(name, strlen(name), ip) || ip6_parse(name, strlen(name), ip);
}

static void offer_session(struct tls *tls)
{
    struct tls_context *context = tls->context;
    pthread_mutex_lock(&context->lock);
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct session *known = &context->sessions[i];
        if (known->session != NULL && strcmp(known->server_name, tls->server_name) == 0)
            SSL_set_session(tls->ssl, known->session);
    }
    pthread_mutex_unlock(&context->lock);
}

/* RFC 6066 3: no address is told as a name; RFC 9525 6.3, 6.4: the certificate is for this name or address.
 */
static bool set_server_name(struct tls *tls, const char *server_name)
{
    if (server_name == NULL)
        return true;
    snprintf(tls->server_name, sizeof tls->server_name, "%s", server_name);
    if (is_address(server_name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), server_name) == 1;
    return SSL_set_tlsext_host_name(tls->ssl, server_name) == 1 && SSL_set1_host(tls->ssl, server_name) == 1;
}

struct tls *tls_open(struct tls_context *context, int fd, const char *server_name)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return NULL;
    pthread_mutex_lock(&context->lock);
    tls->ssl = SSL_new(context->ssl);
    pthread_mutex_unlock(&context->lock);
    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1 || !set_server_name(tls, server_name)) {
        SSL_free(tls->ssl);
        free(tls);
        return NULL;
    }
    tls->context = tls_context_hold(context);
    SSL_set_ex_data(tls->ssl, 0, tls);
    if (context->settings.server) {
        SSL_set_accept_state(tls->ssl);
    } else {
        SSL_set_connect_state(tls->ssl);
        offer_session(tls);
    }
    return tls;
}

void tls_close(struct tls *tls)
{
    if (tls == NULL)
        return;
    ERR_clear_error();
    if (tls->why[0] == '\0' && SSL_is_init_finished(tls->ssl))
        SSL_shutdown(tls->ssl);
    ERR_clear_error();
    SSL_free(tls->ssl);
    tls_context_drop(tls->context);
    free(tls);
}

static void note_failure(struct tls *tls, int error)
{
    long verified = SSL_get_verify_result(tls->ssl);
    if (verified != X509_V_OK && !SSL_is_init_finished(tls->ssl)) {
        snprintf(tls->why, sizeof tls->why, "certificate: %s", X509_verify_cert_error_string(verified));
        ERR_clear_error();
    } else if (error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) {
        snprintf(tls->why, sizeof tls->why, "%s",
            SSL_is_init_finished(tls->ssl) ? "connection broken" : "connection broken in the handshake");
    } else {
        explain(tls->why, "TLS", NULL);
    }
}

static int outcome(struct tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);
    switch (error) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        note_failure(tls, error);
        return TLS_FAILED;
    }
}

int tls_read(struct tls *tls, void *bytes, size_t size)
{
    ERR_clear_error();
    int got = SSL_read(tls->ssl, bytes, size > INT32_MAX ? INT32_MAX : (int)size);
    return got > 0 ? got : outcome(tls, got);
}

int tls_write(struct tls *tls, const void *bytes, size_t len)
{
    ERR_clear_error();
    int put = SSL_write(tls->ssl, bytes, len > INT32_MAX ? INT32_MAX : (int)len);
    return put > 0 ? put : outcome(tls, put);
}

int tls_handshake(struct tls *tls)
{
    ERR_clear_error();
    int done = SSL_do_handshake(tls->ssl);
    return done == 1 ? 1 : outcome(tls, done);
}

bool tls_has_pending(const struct tls *tls)
{
    return SSL_has_pending(tls->ssl);
}

const char *tls_why(const struct tls *tls)
{
    return tls->why;
}

const char *tls_alpn(const struct tls *tls)
{
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(tls->ssl, &protocol, &len);
    if (len == 0 || len >= sizeof tls->alpn)
        return NULL;
    char *out = ((struct tls *)(uintptr_t)tls)->alpn;
    memcpy(out, protocol, len);
    out[len] = '\0';
    return out;
}

const char *tls_version(const struct tls *tls)
{
    return SSL_get_version(tls->ssl);
}

bool tls_resumed(const struct tls *tls)
{
    return SSL_session_reused(tls->ssl);
}

bool tls_peer_is(const struct tls *tls, const char *name)
{
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    return certificate != NULL && SSL_get_verify_result(tls->ssl) == X509_V_OK &&
           X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
}
