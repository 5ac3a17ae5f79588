#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "plugins/dnssec/sigcache.h"

#define RDATA_MAX 300

static struct sigcache_key key_of(uint64_t n)
{
    return (struct sigcache_key){{n * 0x9e3779b97f4a7c15u, ~n * 0xbf58476d1ce4e5b9u}};
}

/* What is kept under key N: its length and octets follow from N. */
static size_t make(uint64_t n, uint8_t out[RDATA_MAX])
{
    size_t len = 1 + n % RDATA_MAX;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(n * 31 + i);
    return len;
}

static void what_was_put_is_got(void **state)
{
    (void)state;
    struct sigcache *cache = sigcache_new(4096, RDATA_MAX);
    uint8_t put[RDATA_MAX], got[RDATA_MAX];
    assert_non_null(cache);
    for (uint64_t n = 1; n <= 200; n++) {
        struct sigcache_key key = key_of(n);
        size_t len = make(n, put);
        assert_int_equal(sigcache_get(cache, &key, 0, got), 0);
        sigcache_put(cache, &key, 1000 + (uint32_t)n, put, len);
        assert_int_equal(sigcache_get(cache, &key, 1000 + (uint32_t)n, got), len);
        assert_memory_equal(got, put, len);
        assert_int_equal(sigcache_get(cache, &key, 1001 + (uint32_t)n, got), 0); /* ends too early */
    }
    assert_int_equal(sigcache_count(cache), 200);
    sigcache_free(cache);
}

static void it_never_grows_and_keeps_what_lasts(void **state)
{
    (void)state;
    struct sigcache *cache = sigcache_new(4, RDATA_MAX);
    struct sigcache_key first = key_of(1);
    uint8_t bytes[RDATA_MAX] = {7}, got[RDATA_MAX];
    sigcache_put(cache, &first, 2000000000, bytes, 10);
    for (uint64_t n = 2; n < 100; n++) {
        struct sigcache_key key = key_of(n);
        sigcache_put(cache, &key, 1000, bytes, 10);
    }
    assert_true(sigcache_count(cache) <= 4);
    assert_int_equal(sigcache_get(cache, &first, 1999999999, got), 10);
    struct sigcache_key other = key_of(500);
    sigcache_put(cache, &other, 1000, bytes, RDATA_MAX + 1); /* too long: not kept */
    assert_int_equal(sigcache_get(cache, &other, 0, got), 0);
    sigcache_free(cache);
}

struct crew {
    struct sigcache *cache;
    _Atomic unsigned wrong, hits;
};

/* Readers and writers of few slots: what is got is whole, or nothing. */
static void *work(void *arg)
{
    struct crew *crew = arg;
    uint8_t wanted[RDATA_MAX], got[RDATA_MAX];
    for (uint64_t turn = 1; turn < 60000; turn++) {
        uint64_t n = turn * 7919 % 40;
        struct sigcache_key key = key_of(n);
        size_t len = make(n, wanted);
        if (turn % 3 == 0)
            sigcache_put(crew->cache, &key, 1000 + (uint32_t)turn, wanted, len);
        size_t found = sigcache_get(crew->cache, &key, 0, got);
        if (found == 0)
            continue;
        atomic_fetch_add(&crew->hits, 1);
        if (found != len || memcmp(got, wanted, len) != 0)
            atomic_fetch_add(&crew->wrong, 1);
    }
    return NULL;
}

static void many_at_once_see_nothing_torn(void **state)
{
    (void)state;
    struct crew crew = {.cache = sigcache_new(16, RDATA_MAX)};
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &crew), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crew.wrong, 0);
    assert_true(crew.hits > 1000);
    sigcache_free(crew.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_got),
        cmocka_unit_test(it_never_grows_and_keeps_what_lasts),
        cmocka_unit_test(many_at_once_see_nothing_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
