#include "zone/text/format.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/parallel.h"
#include "zone/text/chunks.h"
#include "zone/text/layout.h"
#include "zone/wire/record_hash.h"

/* Tapes and printed text of a piece this large come from the heap again and again: fresh pages, which the
 * system clears, cost more than the work. */
#define PIECE_DEFAULT ((size_t)256 << 10)

/* ---- what a text means ---- */

struct meaning {
    uint64_t sum; /* of the hashes of all records */
    uint64_t records, findings;
    unsigned errors, warnings;
    uint16_t class;
};

struct reading {
    struct meaning meaning;
    uint64_t *sums; /* per chunk: a chunk can be read twice */
};

static void sum_chunk(void *context, size_t chunk, struct tape *tape)
{
    struct reading *reading = context;
    uint64_t sum = 0;
    const struct run *run = tape_first(tape);
    for (size_t i = 0; i < tape->run_count; i++, run = run_next(run)) {
        uint64_t owner = owner_hash(run->name, run->name_len);
        const struct tape_record *record = run_first(run);
        for (uint32_t j = 0; j < run->record_count; j++, record = tape_record_next(record))
            sum += record_hash(owner, record->type, record->ttl, record->rdata, record->rdata_len);
    }
    reading->sums[chunk] = sum;
    tape_clear(tape);
}

static bool is_missing_include(const struct pending *finding)
{
    return finding->severity == SEVERITY_ERROR && strcmp(finding->rule, "include") == 0;
}

/* Findings by their rules and words; places move. What cannot be included is left out of both readings. */
static void add_findings(struct meaning *meaning, const struct zone_text *text)
{
    for (size_t i = 0; i < text->count; i++) {
        for (const struct pending *at = text->chunks[i].findings.first; at != NULL; at = at->next) {
            meaning->findings +=
                hash_bytes(hash_bytes(0, at->rule, strlen(at->rule)), at->message, strlen(at->message));
            meaning->errors -= is_missing_include(at);
        }
    }
}

static enum err read_meaning(struct sources *sources, uint16_t file, const struct format_options *options,
    const struct finding_sink *sink, struct meaning *meaning)
{
    /* Relative names must differ from absolute ones; what stands behind them does not matter. */
    static const uint8_t any_origin[] = "\1x";
    struct zone_text text;
    struct reading reading = {.sums = NULL};
    size_t chunk_size = options->chunk_size != 0 ? options->chunk_size : PIECE_DEFAULT;
    size_t count = sources_get(sources, file)->input.len / chunk_size + 1;
    struct text_options how = {.origin = options->origin != NULL ? options->origin : any_origin,
        .threads = options->threads,
        .chunk_size = chunk_size,
        .fragment = true,
        .consume = sum_chunk,
        .context = &reading};
    reading.sums = calloc(count, sizeof *reading.sums);
    enum err err = reading.sums == NULL ? ERR_MEMORY : text_read(sources, file, &how, &text);
    if (err == ERR_OK) {
        *meaning = (struct meaning){
            .records = text.records, .errors = text.errors, .warnings = text.warnings, .class = text.class};
        for (size_t i = 0; i < count; i++)
            meaning->sum += reading.sums[i];
        add_findings(meaning, &text);
        if (sink != NULL && meaning->errors > 0)
            text_report(&text, sink);
        text_clear(&text);
    }
    free(reading.sums);
    return err;
}

static bool same_meaning(const struct meaning *a, const struct meaning *b)
{
    return a->sum == b->sum && a->records == b->records && a->findings == b->findings &&
           a->errors == b->errors && a->warnings == b->warnings && a->class == b->class;
}

/* ---- the new text ---- */

struct part {
    struct layout layout;
    size_t starts, limit, ends; /* offsets */
};

#define SPARES_MAX 64

struct spare {
    char *text;
    size_t room;
};

struct work {
    const struct input *input;
    struct part *parts;
    size_t count;
    char *out; /* NULL: nobody wants it */
    bool differs;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t moved;
    size_t placed, out_len; /* parts that have their places in the new text, and its length so far */
    struct spare spares[SPARES_MAX];
    unsigned spare_count;
};

/* Could the line at AT begin an entry that nothing before it goes on in? (Parentheses tell only when the text
 * before has been scanned: measure_all.) */
static bool begins_entry(char c)
{
    return c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != ')' && c != ';' && c != '(' && c != '"';
}

static size_t find_start(const struct input *input, size_t from)
{
    const char *text = input->text;
    while (from < input->len) {
        const char *newline = memchr(text + from, '\n', input->len - from);
        if (newline == NULL)
            break;
        from = (size_t)(newline - text) + 1;
        if (from < input->len && begins_entry(text[from]))
            return from;
    }
    return input->len;
}

static void cut(struct work *work, size_t size)
{
    for (size_t i = 0; i < work->count; i++) {
        struct part *part = &work->parts[i];
        part->starts = i == 0 ? 0 : find_start(work->input, i * size - 1);
        if (i > 0)
            part[-1].limit = part->starts;
    }
    work->parts[work->count - 1].limit = work->input->len;
}

static size_t skip_mark(const struct input *input)
{
    return input->len >= 3 && memcmp(input->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* as reader_run does */
}

static void measure_part(void *context, size_t i)
{
    struct work *work = context;
    struct part *part = &work->parts[i];
    const char *text = work->input->text, *end = text + work->input->len;
    size_t from = i == 0 ? skip_mark(work->input) : part->starts;
    part->ends = (size_t)(layout_measure(&part->layout, text + from, text + part->limit, end) - text);
}

/* A buffer that an earlier part has done with. */
static void borrow_text(struct work *work, struct layout *layout)
{
    pthread_mutex_lock(&work->lock);
    if (work->spare_count > 0) {
        struct spare spare = work->spares[--work->spare_count];
        layout->text = spare.text;
        layout->room = spare.room;
    }
    pthread_mutex_unlock(&work->lock);
}

static void return_text(struct work *work, struct layout *layout)
{
    pthread_mutex_lock(&work->lock);
    if (work->spare_count < SPARES_MAX) {
        work->spares[work->spare_count++] = (struct spare){layout->text, layout->room};
        layout->text = NULL;
        layout->room = 0;
    }
    pthread_mutex_unlock(&work->lock);
}

/* Where part I goes: behind those before it, which other threads have in hand. */
static size_t take_place(struct work *work, size_t i)
{
    pthread_mutex_lock(&work->lock);
    while (work->placed != i)
        pthread_cond_wait(&work->moved, &work->lock);
    size_t at = work->out_len;
    work->out_len += work->parts[i].layout.len;
    work->placed = i + 1;
    pthread_cond_broadcast(&work->moved);
    pthread_mutex_unlock(&work->lock);
    return at;
}

static void place_part(struct work *work, size_t i)
{
    struct part *part = &work->parts[i];
    size_t len = part->layout.len, at = take_place(work, i);
    if (len != part->limit - part->starts || at != part->starts ||
        (len > 0 && memcmp(part->layout.text, work->input->text + at, len) != 0))
        __atomic_store_n(&work->differs, true, __ATOMIC_RELAXED);
    if (len > 0 && work->out != NULL)
        memcpy(work->out + at, part->layout.text, len);
}

static void print_part(void *context, size_t i)
{
    struct work *work = context;
    struct part *part = &work->parts[i];
    const char *text = work->input->text, *end = text + work->input->len;
    size_t from = i == 0 ? skip_mark(work->input) : part->starts;
    borrow_text(work, &part->layout);
    layout_print(
        &part->layout, text + from, text + part->limit, end, i == 0, part->limit == work->input->len);
    place_part(work, i);
    return_text(work, &part->layout);
}

/* False when an entry goes on over a cut. */
static bool cuts_are_right(const struct work *work)
{
    for (size_t i = 0; i + 1 < work->count; i++) {
        if (work->parts[i].ends != work->parts[i + 1].starts)
            return false;
    }
    return true;
}

static enum err failure_of(const struct work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        if (work->parts[i].layout.failure != ERR_OK)
            return work->parts[i].layout.failure;
    }
    return ERR_OK;
}

static void join_blocks(struct work *work)
{
    for (size_t i = 0; i + 1 < work->count; i++)
        layout_join(&work->parts[i].layout, &work->parts[i + 1].layout);
    for (size_t i = work->count - 1; i-- > 0;)
        layout_join(&work->parts[i].layout, &work->parts[i + 1].layout);
}

static void clear_parts(struct work *work)
{
    for (size_t i = 0; i < work->count; i++)
        layout_clear(&work->parts[i].layout);
}

static enum err measure_all(struct work *work, unsigned threads, size_t size)
{
    for (size_t i = 0; i < work->count; i++)
        layout_init(&work->parts[i].layout);
    cut(work, size);
    parallel_each(threads, work->count, measure_part, work);
    if (failure_of(work) == ERR_OK && !cuts_are_right(work)) {
        clear_parts(work); /* rare: then one part is the whole */
        work->count = 1;
        cut(work, 0);
        measure_part(work, 0);
    }
    return failure_of(work);
}

/* Room for the new text at its longest: pages that stay untouched cost nothing. */
static enum err reserve_text(struct work *work, struct formatted *formatted)
{
    size_t lines = 0;
    for (size_t i = 0; i < work->count; i++)
        lines += work->parts[i].layout.lines;
    return input_reserve(&formatted->text, 2 * work->input->len + LAYOUT_PAD_MAX * lines, &work->out);
}

static enum err print_all(
    struct work *work, const struct format_options *options, struct formatted *formatted)
{
    enum err err = options->unproved ? ERR_OK : reserve_text(work, formatted);
    if (err != ERR_OK)
        return err;
    parallel_each(options->threads, work->count, print_part, work);
    formatted->text.len = work->out_len;
    formatted->same = !work->differs && work->out_len == work->input->len;
    err = failure_of(work);
    if (err != ERR_OK)
        input_close(&formatted->text);
    return err;
}

static enum err lay_out(
    const struct input *input, const struct format_options *options, struct formatted *formatted)
{
    size_t size = options->chunk_size != 0 ? options->chunk_size : PIECE_DEFAULT;
    struct work work = {.input = input,
        .count = input->len / size + 1,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .moved = PTHREAD_COND_INITIALIZER};
    formatted->text = (struct input){.guard = -1};
    work.parts = calloc(work.count, sizeof *work.parts);
    if (work.parts == NULL)
        return ERR_MEMORY;
    enum err err = measure_all(&work, options->threads, size);
    if (err == ERR_OK) {
        join_blocks(&work);
        err = print_all(&work, options, formatted);
    }
    clear_parts(&work);
    for (unsigned i = 0; i < work.spare_count; i++)
        free(work.spares[i].text);
    free(work.parts);
    pthread_cond_destroy(&work.moved);
    pthread_mutex_destroy(&work.lock);
    return err;
}

/* ---- both ---- */

/* FORMATTED lends its text for the reading. */
static enum err prove(const char *name, const struct meaning *before, const struct format_options *options,
    const struct formatted *formatted)
{
    struct sources sources;
    struct meaning after = {.sum = 0};
    uint16_t file;
    struct input text = formatted->text;
    enum err err = sources_init(&sources);
    if (err != ERR_OK)
        return err;
    err = sources_adopt(&sources, name, &text, &file);
    if (err == ERR_OK) {
        err = read_meaning(&sources, file, options, NULL, &after);
        sources_get(&sources, file)->input = (struct input){.guard = -1};
    }
    sources_clear(&sources);
    if (err != ERR_OK)
        return err;
    return same_meaning(before, &after) ? ERR_OK : ERR_UNSUPPORTED;
}

static enum err format_source(
    struct sources *sources, uint16_t file, const struct format_options *options, struct formatted *formatted)
{
    struct meaning before = {.sum = 0};
    const struct source *source = sources_get(sources, file);
    enum err err = read_meaning(sources, file, options, &options->sink, &before);
    if (err == ERR_OK && before.errors > 0)
        err = ERR_INVALID;
    if (err != ERR_OK)
        return err;
    err = lay_out(&source->input, options, formatted);
    if (err == ERR_OK && !formatted->same && !options->unproved) {
        err = prove(source->path, &before, options, formatted);
        if (err != ERR_OK)
            input_close(&formatted->text);
    }
    return err;
}

enum err format_file(const char *path, const struct format_options *options, struct formatted *formatted)
{
    struct sources sources;
    uint16_t file;
    enum err err = sources_init(&sources);
    if (err != ERR_OK)
        return err;
    err = sources_open(&sources, path, &file);
    if (err == ERR_OK)
        err = format_source(&sources, file, options, formatted);
    if (err == ERR_OK && sources_report_changed(&sources, &options->sink) > 0) {
        input_close(&formatted->text);
        err = ERR_INVALID;
    }
    sources_clear(&sources);
    return err;
}

enum err format_text(const char *name, const char *text, size_t len, const struct format_options *options,
    struct formatted *formatted)
{
    struct sources sources;
    uint16_t file;
    enum err err = sources_init(&sources);
    if (err != ERR_OK)
        return err;
    err = sources_add(&sources, name, text, len, &file);
    if (err == ERR_OK)
        err = format_source(&sources, file, options, formatted);
    sources_clear(&sources);
    return err;
}
