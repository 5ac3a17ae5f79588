/* Properties over random rdata of every type: wire -> text -> wire gives the same octets, here and through
 * ldns for the types that it knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ldns/ldns.h>
#include <stdlib.h>

#include "tests/unit/text/rdata_make.h"
#include "tests/unit/text/rdata_test.h"
#include "zone/wire/name.h"
#include "zone/wire/type_table.h"

#define ROUNDS 400

static uint8_t wire[RDATA_MAX], again[RDATA_MAX];
static char text[TEXT_MAX];

static void wire_to_text_to_wire(void **state)
{
    (void)state;
    struct make make = {.seed = 1};
    for (unsigned row = 0; row < TYPE_ROWS; row++) {
        const struct type_info *info = type_row(row);
        for (unsigned round = 0; info != NULL && round < ROUNDS; round++) {
            struct complaint why;
            const char *phrase = "";
            make.plain = round % 2 == 0;
            size_t len = make_rdata(&make, info->type, wire), again_len = 0;
            if (rdata_check(info->type, wire, len, &phrase) != ERR_OK)
                fail_msg("%s: made badly: %s", info->name, phrase);
            assert_true(rdata_print(info->type, wire, len, text, sizeof text) < sizeof text);
            bool generic = strncmp(text, "\\# ", 3) == 0;
            assert_int_equal(generic, (info->flags & TYPE_FLAG_GENERIC) != 0);
            if (test_parse(info->type, text, again, &again_len, &why) != ERR_OK)
                fail_msg("%s %s: %s", info->name, text, why.message);
            if (again_len != len || memcmp(again, wire, len) != 0)
                fail_msg("%s %s: read back differently", info->name, text);
            rdata_print_generic(wire, len, text, sizeof text);
            assert_int_equal(test_parse(info->type, text, again, &again_len, &why), ERR_OK);
            assert_memory_equal(again, wire, len);
        }
    }
}

/* Cut anywhere or grown by an octet, rdata is refused or is at least printed and read back equal. */
static void cut_rdata_is_refused_or_sound(void **state)
{
    (void)state;
    struct make make = {.seed = 2};
    for (unsigned row = 0; row < TYPE_ROWS; row++) {
        const struct type_info *info = type_row(row);
        for (unsigned round = 0; info != NULL && round < 20; round++) {
            struct complaint why;
            size_t len = make_rdata(&make, info->type, wire), again_len = 0;
            for (size_t cut = 0; cut < len; cut++) {
                uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read behind it */
                memcpy(exact, wire, cut);
                exact = realloc(exact, cut > 0 ? cut : 1);
                if (rdata_check(info->type, exact, cut, NULL) == ERR_OK) {
                    rdata_print(info->type, exact, cut, text, sizeof text);
                    assert_int_equal(test_parse(info->type, text, again, &again_len, &why), ERR_OK);
                    assert_int_equal(again_len, cut);
                    assert_memory_equal(again, exact, cut);
                }
                free(exact);
            }
        }
    }
}

/* What ldns 1.8 cannot do for known types: it lacks them, or reads and prints them in a way of its own. */
static bool ldns_knows(const struct type_info *info)
{
    static const uint16_t odd[] = {TYPE_A6, /* none */
        TYPE_NSAP_PTR,                      /* ldns takes a character string for the name */
        TYPE_SINK, TYPE_TA, TYPE_NINFO, TYPE_RKEY, TYPE_DSYNC, TYPE_HHIT, TYPE_BRID, TYPE_AMTRELAY, TYPE_DOA,
        TYPE_RESINFO, TYPE_WALLET, TYPE_CLA, TYPE_IPN, TYPE_AVC, TYPE_NXT, TYPE_ATMA};
    for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
        if (odd[i] == info->type)
            return false;
    }
    return (info->flags & TYPE_FLAG_GENERIC) == 0;
}

static size_t ldns_wire(const ldns_rr *rr, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        memcpy(out + len, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
        len += ldns_rdf_size(rdf);
    }
    return len;
}

static void compare(
    const struct type_info *info, const char *how, size_t len, const uint8_t *other, size_t other_len)
{
    if (other_len != len || memcmp(other, wire, len) != 0)
        print_message("%s: %s differ: %s\n", info->name, how, text);
    assert_int_equal(other_len, len);
    assert_memory_equal(other, wire, len);
}

/* ldns takes mnemonics it does not know in a bitmap for type 0: write those as numbers. */
static void number_new_types(char *line)
{
    static char copy[TEXT_MAX];
    char *save = NULL;
    strcpy(copy, line);
    *line = '\0';
    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        uint16_t type;
        bool unknown = type_parse(word, strlen(word), &type) && ldns_get_rr_type_by_name(word) != type;
        line += unknown ? sprintf(line, "TYPE%u ", type) : sprintf(line, "%s ", word);
    }
}

static void ldns_reads_our_text(const struct type_info *info, size_t len)
{
    static char line[TEXT_MAX + 64];
    ldns_rr *rr = NULL;
    rdata_print(info->type, wire, len, text, sizeof text);
    if (info->type == TYPE_NSEC || info->type == TYPE_NSEC3 || info->type == TYPE_CSYNC)
        number_new_types(text);
    snprintf(line, sizeof line, "x.example. 3600 IN %s %s", info->name, text);
    ldns_status status = ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL);
    if (status != LDNS_STATUS_OK)
        fail_msg("ldns refuses %s: %s", line, ldns_get_errorstr_by_id(status));
    compare(info, "what ldns reads", len, again, ldns_wire(rr, again));
    ldns_rr_free(rr);
}

static void we_read_the_text_of_ldns(const struct type_info *info, size_t len)
{
    static uint8_t message[RDATA_MAX + 64];
    static const uint8_t owner[] = {1, 'x', 0};
    uint8_t head[] = {0, 0, 0, 1, 0, 0, 0, 60, 0, 0};
    struct complaint why;
    ldns_rr *rr = NULL;
    size_t at = 0, again_len = 0;
    head[0] = (uint8_t)(info->type >> 8), head[1] = (uint8_t)info->type;
    head[8] = (uint8_t)(len >> 8), head[9] = (uint8_t)len;
    memcpy(message, owner, sizeof owner);
    memcpy(message + sizeof owner, head, sizeof head);
    memcpy(message + sizeof owner + sizeof head, wire, len);
    assert_int_equal(ldns_wire2rr(&rr, message, sizeof owner + sizeof head + len, &at, LDNS_SECTION_ANSWER),
        LDNS_STATUS_OK);
    char *line = ldns_rr2str(rr), *rdata = line;
    for (unsigned tabs = 0; tabs < 4 && rdata != NULL; tabs++) {
        rdata = strchr(rdata, '\t');
        rdata += rdata != NULL ? 1 : 0;
    }
    assert_non_null(rdata);
    rdata[strcspn(rdata, "\n")] = '\0';
    if (test_parse(info->type, rdata, again, &again_len, &why) != ERR_OK)
        fail_msg("%s of ldns: %s: %s", info->name, rdata, why.message);
    compare(info, "what ldns prints", len, again, again_len);
    free(line);
    ldns_rr_free(rr);
}

static void ldns_agrees(void **state)
{
    (void)state;
    struct make make = {.seed = 3, .plain = true, .old = true};
    unsigned types = 0;
    for (unsigned row = 0; row < TYPE_ROWS; row++) {
        const struct type_info *info = type_row(row);
        if (info == NULL || !ldns_knows(info))
            continue;
        types++;
        for (unsigned round = 0; round < ROUNDS; round++) {
            size_t len = make_rdata(&make, info->type, wire);
            ldns_reads_our_text(info, len);
            if (info->type != TYPE_WKS) /* it prints the service names of this machine */
                we_read_the_text_of_ldns(info, len);
        }
    }
    print_message("%u types compared with ldns\n", types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_to_text_to_wire),
        cmocka_unit_test(cut_rdata_is_refused_or_sound),
        cmocka_unit_test(ldns_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
