/* Image files that are not what was written: cut short, with a bit turned anywhere, of another version,
 * empty, no file at all. Each is refused with one finding that says what to do, and nothing is handed out. */
#include "tests/unit/store/zone_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "zone/store/image.h"
#include "zone/store/load.h"

static struct made_zone zone;
static char text[MADE_TEXT_MAX];
static char folder[64], zone_path[96], image_path[96], damaged_path[96];
static uint8_t *bytes;
static size_t len;

static struct {
    unsigned count;
    char message[200];
    bool hint, file;
} told;

static void tell(void *context, const struct finding *finding)
{
    (void)context;
    told.count++;
    told.hint = finding->hint != NULL;
    told.file = finding->file != NULL && strcmp(finding->file, damaged_path) == 0;
    snprintf(told.message, sizeof told.message, "%s", finding->message);
}

static void write_file(const char *path, const void *octets, size_t count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* A zone with something in every section of its image. */
static int make_image(void **state)
{
    struct image *image;
    struct load_result result;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bailiwick-damage-%d", (int)getpid());
    snprintf(zone_path, sizeof zone_path, "%s/zone", folder);
    snprintf(image_path, sizeof image_path, "%s/image", folder);
    snprintf(damaged_path, sizeof damaged_path, "%s/damaged", folder);
    assert_int_equal(mkdir(folder, 0777), 0);
    struct load_options options = {.origin = zone.apex, .remember = true};
    for (uint64_t seed = 1;; seed++) {
        made_zone(&zone, seed);
        zone.lawless = false;
        if (zone.count < 30 || made_fatal(&zone))
            continue;
        write_file(zone_path, text, made_print(&zone, text));
        assert_int_equal(load_image(zone_path, &options, &result, &image), ERR_OK);
        if (image->header->nsec3_count > 1)
            break;
        image_release(image);
    }
    assert_int_equal(image_write(image, image_path), ERR_OK);
    image_release(image);
    FILE *file = fopen(image_path, "r");
    struct stat st;
    assert_int_equal(fstat(fileno(file), &st), 0);
    len = (size_t)st.st_size;
    bytes = malloc(len + 64);
    assert_int_equal(fread(bytes, 1, len, file), len);
    fclose(file);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(zone_path);
    unlink(image_path);
    unlink(damaged_path);
    rmdir(damaged_path);
    rmdir(folder);
    free(bytes);
    return 0;
}

static void refuses(enum err expected, const char *message)
{
    struct finding_sink sink = {.report = tell};
    struct image *image = NULL;
    memset(&told, 0, sizeof told);
    enum err err = image_open(damaged_path, 2, &sink, &image);
    assert_int_equal(err, expected);
    assert_null(image);
    assert_int_equal(told.count, 1);
    assert_true(told.hint && told.file);
    if (message != NULL && strstr(told.message, message) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", told.message, message);
    assert_int_equal(image_open(damaged_path, 1, NULL, &image), expected);
}

static void opens_what_was_written(void **state)
{
    struct image *image;
    (void)state;
    assert_int_equal(image_open(image_path, 1, NULL, &image), ERR_OK);
    image_release(image);
}

static void refuses_what_is_cut_short(void **state)
{
    (void)state;
    for (size_t i = 1; i < len; i += i < 2000 ? 37 : 509) {
        write_file(damaged_path, bytes, i);
        refuses(ERR_DAMAGED, "truncated");
    }
    write_file(damaged_path, bytes, len - 1);
    refuses(ERR_DAMAGED, "truncated");
    write_file(damaged_path, "", 0);
    refuses(ERR_DAMAGED, "empty");
}

static void refuses_what_has_grown(void **state)
{
    (void)state;
    memset(bytes + len, 0, 64);
    write_file(damaged_path, bytes, len + 64);
    refuses(ERR_DAMAGED, "behind its end");
}

static void refuses_a_turned_bit_anywhere(void **state)
{
    const struct image_header *header = (const struct image_header *)(const void *)bytes;
    (void)state;
    for (size_t i = 0; i < len; i += i < sizeof *header ? 1 : 7) {
        bytes[i] ^= (uint8_t)(1u << i % 8);
        write_file(damaged_path, bytes, len);
        bool version =
            i >= offsetof(struct image_header, version) && i < offsetof(struct image_header, header_len);
        bool size =
            i >= offsetof(struct image_header, header_len) && i < offsetof(struct image_header, checksum);
        const char *why = i < 8     ? "not a zone image"
                          : version ? "another version"
                          : size    ? NULL
                                    : "fails its checksum";
        refuses(version ? ERR_VERSION : ERR_DAMAGED, why);
        bytes[i] ^= (uint8_t)(1u << i % 8);
    }
}

static void refuses_what_is_no_image(void **state)
{
    static const char words[] = "$ORIGIN example.\n@ 3600 IN SOA a b 1 2 3 4 5\n";
    (void)state;
    write_file(damaged_path, words, sizeof words);
    refuses(ERR_DAMAGED, "not a zone image");
    memset(text, 'x', 100000);
    write_file(damaged_path, text, 100000);
    refuses(ERR_DAMAGED, "not a zone image");
    unlink(damaged_path);
    refuses(ERR_MISSING, "No such file");
    assert_int_equal(mkdir(damaged_path, 0777), 0);
    refuses(ERR_IO, "directory");
    rmdir(damaged_path);
}

static void refuses_what_it_may_not_read(void **state)
{
    (void)state;
    write_file(damaged_path, bytes, len);
    assert_int_equal(chmod(damaged_path, 0), 0);
    bool root = geteuid() == 0; /* who may read everything */
    if (root)
        assert_int_equal(seteuid(65534), 0);
    refuses(ERR_IO, "Permission");
    if (root)
        assert_int_equal(seteuid(0), 0);
}

/* A target that cannot be written leaves what was there. */
static void leaves_the_old_image_when_writing_fails(void **state)
{
    struct image *image, *again;
    char nowhere[128];
    (void)state;
    snprintf(nowhere, sizeof nowhere, "%s/no/such/folder", folder);
    assert_int_equal(image_open(image_path, 1, NULL, &image), ERR_OK);
    assert_int_not_equal(image_write(image, nowhere), ERR_OK);
    assert_int_equal(image_write(image, image_path), ERR_OK); /* over the file it is mapped from */
    assert_int_equal(image_open(image_path, 1, NULL, &again), ERR_OK);
    assert_int_equal(again->size, image->size);
    assert_memory_equal(again->base, image->base, image->size);
    image_release(image);
    image_release(again);
}

/* load_current: only for the text it was made from. */
static void knows_its_text(void **state)
{
    struct image *image;
    (void)state;
    assert_int_equal(image_open(image_path, 1, NULL, &image), ERR_OK);
    assert_true(load_current(zone_path, image));
    assert_false(load_current(image_path, image));
    FILE *file = fopen(zone_path, "a");
    fputs("; one more line\n", file);
    fclose(file);
    assert_false(load_current(zone_path, image));
    assert_int_equal(truncate(zone_path, 3), 0);
    assert_false(load_current(zone_path, image));
    unlink(zone_path);
    assert_false(load_current(zone_path, image));
    image_release(image);
}

/* So do the included files, and a change within one tick of a file's times. */
static void knows_the_included_text(void **state)
{
    static const char inner[] = "a 60 A 192.0.2.1\n", other[] = "a 60 A 192.0.2.2\n";
    static const uint8_t origin[] = "\1z";
    char words[256];
    struct image *image;
    struct load_result result;
    struct load_options options = {.origin = origin, .remember = true};
    (void)state;
    snprintf(words, sizeof words, "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\n$INCLUDE %s\n", damaged_path);
    write_file(damaged_path, inner, sizeof inner - 1);
    write_file(zone_path, words, strlen(words));
    assert_int_equal(load_image(zone_path, &options, &result, &image), ERR_OK);
    assert_true(load_current(zone_path, image));
    write_file(damaged_path, other, sizeof other - 1);
    assert_false(load_current(zone_path, image));
    write_file(damaged_path, inner, sizeof inner - 1);
    assert_true(load_current(zone_path, image));
    unlink(damaged_path);
    assert_false(load_current(zone_path, image));
    image_release(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_was_written),
        cmocka_unit_test(refuses_what_is_cut_short),
        cmocka_unit_test(refuses_what_has_grown),
        cmocka_unit_test(refuses_a_turned_bit_anywhere),
        cmocka_unit_test(refuses_what_is_no_image),
        cmocka_unit_test(refuses_what_it_may_not_read),
        cmocka_unit_test(leaves_the_old_image_when_writing_fails),
        cmocka_unit_test(knows_its_text),
        cmocka_unit_test(knows_the_included_text),
    };
    return cmocka_run_group_tests(tests, make_image, remove_files);
}
