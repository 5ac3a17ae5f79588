#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/codec.h"

#define LENGTHS 200

static uint64_t seed = 42;

static uint8_t any_octet(void)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint8_t)(seed >> 56);
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = any_octet();
}

/* RFC 4648 10. */
static void the_rfc_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex, *base32hex, *base64;
    } cases[] = {{"", "", "", ""}, {"f", "66", "CO", "Zg=="}, {"fo", "666F", "CPNG", "Zm8="},
        {"foo", "666F6F", "CPNMU", "Zm9v"}, {"foob", "666F6F62", "CPNMUOG", "Zm9vYg=="},
        {"fooba", "666F6F6261", "CPNMUOJ1", "Zm9vYmE="},
        {"foobar", "666F6F626172", "CPNMUOJ1E8", "Zm9vYmFy"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const uint8_t *bytes = (const uint8_t *)cases[i].text;
        size_t len = strlen(cases[i].text), out_len;
        char text[64];
        uint8_t back[64];
        text[base16_encode(text, bytes, len)] = '\0';
        assert_string_equal(text, cases[i].hex);
        assert_int_equal(base16_decode(back, text, len * 2), len * 2);
        assert_memory_equal(back, bytes, len);
        size_t text_len = base32hex_encode(text, bytes, len);
        text[text_len] = '\0';
        assert_string_equal(text, cases[i].base32hex);
        assert_int_equal(base32hex_decode(back, text, text_len, &out_len), text_len);
        assert_int_equal(out_len, len);
        assert_memory_equal(back, bytes, len);
        text[base64_encode(text, bytes, len)] = '\0';
        assert_string_equal(text, cases[i].base64);
    }
}

static void base64_agrees_with_openssl(void **state)
{
    (void)state;
    for (size_t len = 0; len < LENGTHS; len++) {
        uint8_t bytes[LENGTHS], back[LENGTHS];
        char text[LENGTHS * 2], other[LENGTHS * 2];
        fill(bytes, len);
        size_t text_len = base64_encode(text, bytes, len);
        text[text_len] = '\0';
        assert_int_equal(EVP_EncodeBlock((unsigned char *)other, bytes, (int)len), text_len);
        assert_string_equal(text, other);
        size_t whole = len / 3 * 4;
        memset(back, 0xee, sizeof back);
        assert_int_equal(base64_decode(back, text, whole), whole);
        assert_memory_equal(back, bytes, len / 3 * 3);
        assert_int_equal(back[len / 3 * 3], 0xee);
    }
}

static void others_go_there_and_back(void **state)
{
    (void)state;
    for (size_t len = 0; len < LENGTHS; len++) {
        uint8_t bytes[LENGTHS], back[LENGTHS + 1];
        char text[LENGTHS * 2 + 1];
        fill(bytes, len);
        memset(back, 0xee, sizeof back);
        size_t text_len = base16_encode(text, bytes, len), out_len;
        for (size_t i = 0; i < text_len; i += 3)
            text[i] = (char)tolower((unsigned char)text[i]);
        assert_int_equal(base16_decode(back, text, text_len), text_len);
        assert_memory_equal(back, bytes, len);
        assert_int_equal(back[len], 0xee);
        text_len = base32hex_encode(text, bytes, len);
        for (size_t i = 0; i < text_len; i += 3)
            text[i] = (char)tolower((unsigned char)text[i]);
        memset(back, 0xee, sizeof back);
        assert_int_equal(base32hex_decode(back, text, text_len, &out_len), text_len);
        assert_int_equal(out_len, len);
        assert_memory_equal(back, bytes, len);
        assert_int_equal(back[len], 0xee);
    }
}

/* Every octet at every place of a text that spans vector and scalar code. */
static void a_wrong_character_is_found_where_it_stands(void **state)
{
    (void)state;
    uint8_t out[64];
    size_t out_len;
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 40; at++) {
            char text[40];
            memset(text, '0', sizeof text);
            text[at] = (char)c;
            bool hex = c < 128 && isxdigit(c), b64 = c < 128 && (isalnum(c) || c == '+' || c == '/');
            bool b32 = c < 128 && (isdigit(c) || (isalpha(c) && tolower(c) <= 'v'));
            assert_int_equal(base16_digit((char)c) >= 0, hex);
            assert_int_equal(base64_digit((char)c) >= 0, b64);
            assert_int_equal(base16_decode(out, text, sizeof text), hex ? sizeof text : at);
            assert_int_equal(base32hex_decode(out, text, sizeof text, &out_len), b32 ? sizeof text : at);
            assert_int_equal(base64_decode(out, text, sizeof text), b64 ? sizeof text : at);
        }
    }
}

static void base32hex_without_octets_is_refused(void **state)
{
    (void)state;
    uint8_t out[64];
    size_t out_len;
    assert_int_equal(base32hex_decode(out, "0", 1, &out_len), 0);
    assert_int_equal(base32hex_decode(out, "000", 3, &out_len), 2);
    assert_int_equal(base32hex_decode(out, "000000", 6, &out_len), 5);
    assert_int_equal(base32hex_decode(out, "01", 2, &out_len), 1); /* left-over bits */
    assert_int_equal(base32hex_decode(out, "04", 2, &out_len), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfc_vectors),
        cmocka_unit_test(base64_agrees_with_openssl),
        cmocka_unit_test(others_go_there_and_back),
        cmocka_unit_test(a_wrong_character_is_found_where_it_stands),
        cmocka_unit_test(base32hex_without_octets_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
