#include "gitsync/sshkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/codec.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384
#define MESSAGE_MAX_LEN 512

static const char bad_key[] = "the key is malformed";
static const char bad_signature[] = "the signature is malformed";
static const char wrong[] = "the signature is not by this key over this content";

/* ---- reading ---- */

uint32_t ssh_read32(struct ssh_reader *reader)
{
    if (reader->len < 4) {
        reader->failed = true;
        reader->len = 0;
        return 0;
    }
    const uint8_t *at = reader->at;
    reader->at += 4;
    reader->len -= 4;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

struct ssh_string ssh_read_string(struct ssh_reader *reader)
{
    uint32_t len = ssh_read32(reader);
    if (reader->failed || len > reader->len) {
        reader->failed = true;
        reader->len = 0;
        return (struct ssh_string){(const uint8_t *)"", 0};
    }
    struct ssh_string string = {reader->at, len};
    reader->at += len;
    reader->len -= len;
    return string;
}

bool ssh_string_is(struct ssh_string string, const char *text)
{
    return strlen(text) == string.len && memcmp(string.bytes, text, string.len) == 0;
}

static struct ssh_reader reader_of(struct ssh_string string)
{
    return (struct ssh_reader){.at = string.bytes, .len = string.len};
}

/* ---- the algorithms; each reads KEY behind its type and SIGNATURE behind its own ---- */

typedef const char *verify_function(
    struct ssh_reader *key, struct ssh_reader *signature, struct ssh_string message, const void *detail);

static const char *verify_digest(
    EVP_PKEY *pkey, const EVP_MD *digest, struct ssh_string signature, struct ssh_string message)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fine = context != NULL && EVP_DigestVerifyInit(context, NULL, digest, NULL, pkey) == 1 &&
                EVP_DigestVerify(context, signature.bytes, signature.len, message.bytes, message.len) == 1;
    EVP_MD_CTX_free(context);
    return fine ? NULL : wrong;
}

static EVP_PKEY *make_pkey(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    return pkey;
}

static const char *verify_ed25519(
    struct ssh_reader *key, struct ssh_reader *signature, struct ssh_string message, const void *detail)
{
    struct ssh_string point = ssh_read_string(key), made = ssh_read_string(signature);
    (void)detail;
    if (key->failed || key->len != 0 || point.len != crypto_sign_PUBLICKEYBYTES)
        return bad_key;
    if (signature->failed || signature->len != 0 || made.len != crypto_sign_BYTES)
        return bad_signature;
    return crypto_sign_verify_detached(made.bytes, message.bytes, message.len, point.bytes) == 0 ? NULL
                                                                                                 : wrong;
}

struct curve {
    const char *name, *group;
    size_t point_len;
    const EVP_MD *(*digest)(void);
};

static const struct curve p256 = {"nistp256", "P-256", 65, EVP_sha256};
static const struct curve p384 = {"nistp384", "P-384", 97, EVP_sha384};
static const struct curve p521 = {"nistp521", "P-521", 133, EVP_sha512};

static EVP_PKEY *make_ec(const struct curve *curve, struct ssh_string point)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (build != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.bytes, point.len) == 1)
        params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *pkey = make_pkey("EC", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

/* RFC 5656 3.1.2: two numbers; OpenSSL wants them as DER. */
static int ecdsa_to_der(struct ssh_string made, uint8_t **der)
{
    struct ssh_reader reader = reader_of(made);
    struct ssh_string r = ssh_read_string(&reader), s = ssh_read_string(&reader);
    if (reader.failed || reader.len != 0 || r.len > 80 || s.len > 80)
        return -1;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r_number = BN_bin2bn(r.bytes, (int)r.len, NULL), *s_number = BN_bin2bn(s.bytes, (int)s.len, NULL);
    int len = -1;
    if (sig != NULL && r_number != NULL && s_number != NULL && ECDSA_SIG_set0(sig, r_number, s_number) == 1) {
        r_number = s_number = NULL; /* they belong to SIG now */
        len = i2d_ECDSA_SIG(sig, der);
    }
    BN_free(r_number);
    BN_free(s_number);
    ECDSA_SIG_free(sig);
    return len;
}

static const char *verify_point(
    const struct curve *curve, struct ssh_string point, struct ssh_string made, struct ssh_string message)
{
    uint8_t *der = NULL;
    int len = ecdsa_to_der(made, &der);
    if (len < 0)
        return bad_signature;
    EVP_PKEY *pkey = make_ec(curve, point);
    const char *why =
        pkey != NULL ? verify_digest(pkey, curve->digest(), (struct ssh_string){der, (size_t)len}, message)
                     : bad_key;
    EVP_PKEY_free(pkey);
    OPENSSL_free(der);
    return why;
}

static const char *verify_ecdsa(
    struct ssh_reader *key, struct ssh_reader *signature, struct ssh_string message, const void *detail)
{
    const struct curve *curve = detail;
    struct ssh_string name = ssh_read_string(key), point = ssh_read_string(key);
    struct ssh_string made = ssh_read_string(signature);
    if (key->failed || key->len != 0 || !ssh_string_is(name, curve->name) || point.len != curve->point_len)
        return bad_key;
    if (signature->failed || signature->len != 0)
        return bad_signature;
    return verify_point(curve, point, made, message);
}

static EVP_PKEY *make_rsa(struct ssh_string e, struct ssh_string n)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    BIGNUM *e_number = BN_bin2bn(e.bytes, (int)e.len, NULL), *n_number = BN_bin2bn(n.bytes, (int)n.len, NULL);
    if (build != NULL && e_number != NULL && n_number != NULL && BN_num_bits(n_number) >= RSA_BITS_MIN &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n_number) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e_number) == 1)
        params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *pkey = make_pkey("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(e_number);
    BN_free(n_number);
    return pkey;
}

static const char *verify_rsa(
    struct ssh_reader *key, struct ssh_reader *signature, struct ssh_string message, const void *detail)
{
    const EVP_MD *(*digest)(void) = *(const EVP_MD *(*const *)(void))detail;
    struct ssh_string e = ssh_read_string(key), n = ssh_read_string(key), made = ssh_read_string(signature);
    if (key->failed || key->len != 0 || n.len > RSA_BITS_MAX / 8 + 1 || e.len > 8)
        return bad_key;
    if (signature->failed || signature->len != 0)
        return bad_signature;
    EVP_PKEY *pkey = make_rsa(e, n);
    const char *why = pkey != NULL ? verify_digest(pkey, digest(), made, message)
                                   : "the RSA key is malformed or shorter than 2048 bits";
    EVP_PKEY_free(pkey);
    return why;
}

/* PROTOCOL.u2f: what the hardware signs is SHA256(application) | flags | counter | SHA256(message). */
static struct ssh_string hardware_message(
    struct ssh_string application, struct ssh_reader *tail, struct ssh_string message, uint8_t out[69])
{
    SHA256(application.bytes, application.len, out);
    memcpy(out + 32, tail->at, 5);
    SHA256(message.bytes, message.len, out + 37);
    return (struct ssh_string){out, 69};
}

static const char *hardware_tail(struct ssh_reader *signature)
{
    if (signature->failed || signature->len != 5)
        return bad_signature;
    return (signature->at[0] & 1) != 0 ? NULL : "nobody touched the security key";
}

static const char *verify_sk_ed25519(
    struct ssh_reader *key, struct ssh_reader *signature, struct ssh_string message, const void *detail)
{
    uint8_t signed_octets[69];
    struct ssh_string point = ssh_read_string(key), application = ssh_read_string(key);
    struct ssh_string made = ssh_read_string(signature);
    (void)detail;
    if (key->failed || key->len != 0 || point.len != crypto_sign_PUBLICKEYBYTES)
        return bad_key;
    const char *why = made.len == crypto_sign_BYTES ? hardware_tail(signature) : bad_signature;
    if (why != NULL)
        return why;
    struct ssh_string whole = hardware_message(application, signature, message, signed_octets);
    return crypto_sign_verify_detached(made.bytes, whole.bytes, whole.len, point.bytes) == 0 ? NULL : wrong;
}

static const char *verify_sk_ecdsa(
    struct ssh_reader *key, struct ssh_reader *signature, struct ssh_string message, const void *detail)
{
    uint8_t signed_octets[69];
    struct ssh_string name = ssh_read_string(key), point = ssh_read_string(key);
    struct ssh_string application = ssh_read_string(key), made = ssh_read_string(signature);
    (void)detail;
    if (key->failed || key->len != 0 || !ssh_string_is(name, p256.name) || point.len != p256.point_len)
        return bad_key;
    const char *why = hardware_tail(signature);
    if (why != NULL)
        return why;
    return verify_point(&p256, point, made, hardware_message(application, signature, message, signed_octets));
}

static const EVP_MD *(*const rsa_sha256)(void) = EVP_sha256;
static const EVP_MD *(*const rsa_sha512)(void) = EVP_sha512;

/* A key's type and a signature's are the same but for RSA, whose signatures say their hash (RFC 8332 3). */
static const struct algorithm {
    const char *key, *signature;
    verify_function *verify;
    const void *detail;
} algorithms[] = {
    {"ssh-ed25519", "ssh-ed25519", verify_ed25519, NULL},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", verify_ecdsa, &p256},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", verify_ecdsa, &p384},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", verify_ecdsa, &p521},
    {"ssh-rsa", "rsa-sha2-256", verify_rsa, &rsa_sha256},
    {"ssh-rsa", "rsa-sha2-512", verify_rsa, &rsa_sha512},
    {"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", verify_sk_ed25519, NULL},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", verify_sk_ecdsa, NULL},
};

bool sshkey_supported(struct ssh_string type)
{
    for (unsigned i = 0; i < ARRAY_COUNT(algorithms); i++)
        if (ssh_string_is(type, algorithms[i].key))
            return true;
    return false;
}

const char *sshkey_verify(struct ssh_string key, struct ssh_string signature, struct ssh_string message)
{
    struct ssh_reader key_reader = reader_of(key), signature_reader = reader_of(signature);
    struct ssh_string key_type = ssh_read_string(&key_reader);
    struct ssh_string signature_type = ssh_read_string(&signature_reader);
    if (key_reader.failed)
        return bad_key;
    if (signature_reader.failed)
        return bad_signature;
    if (sodium_init() < 0)
        return "libsodium does not start";
    for (unsigned i = 0; i < ARRAY_COUNT(algorithms); i++) {
        const struct algorithm *algorithm = &algorithms[i];
        if (ssh_string_is(key_type, algorithm->key) && ssh_string_is(signature_type, algorithm->signature))
            return algorithm->verify(&key_reader, &signature_reader, message, algorithm->detail);
    }
    return "key or signature of a type that is not accepted (SHA-1 is not)";
}

void sshkey_fingerprint(struct ssh_string key, char out[SSHKEY_FINGERPRINT_MAX])
{
    uint8_t digest[32];
    char text[48];
    SHA256(key.bytes, key.len, digest);
    size_t len = base64_encode(text, digest, sizeof digest);
    snprintf(out, SSHKEY_FINGERPRINT_MAX, "SHA256:%.*s", (int)len - 1, text); /* without its padding */
}
