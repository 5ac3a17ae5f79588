/* jsonread.c and jsonreply.c: what is read, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/backend/frame.h"
#include "plugins/backend/http1.h"
#include "plugins/backend/jsonread.h"
#include "plugins/backend/jsonreply.h"
#include "zone/wire/type.h"

static const uint8_t name[] = "\003www\007example\003com";

static const char *read_reply(const char *text, struct reply *reply, struct arena *memory)
{
    struct question question;
    const char *why = NULL;
    question_set(&question, name, TYPE_A, CLASS_IN);
    *reply = (struct reply){.capacity = REPLY_INLINE};
    reply->refs = reply->inline_refs;
    reply_clear(reply);
    return jsonreply_read(text, strlen(text), &question, reply, memory, &why) == ERR_OK ? "" : why;
}

#define RECORD(type_, data_)                                                                                 \
    "{\"name\":\"www.example.com\",\"type\":" type_ ",\"TTL\":9,\"data\":\"" data_ "\"}"
#define ANSWER(record_) "{\"Status\":0,\"Answer\":[" record_ "]}"

static void test_replies(void **state)
{
    struct reply reply;
    struct arena memory;
    (void)state;
    arena_init(&memory, 0);
    assert_string_equal(
        read_reply(ANSWER(RECORD("1", "192.0.2.1") "," RECORD("\"A\"", "192.0.2.2")), &reply, &memory), "");
    assert_int_equal(reply.count, 1);
    assert_int_equal(reply.refs[0].rrset->count, 2);
    assert_int_equal(reply.refs[0].ttl, 9);
    assert_true(reply.authoritative);
    assert_string_equal(read_reply("{\"status\":3,\"RA\":true,\"AD\":true}", &reply, &memory), "");
    assert_int_equal(reply.rcode, 3);
    assert_true(reply.recursion && reply.authentic && !reply.authoritative);
    assert_string_equal(read_reply(ANSWER(RECORD("16", "v=spf1 -all")), &reply, &memory), "");
    assert_int_equal(
        reply.refs[0].rrset->data[2], 11); /* behind the length: one string of that many octets */
    assert_string_equal(read_reply(ANSWER(RECORD("41", "")), &reply, &memory), "");
    assert_int_equal(reply.count, 0);
    arena_clear(&memory);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "no object"},
        {"[]", "no object"},
        {"{\"Status\":0", "cut short"},
        {"{\"Status\":0]", "a comma or bracket is missing"},
        {"{\"Status\":0 \"TC\":true}", "a comma or bracket is missing"},
        {"{\"Status\":0,}", "no string where one belongs"},
        {"{\"Status\" 0}", "a member without a colon"},
        {"{\"Status\":1.5}", "no whole number of 32 bits where one belongs"},
        {"{\"Status\":4294967296}", "no whole number of 32 bits where one belongs"},
        {"{\"Status\":4096}", "a Status above 4095"},
        {"{\"Status\":0,\"TC\":1}", "neither true nor false where one belongs"},
        {"{\"Status\":0,\"x\":\"\\q\"}", "a string with a control character or an unknown escape"},
        {"{\"Status\":0,\"x\":\"\\ud800\"}", "a string with a control character or an unknown escape"},
        {"{\"Status\":0,\"x\":nul}", "no value where one belongs"},
        {"{\"Status\":0}x", "something behind the end"},
        {"{}", "there is no Status"},
        {"{\"Status\":0,\"Question\":[{\"name\":\"www.example.com\",\"type\":28}]}",
            "an answer to another question"},
        {ANSWER("{\"type\":1,\"TTL\":9,\"data\":\"\"}"), "Answer: a record without a name"},
        {ANSWER("{\"name\":\"a..b\",\"type\":1,\"TTL\":9,\"data\":\"\"}"),
            "Answer: a..b: an empty label (two dots in a row, or a dot in front)"},
        {ANSWER(RECORD("65536", "")), "Answer: a type above 65535"},
        {ANSWER(RECORD("255", "")), "Answer: a type that is none of records"},
        {ANSWER(RECORD("5", "a.example\\nb")), NULL},
        {ANSWER(RECORD("1", "192.0.2")), NULL},
    };
    struct arena memory;
    struct reply reply;
    (void)state;
    arena_init(&memory, 0);
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *why = read_reply(cases[i].text, &reply, &memory);
        if (cases[i].why != NULL)
            assert_string_equal(why, cases[i].why);
        else
            assert_string_not_equal(why, "");
    }
    arena_clear(&memory);
}

static void test_strings(void **state)
{
    static const char text[] = "\"a\\u00e9\\ud83d\\ude00\\/\\n\"";
    struct arena memory;
    struct jsonread r;
    (void)state;
    arena_init(&memory, 0);
    jsonread_init(&r, text, sizeof text - 1, &memory);
    struct jsonread_text found = jsonread_string(&r);
    assert_true(jsonread_ended(&r));
    assert_string_equal(found.at, "a\xc3\xa9\xf0\x9f\x98\x80/\n");
    arena_clear(&memory);
}

/* Each response is given octet by octet: it is whole with the last one only. */
static void test_http(void **state)
{
    static const struct {
        const char *text;
        enum http1_state end;
        unsigned status;
        bool keep;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", HTTP1_WHOLE, 200, true},
        {"HTTP/1.0 200 OK\nconnection: Keep-Alive\ncontent-length:  2 \n\n{}", HTTP1_WHOLE, 200, true},
        {"HTTP/1.1 500 X\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n", HTTP1_WHOLE, 500, false},
        {"HTTP/1.1 204 \r\n\r\n", HTTP1_WHOLE, 204, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\n{\r\n1\r\n}\r\n0\r\n\r\n", HTTP1_WHOLE,
            200, true},
        {"HTTP/1.1 200 OK\r\n\r\n{}", HTTP1_MORE, 200, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", HTTP1_BROKEN, 200, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_BROKEN, 200,
            false},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", HTTP1_BROKEN, 200, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n", HTTP1_BROKEN, 200, true},
        {"SSH-2.0-OpenSSH\r\n\r\n", HTTP1_BROKEN, 0, false},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        const uint8_t *bytes = (const uint8_t *)cases[i].text;
        size_t len = strlen(cases[i].text);
        struct http1 response;
        for (size_t part = 0; part < len; part++)
            assert_int_equal(http1_read(&response, bytes, part), HTTP1_MORE);
        assert_int_equal(http1_read(&response, bytes, len), cases[i].end);
        assert_int_equal(response.status, cases[i].status);
        if (cases[i].end != HTTP1_BROKEN)
            assert_int_equal(response.keep, cases[i].keep);
    }
}

static void test_frames(void **state)
{
    uint8_t bytes[FRAME_HEAD_MAX + 300] = {0};
    const uint8_t *message;
    const char *why;
    size_t len;
    (void)state;
    for (size_t wanted = 0; wanted <= 300; wanted += 60) {
        size_t head = frame_write_head(bytes, wanted);
        assert_int_equal(frame_read(bytes, head + wanted, &message, &len, &why), ERR_OK);
        assert_int_equal(len, wanted);
        assert_ptr_equal(message, bytes + head);
        assert_int_equal(frame_read(bytes, head + wanted - 1, &message, &len, &why), ERR_WIRE);
    }
    static const uint8_t unknown[] = {0, 0, 0, 0, 8, 0x10, 0x85, 0x01, 0x0a, 1, 'x', 0x0a, 0};
    assert_int_equal(frame_read(unknown, sizeof unknown, &message, &len, &why), ERR_OK);
    assert_int_equal(len, 0); /* the last one counts */
    static const uint8_t compressed[] = {1, 0, 0, 0, 0};
    assert_int_equal(frame_read(compressed, sizeof compressed, &message, &len, &why), ERR_WIRE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
