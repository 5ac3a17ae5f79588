/* TSIG (zone/sec/tsig.h): messages that another implementation (dnspython 2.3) signed, at a fixed time with a
 * fixed key, for each algorithm: a request and three messages of a reply. We must make the same octets, and
 * take those; and refuse them when anything is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "zone/sec/tsig.h"

#define NOW 1700000000u
#define ROOM 1024

static const struct vector {
    const char *algorithm, *request, *replies[3];
} vectors[] = {
    {"hmac-sha1",
        "123400000001000000000001076578616d706c65036f72670000fc0001085472616e73666572074578616d706c650000"
        "fa00ff00000000002f09686d61632d736861310000006553f100012c001415e28fbf1ee8ccca330f2ac4f99a71f7594f"
        "de2f123400000000",
        {"123480000001000100000001076578616d706c65036f72670000fc0001026130c00c000100010000012c0004c0000201"
         "085472616e73666572074578616d706c650000fa00ff00000000002f09686d61632d736861310000006553f100012c00"
         "1460ae892659f40ad4c8dbdca8afdfe19f5d6a7bcf123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026131c00c000100010000012c0004c0000202"
            "085472616e73666572074578616d706c650000fa00ff00000000002f09686d61632d736861310000006553f100012c00"
            "14612258f1dcb6a7588f56ecd93ad4464c6f51c1a9123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026132c00c000100010000012c0004c0000203"
            "085472616e73666572074578616d706c650000fa00ff00000000002f09686d61632d736861310000006553f100012c00"
            "1455b62f4a725f3d13ad0d0d05f77b9fb7b80531c8123400000000"}},
    {"hmac-sha224",
        "123400000001000000000001076578616d706c65036f72670000fc0001085472616e73666572074578616d706c650000"
        "fa00ff0000000000390b686d61632d7368613232340000006553f100012c001c38dd8d151381d948d4d105021e9c0fae"
        "1c13e91ade8334dda18bd9d9123400000000",
        {"123480000001000100000001076578616d706c65036f72670000fc0001026130c00c000100010000012c0004c0000201"
         "085472616e73666572074578616d706c650000fa00ff0000000000390b686d61632d7368613232340000006553f10001"
         "2c001c343c8378e534cf77f2e8222b1afe0b9b5fb57c642cef78ed7b738385123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026131c00c000100010000012c0004c0000202"
            "085472616e73666572074578616d706c650000fa00ff0000000000390b686d61632d7368613232340000006553f10001"
            "2c001cf41230baee8c5b9a210ff7834fa36ec49e98f3b4aaf58beab78bd21e123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026132c00c000100010000012c0004c0000203"
            "085472616e73666572074578616d706c650000fa00ff0000000000390b686d61632d7368613232340000006553f10001"
            "2c001c921eb26920305c2ce34e2873b02d80b643645582ca32acb0e147fb15123400000000"}},
    {"hmac-sha256",
        "123400000001000000000001076578616d706c65036f72670000fc0001085472616e73666572074578616d706c650000"
        "fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020c9d355fb677b9085b5145ecf42080f9f"
        "c1da0d45b6b6626aeb5957efb83c2f48123400000000",
        {"123480000001000100000001076578616d706c65036f72670000fc0001026130c00c000100010000012c0004c0000201"
         "085472616e73666572074578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006553f10001"
         "2c00203e8126a95c355a7cb7528ec16f1a5329e872ea30e65f3702e87c91c8a40c9ce6123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026131c00c000100010000012c0004c0000202"
            "085472616e73666572074578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006553f10001"
            "2c002097e408e6057a2b771bd76971baf5cae4ef8e210817aee888821ea44d859d8252123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026132c00c000100010000012c0004c0000203"
            "085472616e73666572074578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006553f10001"
            "2c0020294a7d992fe046b681d4ffff92aaf4b4d19f4d1228009093567f32504448e571123400000000"}},
    {"hmac-sha384",
        "123400000001000000000001076578616d706c65036f72670000fc0001085472616e73666572074578616d706c650000"
        "fa00ff00000000004d0b686d61632d7368613338340000006553f100012c003071c0fe533399fe0fa2cf2453a0f9101e"
        "4c9e36158351ba624b645efe40d4d9274b4940b1dc8601c10808a67e1fdca9be123400000000",
        {"123480000001000100000001076578616d706c65036f72670000fc0001026130c00c000100010000012c0004c0000201"
         "085472616e73666572074578616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006553f10001"
         "2c00304eb8f52db2cdb7d4a286b9584550d123fdc8b59a67946d69bb6c854a6075601653fea34215cdef7ca4db16245e"
         "e08ac0123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026131c00c000100010000012c0004c0000202"
            "085472616e73666572074578616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006553f10001"
            "2c0030bfb71eff999b28b8375a6eae8e182c80f851f99521df9d2596d7bc580e410c933566babdbea17a9ae40da6d269"
            "7570c8123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026132c00c000100010000012c0004c0000203"
            "085472616e73666572074578616d706c650000fa00ff00000000004d0b686d61632d7368613338340000006553f10001"
            "2c0030decc0f651285c0f770a6493b1e64ef4f45591e80d36611e32e8af43af60996e784610762a1c002d84e6b0ca6ea"
            "2a970d123400000000"}},
    {"hmac-sha512",
        "123400000001000000000001076578616d706c65036f72670000fc0001085472616e73666572074578616d706c650000"
        "fa00ff00000000005d0b686d61632d7368613531320000006553f100012c00400d6676e6994388609077ad79c0559739"
        "6c9d56346631e2af9894fb8a0ce69569880dfa5cbe9f4285e26ca1f98f15fb5cef9d753cc5a76dc6fb07231dcd56a639"
        "123400000000",
        {"123480000001000100000001076578616d706c65036f72670000fc0001026130c00c000100010000012c0004c0000201"
         "085472616e73666572074578616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006553f10001"
         "2c0040b9364d56588e7cf311bc6792599b211665a8cd7d8d3a84482644c818eb2576b69e623f561b30d09d9523fbdf31"
         "15de173bcbe3faad41c864ee49337c3be3e86e123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026131c00c000100010000012c0004c0000202"
            "085472616e73666572074578616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006553f10001"
            "2c004008175e087fde468abd8c8423f1ddc7a4bae1f9e9a101b5c3a7bf4c037fc83000f56bfc55a14457dcfa685d694b"
            "184ecb1d5c7903b499a0aafa487fa15519271f123400000000",
            "123480000001000100000001076578616d706c65036f72670000fc0001026132c00c000100010000012c0004c0000203"
            "085472616e73666572074578616d706c650000fa00ff00000000005d0b686d61632d7368613531320000006553f10001"
            "2c00405975e6acbe0074cad826026e1ccbfbbb76d5e3b218c37f77aa0c7fa8ce9db9c60c266cfcbcac99bd3e5412ccfb"
            "289fe28927fb68d482133e0e57e02b8285a757123400000000"}},
};

static const uint8_t key_name[] = "\010Transfer\007Example";

static size_t unhex(const char *text, uint8_t *out)
{
    size_t len = 0;
    assert_int_equal(sodium_hex2bin(out, ROOM, text, strlen(text), NULL, &len, NULL), 0);
    return len;
}

static struct tsig_key *key_of(const char *algorithm)
{
    uint8_t secret[40];
    struct tsig_key *key = NULL;
    for (unsigned i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)(i + 1);
    assert_int_equal(tsig_key_new(key_name, algorithm, secret, sizeof secret, &key, NULL), ERR_OK);
    return key;
}

/* Where the TSIG record of a vector begins: its owner is written out, in one case or the other. */
static size_t tsig_at(const uint8_t *message, size_t len)
{
    for (size_t at = MESSAGE_HEADER_LEN; at + sizeof key_name < len; at++) {
        if (message[at] == 8 && name_check(message + at, len - at) == sizeof key_name &&
            name_equal(message + at, key_name))
            return at;
    }
    fail();
    return 0;
}

/* The message as it was before it was signed. */
static size_t strip(uint8_t *message, size_t len)
{
    message[11]--;
    return tsig_at(message, len);
}

static void lower_owner(uint8_t *message, size_t len)
{
    name_lower(message + tsig_at(message, len), message + tsig_at(message, len));
}

static void client_and_vectors(void **state)
{
    (void)state;
    for (unsigned v = 0; v < ARRAY_COUNT(vectors); v++) {
        struct tsig_key *key = key_of(vectors[v].algorithm);
        uint8_t wanted[ROOM], made[ROOM];
        struct tsig tsig;
        const char *why = NULL;
        size_t len = unhex(vectors[v].request, wanted);
        lower_owner(wanted, len);
        memcpy(made, wanted, len);
        size_t signed_len = tsig_sign_request(&tsig, key, made, strip(made, len), NOW);
        assert_int_equal(signed_len, len);
        assert_memory_equal(made, wanted, len);
        for (unsigned i = 0; i < 3; i++) {
            size_t reply_len = unhex(vectors[v].replies[i], made), before = tsig_at(made, reply_len);
            assert_int_equal(tsig_check_reply(&tsig, made, &reply_len, NOW + 10, &why), ERR_OK);
            assert_int_equal(reply_len, before);
            assert_int_equal(made[11], 0);
        }
        assert_int_equal(tsig_check_end(&tsig, &why), ERR_OK);
        tsig_key_release(key);
    }
}

static void server_and_vectors(void **state)
{
    (void)state;
    for (unsigned v = 0; v < ARRAY_COUNT(vectors); v++) {
        struct tsig_ring ring = {0};
        uint8_t request[ROOM], wanted[ROOM], made[ROOM];
        struct tsig tsig;
        size_t len = unhex(vectors[v].request, request);
        assert_int_equal(tsig_ring_add(&ring, key_of(v % 2 == 0 ? vectors[v].algorithm : NULL)), ERR_OK);
        assert_int_equal(
            tsig_check_request(&tsig, &ring, request, len, tsig_at(request, len), NOW + 300), RCODE_NOERROR);
        assert_int_equal(tsig.error, 0);
        for (unsigned i = 0; i < 3; i++) {
            len = unhex(vectors[v].replies[i], wanted);
            lower_owner(wanted, len);
            memcpy(made, wanted, len);
            assert_int_equal(tsig_sign_reply(&tsig, made, strip(made, len), NOW), len);
            assert_memory_equal(made, wanted, len);
        }
        tsig_ring_clear(&ring);
    }
}

/* A client and a server of ours; TIME is the server's clock. */
struct talk {
    struct tsig_key *client_key;
    struct tsig_ring ring;
    struct tsig client, server;
    uint8_t message[ROOM];
    size_t len;
};

static enum rcode talk(
    struct talk *talk, const char *client_algorithm, const char *server_algorithm, uint64_t time)
{
    static const uint8_t query[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0";
    memset(talk, 0, sizeof *talk);
    talk->client_key = key_of(client_algorithm);
    if (server_algorithm != NULL)
        assert_int_equal(tsig_ring_add(&talk->ring, key_of(server_algorithm)), ERR_OK);
    memcpy(talk->message, query, sizeof query);
    size_t at = sizeof query;
    talk->message[at - 1] = 1; /* class IN */
    talk->len = tsig_sign_request(&talk->client, talk->client_key, talk->message, at, NOW);
    assert_true(talk->len <= at + tsig_key_room(talk->client_key));
    return tsig_check_request(&talk->server, &talk->ring, talk->message, talk->len, at, time);
}

static const char *reply(struct talk *talk, uint64_t time)
{
    const char *why = NULL;
    talk->message[2] |= 0x80;
    talk->message[11] = 0;
    talk->len = tsig_at(talk->message, talk->len);
    size_t before = talk->len;
    talk->len = tsig_sign_reply(&talk->server, talk->message, talk->len, time);
    assert_true(talk->len <= before + tsig_room(&talk->server));
    enum err err = tsig_check_reply(&talk->client, talk->message, &talk->len, NOW, &why);
    assert_int_equal(err == ERR_OK, why == NULL);
    return why;
}

static void talk_end(struct talk *talk)
{
    tsig_key_release(talk->client_key);
    tsig_ring_clear(&talk->ring);
}

static void errors_are_told(void **state)
{
    static const struct {
        const char *client, *server;
        int64_t ahead;
        unsigned error;
        const char *said; /* by the reply */
    } cases[] = {
        {"hmac-sha256", "hmac-sha256", 0, 0, NULL},
        {"hmac-sha256", NULL, 0, TSIG_BADKEY, "BADKEY"},
        {"hmac-sha256", "hmac-sha512", 0, TSIG_BADKEY, "BADKEY"},
        {"hmac-sha256", "hmac-sha256", 301, TSIG_BADTIME, "BADTIME"},
        {"hmac-sha256", "hmac-sha256", -301, TSIG_BADTIME, "BADTIME"},
        {"hmac-sha256", "hmac-sha256", 300, 0, NULL},
        {"hmac-sha256-128", "hmac-sha256", 0, TSIG_BADTRUNC, "BADTRUNC"},
        {"hmac-sha256-128", "hmac-sha256-128", 0, 0, NULL},
        {"hmac-sha256-192", "hmac-sha256-128", 0, 0, "length"}, /* what is sent back is too short */
        {"hmac-sha1-80", "hmac-sha1-80", 0, 0, NULL},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct talk t;
        uint64_t time = (uint64_t)((int64_t)NOW + cases[i].ahead);
        enum rcode rcode = talk(&t, cases[i].client, cases[i].server, time);
        assert_int_equal(rcode, cases[i].error != 0 ? RCODE_NOTAUTH : RCODE_NOERROR);
        assert_int_equal(t.server.error, cases[i].error);
        const char *why = reply(&t, cases[i].error == 0 ? NOW : time);
        if (cases[i].said == NULL)
            assert_null(why);
        else
            assert_non_null(strstr(why, cases[i].said));
        talk_end(&t);
    }
}

/* Whichever bit of a signed message is changed, it is not believed. The exceptions: the id (the original one
 * is what is signed) and the case of the names in the record, which are digested in lower case. */
static void every_bit_counts(void **state)
{
    struct talk t;
    struct tsig server;
    (void)state;
    assert_int_equal(talk(&t, "hmac-sha256", "hmac-sha256", NOW), RCODE_NOERROR);
    size_t name_at = tsig_at(t.message, t.len), rdata_at = name_at + sizeof key_name + 10;
    for (size_t bit = 16; bit < t.len * 8; bit++) {
        size_t at = bit / 8;
        bool in_names = (at >= name_at && at < rdata_at - 10) || (at >= rdata_at && at < rdata_at + 13);
        t.message[at] ^= (uint8_t)(1u << bit % 8);
        enum rcode rcode = tsig_check_request(&server, &t.ring, t.message, t.len, name_at, NOW);
        assert_true(rcode != RCODE_NOERROR || (in_names && bit % 8 == 5));
        t.message[at] ^= (uint8_t)(1u << bit % 8);
    }
    talk_end(&t);
}

static void replies_that_are_not_believed(void **state)
{
    struct talk t;
    const char *why = NULL;
    (void)state;
    /* not signed at all */
    assert_int_equal(talk(&t, "hmac-sha256", "hmac-sha256", NOW), RCODE_NOERROR);
    t.message[11] = 0;
    t.len = tsig_at(t.message, t.len);
    assert_int_equal(tsig_check_reply(&t.client, t.message, &t.len, NOW, &why), ERR_INVALID);
    assert_non_null(strstr(why, "not signed"));
    talk_end(&t);
    /* signed for another request */
    struct talk other;
    assert_int_equal(talk(&t, "hmac-sha256", "hmac-sha256", NOW), RCODE_NOERROR);
    assert_int_equal(talk(&other, "hmac-sha256", "hmac-sha256", NOW), RCODE_NOERROR);
    other.server.mac[0] ^= 1;
    assert_null(reply(&t, NOW));
    assert_non_null(strstr(reply(&other, NOW), "wrong"));
    talk_end(&t);
    talk_end(&other);
    /* long ago */
    assert_int_equal(talk(&t, "hmac-sha256", "hmac-sha256", NOW), RCODE_NOERROR);
    assert_non_null(strstr(reply(&t, NOW - 1000), "another time"));
    talk_end(&t);
}

/* RFC 8945 5.3.1: up to 99 messages in a row may come unsigned, the last must not. */
static void unsigned_messages_in_between(void **state)
{
    static const uint8_t plain[MESSAGE_HEADER_LEN] = {0x12, 0x34, 0x80};
    (void)state;
    for (unsigned gap = 98; gap <= 100; gap++) {
        struct talk t;
        const char *why = NULL;
        assert_int_equal(talk(&t, "hmac-sha1", "hmac-sha1", NOW), RCODE_NOERROR);
        assert_null(reply(&t, NOW));
        struct hmac digest;
        uint8_t size[2] = {0, t.server.mac_len}, message[ROOM];
        hmac_begin(&digest, &t.client_key->hmac[HMAC_SHA1]);
        hmac_add(&digest, size, 2);
        hmac_add(&digest, t.server.mac, t.server.mac_len);
        enum err err = ERR_OK;
        for (unsigned i = 0; i < gap && err == ERR_OK; i++) {
            size_t len = sizeof plain;
            memcpy(message, plain, len);
            hmac_add(&digest, message, len);
            err = tsig_check_reply(&t.client, message, &len, NOW, &why);
        }
        assert_int_equal(err, gap <= TSIG_UNSIGNED_MAX ? ERR_OK : ERR_INVALID);
        assert_int_equal(tsig_check_end(&t.client, &why), ERR_INVALID);
        talk_end(&t);
    }
}

static void key_texts(void **state)
{
    static const struct {
        const char *text, *name, *algorithm, *why;
    } cases[] = {
        {"k.example:c2VjcmV0", "\1k\7example", "hmac-sha256", NULL},
        {"hmac-sha512:K.Example.:c2VjcmV0", "\1k\7example", "hmac-sha512", NULL},
        {"sha1:k:c2VjcmV0", "\1k", "hmac-sha1", NULL},
        {"hmac-sha384-192:k:c2VjcmV0", "\1k", "hmac-sha384", NULL},
        {"hmac-sha384-184:k:c2VjcmV0", NULL, NULL, "half"},
        {"hmac-sha256-130:k:c2VjcmV0", NULL, NULL, "multiple"},
        {"hmac-md5:k:c2VjcmV0", NULL, NULL, "MD5"},
        {"hmac-sha3:k:c2VjcmV0", NULL, NULL, "no such algorithm"},
        {"k:c2VjcmV0=", NULL, NULL, "base64"},
        {"k:", NULL, NULL, "empty"},
        {"k", NULL, NULL, "NAME:SECRET"},
        {"env:BAILIWICK_TEST_KEY", "\1e", "hmac-sha224", NULL},
        {"env:BAILIWICK_TEST_NO_KEY", NULL, NULL, "environment"},
    };
    (void)state;
    setenv("BAILIWICK_TEST_KEY", "hmac-sha224:e:c2VjcmV0", 1);
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct tsig_key *key = NULL;
        const char *why = NULL;
        enum err err = tsig_key_parse(cases[i].text, &key, &why);
        assert_int_equal(err == ERR_OK, cases[i].why == NULL);
        if (err != ERR_OK) {
            assert_non_null(strstr(why, cases[i].why));
            continue;
        }
        assert_true(name_equal(key->name, (const uint8_t *)cases[i].name));
        assert_string_equal(tsig_algorithm_text(key->algorithm), cases[i].algorithm);
        tsig_key_release(key);
    }
}

struct told {
    unsigned count, line, column;
    char message[200];
};

static void tell(void *context, const struct finding *finding)
{
    struct told *told = context;
    if (told->count++ > 0)
        return;
    told->line = finding->line;
    told->column = finding->column;
    snprintf(told->message, sizeof told->message, "%s", finding->message);
}

static void key_files(void **state)
{
    static const struct {
        const char *text;
        unsigned keys, line, column;
        const char *message;
    } cases[] = {
        {"", 0, 0, 0, NULL},
        {"key \"a.example\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n", 1, 0, 0, NULL},
        {"# c\nkey a {\n\tsecret c2Vj//cm;\n/* x\n */ algorithm \"hmac-sha1\" ; // y\n} ;\nkey b "
         "{secret \"c2VjcmV0\";};",
            2, 0, 0, NULL},
        {"hmac-sha1:a:c2VjcmV0 # one\n\n b:c2VjcmV0\n", 2, 0, 0, NULL},
        {"key a { secret \"c2VjcmV0\"; }\nkey b { secret \"c2VjcmV0\"; };", 1, 2, 1, "missing"},
        {"key a { secret \"c2VjcmV0\"; colour red; };", 0, 1, 28, "only algorithm and secret"},
        {"a:c2VjcmV0\na:c2VjcmV0\n", 1, 2, 1, "already"},
        {"key a { algorithm hmac-md5; secret \"c2VjcmV0\"; };", 0, 1, 5, "MD5"},
        {"key a { secret \"c2VjcmV0\"", 0, 1, 26, "missing"},
        {"key", 0, 1, 4, "missing"},
        {"key a {", 0, 1, 8, "ends"},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct tsig_ring ring = {0};
        struct told told = {0};
        struct finding_sink sink = {.report = tell, .context = &told};
        enum err err = tsig_file_parse("keys", cases[i].text, strlen(cases[i].text), &ring, &sink);
        assert_int_equal(err, cases[i].message == NULL ? ERR_OK : ERR_INVALID);
        assert_int_equal(told.line, cases[i].line);
        assert_int_equal(told.column, cases[i].column);
        if (cases[i].message != NULL)
            assert_non_null(strstr(told.message, cases[i].message));
        assert_int_equal(ring.count, cases[i].keys);
        tsig_ring_clear(&ring);
    }
}

static void rings_grow(void **state)
{
    struct tsig_ring ring = {0};
    char text[64];
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        struct tsig_key *key;
        snprintf(text, sizeof text, "key-%u.example:c2VjcmV0", i);
        assert_int_equal(tsig_key_parse(text, &key, NULL), ERR_OK);
        assert_int_equal(tsig_ring_add(&ring, key), ERR_OK);
        assert_ptr_equal(tsig_ring_find(&ring, key->name), key);
        assert_int_equal(tsig_ring_add(&ring, key), ERR_EXISTS);
    }
    assert_null(tsig_ring_find(&ring, (const uint8_t *)"\5key-9"));
    assert_int_equal(ring.count, 100);
    tsig_ring_clear(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_and_vectors),
        cmocka_unit_test(server_and_vectors),
        cmocka_unit_test(errors_are_told),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(replies_that_are_not_believed),
        cmocka_unit_test(unsigned_messages_in_between),
        cmocka_unit_test(key_texts),
        cmocka_unit_test(key_files),
        cmocka_unit_test(rings_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
