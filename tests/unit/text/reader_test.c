/* What the master-file reader makes of a text: records, and findings with their places (RFC 1035 5, RFC 2308
 * 4, RFC 3597 5, and what BIND has made customary). Every row is read whole and in tiny chunks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/text/chunks.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define DIRECTORY "build/reader_test"
#define CHUNK_TINY 7

struct row {
    const char *name;
    const char *text;
    const char *expected; /* "owner ttl TYPE rdata" lines, then "FILE:LINE:COLUMN rule" lines */
    size_t len;           /* of TEXT when it holds a NUL */
};

#define SOA_OUT "z. 1 SOA a.z. b.z. 1 2 3 4 5\n"

static const struct row rows[] = {
    {"owners: absolute, relative, origin, inherited",
        "a.b. 1 A 192.0.2.1\nc 2 A 192.0.2.2\n@ 3 A 192.0.2.3\n\t4 A 192.0.2.4\n",
        "a.b. 1 A 192.0.2.1\nc.z. 2 A 192.0.2.2\nz. 3 A 192.0.2.3\nz. 4 A 192.0.2.4\n", 0},
    {"TTL and class in either order", "a 1 IN A 192.0.2.1\nb IN 2 A 192.0.2.2\nc IN A 192.0.2.3\n",
        "a.z. 1 A 192.0.2.1\nb.z. 2 A 192.0.2.2\nc.z. 2 A 192.0.2.3\n", 0},
    {"TTL units", "a 1h30m A 192.0.2.1\nb 1W2D3H4M5S A 192.0.2.1\n",
        "a.z. 5400 A 192.0.2.1\nb.z. 788645 A 192.0.2.1\n", 0},
    {"$TTL goes before the last TTL (RFC 2308 4)", "$TTL 9\na 1 A 192.0.2.1\nb A 192.0.2.2\n",
        "a.z. 1 A 192.0.2.1\nb.z. 9 A 192.0.2.2\n", 0},
    {"without $TTL: the SOA's minimum", "@ SOA a b 1 2 3 4 5\na A 192.0.2.1\n",
        "z. 5 SOA a.z. b.z. 1 2 3 4 5\na.z. 5 A 192.0.2.1\n", 0},
    {"no TTL to inherit", "a A 192.0.2.1\n", "t:1:3 ttl-missing\n", 0},
    {"TTL out of range", "a 2147483648 A 192.0.2.1\n", "a.z. 0 A 192.0.2.1\nt:1:3 ttl-range\n", 0},
    {"parentheses and comments", "a 1 SOA ( b ; (\n c\n 1 2 ) 3 ( 4\n\t5 ) ; )\nd 1 A 192.0.2.1;x\n",
        "a.z. 1 SOA b.z. c.z. 1 2 3 4 5\nd.z. 1 A 192.0.2.1\n", 0},
    {"data in the first column within parentheses, then an inherited owner", "a 1 TXT (\nb\nc\n)\n 1 TXT d\n",
        "a.z. 1 TXT \"b\" \"c\"\na.z. 1 TXT \"d\"\n", 0},
    {"quotes", "a 1 TXT \"b;(c\" d\"e\" \"\"\n", "a.z. 1 TXT \"b;(c\" \"d\" \"e\" \"\"\n", 0},
    {"escapes", "a\\.b\\032\\@ 1 TXT \\\"\\065\n", "a\\.b\\032\\@.z. 1 TXT \"\\\"A\"\n", 0},
    {"escape out of range", "a\\256 1 A 192.0.2.1\nb 1 A 192.0.2.1\n",
        "b.z. 1 A 192.0.2.1\nt:1:1 owner-syntax\n", 0},
    {"$ORIGIN, absolute and relative",
        "$ORIGIN b.c.\na 1 A 192.0.2.1\n$ORIGIN d\na 1 A 192.0.2.2\n$ORIGIN .\na 1 A 192.0.2.3\n",
        "a.b.c. 1 A 192.0.2.1\na.d.b.c. 1 A 192.0.2.2\na. 1 A 192.0.2.3\n", 0},
    {"upper case in $ORIGIN", "$ORIGIN Q.\nA 1 NS b\n", "a.q. 1 NS b.Q.\n", 0},
    {"owner kept over a directive", "a 1 A 192.0.2.1\n$TTL 5\n A 192.0.2.2\n",
        "a.z. 1 A 192.0.2.1\na.z. 5 A 192.0.2.2\n", 0},
    {"CR LF", "a 1 A 192.0.2.1\r\nb 1 TXT c\r\n", "a.z. 1 A 192.0.2.1\nb.z. 1 TXT \"c\"\n", 0},
    {"byte order mark",
        "\xef\xbb\xbf"
        "a 1 A 192.0.2.1\n",
        "a.z. 1 A 192.0.2.1\n", 0},
    {"no last newline", "a 1 A 192.0.2.1\nb 1 A 192.0.2.2", "a.z. 1 A 192.0.2.1\nb.z. 1 A 192.0.2.2\n", 0},
    {"blank lines and comments", "\n  \n; x\n \t; y\na 1 A 192.0.2.1 ; z\n\n", "a.z. 1 A 192.0.2.1\n", 0},
    {"NUL in a token", "a\0b 1 A 192.0.2.1\nc 1 A 192.0.2.1\n",
        "a\\000b.z. 1 A 192.0.2.1\nc.z. 1 A 192.0.2.1\n", 34},
    {"unknown type (RFC 3597 5)", "a 1 TYPE65534 \\# 3 ab cdef\nb 1 CLASS1 TYPE1 \\# 4 c0000201\n",
        "a.z. 1 TYPE65534 \\# 3 ABCDEF\nb.z. 1 A 192.0.2.1\n", 0},
    {"generic form that lies about its length", "a 1 A \\# 4 c00002\n", "t:1:10 rdata-syntax\n", 0},
    {"generic form that ends in an open quote or parenthesis",
        "a 1 TYPE65534 \\# 1 AB \"c\nb 1 A \\# 4 c0000201 (", "t:1:23 syntax\nt:2:21 syntax\n", 0},
    {"another class", "@ 1 IN SOA a b 1 2 3 4 5\na 1 CH TXT b\n",
        SOA_OUT "a.z. 1 TXT \"b\"\nt:2:8 class-mismatch\n", 0},
    {"meta types", "a 1 ANY\nb 1 AXFR x\nc 1 A 192.0.2.1\n",
        "c.z. 1 A 192.0.2.1\nt:1:5 meta-type\nt:2:5 meta-type\n", 0},
    {"one bad record hides no other",
        "a 1 A 192.0.2\nb 1 A 192.0.2.1\nc 1 MX mail\nd 1 FOO bar\ne 1 A 192.0.2.2\n",
        "b.z. 1 A 192.0.2.1\ne.z. 1 A 192.0.2.2\nt:1:7 rdata-syntax\nt:3:8 rdata-syntax\nt:4:5 "
        "unknown-type\n",
        0},
    {"records under a bad owner are passed over", "a..b 1 A 192.0.2.1\n 1 A 192.0.2.2\nc 1 A 192.0.2.3\n",
        "c.z. 1 A 192.0.2.3\nt:1:1 owner-syntax\n", 0},
    {"no owner to inherit", " 1 A 192.0.2.1\na 1 A 192.0.2.2\n", "a.z. 1 A 192.0.2.2\nt:1:1 owner-missing\n",
        0},
    {"surplus data", "a 1 A 192.0.2.1 x\nb 1 A 192.0.2.1\n", "b.z. 1 A 192.0.2.1\nt:1:17 rdata-syntax\n", 0},
    {"open parenthesis", "a 1 TXT ( b\nc 1 A 192.0.2.1\n", "c.z. 1 A 192.0.2.1\nt:1:9 syntax\n", 0},
    {"closing parenthesis", "a 1 TXT b )\nc 1 A 192.0.2.1\n", "c.z. 1 A 192.0.2.1\nt:1:11 syntax\n", 0},
    {"a quoted string over the end of its line (RFC 1035 5.1)", "a 1 TXT \"b\nc\" d\ne 1 A 192.0.2.1\n",
        "a.z. 1 TXT \"b\\010c\" \"d\"\ne.z. 1 A 192.0.2.1\nt:1:9 quote-newline\n", 0},
    {"an open quote before another string", "a 1 TXT \"b\nc 1 TXT \"d\"\n",
        "c.z. 1 TXT \"d\"\nt:1:9 syntax\n", 0},
    {"an open quote before what reads like an entry", "a 1 TXT \"b\nc 1 A 192.0.2.1\nd 1 TXT \" e\"\n",
        "c.z. 1 A 192.0.2.1\nd.z. 1 TXT \" e\"\nt:1:9 syntax\n", 0},
    {"open quote", "a 1 TXT \"b\nc 1 A 192.0.2.1\n", "c.z. 1 A 192.0.2.1\nt:1:9 syntax\n", 0},
    {"unknown directive", "$FOO x\na 1 A 192.0.2.1\n", "a.z. 1 A 192.0.2.1\nt:1:1 directive-unknown\n", 0},
    {"$TTL without a TTL", "$TTL\na 1 A 192.0.2.1\n", "a.z. 1 A 192.0.2.1\nt:1:1 directive-syntax\n", 0},
    {"$GENERATE", "$GENERATE 1-5/2 h$ 7 A 192.0.2.$\n",
        "h1.z. 7 A 192.0.2.1\nh3.z. 7 A 192.0.2.3\nh5.z. 7 A 192.0.2.5\n", 0},
    {"$GENERATE: offset, width, base",
        "$GENERATE 9-10 h${-1,3,d}x${0,2,x}X${0,0,X}o${0,3,o} 1 A 192.0.2.${1}\n",
        "h008x09x9o011.z. 1 A 192.0.2.10\nh009x0axao012.z. 1 A 192.0.2.11\n", 0},
    {"$GENERATE: nibbles", "$GENERATE 18-18 ${0,3,n} 1 PTR a\n", "2.1.z. 1 PTR a.z.\n", 0},
    {"$GENERATE: nibbles of a number below 0", "$GENERATE 1-1 ${-2,0,n} 1 A 192.0.2.1\n",
        "f.f.f.f.f.f.f.f.z. 1 A 192.0.2.1\n", 0},
    {"$GENERATE: an offset beyond 2^31-1", "$GENERATE 1-1 a${2147483647} 1 A 192.0.2.1\n", "t:1:1 generate\n",
        0},
    {"$GENERATE: \\$ is a dollar", "$GENERATE 1-1 a 1 TXT \\$$\n", "a.z. 1 TXT \"$1\"\n", 0},
    {"$GENERATE: bad modifier, told once", "$GENERATE 1-3 h${0,0,q} 1 A 192.0.2.1\n", "t:1:1 generate\n", 0},
    {"$GENERATE: bad range", "$GENERATE 3-1 h$ 1 A 192.0.2.1\n", "t:1:11 generate\n", 0},
    {"$INCLUDE beside the file, its origin, and ours again",
        "$ORIGIN b.\n$INCLUDE inner c\na 1 A 192.0.2.2\n", "a.c.b. 3 A 192.0.2.1\na.b. 1 A 192.0.2.2\n", 0},
    {"$INCLUDE: $TTL stays, as BIND has it", "$INCLUDE inner\nq A 192.0.2.9\n",
        "a.z. 3 A 192.0.2.1\nq.z. 3 A 192.0.2.9\n", 0},
    {"$INCLUDE: escapes in the name of the file", "$INCLUDE in\\110e\\r\n", "a.z. 3 A 192.0.2.1\n", 0},
    {"$INCLUDE of nothing", "$INCLUDE nothing\na 1 A 192.0.2.1\n", "a.z. 1 A 192.0.2.1\nt:1:10 include\n", 0},
    {"$INCLUDE in a circle", "$INCLUDE circle\na 1 A 192.0.2.1\n",
        "a.z. 1 A 192.0.2.1\ncircle:1:10 include\n", 0},
};

struct tale {
    FILE *out;
};

static void tell_finding(void *context, const struct finding *finding)
{
    struct tale *tale = context;
    const char *slash = strrchr(finding->file, '/');
    fprintf(tale->out, "%s:%u:%u %s\n", slash != NULL ? slash + 1 : finding->file, finding->line,
        finding->column, finding->rule);
}

static void tell_tape(struct tale *tale, const struct tape *tape)
{
    const struct run *run = tape_first(tape);
    for (size_t i = 0; i < tape->run_count; i++, run = run_next(run)) {
        const struct tape_record *record = run_first(run);
        for (uint32_t j = 0; j < run->record_count; j++, record = tape_record_next(record)) {
            char owner[NAME_TEXT_MAX], type[16] = "", rdata[1000];
            name_print(run->name, owner);
            type[type_print(record->type, type)] = '\0';
            rdata_print(record->type, record->rdata, record->rdata_len, rdata, sizeof(rdata));
            fprintf(tale->out, "%s %u %s %s\n", owner, record->ttl, type, rdata);
        }
    }
}

static char *read_file(const char *path, size_t chunk_size)
{
    char *text = NULL;
    size_t len = 0;
    struct tale tale = {open_memstream(&text, &len)};
    struct sources sources;
    struct zone_text zone;
    struct text_options options = {.origin = (const uint8_t *)"\1z", .threads = 1, .chunk_size = chunk_size};
    uint16_t file;
    assert_int_equal(sources_init(&sources), ERR_OK);
    assert_int_equal(sources_open(&sources, path, &file), ERR_OK);
    assert_int_equal(text_read(&sources, file, &options, &zone), ERR_OK);
    for (size_t i = 0; i < zone.count; i++)
        tell_tape(&tale, &zone.chunks[i].tape);
    struct finding_sink sink = {tell_finding, &tale};
    text_report(&zone, &sink);
    text_clear(&zone);
    sources_clear(&sources);
    fclose(tale.out);
    return text;
}

static void write_text(const char *path, const char *text, size_t len)
{
    assert_int_equal(file_replace(path, text, len, 0644), ERR_OK);
}

static int make_files(void **state UNUSED)
{
    if (system("mkdir -p " DIRECTORY) != 0)
        return -1;
    write_text(DIRECTORY "/inner", "$TTL 3\na A 192.0.2.1\n", 20);
    write_text(DIRECTORY "/circle", "$INCLUDE t\n", 11);
    return 0;
}

static int remove_files(void **state UNUSED)
{
    return system("rm -r " DIRECTORY);
}

static void reads_as_the_rows_say(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        write_text(DIRECTORY "/t", row->text, row->len != 0 ? row->len : strlen(row->text));
        char *whole = read_file(DIRECTORY "/t", 0);
        char *pieces = read_file(DIRECTORY "/t", CHUNK_TINY);
        if (strcmp(whole, row->expected) != 0 || strcmp(whole, pieces) != 0)
            print_message("%s:\n%s", row->name, whole);
        assert_string_equal(whole, row->expected);
        assert_string_equal(whole, pieces);
        free(whole);
        free(pieces);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_as_the_rows_say, make_files, remove_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
