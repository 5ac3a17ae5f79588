/* Sources of text: files of all sizes, pipes, and files that change under the reader's hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/text/chunks.h"
#include "zone/text/lexer.h"

#define LINE "name%06u 60 A 192.0.2.1 ; padding padding\n"
#define LINE_LEN 44

static const uint8_t origin[] = "\1z";
static char path[64], other_path[96];

static void write_lines(const char *to, unsigned lines)
{
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < lines; i++)
        fprintf(file, LINE, i);
    fclose(file);
}

static void pads_whatever_the_size(void **state)
{
    static const size_t sizes[] = {
        0, 1, 63, 4095, 4096, 4097, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (1 << 20) + 4096};
    (void)state;
    write_lines(path, 30000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct input input;
        write_lines(path, 30000);
        assert_int_equal(truncate(path, (off_t)sizes[i]), 0);
        assert_int_equal(input_open(&input, path), ERR_OK);
        assert_int_equal(input.len, sizes[i]);
        for (unsigned pad = 0; pad < LEXER_PAD; pad++)
            assert_int_equal(input.text[input.len + pad], 0);
        assert_false(input_changed(&input, path));
        input_forget(&input, 0, input.len);
        assert_true(input.len < LINE_LEN || strncmp(input.text, "name000000 ", 11) == 0);
        for (unsigned pad = 0; pad < LEXER_PAD; pad++)
            assert_int_equal(input.text[input.len + pad], 0);
        input_close(&input);
    }
}

static void refuses_what_cannot_be_read(void **state)
{
    struct input input;
    (void)state;
    assert_int_equal(input_open(&input, "/tmp/bailiwick/no/such/file"), ERR_IO);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(input_open(&input, "/tmp"), ERR_IO);
    assert_int_equal(errno, EISDIR);
}

static size_t zeros_in(const struct input *input)
{
    size_t zeros = 0;
    for (size_t i = 0; i < input->len; i++)
        zeros += input->text[i] == 0;
    return zeros;
}

/* SIGBUS would end the process here. */
static void a_file_cut_short_reads_as_zeros(void **state)
{
    struct input input;
    (void)state;
    write_lines(path, 100000);
    assert_int_equal(input_open(&input, path), ERR_OK);
    assert_int_equal(zeros_in(&input), 0);
    assert_int_equal(truncate(path, 8192), 0);
    assert_true(input_changed(&input, path));
    assert_int_equal(zeros_in(&input), input.len - 8192);
    assert_true(input_changed(&input, path));
    input_close(&input);
    write_lines(path, 100000);
    assert_int_equal(input_open(&input, path), ERR_OK);
    assert_false(input_changed(&input, path));
    assert_int_equal(zeros_in(&input), 0);
    input_close(&input);
}

static void a_file_replaced_is_the_old_one(void **state)
{
    struct input input;
    (void)state;
    write_lines(path, 50000);
    assert_int_equal(input_open(&input, path), ERR_OK);
    write_lines(other_path, 3);
    assert_int_equal(rename(other_path, path), 0);
    assert_false(input_changed(&input, path));
    assert_int_equal(zeros_in(&input), 0);
    assert_int_equal(input.len, (size_t)50000 * LINE_LEN);
    input_close(&input);
}

static void a_file_grown_has_changed(void **state)
{
    struct input input;
    (void)state;
    write_lines(path, 50000);
    assert_int_equal(input_open(&input, path), ERR_OK);
    write_lines(path, 50001);
    assert_true(input_changed(&input, path));
    input_close(&input);
}

static uint64_t records_read(unsigned *errors)
{
    struct sources sources;
    struct zone_text text;
    struct text_options options = {.origin = origin, .threads = 2};
    uint16_t file;
    assert_int_equal(sources_init(&sources), ERR_OK);
    assert_int_equal(sources_open(&sources, path, &file), ERR_OK);
    assert_int_equal(text_read(&sources, file, &options, &text), ERR_OK);
    uint64_t records = text.records;
    *errors = text.errors;
    text_clear(&text);
    sources_clear(&sources);
    return records;
}

/* Lines on both sides of chunks and pages, with and without the last newline. */
static void reads_every_line_of_large_files(void **state)
{
    unsigned errors;
    (void)state;
    write_lines(path, 200000);
    assert_int_equal(records_read(&errors), 200000);
    assert_int_equal(errors, 0);
    assert_int_equal(truncate(path, (off_t)200000 * LINE_LEN - 1), 0);
    assert_int_equal(records_read(&errors), 200000);
    assert_int_equal(errors, 0);
    assert_int_equal(truncate(path, (off_t)200000 * LINE_LEN - LINE_LEN + 12), 0);
    assert_int_equal(records_read(&errors), 199999);
    assert_int_equal(errors, 1);
}

/* $INCLUDE of a pipe would wait for ever, of a device never end. */
static void includes_plain_files_only(void **state)
{
    unsigned errors;
    (void)state;
    assert_int_equal(mkfifo(other_path, 0666), 0);
    FILE *file = fopen(path, "w");
    fprintf(file, "$INCLUDE %s\n$INCLUDE /dev/zero\n$INCLUDE /tmp\na 1 A 192.0.2.1\n", other_path);
    fclose(file);
    assert_int_equal(records_read(&errors), 1);
    assert_int_equal(errors, 3);
    unlink(other_path);
}

/* Each file includes the next one twice: 2^24 readings, were there no end to it. */
static void includes_have_an_end(void **state)
{
    char name[128];
    unsigned errors;
    (void)state;
    for (unsigned i = 0; i < 24; i++) {
        snprintf(name, sizeof name, "%s%s%.0u", path, i == 0 ? "" : ".", i);
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        for (unsigned twice = 0; twice < 2; twice++)
            fprintf(file, "$INCLUDE %s.%u\n", path, i + 1);
        fclose(file);
    }
    snprintf(name, sizeof name, "%s.24", path);
    write_lines(name, 1);
    uint64_t records = records_read(&errors);
    assert_true(records > 50000 && records <= OPENINGS_MAX);
    assert_true(errors > 0 && errors < 100);
    for (unsigned i = 1; i <= 24; i++) {
        snprintf(name, sizeof name, "%s.%u", path, i);
        unlink(name);
    }
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/bailiwick-input-%d", (int)getpid());
    snprintf(other_path, sizeof other_path, "%s.other", path);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    unlink(path);
    unlink(other_path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pads_whatever_the_size),
        cmocka_unit_test(refuses_what_cannot_be_read),
        cmocka_unit_test(a_file_cut_short_reads_as_zeros),
        cmocka_unit_test(a_file_replaced_is_the_old_one),
        cmocka_unit_test(a_file_grown_has_changed),
        cmocka_unit_test(reads_every_line_of_large_files),
        cmocka_unit_test(includes_plain_files_only),
        cmocka_unit_test(includes_have_an_end),
    };
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
