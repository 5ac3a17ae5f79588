/* Longest-suffix match (zone/wire/suffix.h) against a walk over all names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zone/wire/suffix.h"

#define NAMES 500
#define QUESTIONS 20000

struct fixture {
    struct arena memory;
    struct suffix_table table;
    uint8_t names[NAMES][NAME_MAX];
    unsigned count;
    unsigned seed;
};

static unsigned roll(struct fixture *f, unsigned sides)
{
    f->seed = f->seed * 1103515245u + 12345u;
    return (f->seed >> 16) % sides;
}

/* Few different labels, so that names often share suffixes; lengths around the limits of the hash. */
static void random_name(struct fixture *f, uint8_t *out, unsigned most_labels)
{
    static const char *const labels[] = {"a", "b", "ab", "abcdefg", "abcdefgh", "abcdefghi",
        "x1234567890123456789", "*", "0123456789012345678901234567890123456789012345678901234567890"};
    size_t at = 0;
    for (unsigned n = roll(f, most_labels + 1); n > 0; n--) {
        const char *label = labels[roll(f, (unsigned)ARRAY_COUNT(labels))];
        size_t len = strlen(label);
        if (at + len + 2 > NAME_MAX)
            break;
        out[at++] = (uint8_t)len;
        memcpy(out + at, label, len);
        at += len;
    }
    out[at] = 0;
}

static const uint8_t *nearest(const struct fixture *f, const struct question *question, unsigned labels)
{
    const uint8_t *best = NULL;
    for (unsigned i = 0; i < f->count; i++) {
        if (name_labels(f->names[i]) > labels || !name_under(question->lower, f->names[i]))
            continue;
        if (best == NULL || name_labels(f->names[i]) > name_labels(best))
            best = f->names[i];
    }
    return best;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->memory, 0);
    f->seed = 7;
    assert_int_equal(suffix_init(&f->table, &f->memory, NAMES), ERR_OK);
    for (unsigned i = 0; i < NAMES; i++) {
        uint8_t *name = f->names[f->count];
        random_name(f, name, 6);
        enum err err = suffix_add(&f->table, name, name);
        assert_true(err == ERR_OK || err == ERR_EXISTS);
        f->count += err == ERR_OK;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_clear(&f->memory);
    free(f);
    return 0;
}

static void agrees_with_a_walk(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        uint8_t name[NAME_MAX];
        struct question question;
        random_name(f, name, 9);
        question_set(&question, name, 1, 1);
        unsigned labels = roll(f, question.labels + 1u);
        const struct suffix_entry *entry = suffix_find(&f->table, &question, labels);
        assert_ptr_equal(entry != NULL ? entry->value : NULL, nearest(f, &question, labels));
    }
}

/* RFC 4035 3.1.4.1: the parent answers for DS, if it is here. */
static void ds_goes_to_the_parent(void **state)
{
    struct fixture *f = *state;
    struct suffix_table table;
    const uint8_t *org = (const uint8_t *)"\003org", *child = (const uint8_t *)"\007example\003org";
    const uint8_t *alone = (const uint8_t *)"\003net";
    struct question question;
    assert_int_equal(suffix_init(&table, &f->memory, 3), ERR_OK);
    assert_int_equal(suffix_add(&table, org, (void *)"org"), ERR_OK);
    assert_int_equal(suffix_add(&table, child, (void *)"child"), ERR_OK);
    assert_int_equal(suffix_add(&table, alone, (void *)"alone"), ERR_OK);
    assert_int_equal(suffix_add(&table, (const uint8_t *)"\003com", (void *)"com"), ERR_LIMIT);
    question_set(&question, child, 43, 1);
    assert_string_equal(suffix_route(&table, &question)->value, "org");
    question_set(&question, child, 6, 1);
    assert_string_equal(suffix_route(&table, &question)->value, "child");
    question_set(&question, alone, 43, 1);
    assert_string_equal(suffix_route(&table, &question)->value, "alone");
    question_set(&question, (const uint8_t *)"", 43, 1);
    assert_null(suffix_route(&table, &question));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(agrees_with_a_walk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ds_goes_to_the_parent, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
