/* NSEC3 hashes: the vectors of RFC 5155 appendix A, and all lengths of name and salt against OpenSSL's SHA-1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "zone/base/codec.h"
#include "zone/store/find.h"

static struct image_header header;
static struct image image = {.header = &header};
static struct snapshot snapshot = {.image = &image};

static const struct {
    const char *name, *hash;
} vectors[] = {
    {"example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
    {"a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
    {"ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi"},
    {"ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
    {"*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
    {"xx.example.", "t644ebqk9bibcna874givr6joj62mlhv"},
};

static void hashes_as_the_rfc_does(void **state)
{
    (void)state;
    header.nsec3_iterations = 12;
    header.nsec3_salt_len = 4;
    memcpy(header.nsec3_salt, "\xaa\xbb\xcc\xdd", 4);
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        uint8_t name[NAME_MAX], hash[20];
        char text[33] = "";
        size_t len;
        assert_int_equal(
            name_parse(vectors[i].name, strlen(vectors[i].name), NULL, name, &len, NULL), ERR_OK);
        nsec3_hash(&snapshot, name, len, hash);
        base32hex_encode(text, hash, 20);
        assert_int_equal(strncasecmp(text, vectors[i].hash, 32), 0);
    }
}

static void hashes_all_lengths(void **state)
{
    (void)state;
    uint8_t bytes[NAME_MAX + 255], hash[20], expected[20];
    header.nsec3_iterations = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
    for (unsigned salt_len = 0; salt_len < 256; salt_len += 5) {
        for (size_t len = 1; len <= NAME_MAX; len++) {
            header.nsec3_salt_len = (uint8_t)salt_len;
            memcpy(header.nsec3_salt, bytes + len, salt_len);
            nsec3_hash(&snapshot, bytes, len, hash);
            EVP_Q_digest(NULL, "SHA1", NULL, bytes, len + salt_len, expected, NULL);
            assert_memory_equal(hash, expected, 20);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_the_rfc_does),
        cmocka_unit_test(hashes_all_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
