/* zonetool check --fix: mends what is safe to mend, by edits of single words, so that all else of the text
 * stays. Before the file is replaced both texts are read as zones and compared: nothing may differ but what
 * the edits are about. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/file.h"
#include "zone/store/diff.h"
#include "zone/store/load.h"
#include "zone/text/lexer.h"
#include "zone/text/sources.h"
#include "zonetool/check.h"
#include "zonetool/found.h"
#include "zonetool/rewrite.h"

struct edit {
    size_t from, to; /* octets of the old text */
    char *text;      /* instead of them */
    bool changes;    /* records: else the zone must stay as it is */
};

struct fixing {
    const char *path, *text;
    size_t len;
    struct edit *edits;
    size_t count, capacity;
    size_t *lines; /* where each begins */
    size_t line_count;
    bool failed;
};

struct fix_row {
    const char *rule;
    bool changes;
    char *(*mend)(const struct fixing *fixing, const struct found *found, size_t *from, size_t *to);
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* ---- what each rule's mending is; NULL: not this one ---- */

static char *add_dot(const struct fixing *fixing, const struct found *found UNUSED, size_t *from, size_t *to)
{
    if (*from == *to || fixing->text[*to - 1] == '.' || fixing->text[*from] == '@' ||
        fixing->text[*from] == '"')
        return NULL;
    *from = *to;
    return strdup(".");
}

/* The dots of what stands before the @ become part of the label (RFC 1035 8). */
static char *mend_mailbox(
    const struct fixing *fixing, const struct found *found UNUSED, size_t *from, size_t *to)
{
    const char *text = fixing->text + *from, *at = memchr(text, '@', *to - *from);
    char *out = at != NULL && at > text ? malloc((*to - *from) * 2 + 1) : NULL;
    size_t len = 0;
    for (const char *c = text; out != NULL && c < fixing->text + *to; c++) {
        if (*c == '.' && c < at && (c == text || c[-1] != '\\'))
            out[len++] = '\\';
        out[len++] = c == at ? '.' : *c;
    }
    if (out != NULL)
        out[len] = '\0';
    return out;
}

static char *write_zero(const struct fixing *fixing UNUSED, const struct found *found UNUSED,
    size_t *from UNUSED, size_t *to UNUSED)
{
    return strdup("0");
}

/* The set's TTL is the last word of the message. */
static char *write_ttl(
    const struct fixing *fixing, const struct found *found, size_t *from, size_t *to UNUSED)
{
    const char *blank = strrchr(found->finding.message, ' '), *number = blank;
    if (number == NULL || (uint8_t)(fixing->text[*from] - '0') > 9)
        return NULL;
    while (*number != '\0' && (uint8_t)(*number - '0') > 9)
        number++;
    return *number != '\0' ? strdup(number) : NULL;
}

/* A whole line goes when the entry is on it alone, and the next does not take its owner. */
static char *remove_line(const struct fixing *fixing, const struct found *found, size_t *from, size_t *to)
{
    size_t start = fixing->lines[found->finding.line - 1];
    const char *text = fixing->text, *newline = memchr(text + start, '\n', fixing->len - start);
    if (newline == NULL)
        return NULL;
    size_t end = (size_t)(newline + 1 - text);
    bool inherits = is_blank(text[start]);
    if (memchr(text + start, '(', end - start) != NULL ||
        (!inherits && end < fixing->len && is_blank(text[end])))
        return NULL;
    *from = start;
    *to = end;
    return strdup("");
}

static char *quote(const char *text, size_t len)
{
    char *out = len > 0 && len <= 255 ? malloc(len + 3) : NULL;
    if (out != NULL)
        snprintf(out, len + 3, "\"%.*s\"", (int)len, text);
    return out;
}

/* To the last word of the line, with single blanks between. */
static char *quote_words(
    const struct fixing *fixing, const struct found *found UNUSED, size_t *from, size_t *to)
{
    struct lexer lexer;
    struct token token;
    char words[260];
    size_t len = 0;
    const char *start = fixing->text + *from;
    const char *newline = memchr(start, '\n', fixing->len - *from);
    lexer_init(&lexer, start, newline != NULL ? (size_t)(newline - start) : fixing->len - *from);
    while (lexer_next(&lexer, &token)) {
        if (token.quoted || lexer.depth > 0 || len + token.len + 2 > sizeof words)
            return NULL;
        len += (size_t)snprintf(
            words + len, sizeof words - len, "%s%.*s", len > 0 ? " " : "", (int)token.len, token.text);
        *to = (size_t)(token.text + token.len - fixing->text);
    }
    return lexer.error == NULL && lexer.depth == 0 ? quote(words, len) : NULL;
}

/* The rest of the line, which was taken for a comment. */
static char *quote_line(
    const struct fixing *fixing, const struct found *found UNUSED, size_t *from, size_t *to)
{
    const char *start = fixing->text + *from, *newline = memchr(start, '\n', fixing->len - *from);
    const char *end = newline != NULL ? newline : fixing->text + fixing->len;
    while (end > start && is_blank(end[-1]))
        end--;
    if (memchr(start, '"', (size_t)(end - start)) != NULL ||
        memchr(start, '(', (size_t)(end - start)) != NULL ||
        memchr(start, ')', (size_t)(end - start)) != NULL ||
        memmem(start, (size_t)(end - start), "zonecheck:", 10))
        return NULL;
    *to = (size_t)(end - fixing->text);
    return quote(start, (size_t)(end - start));
}

static char *end_file(const struct fixing *fixing, const struct found *found UNUSED, size_t *from, size_t *to)
{
    *from = *to = fixing->len;
    return strdup("\n");
}

static const struct fix_row fix_rows[] = {
    {"trailing-dot", true, add_dot},
    {"ptr-in-reverse-zone", true, add_dot},
    {"soa-mailbox", true, mend_mailbox},
    {"rp-mailbox", true, mend_mailbox},
    {"mx-null-preference", true, write_zero},
    {"txt-unquoted", true, quote_words},
    {"txt-semicolon", true, quote_line},
    {"ttl-mismatch", false, write_ttl},
    {"duplicate", false, remove_line},
    {"file-no-newline", false, end_file},
};

/* ---- edits ---- */

static void index_lines(struct fixing *fixing)
{
    size_t capacity = 1;
    for (size_t i = 0; i < fixing->len; i++)
        capacity += fixing->text[i] == '\n';
    fixing->lines = calloc(capacity + 1, sizeof *fixing->lines);
    if (fixing->lines == NULL) {
        fixing->failed = true;
        return;
    }
    fixing->line_count = 1;
    for (size_t i = 0; i < fixing->len; i++) {
        if (fixing->text[i] == '\n')
            fixing->lines[fixing->line_count++] = i + 1;
    }
}

static void add_edit(struct fixing *fixing, const struct edit *edit)
{
    for (size_t i = 0; i < fixing->count; i++) {
        const struct edit *other = &fixing->edits[i];
        if (edit->from <= other->to && other->from <= edit->to) { /* the next run mends it */
            free(edit->text);
            return;
        }
    }
    if (fixing->count == fixing->capacity) {
        size_t capacity = fixing->capacity * 2 + 16;
        struct edit *edits = realloc(fixing->edits, capacity * sizeof *edits);
        if (edits == NULL) {
            fixing->failed = true;
            free(edit->text);
            return;
        }
        fixing->edits = edits;
        fixing->capacity = capacity;
    }
    fixing->edits[fixing->count++] = *edit;
}

static void mend(struct fixing *fixing, const struct found *found)
{
    const struct finding *finding = &found->finding;
    if (finding->file == NULL || strcmp(finding->file, fixing->path) != 0 || finding->line == 0 ||
        finding->line > fixing->line_count || finding->column == 0)
        return;
    size_t from = fixing->lines[finding->line - 1] + finding->column - 1, to = from + finding->token_len;
    if (to > fixing->len || fixing->text[from] == '$')
        return;
    for (size_t i = 0; i < ARRAY_COUNT(fix_rows); i++) {
        if (strcmp(fix_rows[i].rule, finding->rule) != 0)
            continue;
        char *text = fix_rows[i].mend(fixing, found, &from, &to);
        if (text != NULL)
            add_edit(fixing, &(struct edit){from, to, text, fix_rows[i].changes});
    }
}

static int by_place(const void *a, const void *b)
{
    const struct edit *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

static char *apply(struct fixing *fixing, size_t *len)
{
    char *out = NULL;
    FILE *stream = open_memstream(&out, len);
    size_t at = 0;
    if (stream == NULL)
        return NULL;
    qsort(fixing->edits, fixing->count, sizeof *fixing->edits, by_place);
    for (size_t i = 0; i < fixing->count; i++) {
        const struct edit *edit = &fixing->edits[i];
        fwrite(fixing->text + at, 1, edit->from - at, stream);
        fputs(edit->text, stream);
        at = edit->to;
    }
    fwrite(fixing->text + at, 1, fixing->len - at, stream);
    if (fclose(stream) != 0) {
        free(out);
        return NULL;
    }
    return out;
}

/* ---- proof ---- */

/* The zone that TEXT is, under the name of the file, so that what it includes is found. NULL when it is none.
 */
static struct snapshot *snapshot_of(
    const struct fixing *fixing, const uint8_t *origin, const char *text, size_t len)
{
    struct sources sources;
    uint16_t file;
    struct image *image = NULL;
    struct load_options options = {.origin = origin};
    struct load_result result;
    if (sources_init(&sources) != ERR_OK)
        return NULL;
    enum err err = sources_add(&sources, fixing->path, text, len, &file);
    if (err == ERR_OK)
        err = load_source(&sources, file, &options, &result, &image);
    sources_clear(&sources);
    return err == ERR_OK ? snapshot_new(image) : NULL;
}

static size_t count_records(const struct change_list *list)
{
    struct change_record record;
    size_t at = 0, count = 0;
    while (change_next(list, &at, &record))
        count += record.type != 6; /* a SOA begins both lists */
    return count;
}

/* Every edit that changes a record takes one away and brings one at most. */
static bool is_proved(struct fixing *fixing, const uint8_t *origin, const char *text, size_t len)
{
    size_t budget = 0;
    struct change change = {0};
    struct snapshot *before = snapshot_of(fixing, origin, fixing->text, fixing->len);
    struct snapshot *after = before != NULL ? snapshot_of(fixing, origin, text, len) : NULL;
    for (size_t i = 0; i < fixing->count; i++)
        budget += fixing->edits[i].changes;
    bool proved = after != NULL && diff_snapshots(before, after, 0, &change) == ERR_OK &&
                  count_records(&change.removed) <= budget && count_records(&change.added) <= budget;
    change_clear(&change);
    if (after != NULL)
        snapshot_release(after);
    if (before != NULL)
        snapshot_release(before);
    return proved;
}

static enum outcome write_back(struct fixing *fixing, const uint8_t *origin)
{
    size_t len = 0;
    char *text = apply(fixing, &len);
    enum outcome outcome = OUTCOME_CLEAN;
    if (text == NULL)
        return complain("out of memory");
    if (!is_proved(fixing, origin, text, len)) {
        fprintf(stderr, "zonetool: %s: not mended: it cannot be proved that nothing else would change\n",
            fixing->path);
    } else {
        outcome = rewrite_file(fixing->path, text, len);
        if (outcome == OUTCOME_CLEAN)
            fprintf(stderr, "zonetool: %s: %zu place%s mended\n", fixing->path, fixing->count,
                fixing->count == 1 ? "" : "s");
    }
    free(text);
    return outcome;
}

enum outcome check_fix(const char *path, struct check *check, const uint8_t *origin)
{
    struct found_list list;
    struct check_result result;
    struct arena arena;
    char *text;
    struct fixing fixing = {.path = path};
    enum outcome outcome = OUTCOME_CLEAN;
    arena_init(&arena, 0);
    found_init(&list);
    struct finding_sink sink = found_sink(&list);
    if (strcmp(path, "-") != 0 && file_read(path, (size_t)1 << 32, &arena, &text, &fixing.len) == ERR_OK &&
        check_zone(check, path, &sink, &result) == ERR_OK) {
        fixing.text = text;
        index_lines(&fixing);
        for (size_t i = 0; i < list.count && !fixing.failed; i++)
            mend(&fixing, &list.items[i]);
        if (fixing.count > 0 && !fixing.failed)
            outcome = write_back(&fixing, origin);
    }
    for (size_t i = 0; i < fixing.count; i++)
        free(fixing.edits[i].text);
    free(fixing.edits);
    free(fixing.lines);
    found_clear(&list);
    arena_clear(&arena);
    return outcome;
}
