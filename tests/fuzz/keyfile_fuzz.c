/* Key files, sealed keys, PKCS#11 URIs, DNSKEY and RRSIG rdata from somebody hostile. The first octet
 * chooses. What is read must print again, and be read equal. */
#include "zone/sec/keyfile.c"

#include "zone/sec/pkcs11_uri.h"
#include "zone/sec/seal.h"
#include "zone/sec/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint8_t owner[] = "\7example";

static struct key *some_key(void)
{
    static struct key *key;
    if (key == NULL && key_generate(owner, algorithm_find(15), 0, ROLE_KSK, &key) != ERR_OK)
        abort();
    return key;
}

static void take_key_text(const char *text)
{
    struct keyfile_trouble trouble;
    struct key *key;
    char name[KEYFILE_NAME_MAX];
    if (key_of_text("fuzz", text, &key, &trouble) != ERR_OK)
        return;
    times_of_comments(key, text);
    keyfile_name(key, name);
    (void)key_active_at(key, 1);
    key_release(key);
}

/* Unknown private parts never fit the key; lines of times and numbers do. */
static void take_private_text(const char *text)
{
    struct keyfile_trouble trouble;
    struct key *key = some_key();
    (void)!keyfile_take_private(key, "fuzz", text, NULL, &trouble);
    (void)!keyfile_take_state(key, "fuzz", text, &trouble);
}

static void take_sealed_text(const char *text, size_t len)
{
    static const uint8_t identity[SEAL_KEY_LEN] = {1, 2, 3};
    const struct seal_secrets secrets = {.identity = identity};
    char *plain;
    size_t plain_len;
    if (seal_open(&secrets, text, len, &plain, &plain_len) == ERR_OK)
        keyfile_wipe(plain, plain_len);
}

static void take_rdata(const uint8_t *bytes, size_t len)
{
    struct key *key;
    struct rrsig rrsig;
    if (len <= 65535 && rrsig_read(bytes, len, &rrsig))
        (void)rrsig_check_time(&rrsig, 1);
    if (key_from_dnskey(owner, bytes, len, &key) != ERR_OK)
        return;
    uint8_t again[DNSKEY_RDATA_MAX];
    if (key_write_dnskey(key, again) != len || memcmp(again, bytes, len) != 0)
        abort();
    (void)keypair_verify(key->pair, bytes, len, bytes, len < SIGNATURE_MAX ? len : SIGNATURE_MAX);
    key_release(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct pkcs11_uri uri;
    if (len == 0 || len > FILE_MAX || !keypair_ready())
        return 0;
    char *text = malloc(len);
    if (text == NULL)
        abort();
    memcpy(text, bytes + 1, len - 1);
    text[len - 1] = '\0';
    switch (bytes[0] % 5) {
    case 0:
        take_key_text(text);
        break;
    case 1:
        take_private_text(text);
        break;
    case 2:
        take_sealed_text(text, len - 1);
        break;
    case 3:
        take_rdata(bytes + 1, len - 1);
        break;
    default:
        (void)!pkcs11_uri_read(text, &uri);
    }
    free(text);
    return 0;
}
