/* PKCS#11 URIs, and modules that are none. Keys in a real token: tests/system/signer_test.py, with SoftHSM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "zone/sec/keypair.h"
#include "zone/sec/pkcs11.h"
#include "zone/sec/pkcs11_uri.h"

static void test_uris(void **state)
{
    (void)state;
    struct pkcs11_uri uri;
    assert_true(
        pkcs11_uri_read("pkcs11:token=dns;object=a%20key;id=%01%ff;pin-source=/etc/pin;slot-id=3", &uri));
    assert_string_equal(uri.token, "dns");
    assert_string_equal(uri.object, "a key");
    assert_string_equal(uri.pin_source, "/etc/pin");
    assert_int_equal(uri.id_len, 2);
    assert_memory_equal(uri.id, "\x01\xff", 2);
    assert_true(pkcs11_uri_read("pkcs11:object=k;pin-value=1234", &uri));
    assert_string_equal(uri.token, "");
    assert_string_equal(uri.pin_value, "1234");
}

static void test_no_module(void **state)
{
    (void)state;
    static const uint8_t zone[] = "\7example\3org";
    char why[200] = "";
    struct key *key;
    enum err err = pkcs11_generate("/nonexistent/module.so", "pkcs11:token=t;object=o", NULL, 0, zone,
        algorithm_find(ALGORITHM_ECDSAP256), 0, KEY_ZONE, &key, why, sizeof why);
    assert_int_not_equal(err, ERR_OK);
    assert_true(why[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_no_module),
    };
    return keypair_ready() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
