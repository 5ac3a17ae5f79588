/* Responses of upstreams looked over, and replies whose records stay octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "zone/wire/encode.h"
#include "zone/wire/reply_open.h"
#include "zone/wire/response.h"
#include "zone/wire/type.h"

#define HEAD(an, ns, ar) "\0\7\205\240\0\1\0" an "\0" ns "\0" ar
#define QUESTION "\3www\7example\0\0\1\0\1"
#define A_RECORD(ttl) "\300\14\0\1\0\1\0\0" ttl "\0\4\300\0\2\1"
#define SOA "\300\20\0\6\0\1\0\0\0\74\0\32\1n\300\20\300\20\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\36"
#define OPT "\0\0\51\4\320\1\0\200\0\0\0"

#define READ(response, bytes) response_read(response, (const uint8_t *)(bytes), sizeof(bytes) - 1)

static void an_answer_is_looked_over(void **state)
{
    (void)state;
    static const char bytes[] = HEAD("\2", "\0", "\1") QUESTION A_RECORD("\1\54") A_RECORD("\0\74") OPT;
    struct response response;
    assert_int_equal(READ(&response, bytes), ERR_OK);
    assert_int_equal(response.id, 7);
    assert_true(response.has_question && response.plain && response.body.ttls_whole);
    assert_int_equal(response.rcode, 16); /* the upper bits stand in OPT */
    assert_int_equal(response.body.ttl, 60);
    assert_int_equal(response.body.ttl_count, 2);
    assert_int_equal(response.body.counts[SECTION_ADDITIONAL], 0);
    assert_int_equal(response.body.end, sizeof bytes - 1 - EDNS_OPT_LEN);
    assert_true(response.edns.present && response.edns.dnssec);
    assert_int_equal(response_name_len(&response), 13);
}

static void a_denial_tells_how_long_it_holds(void **state)
{
    (void)state;
    struct response response;
    assert_int_equal(READ(&response, HEAD("\0", "\1", "\0") QUESTION SOA), ERR_OK);
    assert_true(response.body.soa);
    assert_int_equal(response.body.soa_ttl, 30);
    assert_int_equal(response.body.ttl, 60);
}

static void what_is_broken_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
#define CASE(bytes) {bytes, sizeof(bytes) - 1}
        CASE("\0\7\1\0\0\1\0\0\0\0\0\0" QUESTION),                                  /* a query */
        CASE(HEAD("\1", "\0", "\0") QUESTION),                                      /* a record is missing */
        CASE(HEAD("\0", "\0", "\0") QUESTION "x"),                                  /* octets behind */
        CASE(HEAD("\0", "\0", "\2") QUESTION OPT OPT),                              /* two OPT */
        CASE(HEAD("\1", "\0", "\0") QUESTION OPT),                                  /* OPT as an answer */
        CASE(HEAD("\1", "\0", "\0") QUESTION "\300\14\0\5\0\1\0\0\0\1\0\2\300\51"), /* CNAME to itself */
        CASE(HEAD("\1", "\0", "\0") QUESTION
            "\300\14\0\5\0\1\0\0\0\1\0\4\300\14\0\0"),       /* octets behind its name */
        CASE("\0\7\205\240\0\1\0\0\0\0\0\0\100x\0\0\1\0\1"), /* no name */
    };
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct response response;
        int err = (int)response_read(&response, (const uint8_t *)cases[i].bytes, cases[i].len);
        assert_int_equal(err, ERR_WIRE);
    }
}

struct asked {
    struct message query;
    struct reply reply;
    struct response response;
    struct arena scratch;
    uint8_t out[600];
};

/* The client asks in its own case. */
static void answer_with(struct asked *a, const char *bytes, size_t len)
{
    static const uint8_t question[] = "\0\11\1\0\0\1\0\0\0\0\0\0\3WWW\7example\0\0\1\0\1";
    assert_int_equal(message_read(&a->query, question, sizeof question - 1), MESSAGE_ANSWER);
    assert_int_equal(response_read(&a->response, (const uint8_t *)bytes, len), ERR_OK);
    arena_init(&a->scratch, 0);
    reply_clear(&a->reply);
    a->reply.body = &a->response.body;
}

static void octets_are_sent_on(void **state)
{
    (void)state;
    static const char bytes[] = HEAD("\1", "\0", "\1") QUESTION A_RECORD("\1\54") OPT;
    struct asked a;
    answer_with(&a, bytes, sizeof bytes - 1);
    struct envelope envelope = {.query = &a.query, .limit = 512};
    size_t len = reply_encode(&envelope, &a.reply, a.out);
    assert_memory_equal(a.out, "\0\11\201\0\0\1\0\1\0\0\0\0\3WWW\7example\0\0\1\0\1" A_RECORD("\1\54"), len);
    assert_int_equal(len, sizeof bytes - 1 - EDNS_OPT_LEN);
    a.reply.retimed = true;
    a.reply.body_ttl = 5;
    assert_int_equal(reply_encode(&envelope, &a.reply, a.out), len);
    assert_memory_equal(a.out + len - 16, A_RECORD("\0\5"), 16);
    envelope.limit = 40; /* too little */
    len = reply_encode(&envelope, &a.reply, a.out);
    assert_int_equal(len, 29);
    assert_true((a.out[2] & 2) != 0 && a.out[7] == 0);
    arena_clear(&a.scratch);
}

static void octets_become_references(void **state)
{
    (void)state;
    static const char bytes[] = HEAD("\2", "\1", "\0") QUESTION A_RECORD("\1\54") A_RECORD("\1\54") SOA;
    struct asked a;
    answer_with(&a, bytes, sizeof bytes - 1);
    a.reply.retimed = true;
    a.reply.body_ttl = 9;
    assert_int_equal(reply_open(&a.reply, &a.query.question, &a.scratch), ERR_OK);
    assert_null(a.reply.body);
    assert_int_equal(a.reply.count, 2);
    assert_int_equal(a.reply.refs[0].rrset->count, 2);
    assert_int_equal(a.reply.refs[0].ttl, 9);
    assert_int_equal(a.reply.refs[1].rrset->type, TYPE_SOA);
    assert_int_equal(reply_open(&a.reply, &a.query.question, &a.scratch), ERR_OK);
    assert_int_equal(a.reply.count, 2);
    arena_clear(&a.scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_looked_over),
        cmocka_unit_test(a_denial_tells_how_long_it_holds),
        cmocka_unit_test(what_is_broken_is_refused),
        cmocka_unit_test(octets_are_sent_on),
        cmocka_unit_test(octets_become_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
