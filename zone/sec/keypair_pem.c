/* Private keys as PEM (PKCS #8), as OpenSSL, Knot's KASP database and HSM tools have them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/keypair_kind.h"

static EVP_PKEY *to_pkey(const struct keypair *key)
{
    if (key->algorithm->kind == KIND_ED448)
        return EVP_PKEY_dup(key->pkey);
    if (key->algorithm->kind == KIND_ED25519)
        return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->secret, 32);
    EVP_PKEY *pkey = EVP_PKEY_new();
    int good = pkey == NULL                       ? 0
               : key->algorithm->kind == KIND_RSA ? EVP_PKEY_set1_RSA(pkey, key->rsa)
                                                  : EVP_PKEY_set1_EC_KEY(pkey, key->ec);
    if (good == 1)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

enum err keypair_print_pem(const struct keypair *key, char **out, size_t *out_len)
{
    if (key->device != NULL || !key->has_private)
        return key->device != NULL ? ERR_UNSUPPORTED : ERR_MISSING;
    EVP_PKEY *pkey = to_pkey(key);
    BIO *memory = BIO_new(BIO_s_secmem());
    enum err err = ERR_MEMORY;
    char *bytes;
    if (pkey != NULL && memory != NULL &&
        PEM_write_bio_PKCS8PrivateKey(memory, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(memory, &bytes);
        char *text = malloc((size_t)len + 1);
        if (text != NULL) {
            memcpy(text, bytes, (size_t)len);
            text[len] = '\0';
            *out = text;
            *out_len = (size_t)len;
            err = ERR_OK;
        }
    }
    BIO_free(memory);
    EVP_PKEY_free(pkey);
    return err;
}

/* ---- reading ---- */

struct taken {
    struct keypair_part parts[KEYPAIR_PARTS_MAX];
    unsigned count;
    uint8_t *room; /* guarded */
    size_t used;
};

static bool take_number(
    struct taken *taken, const EVP_PKEY *pkey, const char *param, const char *name, size_t width)
{
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(pkey, param, &number) != 1)
        return false;
    size_t len = width != 0 ? width : (size_t)BN_num_bytes(number);
    bool good = taken->used + len <= KEYPAIR_PARTS_OCTETS &&
                BN_bn2binpad(number, taken->room + taken->used, (int)len) >= 0;
    if (good) {
        taken->parts[taken->count++] = (struct keypair_part){name, taken->room + taken->used, len};
        taken->used += len;
    }
    BN_clear_free(number);
    return good;
}

static bool take_rsa(struct taken *taken, const EVP_PKEY *pkey)
{
    static const char *const rows[][2] = {{OSSL_PKEY_PARAM_RSA_N, "Modulus"},
        {OSSL_PKEY_PARAM_RSA_E, "PublicExponent"}, {OSSL_PKEY_PARAM_RSA_D, "PrivateExponent"},
        {OSSL_PKEY_PARAM_RSA_FACTOR1, "Prime1"}, {OSSL_PKEY_PARAM_RSA_FACTOR2, "Prime2"},
        {OSSL_PKEY_PARAM_RSA_EXPONENT1, "Exponent1"}, {OSSL_PKEY_PARAM_RSA_EXPONENT2, "Exponent2"},
        {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "Coefficient"}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!take_number(taken, pkey, rows[i][0], rows[i][1], 0))
            return false;
    }
    return true;
}

static bool take_raw(struct taken *taken, const EVP_PKEY *pkey)
{
    size_t len = KEYPAIR_PARTS_OCTETS;
    if (EVP_PKEY_get_raw_private_key(pkey, taken->room, &len) != 1)
        return false;
    taken->parts[taken->count++] = (struct keypair_part){"PrivateKey", taken->room, len};
    return true;
}

/* The DNSSEC algorithm of the key; WANTED decides between those of RSA. NULL: none. */
static const struct algorithm *algorithm_of(const EVP_PKEY *pkey, const struct algorithm *wanted)
{
    char group[32] = "";
    size_t len;
    unsigned number = 0;
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        return wanted == NULL             ? algorithm_find(ALGORITHM_RSASHA256)
               : wanted->kind == KIND_RSA ? wanted
                                          : NULL;
    case EVP_PKEY_EC:
        if (EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) == 1)
            number = OBJ_sn2nid(group) == NID_X9_62_prime256v1 ? ALGORITHM_ECDSAP256
                     : OBJ_sn2nid(group) == NID_secp384r1      ? ALGORITHM_ECDSAP384
                                                               : 0;
        break;
    case EVP_PKEY_ED25519:
        number = ALGORITHM_ED25519;
        break;
    case EVP_PKEY_ED448:
        number = ALGORITHM_ED448;
        break;
    default:
        break;
    }
    return wanted == NULL || wanted->number == number ? algorithm_find(number) : NULL;
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buffer UNUSED, int size UNUSED, int writing UNUSED, void *context UNUSED)
{
    return -1;
}

enum err keypair_read_pem(const char *text, size_t len, const struct algorithm *wanted, struct keypair **out,
    const struct algorithm **algorithm)
{
    struct taken taken = {.room = keypair_ready() ? sodium_malloc(KEYPAIR_PARTS_OCTETS) : NULL};
    BIO *memory = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *pkey = memory != NULL ? PEM_read_bio_PrivateKey(memory, NULL, no_passphrase, NULL) : NULL;
    enum err err = taken.room == NULL || memory == NULL ? ERR_MEMORY : pkey == NULL ? ERR_SYNTAX : ERR_OK;
    if (err == ERR_OK && (*algorithm = algorithm_of(pkey, wanted)) == NULL)
        err = ERR_UNSUPPORTED;
    if (err == ERR_OK) {
        bool good = (*algorithm)->kind == KIND_RSA     ? take_rsa(&taken, pkey)
                    : (*algorithm)->kind == KIND_ECDSA ? take_number(&taken, pkey, OSSL_PKEY_PARAM_PRIV_KEY,
                                                             "PrivateKey", (*algorithm)->signature_len / 2u)
                                                       : take_raw(&taken, pkey);
        err = good ? keypair_private(*algorithm, taken.parts, taken.count, out) : ERR_INVALID;
    }
    EVP_PKEY_free(pkey);
    BIO_free(memory);
    if (taken.room != NULL)
        sodium_free(taken.room);
    return err;
}
