/* Files, log lines and networks: small floors that everything stands on. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "zone/base/file.h"
#include "zone/base/log.h"

static char directory[] = "/tmp/file_test.XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void test_replace_and_read(void **state)
{
    struct arena arena;
    struct stat status;
    char *text, big[40000];
    size_t len;
    (void)state;
    arena_init(&arena, 0);
    memset(big, 'x', sizeof big);
    umask(022);
    assert_int_equal(file_replace(path_of("a"), "one", 3, 0644), ERR_OK);
    assert_int_equal(file_read(path_of("a"), 100, &arena, &text, &len), ERR_OK);
    assert_string_equal(text, "one");
    assert_int_equal(file_replace(path_of("a"), big, sizeof big, 0666), ERR_OK);
    assert_int_equal(file_read(path_of("a"), sizeof big, &arena, &text, &len), ERR_OK);
    assert_int_equal(len, sizeof big);
    assert_memory_equal(text, big, len);
    assert_int_equal(file_read(path_of("a"), sizeof big - 1, &arena, &text, &len), ERR_LIMIT);
    assert_int_equal(stat(path_of("a"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_int_equal(file_read(path_of("b"), 100, &arena, &text, &len), ERR_MISSING);
    assert_int_equal(file_read(directory, 100, &arena, &text, &len), ERR_IO);
    assert_int_equal(file_replace(path_of("none/b"), "x", 1, 0644), ERR_MISSING);
    assert_int_equal(file_replace(directory, "x", 1, 0644), ERR_IO);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_int_equal(file_replace(path_of("pipe"), "x", 1, 0644), ERR_IO);
    assert_int_equal(errno, ENOTSUP);
    assert_int_equal(unlink(path_of("pipe")), 0);
    assert_int_equal(unlink(path_of("a")), 0);
    arena_clear(&arena);
}

/* Until the commit the old content is there; an abandoned writing leaves nothing behind. */
static void test_write_in_steps(void **state)
{
    struct file_write file;
    struct file_map map;
    (void)state;
    assert_int_equal(file_replace(path_of("a"), "old", 3, 0600), ERR_OK);
    assert_int_equal(file_write_open(&file, path_of("a"), 0600), ERR_OK);
    assert_int_equal(file_write(&file, "new", 3), ERR_OK);
    assert_int_equal(file_map_open(&map, path_of("a")), ERR_OK);
    assert_memory_equal(map.bytes, "old", 3);
    assert_int_equal(file_write_commit(&file), ERR_OK);
    assert_memory_equal(map.bytes, "old", 3);
    file_map_close(&map);
    file_write_abandon(&file);
    assert_int_equal(file_map_open(&map, path_of("a")), ERR_OK);
    assert_memory_equal(map.bytes, "new", 3);
    assert_true(map.mtime_ns > 0);
    file_map_close(&map);
    assert_int_equal(file_write_open(&file, path_of("a"), 0600), ERR_OK);
    file_write_abandon(&file);
    assert_int_equal(unlink(path_of("a")), 0);
}

static void test_map(void **state)
{
    struct file_map map;
    (void)state;
    assert_int_equal(file_replace(path_of("empty"), "", 0, 0600), ERR_OK);
    assert_int_equal(file_map_open(&map, path_of("empty")), ERR_OK);
    assert_non_null(map.bytes);
    assert_int_equal(map.len, 0);
    file_map_close(&map);
    assert_int_equal(file_map_open(&map, path_of("none")), ERR_MISSING);
    assert_int_equal(file_map_open(&map, directory), ERR_IO);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(unlink(path_of("empty")), 0);
}

static size_t logged(char *out, size_t room, void (*speak)(void))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    log_set_fd(ends[1]);
    speak();
    log_set_fd(STDERR_FILENO);
    close(ends[1]);
    ssize_t len = read(ends[0], out, room - 1);
    close(ends[0]);
    assert_true(len >= 0);
    out[len] = '\0';
    return (size_t)len;
}

static void speak_plain(void)
{
    log_debug("not heard");
    log_info("served %d", 5);
    log_error("two\nlines\x1b[31m\n");
    log_set_level(LOG_ERROR);
    log_warning("not heard");
    log_set_level(LOG_DEBUG);
    log_debug("heard");
    log_set_level(LOG_INFO);
    log_mark_priorities(true);
    log_error("marked");
    log_mark_priorities(false);
}

static void speak_long(void)
{
    char text[3 * LOG_LINE_MAX];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    log_info("%s", text);
    memset(text, 1, sizeof text - 1);
    log_info("%s", text);
}

static void test_log(void **state)
{
    char out[8 * LOG_LINE_MAX];
    (void)state;
    logged(out, sizeof out, speak_plain);
    assert_string_equal(
        out, "[INFO] served 5\n[ERROR] two\\x0alines\\x1b[31m\n[DEBUG] heard\n<3>[ERROR] marked\n");
    size_t len = logged(out, sizeof out, speak_long);
    assert_true(len <= 2 * LOG_LINE_MAX);
    assert_non_null(strstr(out, "x...\n[INFO] \\x01"));
    assert_string_equal(out + len - 5, "1...\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace_and_read),
        cmocka_unit_test(test_write_in_steps),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
