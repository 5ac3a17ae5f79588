/* Sealed texts: who may open them, and that nobody can change them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/keypair.h"
#include "zone/sec/seal.h"

static const char text[] = "Private-key-format: v1.3\nPrivateKey: secret\n";
static const uint8_t passphrase[] = "correct horse", wrong[] = "battery staple";

static char *seal(const struct seal_locks *locks, size_t *len)
{
    char *sealed;
    assert_int_equal(seal_text(locks, text, sizeof text - 1, &sealed, len), ERR_OK);
    assert_null(strstr(sealed, "secret"));
    return sealed;
}

static enum err try_open(const struct seal_secrets *secrets, const char *sealed, size_t len)
{
    char *plain;
    size_t plain_len;
    enum err err = seal_open(secrets, sealed, len, &plain, &plain_len);
    if (err == ERR_OK) {
        assert_int_equal(plain_len, sizeof text - 1);
        assert_memory_equal(plain, text, plain_len);
        free(plain);
    }
    return err;
}

static void test_a_passphrase(void **state)
{
    (void)state;
    struct seal_locks locks = {
        .passphrase = passphrase, .passphrase_len = sizeof passphrase - 1, .quick = true};
    struct seal_secrets right = {passphrase, sizeof passphrase - 1, NULL};
    struct seal_secrets other = {wrong, sizeof wrong - 1, NULL}, none = {NULL, 0, NULL};
    size_t len;
    char *sealed = seal(&locks, &len);
    assert_int_equal(try_open(&right, sealed, len), ERR_OK);
    assert_int_equal(try_open(&other, sealed, len), ERR_MISSING);
    assert_int_equal(try_open(&none, sealed, len), ERR_MISSING);
    free(sealed);
}

static void test_recipients(void **state)
{
    (void)state;
    uint8_t identities[3][SEAL_KEY_LEN], stranger[SEAL_KEY_LEN];
    struct seal_locks locks = {.recipient_count = 2};
    size_t len;
    for (unsigned i = 0; i < 2; i++)
        seal_identity(locks.recipients[i], identities[i]);
    seal_identity(stranger, identities[2]);
    char *sealed = seal(&locks, &len);
    for (unsigned i = 0; i < 3; i++) {
        struct seal_secrets secrets = {NULL, 0, identities[i]};
        assert_int_equal(try_open(&secrets, sealed, len), i < 2 ? ERR_OK : ERR_MISSING);
    }
    free(sealed);
}

/* Whatever octet is changed: it is never opened as something else. */
static void test_no_octet_can_be_changed(void **state)
{
    (void)state;
    uint8_t identity[SEAL_KEY_LEN];
    struct seal_locks locks = {.recipient_count = 1};
    size_t len;
    seal_identity(locks.recipients[0], identity);
    struct seal_secrets secrets = {NULL, 0, identity};
    char *sealed = seal(&locks, &len);
    unsigned damaged = 0;
    for (size_t i = 0; i < len; i++) {
        char kept = sealed[i];
        sealed[i] = kept == 'A' ? 'B' : 'A';
        enum err err = try_open(&secrets, sealed, len);
        damaged += err == ERR_DAMAGED;
        sealed[i] = kept;
    }
    assert_true(damaged > sizeof text); /* try_open looks at what is opened all the same: the last line end */
    for (size_t cut = 0; cut + 1 < len; cut++)
        (void)try_open(&secrets, sealed, cut);
    free(sealed);
}

static void test_nobody_may_open_nothing(void **state)
{
    (void)state;
    struct seal_locks locks = {.recipient_count = 0};
    char *sealed;
    size_t len;
    assert_int_equal(seal_text(&locks, text, sizeof text - 1, &sealed, &len), ERR_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_passphrase),
        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_no_octet_can_be_changed),
        cmocka_unit_test(test_nobody_may_open_nothing),
    };
    return keypair_ready() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
