/* The door to ldns knows its functions and numbers by heart: they are compared with its headers here. */
#include "zone/sec/opinion_ldns.h"

#include "zone/sec/opinion.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <ldns/ldns.h>

_Static_assert((int)STATUS_OK == (int)LDNS_STATUS_OK, "status");
_Static_assert((int)STATUS_MEMORY == (int)LDNS_STATUS_MEM_ERR, "status");
_Static_assert((int)STATUS_UNKNOWN_ALGORITHM == (int)LDNS_STATUS_CRYPTO_UNKNOWN_ALGO, "status");
_Static_assert((int)STATUS_NO_ALGORITHM == (int)LDNS_STATUS_CRYPTO_ALGO_NOT_IMPL, "status");
_Static_assert((int)SECTION_OF_ANSWER == (int)LDNS_SECTION_ANSWER, "section");

/* The same, with ldns' types: it compiles when they are as they were. */
static ldns_status (*const wire2rr)(
    ldns_rr **, const uint8_t *, size_t, size_t *, ldns_pkt_section) = ldns_wire2rr;
static void (*const rr_free)(ldns_rr *) = ldns_rr_free;
static ldns_rr_list *(*const list_new)(void) = ldns_rr_list_new;
static bool (*const list_push)(ldns_rr_list *, const ldns_rr *) = ldns_rr_list_push_rr;
static void (*const list_free)(ldns_rr_list *) = ldns_rr_list_free;
static void (*const list_deep_free)(ldns_rr_list *) = ldns_rr_list_deep_free;
static ldns_status (*const verify)(const ldns_rr_list *, const ldns_rr *, const ldns_rr_list *, time_t,
    ldns_rr_list *) = ldns_verify_rrsig_keylist_time;
static ldns_status (*const verify_notime)(const ldns_rr_list *, const ldns_rr *, const ldns_rr_list *,
    ldns_rr_list *) = ldns_verify_rrsig_keylist_notime;
static const char *(*const error)(ldns_status) = ldns_get_errorstr_by_id;

static void test_finds_it(void **state UNUSED)
{
    struct opinion *opinion;
    const char *why;
    assert_int_equal(opinion_open(&opinion, &why), ERR_OK);
    /* The program is linked with the library itself: the same functions. */
    assert_memory_equal(&opinion->wire2rr, &wire2rr, sizeof wire2rr);
    assert_memory_equal(&opinion->rr_free, &rr_free, sizeof rr_free);
    assert_memory_equal(&opinion->list_new, &list_new, sizeof list_new);
    assert_memory_equal(&opinion->list_push, &list_push, sizeof list_push);
    assert_memory_equal(&opinion->list_free, &list_free, sizeof list_free);
    assert_memory_equal(&opinion->list_deep_free, &list_deep_free, sizeof list_deep_free);
    assert_memory_equal(&opinion->verify, &verify, sizeof verify);
    assert_memory_equal(&opinion->verify_notime, &verify_notime, sizeof verify_notime);
    assert_memory_equal(&opinion->error, &error, sizeof error);
    assert_string_equal(opinion->error(STATUS_OK), ldns_get_errorstr_by_id(LDNS_STATUS_OK));
    opinion_close(opinion);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
