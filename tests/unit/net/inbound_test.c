/* Transfers as they come in (zone/net/inbound.h): each case is the records of a reply as words, which become
 * messages; "|" ends one. "S7" is the zone's SOA with serial 7, "a" an A record of a.example., "a.x" one of
 * a.x., "O" an OPT record, "C" one of class CH, "B" an A record with five octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zone/net/inbound.h"
#include "zone/net/request.h"

static const uint8_t zone[] = "\7example";

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put_fixed(uint8_t *at, unsigned type, unsigned class, unsigned ttl, unsigned len)
{
    return put16(put16(put16(put16(put16(at, type), class), 0), ttl), len);
}

static uint8_t *put_record(uint8_t *at, const char *word)
{
    if (word[0] == 'S') {
        unsigned serial = (unsigned)strtoul(word + 1, NULL, 10);
        at = put_fixed(put16(at, 0xc00c), TYPE_SOA, CLASS_IN, 300, 22);
        *at++ = 0;
        *at++ = 0;
        at = put16(put16(at, serial >> 16), serial & 0xffff);
        memset(at, 0, 16);
        at[3] = strchr(word, '!') != NULL; /* another refresh: not the same SOA */
        return at + 16;
    }
    size_t label = strcspn(word, ".");
    *at++ = (uint8_t)label;
    memcpy(at, word, label);
    at += label;
    if (word[label] == '.')
        *at++ = 0;
    else
        at = put16(at, 0xc00c);
    unsigned len = word[0] == 'B' ? 5 : 4;
    at = put_fixed(at, word[0] == 'O' ? TYPE_OPT : TYPE_A, word[0] == 'C' ? CLASS_CH : CLASS_IN, 300, len);
    memcpy(at, "\300\0\2\1\1", len);
    return at + len;
}

static enum err feed(struct inbound *inbound, const char *script)
{
    char copy[512], *rest = copy, *part;
    enum err err = ERR_OK;
    snprintf(copy, sizeof copy, "%s", script);
    while (err == ERR_OK && (part = strsep(&rest, "|")) != NULL) {
        uint8_t message[2048] = {0}, *at = message + MESSAGE_HEADER_LEN;
        unsigned count = 0;
        put16(put16(put16(message, 77), MESSAGE_QR), 1);
        memcpy(at, zone, sizeof zone);
        at = put16(put16(at + sizeof zone, TYPE_IXFR), CLASS_IN);
        for (char *word, *words = part; (word = strsep(&words, " ")) != NULL;) {
            if (word[0] == 'R')
                message[3] |= (uint8_t)atoi(word + 1); /* an rcode */
            else if (word[0] == 'T')
                message[2] |= MESSAGE_TC >> 8;
            else if (word[0] != '\0') {
                at = put_record(at, word);
                count++;
            }
        }
        put16(message + 6, count);
        err = inbound_message(inbound, message, (size_t)(at - message));
    }
    return err;
}

static const struct {
    const char *script;
    int from; /* -1: AXFR */
    enum err err;
    bool done;
    enum inbound_kind kind;
    unsigned kept; /* records of the whole, or of all steps */
    unsigned steps;
    const char *why; /* part of it */
} cases[] = {
    {"S7 a b S7", -1, ERR_OK, true, INBOUND_FULL, 3, 0, NULL},
    {"S7|a|b|S7", -1, ERR_OK, true, INBOUND_FULL, 3, 0, NULL},
    {"S7 a b", -1, ERR_OK, false, 0, 0, 0, NULL},
    {"S7", -1, ERR_OK, false, 0, 0, 0, NULL},
    {"S7 S7", -1, ERR_OK, true, INBOUND_FULL, 1, 0, NULL},
    {"S7 a b S8", -1, ERR_INVALID, true, 0, 0, 0, "SOA at the end (serial 8)"},
    {"S7 a b S7!", -1, ERR_INVALID, true, 0, 0, 0, "SOA at the end"},
    {"a S7 b S7", -1, ERR_INVALID, false, 0, 0, 0, "does not begin"},
    {"S7 a S7 b", -1, ERR_INVALID, true, 0, 0, 0, "behind the last SOA"},
    {"S7 a.x S7", -1, ERR_INVALID, false, 0, 0, 0, "not in the zone: a. A"},
    {"S7 C S7", -1, ERR_INVALID, false, 0, 0, 0, "class IN: c.example. A"},
    {"S7 O S7", -1, ERR_INVALID, false, 0, 0, 0, "type that no zone has"},
    {"S7 B S7", -1, ERR_INVALID, false, 0, 0, 0, "malformed: b.example. A"},
    {"R5", -1, ERR_INVALID, false, 0, 0, 0, "REFUSED"},
    {"R9", 3, ERR_INVALID, false, 0, 0, 0, "NOTAUTH"},
    {"T S7 a S7", -1, ERR_INVALID, false, 0, 0, 0, "truncated"},
    {"", -1, ERR_INVALID, false, 0, 0, 0, "no records"},
    {"S7 a||S7", -1, ERR_OK, true, INBOUND_FULL, 2, 0, NULL},
    /* IXFR */
    {"S7", 7, ERR_OK, true, INBOUND_CURRENT, 0, 0, NULL},
    {"S7", 9, ERR_OK, true, INBOUND_CURRENT, 0, 0, NULL},
    {"S7", 3, ERR_OK, false, 0, 0, 0, NULL},
    {"S7|a|S7", 3, ERR_OK, true, INBOUND_FULL, 2, 0, NULL},
    {"S7 a b S7", 3, ERR_OK, true, INBOUND_FULL, 3, 0, NULL},
    {"S7 S3 a S7 b S7", 3, ERR_OK, true, INBOUND_STEPS, 4, 1, NULL},
    {"S7|S3|a|S7|b|S7", 3, ERR_OK, true, INBOUND_STEPS, 4, 1, NULL},
    {"S7 S3 S5 S5 a S7 S7", 3, ERR_OK, true, INBOUND_STEPS, 5, 2, NULL},
    {"S7 S3 a S4 b S4 c S6 S6 S7 d S7", 3, ERR_OK, true, INBOUND_STEPS, 10, 3, NULL},
    {"S7 S4 a S7 b S7", 3, ERR_INVALID, true, 0, 0, 0, "SOA at the end (serial 4)"},
    {"S7 S3 a S5 b S6 S7 S7", 3, ERR_INVALID, false, 0, 0, 0, "begins at serial 6, not at 5"},
    {"S7 S3 a S2 b S7", 3, ERR_INVALID, false, 0, 0, 0, "back to 2"},
    {"S7 S3 a S7 b S8", 3, ERR_INVALID, true, 0, 0, 0, "SOA at the end"},
    {"S7 S3 a S7 b S7 c", 3, ERR_INVALID, true, 0, 0, 0, "behind the last"},
    {"S7 S3 a S7 b", 3, ERR_OK, false, 0, 0, 0, NULL},
    {"S4294967290 S3 S4294967290 a S4294967290", 3, ERR_INVALID, false, 0, 0, 0, "back to"},
    {"S2 S4294967290 S2 a S2", -6, ERR_OK, true, INBOUND_STEPS, 3, 1, NULL},
};

static void replies(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct inbound inbound;
        uint32_t from = (uint32_t)cases[i].from;

        assert_int_equal(inbound_init(&inbound, zone, cases[i].from != -1, from, 0), ERR_OK);
        assert_int_equal(feed(&inbound, cases[i].script), cases[i].err);
        assert_int_equal(inbound_is_done(&inbound), cases[i].done);
        if (cases[i].why != NULL)
            assert_string_equal(strstr(inbound.why, cases[i].why) != NULL ? "" : inbound.why, "");
        if (cases[i].err == ERR_OK && cases[i].done) {
            unsigned kept = inbound.whole.count;
            assert_int_equal(inbound.kind, cases[i].kind);
            assert_int_equal(inbound.step_count, cases[i].steps);
            for (size_t s = 0; s < inbound.step_count; s++) {
                const struct change *step = &inbound.steps[s];
                assert_true(change_check(step));
                assert_int_equal(step->from, s == 0 ? from : inbound.steps[s - 1].to);
                kept += step->removed.count + step->added.count;
            }
            assert_int_equal(kept, cases[i].kept);
        }
        inbound_clear(&inbound);
    }
}

static void size_is_limited(void **state)
{
    struct inbound inbound;
    (void)state;
    assert_int_equal(inbound_init(&inbound, zone, false, 0, 100), ERR_OK);
    assert_int_equal(feed(&inbound, "S7 a b c S7"), ERR_LIMIT);
    assert_non_null(strstr(inbound.why, "100 octets"));
    inbound_clear(&inbound);
}

/* However a message is cut, it is refused or incomplete, never read beyond its end. */
static void cut_messages(void **state)
{
    static const uint8_t whole[] = {0, 77, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, 7, 'e', 'x', 'a', 'm', 'p', 'l',
        'e', 0, 0, 252, 0, 1, 0xc0, 12, 0, 6, 0, 1, 0, 0, 1, 44, 0, 22, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0};
    (void)state;
    for (size_t len = 0; len <= sizeof whole; len++) {
        struct inbound inbound;
        uint8_t *copy = malloc(len + 1);
        memcpy(copy, whole, len);
        assert_int_equal(inbound_init(&inbound, zone, false, 0, 0), ERR_OK);
        assert_int_equal(inbound_message(&inbound, copy, len), len == sizeof whole ? ERR_OK : ERR_INVALID);
        inbound_clear(&inbound);
        free(copy);
    }
}

static void requests_and_their_replies(void **state)
{
    uint8_t message[REQUEST_MAX], reply[REQUEST_MAX];
    struct request request = {.name = zone, .type = TYPE_IXFR, .has_serial = true, .serial = 0x01020304};
    uint32_t serial = 0;
    (void)state;
    size_t len = request_write(&request, message);
    memcpy(reply, message, len);
    assert_false(request_matches(message, len, reply, len, false)); /* no response */
    reply[2] |= 0x80;
    assert_true(request_matches(message, len, reply, len, false));
    reply[13] ^= 0x20; /* case does not matter */
    assert_true(request_matches(message, len, reply, len, false));
    reply[13] ^= 1;
    assert_false(request_matches(message, len, reply, len, false));
    reply[13] ^= 0x21;
    reply[1] ^= 1;
    assert_false(request_matches(message, len, reply, len, false));
    assert_int_equal(reply_serial(message, len, zone, &serial), ERR_MISSING); /* it is in another section */
    request.opcode = OPCODE_NOTIFY;
    request.type = TYPE_SOA;
    len = request_write(&request, message);
    assert_int_equal(reply_serial(message, len, zone, &serial), ERR_OK);
    assert_int_equal(serial, 0x01020304);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(cut_messages),
        cmocka_unit_test(requests_and_their_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
