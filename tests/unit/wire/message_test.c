/* Reading queries: one row per packet and the verdict it must get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "zone/wire/message.h"
#include "zone/wire/type.h"

#define HEADER(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUESTION "\3wWw\7eXample\3com\0\0\1\0\1"
#define OPT(size, flags, len) "\0\0\x29" size flags len
#define PLAIN_OPT OPT("\x04\xd0", "\0\0\x80\0", "\0\0")
#define COOKIE                                                                                               \
    "\0\x0a\0\x08"                                                                                           \
    "12345678"
#define NSID "\0\3\0\0"
#define TSIG "\1k\0\0\xfa\0\xff\0\0\0\0\0\2xy"
#define RECORD "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4"

struct row {
    const char *what;
    const char *bytes;
    size_t len;
    enum message_verdict verdict;
};

#define ROW(what, bytes, verdict)                                                                            \
    {                                                                                                        \
        what, bytes, sizeof(bytes) - 1, verdict                                                              \
    }

static const struct row rows[] = {
    ROW("a plain question", HEADER("\1\0", "\1", "\0", "\0", "\0") QUESTION, MESSAGE_ANSWER),
    ROW("with EDNS", HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION PLAIN_OPT, MESSAGE_ANSWER),
    ROW("too short", "\x12\x34\1\0\0\1\0\0\0\0\0", MESSAGE_DROP),
    ROW("a response", HEADER("\x81\0", "\1", "\0", "\0", "\0") QUESTION, MESSAGE_DROP),
    ROW("two questions (RFC 9619)", HEADER("\1\0", "\2", "\0", "\0", "\0") QUESTION QUESTION,
        MESSAGE_FORMERR),
    ROW("no question", HEADER("\1\0", "\0", "\0", "\0", "\0"), MESSAGE_FORMERR),
    ROW("no question but a cookie (RFC 7873 5.4)",
        HEADER("\1\0", "\0", "\0", "\0", "\1") OPT("\x04\xd0", "\0\0\0\0", "\0\x0c") COOKIE, MESSAGE_EMPTY),
    ROW("opcode IQUERY", HEADER("\x08\0", "\1", "\0", "\0", "\0") QUESTION, MESSAGE_NOTIMP),
    ROW("opcode DSO", HEADER("\x30\0", "\0", "\0", "\0", "\0"), MESSAGE_NOTIMP),
    ROW("opcode 15", HEADER("\x78\0", "\1", "\0", "\0", "\0") QUESTION, MESSAGE_NOTIMP),
    ROW("NOTIFY with its SOA", HEADER("\x20\0", "\1", "\1", "\0", "\0") QUESTION RECORD, MESSAGE_ANSWER),
    ROW("EDNS version 1", HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION OPT("\x04\xd0", "\0\1\0\0", "\0\0"),
        MESSAGE_BADVERS),
    ROW("two OPTs (RFC 6891 6.1.1)", HEADER("\1\0", "\1", "\0", "\0", "\2") QUESTION PLAIN_OPT PLAIN_OPT,
        MESSAGE_FORMERR),
    ROW("an OPT in the answer section", HEADER("\1\0", "\1", "\1", "\0", "\0") QUESTION PLAIN_OPT,
        MESSAGE_FORMERR),
    ROW("an OPT that is not the root's", HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION "\1a" PLAIN_OPT,
        MESSAGE_FORMERR),
    ROW("an option that overruns",
        HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION OPT("\x04\xd0", "\0\0\0\0", "\0\5") "\0\3\0\2x",
        MESSAGE_FORMERR),
    ROW("half an option",
        HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION OPT("\x04\xd0", "\0\0\0\0", "\0\3") "\0\3\0",
        MESSAGE_FORMERR),
    ROW("trailing octets", HEADER("\1\0", "\1", "\0", "\0", "\0") QUESTION "x", MESSAGE_FORMERR),
    ROW("trailing octets behind OPT", HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION PLAIN_OPT "x",
        MESSAGE_FORMERR),
    ROW("fewer records than counted", HEADER("\1\0", "\1", "\0", "\0", "\2") QUESTION PLAIN_OPT,
        MESSAGE_FORMERR),
    ROW("a question cut short", HEADER("\1\0", "\1", "\0", "\0", "\0") "\3www\0\0\1\0", MESSAGE_FORMERR),
    ROW("a compressed question", HEADER("\1\0", "\1", "\0", "\0", "\0") "\3www\xc0\x0c\0\1\0\1",
        MESSAGE_FORMERR),
    ROW("a label of type 01",
        HEADER("\1\0", "\1", "\0", "\0", "\0") "\x40"
                                               "a\0\0\1\0\1",
        MESSAGE_FORMERR),
    ROW("TSIG last", HEADER("\1\0", "\1", "\0", "\0", "\2") QUESTION PLAIN_OPT TSIG, MESSAGE_ANSWER),
    ROW("TSIG before OPT (RFC 8945 5.1)", HEADER("\1\0", "\1", "\0", "\0", "\2") QUESTION TSIG PLAIN_OPT,
        MESSAGE_FORMERR),
    ROW("TSIG of class IN (RFC 8945 5.2)",
        HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION "\1k\0\0\xfa\0\1\0\0\0\0\0\0", MESSAGE_FORMERR),
    ROW("QTYPE NXNAME (RFC 9824 3.5)", HEADER("\1\0", "\1", "\0", "\0", "\0") "\1a\0\0\x80\0\1",
        MESSAGE_FORMERR),
    ROW("QTYPE OPT", HEADER("\1\0", "\1", "\0", "\0", "\0") "\1a\0\0\x29\0\1", MESSAGE_FORMERR),
    ROW("QTYPE MAILB", HEADER("\1\0", "\1", "\0", "\0", "\0") "\1a\0\0\xfd\0\1", MESSAGE_NOTIMP),
    ROW("QTYPE ANY", HEADER("\1\0", "\1", "\0", "\0", "\0") "\1a\0\0\xff\0\1", MESSAGE_ANSWER),
    ROW("QTYPE AXFR", HEADER("\1\0", "\1", "\0", "\0", "\0") "\1a\0\0\xfc\0\1", MESSAGE_ANSWER),
    ROW("the root", HEADER("\1\0", "\1", "\0", "\0", "\0") "\0\0\2\0\1", MESSAGE_ANSWER),
};

/* Each packet ends where its memory ends, so that a checker sees a read behind it. */
static void reads_as_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint8_t *packet = test_malloc(rows[i].len);
        struct message message;
        memcpy(packet, rows[i].bytes, rows[i].len);
        enum message_verdict verdict = message_read(&message, packet, rows[i].len);
        if (verdict != rows[i].verdict)
            fail_msg("%s: verdict %d, not %d", rows[i].what, (int)verdict, (int)rows[i].verdict);
        test_free(packet);
    }
}

static void takes_the_question_apart(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(message_read(&message, (const uint8_t *)rows[1].bytes, rows[1].len), MESSAGE_ANSWER);
    const struct question *question = &message.question;
    assert_int_equal(message.id, 0x1234);
    assert_int_equal(question->type, TYPE_A);
    assert_int_equal(question->class, CLASS_IN);
    assert_int_equal(question->name_len, 17);
    assert_int_equal(question->labels, 3);
    static const uint8_t label_at[] = {0, 4, 12, 16};
    assert_memory_equal(question->label_at, label_at, 4);
    assert_memory_equal(question->lower, "\3www\7example\3com", 17);
    assert_memory_equal(question->name, "\3wWw\7eXample\3com", 17);
    assert_true(message.edns.present && message.edns.dnssec);
    assert_int_equal(message.edns.size, 1232);
}

static void counts_small_sizes_as_512(void **state)
{
    (void)state;
    static const char packet[] =
        HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\x40", "\0\0\0\0", "\0\0");
    struct message message;
    assert_int_equal(message_read(&message, (const uint8_t *)packet, sizeof packet - 1), MESSAGE_ANSWER);
    assert_int_equal(message.edns.size, 512);
    assert_int_equal(message_udp_limit(&message, 1232), 512);
}

static void walks_options_in_place(void **state)
{
    (void)state;
    static const char packet[] = HEADER("\1\0", "\1", "\0", "\0", "\1")
        QUESTION OPT("\x10\0", "\0\0\0\0", "\0\x16") NSID COOKIE "\xff\xee\0\2hi";
    struct message message;
    struct edns_option option;
    assert_int_equal(message_read(&message, (const uint8_t *)packet, sizeof packet - 1), MESSAGE_ANSWER);
    assert_true(edns_has(&message.edns, EDNS_NSID));
    assert_true(edns_has(&message.edns, EDNS_COOKIE));
    assert_false(edns_has(&message.edns, EDNS_PADDING));
    assert_true(edns_find(&message.edns, EDNS_COOKIE, &option));
    assert_int_equal(option.len, 8);
    assert_memory_equal(option.bytes, "12345678", 8);
    assert_true(edns_find(&message.edns, 0xffee, &option));
    assert_int_equal(option.len, 2);
    assert_false(edns_find(&message.edns, EDNS_EXPIRE, &option));
    assert_int_equal(message_udp_limit(&message, 1232), 1232);
}

static void finds_tsig(void **state)
{
    (void)state;
    static const char packet[] = HEADER("\1\0", "\1", "\0", "\0", "\1") QUESTION TSIG;
    struct message message;
    assert_int_equal(message_read(&message, (const uint8_t *)packet, sizeof packet - 1), MESSAGE_ANSWER);
    assert_int_equal(message.tsig_at, 12 + 21);
}

/* Names of 255 octets and of 127 labels are the longest (RFC 1035 2.3.4); one more is refused. */
static void knows_how_long_names_are(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        uint8_t packet[12 + 300] = "\1\1\0\0\0\1\0\0\0\0\0\0";
        size_t at = 12;
        for (unsigned i = 0; i < 127; i++) {
            packet[at++] = 1;
            packet[at++] = 'A';
        }
        if (extra) {
            packet[at - 2] = 2;
            packet[at++] = 'A';
        }
        packet[at++] = 0;
        memcpy(packet + at, "\0\1\0\1", 4);
        struct message message;
        enum message_verdict verdict = message_read(&message, packet, at + 4);
        assert_int_equal(verdict, extra ? MESSAGE_FORMERR : MESSAGE_ANSWER);
        if (!extra) {
            assert_int_equal(message.question.labels, 127);
            assert_int_equal(message.question.name_len, 255);
            assert_int_equal(message.question.lower[253], 'a');
        }
    }
}

static void makes_a_question_of_a_name(void **state)
{
    (void)state;
    struct question question;
    static const uint8_t name[] = "\4MAIL\1[\1@";
    question_set(&question, name, TYPE_MX, CLASS_IN);
    assert_int_equal(question.labels, 3);
    assert_memory_equal(question.lower, "\4mail\1[\1@", sizeof name);
    assert_ptr_equal(question.name, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_as_told),
        cmocka_unit_test(takes_the_question_apart),
        cmocka_unit_test(counts_small_sizes_as_512),
        cmocka_unit_test(walks_options_in_place),
        cmocka_unit_test(finds_tsig),
        cmocka_unit_test(knows_how_long_names_are),
        cmocka_unit_test(makes_a_question_of_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
