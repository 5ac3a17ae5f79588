/* TSIG from hostile messages and key files. The first octet picks: a request to a server that knows keys; a
 * reply to a client that has asked; a file of keys.
 *
 * A request that is believed was signed by us: so none is, unless it is our own one, which the second octet
 * asks for and the rest changes. What is answered, whatever it is, stays in its room and parses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/net/request.h"
#include "zone/sec/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define NOW 1700000000u

static struct tsig_ring ring;
static const struct tsig_key *key;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void make_keys(void)
{
    static const char keys[] = "key a.key { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n"
                               "hmac-sha512-256:b.key:c2VjcmV0\n";
    must(tsig_file_parse("keys", keys, sizeof keys - 1, &ring, NULL) == ERR_OK, "the keys are read");
    key = tsig_ring_find(&ring, (const uint8_t *)"\1a\3key");
    must(key != NULL, "the key is there");
}

static void answer(struct tsig *tsig)
{
    uint8_t message[2048] = {0x12, 0x34, 0x80};
    struct reply_head head;
    size_t room = tsig_room(tsig), len = tsig_sign_reply(tsig, message, MESSAGE_HEADER_LEN, NOW);
    must(len <= MESSAGE_HEADER_LEN + room, "the record fits its room");
    must(reply_head_read(&head, message, len) && head.arcount == 1, "the reply is well formed");
}

/* Where a TSIG record begins, if message_read finds one. */
static void request(const uint8_t *bytes, size_t len, bool ours)
{
    struct message message;
    struct tsig tsig;
    enum message_verdict verdict = message_read(&message, bytes, len);
    if (verdict == MESSAGE_DROP || message.tsig_at == 0)
        return;
    enum rcode rcode = tsig_check_request(&tsig, &ring, bytes, len, message.tsig_at, NOW);
    must(rcode != RCODE_NOERROR || ours, "nobody can sign without the key");
    if (rcode != RCODE_FORMERR)
        answer(&tsig);
}

/* Our own request, with octets changed as the input says: pairs of place and value. */
static void changed_request(const uint8_t *bytes, size_t len)
{
    struct request asked = {.name = (const uint8_t *)"\3www\7example", .type = TYPE_A};
    uint8_t message[REQUEST_MAX];
    struct tsig tsig;
    size_t signed_len = tsig_sign_request(&tsig, key, message, request_write(&asked, message), NOW);
    for (size_t i = 0; i + 1 < len; i += 2)
        message[bytes[i] % signed_len] = bytes[i + 1];
    request(message, signed_len, true);
}

static void reply(const uint8_t *bytes, size_t len)
{
    struct request asked = {.name = (const uint8_t *)"\7example", .type = TYPE_AXFR};
    uint8_t message[REQUEST_MAX], *copy = malloc(len + 1);
    struct tsig tsig;
    const char *why = NULL;
    size_t left = len;
    tsig_sign_request(&tsig, key, message, request_write(&asked, message), NOW);
    memcpy(copy, bytes, len);
    must(tsig_check_reply(&tsig, copy, &left, NOW, &why) != ERR_OK, "nobody can answer without the key");
    must(why != NULL, "a refusal has a reason");
    free(copy);
}

static void file(const uint8_t *bytes, size_t len)
{
    struct tsig_ring read = {0};
    enum err err = tsig_file_parse("keys", (const char *)bytes, len, &read, NULL);
    (void)err;
    tsig_ring_clear(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (key == NULL)
        make_keys();
    if (len < 2)
        return 0;
    switch (bytes[0] % 4) {
    case 0:
        request(bytes + 1, len - 1, false);
        break;
    case 1:
        changed_request(bytes + 1, len - 1);
        break;
    case 2:
        reply(bytes + 1, len - 1);
        break;
    default:
        file(bytes + 1, len - 1);
        break;
    }
    return 0;
}
