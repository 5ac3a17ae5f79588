/* Zone transfers from a hostile primary: the input is messages, each behind its length in two octets. The
 * first octet tells whether IXFR was asked for. What is taken in the end is sound: change sets that follow
 * each other from our serial to the primary's, or records with one SOA in front that make a zone or a
 * reasoned refusal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/net/inbound.h"
#include "zone/net/request.h"
#include "zone/wire/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint8_t zone[] = "\7example";

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void check_steps(const struct inbound *in)
{
    uint32_t at = in->from;
    must(in->step_count > 0, "there are steps");
    for (size_t i = 0; i < in->step_count; i++) {
        must(change_check(&in->steps[i]), "a step is whole");
        must(in->steps[i].from == at && serial_after(in->steps[i].to, at), "steps follow each other");
        at = in->steps[i].to;
    }
    must(at == in->serial, "the last step leads to the primary's serial");
}

static void check_whole(const struct inbound *in)
{
    struct change_record record;
    struct image *image;
    char why[CHANGE_WHY_MAX] = "";
    size_t at = 0;
    unsigned count = 0;
    while (change_next(&in->whole, &at, &record)) {
        must(name_under(record.owner, zone), "records are in the zone");
        must(!type_is_meta(record.type), "and of types that zones have");
        must((count == 0) == (record.type == TYPE_SOA && name_equal(record.owner, zone)),
            "the SOA is first, alone");
        count++;
    }
    must(count == in->whole.count, "all records can be read");
    enum err err = change_build(zone, &in->whole, 1, why, &image);
    must(err == ERR_OK || why[0] != '\0', "a refusal has a reason");
    if (err == ERR_OK)
        image_release(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct inbound in;
    enum err err = ERR_OK;
    if (len < 1 || inbound_init(&in, zone, bytes[0] & 1, 5, 1u << 20) != ERR_OK)
        return 0;
    for (size_t at = 1; err == ERR_OK && !inbound_is_done(&in) && len - at >= 2;) {
        size_t size = (size_t)bytes[at] << 8 | bytes[at + 1];
        size = size < len - at - 2 ? size : len - at - 2;
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, bytes + at + 2, size);
        err = inbound_message(&in, copy, size);
        free(copy);
        at += 2 + size;
    }
    must(err == ERR_OK || err == ERR_MEMORY || in.why[0] != '\0', "a refusal has a reason");
    if (err == ERR_OK && inbound_is_done(&in)) {
        if (in.kind == INBOUND_STEPS)
            check_steps(&in);
        else if (in.kind == INBOUND_FULL)
            check_whole(&in);
    }
    inbound_clear(&in);
    return 0;
}
