/* The table of the cache: finding, replacing, dropping, and several threads at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/cache/table.h"
#include "server/epoch.h"
#include "zone/base/hash.h"
#include "zone/wire/type.h"

#define WORKERS 4

struct asked {
    struct question question;
    struct cache_key key;
    uint8_t name[32];
};

static struct cache_key *ask(struct asked *asked, unsigned number, uint16_t type)
{
    int len = snprintf((char *)asked->name + 1, 16, "n%u", number);
    asked->name[0] = (uint8_t)len;
    question_set(&asked->question, asked->name, type, CLASS_IN);
    asked->key = (struct cache_key){.question = &asked->question};
    asked->key.hash = hash_bytes(type, asked->question.lower, asked->question.name_len);
    return &asked->key;
}

static struct entry *entry_for(const struct cache_key *key, uint32_t used, uint64_t expires_ms)
{
    const struct question *question = key->question;
    struct entry *entry = calloc(1, sizeof *entry + MESSAGE_HEADER_LEN + NAME_MAX + 4);
    uint8_t *message = (uint8_t *)entry->places, *at = message + MESSAGE_HEADER_LEN;
    memcpy(at, question->lower, question->name_len);
    at[question->name_len] = (uint8_t)(question->type >> 8);
    at[question->name_len + 1] = (uint8_t)question->type;
    entry->hash = key->hash;
    entry->name_len = question->name_len;
    entry->used = used;
    entry->expires_ms = entry->stale_ms = expires_ms;
    entry->body.message = message;
    return entry;
}

static void free_retired(void)
{
    while (epoch_reclaim())
        continue;
}

static void entries_are_found_and_replaced(void **state)
{
    (void)state;
    struct cache_table table = {0};
    struct asked a;
    assert_int_equal(cache_table_init(&table, 1000), ERR_OK);
    for (unsigned i = 0; i < 100; i++) {
        assert_null(cache_table_find(&table, ask(&a, i, TYPE_A)));
        cache_table_add(&table, entry_for(&a.key, 1, 1000), 0);
        assert_non_null(cache_table_find(&table, &a.key));
        assert_null(cache_table_find(&table, ask(&a, i, TYPE_MX)));
    }
    struct entry *first = cache_table_find(&table, ask(&a, 7, TYPE_A));
    assert_false(cache_table_add(&table, entry_for(&a.key, 2, 2000), 0));
    assert_ptr_not_equal(cache_table_find(&table, &a.key), first);
    assert_int_equal(cache_table_count(&table), 100);
    a.key.flags = ENTRY_DO;
    assert_null(cache_table_find(&table, &a.key));
    a.key.flags = 0;
    cache_table_remove(&table, &a.key);
    assert_null(cache_table_find(&table, &a.key));
    assert_int_equal(cache_table_count(&table), 99);
    free_retired();
    cache_table_clear(&table);
}

static void what_is_used_stays(void **state)
{
    (void)state;
    struct cache_table table = {0};
    struct asked a;
    assert_int_equal(cache_table_init(&table, CACHE_BUCKET), ERR_OK);
    for (unsigned i = 0; i < CACHE_BUCKET; i++)
        cache_table_add(&table, entry_for(ask(&a, i, TYPE_A), 100 + i, i == 3 ? 10 : 1000), 0);
    assert_false(cache_table_add(&table, entry_for(ask(&a, 50, TYPE_A), 200, 1000), 20)); /* 3 was over */
    assert_null(cache_table_find(&table, ask(&a, 3, TYPE_A)));
    assert_true(
        cache_table_add(&table, entry_for(ask(&a, 51, TYPE_A), 200, 1000), 20)); /* 0: used longest ago */
    assert_null(cache_table_find(&table, ask(&a, 0, TYPE_A)));
    assert_non_null(cache_table_find(&table, ask(&a, 1, TYPE_A)));
    assert_int_equal(cache_table_count(&table), CACHE_BUCKET);
    free_retired();
    cache_table_clear(&table);
}

static void a_table_for_nothing_holds_nothing(void **state)
{
    (void)state;
    struct cache_table table = {0};
    struct asked a;
    assert_int_equal(cache_table_init(&table, 0), ERR_OK);
    cache_table_add(&table, entry_for(ask(&a, 1, TYPE_A), 1, 1000), 0);
    assert_null(cache_table_find(&table, &a.key));
    cache_table_remove(&table, &a.key);
    free_retired();
    cache_table_clear(&table);
}

static struct cache_table shared;
static struct epoch_reader readers[WORKERS];

static void *work(void *arg)
{
    struct epoch_reader *reader = arg;
    uint64_t random = (uint64_t)(reader - readers) + 1;
    struct asked a;
    for (unsigned turn = 0; turn < 30000; turn++) {
        epoch_enter(reader, EPOCH_OUTSIDE);
        random = random * 6364136223846793005u + 1442695040888963407u;
        ask(&a, (unsigned)(random >> 40) % 500, TYPE_A);
        struct entry *entry = cache_table_find(&shared, &a.key);
        if (entry == NULL || turn % 7 == 0)
            cache_table_add(&shared, entry_for(&a.key, turn, 1000), 0);
        else if (turn % 13 == 0)
            cache_table_remove(&shared, &a.key);
        else if (entry->hash != a.key.hash)
            abort();
        epoch_leave(reader, EPOCH_OUTSIDE);
    }
    return NULL;
}

static void workers_share_it(void **state)
{
    (void)state;
    pthread_t threads[WORKERS];
    assert_int_equal(cache_table_init(&shared, 200), ERR_OK);
    for (unsigned i = 0; i < WORKERS; i++)
        epoch_join(&readers[i]);
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, &readers[i]);
    for (unsigned i = 0; i < 200; i++)
        epoch_reclaim();
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < WORKERS; i++)
        epoch_part(&readers[i]);
    assert_true(cache_table_count(&shared) <= 200);
    free_retired();
    cache_table_clear(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_and_replaced),
        cmocka_unit_test(what_is_used_stays),
        cmocka_unit_test(a_table_for_nothing_holds_nothing),
        cmocka_unit_test(workers_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
