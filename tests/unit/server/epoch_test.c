/* Epochs (server/epoch.h): what a reader may see is not freed, and what nobody sees is freed soon. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/epoch.h"

#define READERS 3
#define SWAPS 20000

struct thing {
    _Atomic uint64_t alive; /* 1 until freed */
};

static _Atomic(struct thing *) now;
static _Atomic bool over;
static _Atomic unsigned freed;
static struct thing things[SWAPS + 1];

static void end_thing(void *what)
{
    struct thing *thing = what;
    atomic_store(&thing->alive, 0);
    atomic_fetch_add(&freed, 1);
}

static void sleeping_readers_do_not_hold(void **state)
{
    (void)state;
    struct epoch_reader reader;
    struct thing thing = {1};
    epoch_join(&reader);
    epoch_retire(end_thing, &thing);
    assert_false(epoch_reclaim());
    assert_int_equal(thing.alive, 0);
    epoch_part(&reader);
}

static void readers_inside_hold(void **state)
{
    (void)state;
    struct epoch_reader reader;
    struct thing before = {1}, after = {1};
    epoch_join(&reader);
    epoch_enter(&reader, EPOCH_OUTSIDE);
    epoch_retire(end_thing, &before);
    assert_true(epoch_reclaim());
    assert_int_equal(before.alive, 1);
    epoch_leave(&reader, EPOCH_OUTSIDE);
    epoch_enter(&reader, EPOCH_OUTSIDE); /* a new batch cannot have seen it */
    epoch_retire(end_thing, &after);
    assert_true(epoch_reclaim());
    assert_int_equal(before.alive, 0);
    assert_int_equal(after.alive, 1);
    epoch_leave(&reader, EPOCH_OUTSIDE);
    assert_false(epoch_reclaim());
    assert_int_equal(after.alive, 0);
    epoch_part(&reader);
}

/* A suspended query came in with an older batch. */
static void suspended_queries_hold(void **state)
{
    (void)state;
    struct epoch_reader reader;
    struct thing thing = {1};
    epoch_join(&reader);
    uint64_t epoch = epoch_enter(&reader, EPOCH_OUTSIDE);
    epoch_leave(&reader, epoch);
    epoch_retire(end_thing, &thing);
    for (unsigned batch = 0; batch < 3; batch++) {
        epoch_enter(&reader, epoch);
        epoch_leave(&reader, epoch);
        assert_true(epoch_reclaim());
        assert_int_equal(thing.alive, 1);
    }
    epoch_leave(&reader, EPOCH_OUTSIDE);
    assert_false(epoch_reclaim());
    assert_int_equal(thing.alive, 0);
    epoch_part(&reader);
}

static void *read_all_the_time(void *arg)
{
    struct epoch_reader *reader = arg;
    while (!atomic_load(&over)) {
        epoch_enter(reader, EPOCH_OUTSIDE);
        struct thing *thing = atomic_load_explicit(&now, memory_order_acquire);
        for (unsigned i = 0; i < 20; i++) {
            if (atomic_load_explicit(&thing->alive, memory_order_relaxed) != 1)
                abort();
        }
        epoch_leave(reader, EPOCH_OUTSIDE);
    }
    return NULL;
}

static void nothing_is_freed_under_a_reader(void **state)
{
    (void)state;
    pthread_t threads[READERS];
    static struct epoch_reader readers[READERS];
    atomic_store(&freed, 0);
    things[0].alive = 1;
    atomic_store(&now, &things[0]);
    for (unsigned i = 0; i < READERS; i++) {
        epoch_join(&readers[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &readers[i]), 0);
    }
    for (unsigned i = 1; i <= SWAPS; i++) {
        atomic_store(&things[i].alive, 1);
        epoch_retire(end_thing, atomic_exchange(&now, &things[i]));
        epoch_reclaim();
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_false(epoch_reclaim());
    assert_int_equal(freed, SWAPS);
    for (unsigned i = 0; i < READERS; i++)
        epoch_part(&readers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleeping_readers_do_not_hold),
        cmocka_unit_test(readers_inside_hold),
        cmocka_unit_test(suspended_queries_hold),
        cmocka_unit_test(nothing_is_freed_under_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
