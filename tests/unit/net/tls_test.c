/* TLS over a pair of sockets: verification, names, sessions, protocols, new certificates. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "zone/net/tls.h"

static char directory[] = "/tmp/bailiwick-tls-XXXXXX";
static char cert_path[64], key_path[64];

/* A certificate that signs itself, for NAME. */
static void make_certificate(const char *name, long serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    char alternative[80];
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    snprintf(alternative, sizeof alternative, "DNS:%s,IP:127.0.0.1", name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *out = fopen(cert_path, "w");
    PEM_write_X509(out, cert);
    fclose(out);
    out = fopen(key_path, "w");
    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int make_files(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(cert_path, sizeof cert_path, "%s/cert.pem", directory);
    snprintf(key_path, sizeof key_path, "%s/key.pem", directory);
    make_certificate("dns.example", 1);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    return rmdir(directory);
}

static struct tls_context *context_of(struct tls_settings settings)
{
    struct tls_context *context = NULL;
    char why[TLS_WHY_MAX] = "";
    enum err err = tls_context_new(&settings, &context, why);
    if (err != ERR_OK)
        print_message("%s\n", why);
    assert_int_equal(err, ERR_OK);
    return context;
}

static struct tls_context *server_context(void)
{
    return context_of(
        (struct tls_settings){.cert = cert_path, .key = key_path, .server = true, .alpn = "dot h2"});
}

struct pair {
    int fds[2];
    struct tls *client, *server;
};

static void open_pair(
    struct pair *pair, struct tls_context *client, struct tls_context *server, const char *name)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair->fds), 0);
    pair->client = tls_open(client, pair->fds[0], name);
    pair->server = tls_open(server, pair->fds[1], NULL);
    assert_non_null(pair->client);
    assert_non_null(pair->server);
}

static void close_pair(struct pair *pair)
{
    tls_close(pair->client);
    tls_close(pair->server);
    close(pair->fds[0]);
    close(pair->fds[1]);
}

/* What the client's handshake comes to. */
static int shake_hands(struct pair *pair)
{
    int client = TLS_WANTS_READ, server = TLS_WANTS_READ;
    for (unsigned i = 0; i < 20 && (client < 1 || server < 1); i++) {
        if (client == TLS_WANTS_READ || client == TLS_WANTS_WRITE)
            client = tls_handshake(pair->client);
        if (server == TLS_WANTS_READ || server == TLS_WANTS_WRITE)
            server = tls_handshake(pair->server);
        if (client == TLS_FAILED)
            break;
    }
    return client;
}

/* A message each way; the client also takes the server's tickets by it. */
static void talk(struct pair *pair)
{
    char bytes[8];
    assert_int_equal(tls_write(pair->client, "ask", 3), 3);
    assert_int_equal(tls_read(pair->server, bytes, sizeof bytes), 3);
    assert_int_equal(tls_write(pair->server, "tell", 4), 4);
    assert_int_equal(tls_read(pair->client, bytes, sizeof bytes), 4);
    assert_memory_equal(bytes, "tell", 4);
    assert_int_equal(tls_read(pair->client, bytes, sizeof bytes), TLS_WANTS_READ);
}

static void sides_talk_and_sessions_go_on(void **state)
{
    (void)state;
    struct tls_context *server = server_context();
    struct tls_context *client = context_of((struct tls_settings){.ca = cert_path, .alpn = "dot"});
    for (unsigned round = 0; round < 3; round++) {
        struct pair pair;
        open_pair(&pair, client, server, "dns.example");
        assert_int_equal(shake_hands(&pair), 1);
        talk(&pair);
        assert_string_equal(tls_alpn(pair.client), "dot");
        assert_string_equal(tls_version(pair.client), "TLSv1.3");
        assert_int_equal(tls_resumed(pair.client), round > 0);
        close_pair(&pair);
    }
    assert_true(tls_context_expires(server) > 0);
    assert_int_equal(tls_context_expires(client), 0);
    tls_context_drop(client);
    tls_context_drop(server);
}

static void names_and_authorities_are_held_to(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool authority, insecure;
        int expected;
    } cases[] = {
        {"dns.example", true, false, 1},
        {"127.0.0.1", true, false, 1},
        {NULL, true, false, 1},
        {"other.example", true, false, TLS_FAILED},
        {"127.0.0.2", true, false, TLS_FAILED},
        {"dns.example", false, false, TLS_FAILED},
        {NULL, false, true, 1},
    };
    struct tls_context *server = server_context();
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct tls_context *client = context_of((struct tls_settings){
            .ca = cases[i].authority ? cert_path : NULL, .insecure = cases[i].insecure});
        struct pair pair;
        open_pair(&pair, client, server, cases[i].name);
        assert_int_equal(shake_hands(&pair), cases[i].expected);
        if (cases[i].expected == TLS_FAILED)
            assert_non_null(strstr(tls_why(pair.client), "certificate: "));
        close_pair(&pair);
        tls_context_drop(client);
    }
    tls_context_drop(server);
}

static void the_other_side_ends(void **state)
{
    (void)state;
    struct tls_context *server = server_context();
    struct tls_context *client = context_of((struct tls_settings){.insecure = true});
    struct pair pair;
    char byte;
    open_pair(&pair, client, server, NULL);
    assert_int_equal(shake_hands(&pair), 1);
    tls_close(pair.server);
    pair.server = NULL;
    assert_int_equal(tls_read(pair.client, &byte, 1), TLS_ENDED);
    close_pair(&pair);
    open_pair(&pair, client, server, NULL);
    assert_int_equal(tls_handshake(pair.client), TLS_WANTS_READ);
    shutdown(pair.fds[1], SHUT_RDWR);
    assert_int_equal(tls_handshake(pair.client), TLS_FAILED);
    assert_string_not_equal(tls_why(pair.client), "");
    close_pair(&pair);
    tls_context_drop(client);
    tls_context_drop(server);
}

static void clients_show_certificates(void **state)
{
    (void)state;
    struct tls_context *server = context_of((struct tls_settings){.cert = cert_path,
        .key = key_path,
        .ca = cert_path,
        .server = true,
        .client_auth = TLS_CLIENT_REQUIRE_AND_VERIFY});
    for (unsigned with = 0; with < 2; with++) {
        struct tls_context *client = context_of((struct tls_settings){
            .cert = with ? cert_path : NULL, .key = with ? key_path : NULL, .insecure = true});
        struct pair pair;
        open_pair(&pair, client, server, NULL);
        assert_int_equal(shake_hands(&pair), 1); /* TLS 1.3: the server's refusal comes behind it */
        char byte;
        assert_int_equal(tls_read(pair.client, &byte, 1), with ? TLS_WANTS_READ : TLS_FAILED);
        close_pair(&pair);
        tls_context_drop(client);
    }
    tls_context_drop(server);
}

static void changed_files_are_read_again(void **state)
{
    (void)state;
    char why[TLS_WHY_MAX];
    struct tls_context *server = server_context();
    assert_int_equal(tls_context_refresh(server, why), ERR_STALE);
    FILE *out = fopen(cert_path, "w");
    fputs("nonsense\n", out);
    fclose(out);
    assert_int_equal(tls_context_refresh(server, why), ERR_INVALID);
    assert_non_null(strstr(why, cert_path));
    make_certificate("new.example", 2);
    assert_int_equal(tls_context_refresh(server, why), ERR_OK);
    struct tls_context *client = context_of((struct tls_settings){.ca = cert_path});
    struct pair pair;
    open_pair(&pair, client, server, "new.example");
    assert_int_equal(shake_hands(&pair), 1);
    close_pair(&pair);
    tls_context_drop(client);
    tls_context_drop(server);
}

static void what_is_wrong_with_files_is_told(void **state)
{
    (void)state;
    struct tls_context *context;
    char why[TLS_WHY_MAX];
    struct tls_settings settings = {.cert = "/nonexistent/cert.pem", .server = true};
    assert_int_equal(tls_context_new(&settings, &context, why), ERR_INVALID);
    assert_string_equal(why, "certificate /nonexistent/cert.pem: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides_talk_and_sessions_go_on),
        cmocka_unit_test(names_and_authorities_are_held_to),
        cmocka_unit_test(the_other_side_ends),
        cmocka_unit_test(clients_show_certificates),
        cmocka_unit_test(changed_files_are_read_again),
        cmocka_unit_test(what_is_wrong_with_files_is_told),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
