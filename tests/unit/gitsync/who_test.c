/* The file of signers, signatures that ssh-keygen and minisign made, and what gpgv says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gitsync/armor.c"
#include "gitsync/minisign.c"
#include "gitsync/openpgp.c"
#include "gitsync/process.c"
#include "gitsync/signers.c"
#include "gitsync/sshkey.c"
#include "gitsync/sshsig.c"
#include "tests/unit/gitsync/vectors.h"

static const struct {
    const char *key, *signature;
    bool good;
} vectors[] = {
    {ED25519_KEY, ed25519_signature, true}, {ECDSA_256_KEY, ecdsa_256_signature, true},
    {RSA_2048_KEY, rsa_2048_signature, true}, {RSA_1024_KEY, rsa_1024_signature, false}, /* too short */
};

static void test_sshsig(void **state)
{
    static struct sshsig sig;
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        assert_null(sshsig_read(&sig, vectors[i].signature));
        const char *why = sshsig_verify(&sig, "git", MESSAGE, strlen(MESSAGE));
        if ((why == NULL) != vectors[i].good)
            fail_msg("%s: %s", vectors[i].key, why != NULL ? why : "good");
        if (!vectors[i].good)
            continue;
        assert_non_null(sshsig_verify(&sig, "file", MESSAGE, strlen(MESSAGE)));
        assert_non_null(sshsig_verify(&sig, "git", "hullo\n", 6));
        assert_non_null(sshsig_verify(&sig, "git", MESSAGE, strlen(MESSAGE) - 1));
    }
}

/* Whatever bit is turned, it is not this key's signature any more. */
static void test_sshsig_turned_bits(void **state)
{
    static struct sshsig sig, turned;
    uint8_t good[SSHSIG_MAX], key[4096];
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        size_t len, key_len;
        assert_true(armor_block(vectors[v].signature, SSHSIG_LABEL, good, sizeof good, &len));
        assert_null(sshsig_read(&sig, vectors[v].signature));
        key_len = sig.key.len;
        memcpy(key, sig.key.bytes, key_len);
        for (size_t bit = 0; bit < len * 8; bit++) {
            char base64[8192], armored[9000];
            good[bit / 8] ^= (uint8_t)(1u << bit % 8);
            base64[base64_encode(base64, good, len)] = '\0';
            snprintf(armored, sizeof armored,
                "-----BEGIN SSH SIGNATURE-----\n%s\n-----END SSH SIGNATURE-----\n", base64);
            good[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (sshsig_read(&turned, armored) == NULL && turned.key.len == key_len &&
                memcmp(turned.key.bytes, key, key_len) == 0)
                assert_non_null(sshsig_verify(&turned, "git", MESSAGE, strlen(MESSAGE)));
        }
    }
}

static void test_minisign(void **state)
{
    struct minisign_key key;
    char changed[1000];
    (void)state;
    assert_true(minisign_key_parse(&key, MINISIGN_KEY, strlen(MINISIGN_KEY)));
    assert_false(minisign_key_parse(&key, MINISIGN_KEY, strlen(MINISIGN_KEY) - 4));
    assert_true(minisign_key_parse(&key, MINISIGN_KEY, strlen(MINISIGN_KEY)));
    assert_null(minisign_verify(&key, minisign_signature, MESSAGE, strlen(MESSAGE)));
    assert_null(minisign_verify(&key, minisign_legacy, MESSAGE, strlen(MESSAGE)));
    assert_non_null(minisign_verify(&key, minisign_signature, "other", 5));
    snprintf(changed, sizeof changed, "%s", minisign_signature);
    strstr(changed, "made for a test")[0] = 'M';
    assert_string_equal(
        minisign_verify(&key, changed, MESSAGE, strlen(MESSAGE)), "the trusted comment was changed");
    /* a hashed signature must not pass without its trusted comment */
    changed[strstr(changed, "trusted comment: M") - changed] = '\0';
    assert_non_null(minisign_verify(&key, changed, MESSAGE, strlen(MESSAGE)));
    key.key[3] ^= 1;
    assert_non_null(minisign_verify(&key, minisign_signature, MESSAGE, strlen(MESSAGE)));
}

static void test_signers(void **state)
{
    static const char good[] =
        "# comment\n\n"
        "alice@example.org,al " ED25519_KEY " a comment\n"
        "bob namespaces=\"git,x*\",valid-after=\"20260101\",valid-before=20270101Z " ECDSA_256_KEY "\r\n"
        "carol minisign " MINISIGN_KEY "\n"
        "dave openpgp 0123456789abcdef0123456789ABCDEF01234567";
    struct signers signers;
    struct arena arena;
    char why[SIGNERS_WHY_MAX];
    (void)state;
    arena_init(&arena, 0);
    assert_true(signers_parse(&signers, good, &arena, why));
    assert_int_equal(signers.count, 4);
    assert_string_equal(signers.at[0].name, "alice@example.org");
    assert_true(signer_is(&signers.at[0], "al"));
    assert_false(signer_is(&signers.at[0], "alice"));
    assert_null(signer_may(&signers.at[0], "git", 0));
    assert_null(signer_may(&signers.at[1], "git", 1767225600));
    assert_null(signer_may(&signers.at[1], "xyz", 1767225600));
    assert_non_null(signer_may(&signers.at[1], "file", 1767225600));
    assert_non_null(signer_may(&signers.at[1], "git", 1767225599));
    assert_non_null(signer_may(&signers.at[1], "git", 1798761600));
    assert_int_equal(signers.at[2].kind, SIGNER_MINISIGN);
    assert_string_equal(signers.at[3].fingerprint, "0123456789ABCDEF0123456789ABCDEF01234567");
    arena_clear(&arena);
}

static void test_bad_signers(void **state)
{
    static const char *const cases[] = {
        "alice\n",
        "alice ssh-ed25519\n",
        "alice ssh-ed25519 !!!!\n",
        "alice ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA54fTkzfo2zZAKcCYM+Qq/I6ZE0hVFR70OjtK7b1pu6\n",
        "alice cert-authority " ED25519_KEY "\n",
        "alice nonsense=1 " ED25519_KEY "\n",
        "alice valid-after=tomorrow " ED25519_KEY "\n",
        "alice valid-after=20261301 " ED25519_KEY "\n",
        "alice openpgp 01234567\n",
        "alice minisign RWQ\n",
        "alice ssh-dss AAAA\n",
    };
    struct signers signers;
    struct arena arena;
    char why[SIGNERS_WHY_MAX];
    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        why[0] = '\0';
        if (signers_parse(&signers, cases[i], &arena, why))
            fail_msg("taken: %s", cases[i]);
        assert_memory_equal(why, "line 1: ", 8);
    }
    arena_clear(&arena);
}

static void test_gpgv_status(void **state)
{
    static const char good[] =
        "gpgv: Signature made\n[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0123 Dave <dave@example.org>\n"
        "[GNUPG:] VALIDSIG AAAA 2026-01-01 1 0 4 0 22 10 00 BBBB\n";
    struct openpgp_signer signer;
    char twice[1000];
    (void)state;
    assert_true(openpgp_read_status(&signer, good));
    assert_string_equal(signer.fingerprint, "AAAA");
    assert_string_equal(signer.primary, "BBBB");
    assert_string_equal(signer.user, "Dave <dave@example.org>");
    snprintf(twice, sizeof twice, "%s%s", good, good);
    assert_false(openpgp_read_status(&signer, twice));
    snprintf(twice, sizeof twice, "%s[GNUPG:] REVKEYSIG 0123 Dave\n", good);
    assert_false(openpgp_read_status(&signer, twice));
    assert_false(openpgp_read_status(&signer, "[GNUPG:] GOODSIG 0123 Dave\n"));
    assert_false(openpgp_read_status(&signer, "gpgv: [GNUPG:] GOODSIG 1 x\ngpgv: [GNUPG:] VALIDSIG A\n"));
    assert_false(openpgp_read_status(&signer, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sshsig),
        cmocka_unit_test(test_sshsig_turned_bits),
        cmocka_unit_test(test_minisign),
        cmocka_unit_test(test_signers),
        cmocka_unit_test(test_bad_signers),
        cmocka_unit_test(test_gpgv_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
