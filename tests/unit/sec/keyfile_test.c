/* Key files: what BIND wrote is read, and written again to the octet. The samples are of dnssec-keygen 9.18.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/sec/keyfile.h"

static const char csk_key[] =
    "; This is a key-signing key, keyid 1562, for example.net.\n"
    "; Created: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
    "; Publish: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
    "; Activate: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
    "example.net. 3600 IN DNSKEY 257 3 13 j9gyZPM9a3g62VP/UjvBTvk3JgYl2WMuXJEuZ9ONjVqW5YFovktKAmoV "
    "xalI0O3xsFiEYGY24VDD/5BWBmZMdQ==\n";
static const char csk_private[] = "Private-key-format: v1.3\n"
                                  "Algorithm: 13 (ECDSAP256SHA256)\n"
                                  "PrivateKey: QOQLFhOr2x4fP0W90xOYfZkZ1kwKYZSerrK9fQp9YHc=\n"
                                  "Created: 20261122135245\n"
                                  "Publish: 20261122135245\n"
                                  "Activate: 20261122135245\n";
static const char csk_state[] = "; This is the state of key 1562, for example.net.\n"
                                "Algorithm: 13\n"
                                "Length: 256\n"
                                "Lifetime: 0\n"
                                "KSK: yes\n"
                                "ZSK: yes\n"
                                "Generated: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
                                "Published: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
                                "Active: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
                                "DNSKEYChange: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
                                "ZRRSIGChange: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
                                "DSChange: 20261122135245 (Sun Nov 22 13:52:45 2026)\n"
                                "DNSKEYState: rumoured\n"
                                "ZRRSIGState: rumoured\n"
                                "DSState: hidden\n"
                                "GoalState: omnipresent\n";

static char directory[] = "/tmp/keyfile_test.XXXXXX";

static int make_directory(void **state UNUSED)
{
    setenv("TZ", "UTC", 1);
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state UNUSED)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void put_file(const char *name, const char *text)
{
    assert_int_equal(file_replace(path_of(name), text, strlen(text), 0600), ERR_OK);
}

static void expect_file(const char *name, const char *text)
{
    struct arena arena;
    char *bytes;
    size_t len;
    arena_init(&arena, 0);
    assert_int_equal(file_read(path_of(name), 1 << 16, &arena, &bytes, &len), ERR_OK);
    assert_string_equal(bytes, text);
    arena_clear(&arena);
}

static void what_bind_wrote_is_written_again_to_the_octet(void **state UNUSED)
{
    struct key *key;
    struct keyfile_trouble trouble;
    put_file("Kexample.net.+013+01562.key", csk_key);
    put_file("Kexample.net.+013+01562.private", csk_private);
    put_file("Kexample.net.+013+01562.state", csk_state);
    assert_int_equal(keyfile_read(path_of("Kexample.net.+013+01562"), true, NULL, &key, &trouble), ERR_OK);
    assert_int_equal(key->tag, 1562);
    assert_int_equal(key->roles, ROLE_KSK | ROLE_ZSK);
    assert_int_equal(key->ttl, 3600);
    assert_int_equal(key->times[TIME_ACTIVATE], 1795355565);
    assert_int_equal(key->state->states[STATE_GOAL], STATE_OMNIPRESENT);
    assert_int_equal(keyfile_write(key, directory, false, NULL, &trouble), ERR_EXISTS);
    assert_int_equal(keyfile_remove(key), ERR_OK);
    assert_int_equal(keyfile_write(key, directory, false, NULL, &trouble), ERR_OK);
    expect_file("Kexample.net.+013+01562.key", csk_key);
    expect_file("Kexample.net.+013+01562.private", csk_private);
    expect_file("Kexample.net.+013+01562.state", csk_state);
    assert_int_equal(keyfile_remove(key), ERR_OK);
    key_release(key);
}

static void every_algorithm_comes_back(void **state UNUSED)
{
    const struct algorithm *algorithm;
    for (unsigned i = 0; (algorithm = algorithm_row(i)) != NULL; i++) {
        struct key *key;
        struct keyfile_trouble trouble;
        struct key_list list = {0};
        if (!algorithm->signs)
            continue;
        assert_int_equal(key_generate((const uint8_t *)"\3a/b\2_c", algorithm,
                             algorithm->kind == KIND_RSA ? 1024 : 0, ROLE_KSK, &key),
            ERR_OK);
        key->times[TIME_INACTIVE] = 1800000000;
        key->extra = strdup("MaxTTL: 3600\n");
        assert_int_equal(keyfile_write(key, directory, false, NULL, &trouble), ERR_OK);
        assert_non_null(strstr(key->base, "/Ka%2Fb._c.+0"));
        assert_int_equal(
            keyfile_read_all(directory, (const uint8_t *)"\3A/b\2_c", true, NULL, &list, NULL, NULL), ERR_OK);
        assert_int_equal(list.count, 1);
        assert_true(key_same(key, list.keys[0]));
        assert_true(key_has_private(list.keys[0]));
        assert_int_equal(list.keys[0]->times[TIME_INACTIVE], 1800000000);
        assert_string_equal(list.keys[0]->extra, "MaxTTL: 3600\n");
        key_list_clear(&list);
        assert_int_equal(
            keyfile_read_all(directory, (const uint8_t *)"\3net", true, NULL, &list, NULL, NULL), ERR_OK);
        assert_int_equal(list.count, 0);
        assert_int_equal(keyfile_remove(key), ERR_OK);
        key_release(key);
    }
}

static const struct {
    const char *key, *private, *message;
    enum err err;
} broken[] = {
    {"example.net. IN A 192.0.2.1\n", "", "holds no DNSKEY record", ERR_SYNTAX},
    {"example.net. IN DNSKEY 257 3 13 AAAA\n", "", "the public key does not suit algorithm 13", ERR_WIRE},
    {"example.net. IN DNSKEY 257 3 99 AAAA\n", "", "algorithm 99, protocol 3: not known", ERR_UNSUPPORTED},
    {"example.net. IN DNSKEY 257 3 13 A!AA\n", "", "the public key is not base64", ERR_SYNTAX},
    {"example.net. IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n",
        "Private-key-format: v1.3\nAlgorithm: 15 (ED25519)\nPrivateKey: "
        "QOQLFhOr2x4fP0W90xOYfZkZ1kwKYZSerrK9fQp9YHc=\n",
        "the private key is not that of the .key file", ERR_INVALID},
    {"example.net. IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n",
        "Private-key-format: v1.3\nAlgorithm: 13 (X)\nPrivateKey: AAAA\n",
        "algorithm 13, but the .key file says 15", ERR_INVALID},
    {"example.net. IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n",
        "Private-key-format: v2.0\nAlgorithm: 15\n", "only format v1.x is known", ERR_VERSION},
    {"example.net. IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n",
        "Private-key-format: v1.3\nAlgorithm: 15 (ED25519)\nPublish: tomorrow\n",
        "Publish: a time YYYYMMDDHHMMSS is wanted", ERR_SYNTAX},
};

static void broken_files_are_refused_with_the_reason(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
        struct key *key;
        struct keyfile_trouble trouble;
        put_file("Kexample.net.+015+00001.key", broken[i].key);
        put_file("Kexample.net.+015+00001.private", broken[i].private);
        assert_int_equal(
            keyfile_read(path_of("Kexample.net.+015+00001.key"), true, NULL, &key, &trouble), broken[i].err);
        assert_string_equal(trouble.message, broken[i].message);
    }
    assert_int_equal(unlink(path_of("Kexample.net.+015+00001.key")), 0);
    assert_int_equal(unlink(path_of("Kexample.net.+015+00001.private")), 0);
}

static void times_are_taken_as_bind_takes_them(void **state UNUSED)
{
    static const struct {
        const char *text;
        int64_t value; /* -1: refused */
    } rows[] = {{"20261122135245", 1795355565}, {"now", 1000000}, {"now+1d", 1086400}, {"+2h", 1007200},
        {"-1mi", 999940}, {"now+1mo", 3592000}, {"none", 0}, {"@12", 12}, {"19700102", 86400},
        {"20261322135245", -1}, {"20260230000000", -1}, {"1d", -1}, {"now1d", -1}, {"", -1}, {"+1x", -1},
        {"+99999999999999999999", -1}, {"-1y", -1}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t value = -1;
        bool good = time_parse(rows[i].text, 1000000, &value);
        assert_int_equal(good ? value : -1, rows[i].value);
    }
}

static void tags_that_revoking_would_make_equal_collide(void **state UNUSED)
{
    struct key *a, *b;
    assert_int_equal(key_generate((const uint8_t *)"\1a", algorithm_find(15), 0, ROLE_KSK, &a), ERR_OK);
    assert_int_equal(key_generate((const uint8_t *)"\1a", algorithm_find(15), 0, ROLE_KSK, &b), ERR_OK);
    uint16_t other = key_other_tag(a), tag = a->tag;
    assert_int_not_equal(other, tag);
    key_set_flag(a, KEY_REVOKE, true);
    assert_int_equal(a->tag, other);
    assert_int_equal(key_other_tag(a), tag);
    b->tag = tag;
    assert_true(key_collides(a, b));
    key_release(a);
    key_release(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_bind_wrote_is_written_again_to_the_octet),
        cmocka_unit_test(every_algorithm_comes_back),
        cmocka_unit_test(broken_files_are_refused_with_the_reason),
        cmocka_unit_test(times_are_taken_as_bind_takes_them),
        cmocka_unit_test(tags_that_revoking_would_make_equal_collide),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
