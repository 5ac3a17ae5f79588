/* chunks.h promises that a text cut into pieces and read by several threads tells what one reader tells from
 * top to bottom, and reader.h that the fast path reads nothing differently. Random zone texts, most of them
 * damaged, with includes and $GENERATE, are read in many ways: records, their places, findings must be the
 * same each time. ROUNDS and SEED in the environment change how many and which. */
#include "tests/unit/store/zone_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <unistd.h>

#include "zone/base/hash.h"
#include "zone/text/chunks.h"

static struct made_zone zone;
static char text[MADE_TEXT_MAX * 2];
static size_t text_len;
static char outer[64], inner[96], broken[96];
static uint64_t at_seed;

static uint64_t from_environment(const char *name, uint64_t usual)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 0) : usual;
}

static void write_file(const char *path, const void *octets, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* ---- texts ---- */

static void insert(size_t at, const char *words)
{
    size_t len = strlen(words);
    memmove(text + at + len, text + at, text_len - at);
    memcpy(text + at, words, len);
    text_len += len;
}

static size_t line_start(size_t at)
{
    while (at > 0 && text[at - 1] != '\n')
        at--;
    return at;
}

static void damage(void)
{
    static const char octets[] = "()\"\";\\\n\n\r\t  @$.*0A\0";
    size_t at = made_any(&zone, (uint32_t)text_len);
    switch (made_any(&zone, 4)) {
    case 0:
        memmove(text + at, text + at + 1, text_len - at - 1);
        text_len--;
        break;
    case 1:
        text[at] = octets[made_any(&zone, sizeof octets)];
        break;
    default:
        insert(at, (char[]){octets[made_any(&zone, sizeof octets - 2)], 0});
    }
}

/* A line of another kind somewhere. */
static void add_line(void)
{
    static const char *const lines[] = {"$TTL 77\n", "$TTL x\n", "$ORIGIN sub\n", "$ORIGIN ..\n", "$FOO\n",
        "$GENERATE 1-3 g$ 60 A 192.0.2.$\n", "$GENERATE 1-3/2 ${0,2,x} CNAME $\n", "$GENERATE 2-1 a A $\n",
        " A 192.0.2.1\n", "x CH TXT chaos\n", "x A 192.0.2.256\n", "x 60 MX mail\n", "x FOO bar\n", "(\n",
        ")\n", "\"\n", "x 60 TXT (\na\nb\n)\n", "x 60 TXT ( a\nb ; )\n\nc\n)\n 60 TXT d\n", "\n\n \n;\n",
        "x 60 TXT \"a\\\nb\n", "x..y A 192.0.2.1\n A 192.0.2.2\n", "   $TTL 5\n",
        "a 60 TYPE1 \\# 4 c0000201\n", "@ 1h SOA a b 1 2 3 4 5\n", "$TTL 9 ; (\n", "$ORIGIN a.b.c. (\n)\n",
        "a 99999999999 A 192.0.2.1\n", "\\$a 60 A 192.0.2.9\n", "a\\\n60 A 192.0.2.9\n",
        "a 60 A 192.0.2.9 extra\n"};
    char words[200];
    size_t at = line_start(made_any(&zone, (uint32_t)text_len + 1));
    if (made_one_in(&zone, 4)) {
        const char *path = made_one_in(&zone, 2) ? inner : made_one_in(&zone, 2) ? broken : outer;
        snprintf(words, sizeof words, "$INCLUDE %s%s\n", path, made_one_in(&zone, 2) ? " in.side" : "");
        insert(at, words);
        return;
    }
    insert(at, lines[made_any(&zone, sizeof lines / sizeof *lines)]);
}

static void make_text(uint64_t seed)
{
    made_zone(&zone, seed);
    text_len = made_print(&zone, text);
    if (text_len == 0)
        insert(0, "\n");
    for (unsigned i = made_any(&zone, 6); i > 0; i--)
        add_line();
    for (unsigned i = made_one_in(&zone, 2) ? made_any(&zone, 5) : 0; i > 0 && text_len > 1; i--)
        damage();
    write_file(outer, text, text_len);
}

/* ---- what a reading tells ---- */

struct tale {
    char *text;
    size_t len;
    FILE *out;
};

static void tell_finding(void *context, const struct finding *finding)
{
    struct tale *tale = context;
    fprintf(tale->out, "%s:%u:%u %s %s \"%.*s\" %s\n", finding->file, finding->line, finding->column,
        finding->rule, finding->message, (int)finding->token_len, finding->token,
        finding->hint != NULL ? finding->hint : "");
}

static void tell_tape(struct tale *tale, const struct tape *tape, struct sources *sources)
{
    const struct run *run = tape_first(tape);
    for (size_t i = 0; i < tape->run_count; i++, run = run_next(run)) {
        const struct tape_record *record = run_first(run);
        char owner[NAME_TEXT_MAX];
        name_print(run->name, owner);
        for (uint32_t j = 0; j < run->record_count; j++, record = tape_record_next(record))
            fprintf(tale->out, "%s@%llu %s/%u %u %u %u:%016llx\n", sources_get(sources, run->file)->path,
                (unsigned long long)(run->at + record->behind), owner, run->labels, record->ttl, record->type,
                record->rdata_len, (unsigned long long)hash_bytes(1, record->rdata, record->rdata_len));
    }
}

static void tell_text(struct tale *tale, struct sources *sources, const struct zone_text *read)
{
    struct finding_sink sink = {.report = tell_finding, .context = tale};
    char owner[NAME_TEXT_MAX] = "none";
    for (size_t i = 0; i < read->count; i++)
        tell_tape(tale, &read->chunks[i].tape, sources);
    text_report(read, &sink);
    if (read->soa_seen)
        name_print(read->soa_owner, owner);
    fprintf(tale->out, "%u errors, %u warnings, %llu records, SOA at %s\n", read->errors, read->warnings,
        (unsigned long long)read->records, owner);
}

static char *read_in_chunks(size_t chunk_size, unsigned threads)
{
    struct tale tale = {0};
    struct sources sources;
    struct zone_text read;
    uint16_t file;
    struct text_options options = {.origin = zone.apex, .threads = threads, .chunk_size = chunk_size};
    tale.out = open_memstream(&tale.text, &tale.len);
    assert_int_equal(sources_init(&sources), ERR_OK);
    assert_int_equal(sources_open(&sources, outer, &file), ERR_OK);
    assert_int_equal(text_read(&sources, file, &options, &read), ERR_OK);
    tell_text(&tale, &sources, &read);
    text_clear(&read);
    sources_clear(&sources);
    fclose(tale.out);
    return tale.text;
}

/* One reader, the careful path alone. */
static char *read_carefully(void)
{
    struct tale tale = {0};
    struct sources sources;
    struct zone_text read = {.count = 1};
    struct chunk chunk = {0};
    struct reader reader;
    uint16_t file;
    tale.out = open_memstream(&tale.text, &tale.len);
    assert_int_equal(sources_init(&sources), ERR_OK);
    assert_int_equal(sources_open(&sources, outer, &file), ERR_OK);
    arena_init(&chunk.arena, 0);
    chunk.findings.arena = &chunk.arena;
    assert_int_equal(tape_init(&chunk.tape, text_len), ERR_OK);
    reader_init(&reader, &sources, file, &chunk.tape, &chunk.findings, zone.apex);
    reader.at += text_len >= 3 && memcmp(reader.at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (reader.at < reader.end && reader.failure == ERR_OK)
        reader_entry(&reader);
    read.sources = &sources;
    read.chunks = &chunk;
    read.errors = chunk.findings.errors;
    read.warnings = chunk.findings.warnings;
    read.records = chunk.tape.record_count;
    read.soa_seen = reader.soa_seen;
    memcpy(read.soa_owner, reader.soa_owner, sizeof read.soa_owner);
    tell_text(&tale, &sources, &read);
    tape_clear(&chunk.tape);
    arena_clear(&chunk.arena);
    sources_clear(&sources);
    fclose(tale.out);
    return tale.text;
}

static void must_be_equal(
    char *other, const char *expected, const char *way, size_t chunk_size, unsigned threads)
{
    size_t at = 0, line = 0;
    if (strcmp(other, expected) != 0) {
        for (; other[at] == expected[at]; at++)
            line = other[at] == '\n' ? at + 1 : line;
        fail_msg("%s (chunks of %zu, %u threads) tells\n  %.*s\nand not\n  %.*s", way, chunk_size, threads,
            (int)strcspn(other + line, "\n"), other + line, (int)strcspn(expected + line, "\n"),
            expected + line);
    }
    free(other);
}

static void every_way_of_reading_tells_the_same(void **state)
{
    uint64_t seed = from_environment("SEED", 1), rounds = from_environment("ROUNDS", 1000);
    static const char inside[] = "$TTL 44\n$ORIGIN deeper\ni A 192.0.2.7\n IN A 192.0.2.8\nj A 192.0.2.9";
    static const char wrong[] = "q A 1\nq 5 A 192.0.2.1\nw 6 TXT ( open\n";
    (void)state;
    write_file(inner, inside, sizeof inside - 1);
    write_file(broken, wrong, sizeof wrong - 1);
    for (uint64_t i = 0; i < rounds; i++) {
        at_seed = seed + i;
        make_text(at_seed);
        char *expected = read_in_chunks((size_t)1 << 20, 1);
        must_be_equal(read_carefully(), expected, "the careful path", 0, 1);
        for (unsigned j = 0; j < 3; j++) {
            unsigned most = j == 0 ? 16 : j == 1 ? 200 : 3000, threads = 1 + made_any(&zone, 4);
            size_t chunk_size = 1 + made_any(&zone, most);
            if (text_len / chunk_size < 4000)
                must_be_equal(
                    read_in_chunks(chunk_size, threads), expected, "a reading", chunk_size, threads);
        }
        free(expected);
    }
    at_seed = 0;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(outer, sizeof outer, "/tmp/bailiwick-chunks-%d", (int)getpid());
    snprintf(inner, sizeof inner, "%s-inner", outer);
    snprintf(broken, sizeof broken, "%s-broken", outer);
    return 0;
}

/* What failed can be run again alone. */
static int say_seed(void **state)
{
    (void)state;
    if (at_seed != 0) {
        print_message("SEED=%llu ROUNDS=1 shows it; the text is %s\n", (unsigned long long)at_seed, outer);
        return 0;
    }
    unlink(outer);
    unlink(inner);
    unlink(broken);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_way_of_reading_tells_the_same, set_up, say_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
