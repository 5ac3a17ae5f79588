/* The walk along a chain (server/engine.h): order, verdicts, what the end means, options, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/engine.h"
#include "server/worker.h"
#include "zone/wire/type.h"

/* A plugin of the test: a letter, and what it says. */
struct letter {
    char letter;
    enum served verdict;
};

static char trace[64];

static void note(char letter)
{
    size_t len = strlen(trace);
    trace[len] = letter;
    trace[len + 1] = '\0';
}

static enum served serve(void *self, struct query *query)
{
    const struct letter *letter = self;
    (void)query;
    note(letter->letter);
    return letter->verdict;
}

static void finish(void *self, struct query *query)
{
    const struct letter *letter = self;
    (void)query;
    note((char)(letter->letter - 'a' + 'A'));
}

static void finish_dropping(void *self, struct query *query)
{
    (void)self;
    note('!');
    query_drop(query);
}

struct fixture {
    struct slot slot;
    struct worker worker;
    struct letter letters[4];
    struct step steps[5]; /* the last one for `back` */
    struct chain chain;
};

static struct query *begin(struct fixture *f, const char *verdicts)
{
    static const struct {
        char letter;
        enum served verdict;
    } meanings[] = {
        {'n', SERVED_NEXT}, {'a', SERVED_ANSWERED}, {'s', SERVED_SUSPENDED}, {'d', SERVED_DROPPED}};
    trace[0] = '\0';
    f->chain = (struct chain){.steps = f->steps};
    for (unsigned i = 0; verdicts[i] != '\0'; i++) {
        f->letters[i].letter = (char)('a' + i);
        for (unsigned m = 0; m < ARRAY_COUNT(meanings); m++) {
            if (meanings[m].letter == verdicts[i])
                f->letters[i].verdict = meanings[m].verdict;
        }
        f->steps[i] =
            (struct step){.serve = serve, .finish = finish, .self = &f->letters[i], .back = (uint16_t)i};
        f->steps[i + 1] = (struct step){.back = (uint16_t)(i + 1)};
        f->chain.step_count++;
    }
    struct query *query = &f->slot.query;
    query->scratch = &f->slot.scratch;
    question_set(&query->message.question, (const uint8_t *)"\004test", TYPE_A, CLASS_IN);
    query_begin(query, &query->message.question, &f->chain);
    return query;
}

static int set_up(void **state)
{
    struct fixture *f = aligned_alloc(64, (sizeof *f + 63) & ~(size_t)63);
    memset(f, 0, sizeof *f);
    arena_init(&f->slot.scratch, 0);
    f->slot.worker = &f->worker;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_clear(&f->slot.scratch);
    free(f);
    return 0;
}

static void order(void **state)
{
    static const struct {
        const char *verdicts, *trace;
        enum served served;
        bool answered;
    } cases[] = {
        {"a", "a", SERVED_ANSWERED, true},
        {"nna", "abcBA", SERVED_ANSWERED, true}, /* not the one that answers: it has had its say */
        {"nnn", "abcCBA", SERVED_ANSWERED, false},
        {"nd", "ab", SERVED_DROPPED, true},
        {"nsn", "ab", SERVED_SUSPENDED, true},
        {"", "", SERVED_ANSWERED, false},
    };
    struct fixture *f = *state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct query *query = begin(f, cases[i].verdicts);
        assert_int_equal(engine_serve(query), cases[i].served);
        assert_string_equal(trace, cases[i].trace);
        assert_int_equal(query->answered, cases[i].answered);
    }
}

/* A plugin that takes the reply away ends the walk back. */
static void dropping_on_the_way_back(void **state)
{
    struct query *query = begin(*state, "nnna");
    struct fixture *f = *state;
    f->steps[1].finish = finish_dropping;
    assert_int_equal(engine_serve(query), SERVED_DROPPED);
    assert_string_equal(trace, "abcdC!");
}

/* What nobody answers is refused: CoreDNS's code, against its manual. */
static void the_end_refuses(void **state)
{
    struct query *query = begin(*state, "nn");
    assert_int_equal(engine_serve(query), SERVED_ANSWERED);
    assert_int_equal(query->reply.rcode, RCODE_REFUSED);
    assert_false(query->reply.authoritative);
}

static void going_on(void **state)
{
    static const struct {
        enum served with;
        const char *trace;
        enum served served;
    } cases[] = {
        {SERVED_NEXT, "abcBA", SERVED_ANSWERED},
        {SERVED_ANSWERED, "abA", SERVED_ANSWERED},
        {SERVED_DROPPED, "ab", SERVED_DROPPED},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct query *query = begin(*state, "nsa");
        assert_int_equal(engine_serve(query), SERVED_SUSPENDED);
        assert_int_equal(engine_continue(query, cases[i].with), cases[i].served);
        assert_string_equal(trace, cases[i].trace);
    }
}

static void waiting_ones_are_in_order(void **state)
{
    struct fixture *f = *state;
    static struct slot slots[3];
    for (unsigned i = 0; i < 3; i++) {
        slots[i].worker = &f->worker;
        f->worker.epoch = 10 + i;
        engine_park(&slots[i]);
    }
    assert_ptr_equal(f->worker.waiting_first, &slots[0]);
    engine_unpark(&slots[1]);
    engine_unpark(&slots[0]);
    assert_ptr_equal(f->worker.waiting_first, &slots[2]);
    assert_ptr_equal(f->worker.waiting_last, &slots[2]);
    assert_int_equal(f->worker.waiting_first->epoch, 12);
    engine_unpark(&slots[2]);
    assert_null(f->worker.waiting_first);
    assert_int_equal(f->worker.waiting_count, 0);
}

static void options_grow(void **state)
{
    struct query *query = begin(*state, "a");
    uint8_t bytes[300];
    memset(bytes, 7, sizeof bytes);
    query->message.edns.present = false;
    assert_int_equal(query_option(query, 3, "x", 1), ERR_OK);
    assert_int_equal(query->options_len, 0);
    query->message.edns.present = true;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(query_option(query, (uint16_t)i, bytes, (uint16_t)(i * 3)), ERR_OK);
    uint16_t at = 0;
    struct edns edns = {.present = true, .options = query->options, .options_len = query->options_len};
    struct edns_option option;
    for (unsigned i = 0; i < 100; i++) {
        assert_true(edns_next(&edns, &at, &option));
        assert_int_equal(option.code, i);
        assert_int_equal(option.len, i * 3);
    }
    assert_false(edns_next(&edns, &at, &option));
}

static void errors_and_names(void **state)
{
    struct query *query = begin(*state, "a");
    query->reply.authoritative = true;
    assert_int_equal(query_fail(query, "file", RCODE_SERVFAIL, "%s %d", "zone", 5), SERVED_ANSWERED);
    assert_int_equal(query->reply.rcode, RCODE_SERVFAIL);
    assert_false(query->reply.authoritative);
    assert_string_equal(query->error, "zone 5");
    query->lookup.owner = query;
    assert_int_equal(query_rename(query, (const uint8_t *)"\003NEW\004test"), ERR_OK);
    assert_true(name_equal(query->question->lower, (const uint8_t *)"\003new\004test"));
    assert_int_equal(query->question->type, TYPE_A);
    assert_null(query->lookup.owner);
    assert_true(name_equal(query->message.question.lower, (const uint8_t *)"\004test"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dropping_on_the_way_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(going_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_ones_are_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_grow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_and_names, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
