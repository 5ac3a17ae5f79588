/* zonetool merge-driver: git's three-way merge, for zone files. The serial resolves itself; what git's merge
 * of lines leaves open is put together by RRset (reconcile.h); and in the end the records of the result are
 * held against what both changes together must come to, so that a merge that went through as lines cannot go
 * wrong unseen. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/store/change.h"
#include "zone/text/chunks.h"
#include "zone/wire/record_hash.h"
#include "zonetool/reconcile.h"
#include "zonetool/rewrite.h"
#include "zonetool/soa.h"

#define MARKER_DEFAULT 7

enum { BASE, OURS, THEIRS, MERGED, TEXTS };

struct merge {
    const char *path; /* of the file in the repository */
    unsigned marker_size;
    struct {
        char *text; /* LEXER_PAD zeros behind it */
        size_t len;
    } texts[TEXTS];
    bool conflicts;
    bool taken; /* the result is the text of one side */
};

static char *make_text(size_t len)
{
    char *text = malloc(len + LEXER_PAD);
    if (text != NULL)
        memset(text + len, 0, LEXER_PAD);
    return text;
}

static enum err read_file(struct merge *merge, unsigned which, const char *path)
{
    struct input input;
    enum err err = input_open(&input, path);
    if (err != ERR_OK)
        return err;
    merge->texts[which].text = make_text(input.len);
    merge->texts[which].len = input.len;
    if (merge->texts[which].text == NULL)
        err = ERR_MEMORY;
    else if (input.len > 0)
        memcpy(merge->texts[which].text, input.text, input.len);
    input_close(&input);
    return err;
}

/* ---- the serial ---- */

static enum err set_serial(
    struct merge *merge, unsigned which, const struct soa_serial *serial, uint32_t value)
{
    char digits[16];
    char *old = merge->texts[which].text;
    size_t digits_len = (size_t)snprintf(digits, sizeof digits, "%u", value);
    size_t len = merge->texts[which].len - serial->len + digits_len, behind = serial->at + serial->len;
    char *text = make_text(len);
    if (text == NULL)
        return ERR_MEMORY;
    memcpy(text, old, serial->at);
    memcpy(text + serial->at, digits, digits_len);
    memcpy(text + serial->at + digits_len, old + behind, merge->texts[which].len - behind);
    free(old);
    merge->texts[which].text = text;
    merge->texts[which].len = len;
    return ERR_OK;
}

/* Who raised it wins; if both did, the merge is newer than either, for either may be in service. */
static uint32_t merged_serial(uint32_t base, uint32_t ours, uint32_t theirs)
{
    if (ours == base || theirs == base)
        return ours == base ? theirs : ours;
    return soa_next(serial_after(ours, theirs) ? ours : theirs, SOA_INCREMENT, 0, 0);
}

static enum err merge_serials(struct merge *merge)
{
    struct soa_serial serials[3];
    enum err err = ERR_OK;
    for (unsigned i = 0; i < 3; i++) {
        err = soa_find(merge->texts[i].text, merge->texts[i].len, &serials[i]);
        if (err != ERR_OK)
            return err == ERR_MISSING ? ERR_OK : err;
    }
    uint32_t serial = merged_serial(serials[BASE].value, serials[OURS].value, serials[THEIRS].value);
    for (unsigned i = 0; i < 3 && err == ERR_OK; i++)
        err = set_serial(merge, i, &serials[i], serial);
    return err;
}

/* ---- lines ---- */

/* The next line that is a marker of C, from AT on; END when there is none. */
static const char *find_marker(const char *at, const char *end, char c, unsigned size)
{
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline != NULL ? newline : end) - at), run = 0;
        while (run < len && at[run] == c)
            run++;
        if (run == size && (len == run || at[run] == ' '))
            return at;
        if (newline == NULL)
            break;
        at = newline + 1;
    }
    return end;
}

static const char *line_behind(const char *at, const char *end)
{
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    return newline != NULL ? newline + 1 : end;
}

/* Each piece is scanned as a text of its own, which needs its padding. */
static bool copy_piece(struct arena *arena, const char *from, const char *to, struct git_text *out)
{
    size_t len = (size_t)(to - from);
    char *text = arena_zalloc(arena, len + LEXER_PAD, 1);
    if (text != NULL && len > 0)
        memcpy(text, from, len);
    *out = (struct git_text){.text = text, .len = len};
    return text != NULL;
}

static enum err put_plain(struct reconcile *reconcile, const char *from, const char *to)
{
    struct git_text text;
    if (!copy_piece(&reconcile->arena, from, to, &text))
        return ERR_MEMORY;
    fwrite(from, 1, (size_t)(to - from), reconcile->out);
    return reconcile_pass(reconcile, &text);
}

static enum err put_stretch(struct reconcile *state, const char *open, const char *end, const char **behind)
{
    unsigned size = state->marker_size;
    const char *base = find_marker(open, end, '|', size), *middle = find_marker(base, end, '=', size);
    const char *close = find_marker(middle, end, '>', size);
    struct git_text ours, was, theirs;
    *behind = line_behind(close, end);
    if (!copy_piece(&state->arena, line_behind(open, end), base, &ours) ||
        !copy_piece(&state->arena, line_behind(base, end), middle, &was) ||
        !copy_piece(&state->arena, line_behind(middle, end), close, &theirs))
        return ERR_MEMORY;
    switch (reconcile(state, &ours, &was, &theirs)) {
    case RECONCILED:
        return ERR_OK;
    case RECONCILED_NO_MEMORY:
        return ERR_MEMORY;
    case RECONCILED_NOT:
        break;
    }
    state->conflicts++;
    fwrite(open, 1, (size_t)(*behind - open), state->out);
    return ERR_OK;
}

/* The result of git's merge with its conflicts put together as far as that goes. */
static enum err merge_conflicts(struct merge *merge, const char *lines, size_t len)
{
    struct reconcile state = {.marker_size = merge->marker_size};
    char *text = NULL;
    size_t text_len = 0;
    enum err err = ERR_OK;
    state.out = open_memstream(&text, &text_len);
    if (state.out == NULL)
        return ERR_MEMORY;
    arena_init(&state.arena, 0);
    for (const char *at = lines, *end = lines + len; at < end && err == ERR_OK;) {
        const char *open = find_marker(at, end, '<', merge->marker_size);
        err = put_plain(&state, at, open);
        at = open;
        if (err == ERR_OK && open < end)
            err = put_stretch(&state, open, end, &at);
    }
    arena_clear(&state.arena);
    char padding[LEXER_PAD] = {0};
    fwrite(padding, 1, sizeof padding, state.out);
    if (fclose(state.out) != 0)
        err = ERR_MEMORY;
    merge->texts[MERGED].text = text;
    merge->texts[MERGED].len = text_len >= LEXER_PAD ? text_len - LEXER_PAD : 0;
    merge->conflicts = state.conflicts > 0;
    return err;
}

static enum err merge_lines(struct merge *merge)
{
    struct git_text texts[3];
    char *lines;
    size_t len;
    bool clean;
    for (unsigned i = 0; i < 3; i++)
        texts[i] = (struct git_text){.text = merge->texts[i].text, .len = merge->texts[i].len};
    enum err err =
        git_merge_lines(&texts[BASE], &texts[OURS], &texts[THEIRS], merge->marker_size, &lines, &len, &clean);
    if (err != ERR_OK)
        return err;
    if (!clean) {
        err = merge_conflicts(merge, lines, len);
        free(lines);
        return err;
    }
    merge->texts[MERGED].text = lines;
    merge->texts[MERGED].len = len;
    return ERR_OK;
}

/* ---- what it means ---- */

struct hashes {
    uint64_t *list;
    size_t count, room;
    bool failed;
};

static void keep_hashes(void *context, size_t chunk UNUSED, struct tape *tape)
{
    struct hashes *hashes = context;
    const struct run *run = tape_first(tape);
    for (size_t i = 0; i < tape->run_count; i++, run = run_next(run)) {
        uint64_t owner = owner_hash(run->name, run->name_len);
        const struct tape_record *record = run_first(run);
        for (uint32_t j = 0; j < run->record_count; j++, record = tape_record_next(record)) {
            if (hashes->count == hashes->room) {
                size_t room = hashes->room * 2 + 256;
                uint64_t *list = realloc(hashes->list, room * sizeof *list);
                hashes->failed |= list == NULL;
                if (list == NULL)
                    return;
                hashes->list = list;
                hashes->room = room;
            }
            hashes->list[hashes->count++] =
                record_hash(owner, record->type, record->ttl, record->rdata, record->rdata_len);
        }
    }
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void sort_distinct(struct hashes *hashes)
{
    size_t kept = 0;
    if (hashes->count > 0)
        qsort(hashes->list, hashes->count, sizeof *hashes->list, compare_hashes);
    for (size_t i = 0; i < hashes->count; i++) {
        if (kept == 0 || hashes->list[kept - 1] != hashes->list[i])
            hashes->list[kept++] = hashes->list[i];
    }
    hashes->count = kept;
}

/* All records of a text, in one chunk: a chunk cannot come twice then. */
static enum err read_hashes(const struct merge *merge, unsigned which, struct hashes *hashes)
{
    static const uint8_t any_origin[] = "\1x";
    struct sources sources;
    struct zone_text text;
    uint16_t file;
    struct text_options options = {.origin = any_origin,
        .threads = 1,
        .chunk_size = SIZE_MAX / 2,
        .fragment = true,
        .consume = keep_hashes,
        .context = hashes};
    enum err err = sources_init(&sources);
    if (err != ERR_OK)
        return err;
    err = sources_add(&sources, merge->path, merge->texts[which].text, merge->texts[which].len, &file);
    if (err == ERR_OK)
        err = text_read(&sources, file, &options, &text);
    if (err == ERR_OK)
        text_clear(&text);
    sources_clear(&sources);
    sort_distinct(hashes);
    return err != ERR_OK ? err : hashes->failed ? ERR_MEMORY : ERR_OK;
}

static bool has_hash(const struct hashes *hashes, uint64_t hash)
{
    return hashes->count > 0 &&
           bsearch(&hash, hashes->list, hashes->count, sizeof hash, compare_hashes) != NULL;
}

/* A record must be there when both have it, or one has it and it is new. */
static bool must_be_there(const struct hashes *texts, uint64_t hash)
{
    bool ours = has_hash(&texts[OURS], hash), theirs = has_hash(&texts[THEIRS], hash);
    return (ours && theirs) || ((ours || theirs) && !has_hash(&texts[BASE], hash));
}

static enum err check_meaning(const struct merge *merge, bool *right)
{
    struct hashes texts[TEXTS] = {0};
    enum err err = ERR_OK;
    *right = true;
    for (unsigned i = 0; i < TEXTS && err == ERR_OK; i++)
        err = read_hashes(merge, i, &texts[i]);
    for (unsigned i = 0; i < TEXTS && err == ERR_OK; i++) {
        for (size_t j = 0; j < texts[i].count; j++) {
            uint64_t hash = texts[i].list[j];
            *right &= must_be_there(texts, hash) == has_hash(&texts[MERGED], hash);
        }
    }
    for (unsigned i = 0; i < TEXTS; i++)
        free(texts[i].list);
    return err;
}

static bool is_same(const struct merge *merge, unsigned a, unsigned b)
{
    size_t len = merge->texts[a].len;
    return len == merge->texts[b].len &&
           (len == 0 || memcmp(merge->texts[a].text, merge->texts[b].text, len) == 0);
}

/* What one side has not touched is as the other one has it, to the octet. */
static enum err merge_texts(struct merge *merge)
{
    bool theirs = is_same(merge, BASE, OURS),
         ours = is_same(merge, BASE, THEIRS) || is_same(merge, OURS, THEIRS);
    if (ours || theirs) {
        unsigned from = ours ? OURS : THEIRS;
        merge->texts[MERGED] = merge->texts[from];
        memset(&merge->texts[from], 0, sizeof merge->texts[from]);
        merge->taken = true;
        return ERR_OK;
    }
    enum err err = merge_serials(merge);
    return err == ERR_OK ? merge_lines(merge) : err;
}

/* ---- the command ---- */

static struct {
    const char *marker_size;
} options;

const struct option_row merge_options[] = {
    {.letter = 'L',
        .word = "marker-size",
        .value = "N",
        .help = "length of conflict markers, 7 if not given",
        .text = &options.marker_size},
    {.word = NULL},
};

static enum outcome finish(struct merge *merge, const char *ours)
{
    bool right = true;
    enum err err = merge->conflicts || merge->taken ? ERR_OK : check_meaning(merge, &right);
    if (err != ERR_OK)
        return complain("%s: %s", merge->path, err_text(err));
    enum outcome outcome = rewrite_file(ours, merge->texts[MERGED].text, merge->texts[MERGED].len);
    if (outcome != OUTCOME_CLEAN)
        return outcome;
    if (!right)
        complain(
            "%s: merged as lines, the records are not what both changes come to: look at it", merge->path);
    return merge->conflicts || !right ? OUTCOME_FINDINGS : OUTCOME_CLEAN;
}

enum outcome merge_run(const struct arguments *arguments)
{
    static const unsigned order[] = {BASE, OURS, THEIRS};
    char *const *files = arguments->operands;
    struct merge merge = {
        .path = arguments->operand_count > 3 ? files[3] : files[1], .marker_size = MARKER_DEFAULT};
    enum outcome outcome = OUTCOME_CLEAN;
    if (options.marker_size != NULL && strtoul(options.marker_size, NULL, 10) > 0)
        merge.marker_size = (unsigned)strtoul(options.marker_size, NULL, 10);
    for (unsigned i = 0; i < 3 && outcome == OUTCOME_CLEAN; i++) {
        if (read_file(&merge, order[i], files[i]) != ERR_OK)
            outcome = complain("%s: %s", files[i], strerror(errno));
    }
    if (outcome == OUTCOME_CLEAN) {
        enum err err = merge_texts(&merge);
        outcome = err == ERR_OK ? finish(&merge, files[1])
                  : err == ERR_UNSUPPORTED
                      ? complain("%s: no text, it has NUL octets: not merged, ours is left", merge.path)
                      : complain("%s: %s", merge.path, err_text(err));
    }
    for (unsigned i = 0; i < TEXTS; i++)
        free(merge.texts[i].text);
    return outcome;
}
