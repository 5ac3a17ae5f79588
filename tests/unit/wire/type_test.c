#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "zone/wire/field.h"
#include "zone/wire/type_table.h"

static void every_mnemonic_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TYPE_ROWS; i++) {
        const struct type_info *info = type_row(i);
        if (info == NULL)
            continue;
        char text[16], lower[16];
        uint16_t type = 0;
        assert_int_equal(type_print(info->type, text), info->name_len);
        assert_true(type_parse(text, info->name_len, &type));
        assert_int_equal(type, info->type);
        for (unsigned c = 0; c <= info->name_len; c++)
            lower[c] = (char)tolower((unsigned char)text[c]);
        assert_true(type_parse(lower, info->name_len, &type));
        assert_int_equal(type, info->type);
        assert_ptr_equal(type_info(type), info);
    }
}

static void every_layout_is_named_and_ends(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TYPE_ROWS; i++) {
        const struct type_info *info = type_row(i);
        unsigned count = 0;
        for (const struct field *f = info != NULL ? info->fields : NULL; f != NULL && f->kind != FIELD_END;
             f++) {
            assert_non_null(f->name);
            assert_true(f->kind < FIELD_KINDS);
            assert_true(++count < FIELDS_MAX);
        }
    }
}

static void numbered_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int type; /* -1: refused */
    } cases[] = {{"TYPE0", 0}, {"type1", 1}, {"TYPE65535", 65535}, {"TYPE65536", -1}, {"TYPE", -1},
        {"TYPE+1", -1}, {"TYPE1x", -1}, {"TYPE000001", -1}, {"", -1}, {"AAAAA", -1}, {"NSEC4", -1},
        {"NSEC3PARAMS", -1}, {"A\n", -1}, {"!", -1}, {"nsap\rptr", -1}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint16_t type = 7;
        bool found = type_parse(cases[i].text, strlen(cases[i].text), &type);
        assert_int_equal(found ? type : -1, cases[i].type);
    }
    char text[16];
    assert_int_equal(type_print(54321, text), 9);
    assert_string_equal(text, "TYPE54321");
}

static void meta_types(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 65536; type++) {
        bool meta = type == TYPE_OPT || type == TYPE_NXNAME || (type >= TYPE_TKEY && type <= TYPE_ANY);
        assert_int_equal(type_is_meta((uint16_t)type), meta);
    }
}

/* RFC 4034 6.2 names the types, RFC 6840 5.1 takes NSEC from the list; HINFO has no names. */
static void canonical_lower_case_list(void **state)
{
    (void)state;
    static const uint16_t list[] = {TYPE_NS, TYPE_MD, TYPE_MF, TYPE_CNAME, TYPE_SOA, TYPE_MB, TYPE_MG,
        TYPE_MR, TYPE_PTR, TYPE_MINFO, TYPE_MX, TYPE_RP, TYPE_AFSDB, TYPE_RT, TYPE_SIG, TYPE_PX, TYPE_NXT,
        TYPE_NAPTR, TYPE_KX, TYPE_SRV, TYPE_DNAME, TYPE_A6, TYPE_RRSIG};
    for (unsigned type = 0; type < 65536; type++) {
        bool listed = false;
        for (size_t i = 0; i < ARRAY_COUNT(list); i++)
            listed |= list[i] == type;
        assert_int_equal((type_info((uint16_t)type)->flags & TYPE_FLAG_LOWER) != 0, listed);
    }
}

static void classes_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int class;
    } cases[] = {{"IN", 1}, {"in", 1}, {"CH", 3}, {"HS", 4}, {"CS", 2}, {"NONE", 254}, {"ANY", 255},
        {"CLASS7", 7}, {"class65535", 65535}, {"CLASS65536", -1}, {"INN", -1}, {"I", -1}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint16_t class = 0;
        bool found = class_parse(cases[i].text, strlen(cases[i].text), &class);
        assert_int_equal(found ? class : -1, cases[i].class);
    }
    char text[16];
    assert_int_equal(class_print(1, text), 2);
    assert_string_equal(text, "IN");
    class_print(77, text);
    assert_string_equal(text, "CLASS77");
}

static void misspelt_types_are_recognised(void **state)
{
    (void)state;
    assert_string_equal(type_suggest("CNMAE", 5), "CNAME");
    assert_string_equal(type_suggest("AAA", 3), "AAAA");
    assert_string_equal(type_suggest("nsec3parm", 9), "NSEC3PARAM");
    assert_null(type_suggest("gobbledygook", 12));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mnemonic_is_found),
        cmocka_unit_test(every_layout_is_named_and_ends),
        cmocka_unit_test(numbered_types),
        cmocka_unit_test(meta_types),
        cmocka_unit_test(canonical_lower_case_list),
        cmocka_unit_test(classes_both_ways),
        cmocka_unit_test(misspelt_types_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
