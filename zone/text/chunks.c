#include "zone/text/chunks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/base/parallel.h"
#include "zone/text/part.h"
#include "zone/wire/name.h"

#define CHUNK_DEFAULT ((size_t)2 << 20) /* its tape fills about one huge page */

struct job {
    struct zone_text *text;
    const struct text_options *options;
    const struct input *input;
    uint16_t file;
    size_t chunk_size;
};

/* Could a line that begins with this octet be the first of an entry that inherits nothing? */
static bool begins_entry(char c)
{
    return c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != ')' && c != ';' && c != '(' && c != '"';
}

/* The first line in [from, to) that begins an entry; TO when there is none. */
static size_t find_start(const struct input *input, size_t from, size_t to)
{
    const char *text = input->text;
    while (from < to) {
        const char *newline = memchr(text + from, '\n', to - from);
        if (newline == NULL)
            return to;
        from = (size_t)(newline - text) + 1;
        if (from < to && begins_entry(text[from]))
            return from;
    }
    return to;
}

static bool is_directive(const struct input *input, size_t at, const char *word)
{
    size_t len = strlen(word);
    const char *text = input->text;
    return at + len < input->len && strncasecmp(text + at, word, len) == 0 &&
           (text[at + len] == ' ' || text[at + len] == '\t') && (at == 0 || text[at - 1] == '\n');
}

/* Where chunk I begins, and its last directives. */
static void scan_chunk(void *context, size_t i)
{
    struct job *job = context;
    struct chunk *chunk = &job->text->chunks[i];
    const struct input *input = job->input;
    size_t from = i * job->chunk_size, to = from + job->chunk_size;
    to = to < input->len ? to : input->len;
    chunk->starts = i == 0 ? 0 : find_start(input, from - 1, to);
    for (const char *at = input->text + from; (at = memchr(at, '$', (size_t)(input->text + to - at))) != NULL;
         at++) {
        size_t offset = (size_t)(at - input->text);
        if (is_directive(input, offset, "$ORIGIN"))
            chunk->origin_at = offset + 1;
        else if (is_directive(input, offset, "$TTL"))
            chunk->ttl_at = offset + 1;
    }
    /* Mapped anew when the chunk is read: else the whole text would count as resident meanwhile. */
    input_forget(input, from, to);
}

/* What a directive at OFFSET sets, as far as that can be told without reading all before it. */
static void predict_origin(const struct input *input, size_t offset, struct context *context)
{
    struct lexer lexer;
    struct token token;
    uint8_t name[NAME_MAX];
    size_t len;
    lexer_init(&lexer, input->text + offset, input->len - offset);
    if (!lexer_next(&lexer, &token) || !lexer_next(&lexer, &token))
        return;
    if (name_parse(token.text, token.len, context->origin, name, &len, NULL) != ERR_OK)
        return;
    memcpy(context->origin, name, len);
    context->origin_len = (uint8_t)len;
}

static void predict_ttl(const struct input *input, size_t offset, struct context *context)
{
    struct lexer lexer;
    struct token token;
    uint32_t ttl;
    lexer_init(&lexer, input->text + offset, input->len - offset);
    if (!lexer_next(&lexer, &token) || !lexer_next(&lexer, &token) ||
        !reader_ttl(token.text, token.len, &ttl))
        return;
    context->default_ttl = ttl;
    context->has_default_ttl = ttl != UINT32_MAX;
}

/* The context each chunk begins in, from the directives of those before it. */
static void predict(struct job *job)
{
    struct context context = {.origin_len = 0};
    context.origin_len = (uint8_t)name_lower(context.origin, job->options->origin);
    context.has_default_ttl = job->options->fragment;
    uint64_t next = job->input->len;
    struct chunk *chunks = job->text->chunks;
    for (size_t i = job->text->count; i-- > 0;) {
        chunks[i].limit = next;
        /* A chunk in which no entry begins is empty: the one before it reads on. */
        uint64_t end = (i + 1) * job->chunk_size;
        if (chunks[i].starts >= end || chunks[i].starts >= job->input->len)
            chunks[i].starts = next;
        next = chunks[i].starts;
    }
    for (size_t i = 0; i < job->text->count; i++) {
        chunks[i].begin = context;
        if (chunks[i].origin_at != 0)
            predict_origin(job->input, chunks[i].origin_at - 1, &context);
        if (chunks[i].ttl_at != 0)
            predict_ttl(job->input, chunks[i].ttl_at - 1, &context);
    }
}

static void chunk_clear(struct chunk *chunk)
{
    tape_clear(&chunk->tape);
    arena_clear(&chunk->arena);
    memset(&chunk->findings, 0, sizeof chunk->findings);
}

/* The owner is inherited over the cut, too: an entry over several lines can be followed by one without. */
static void give_owner(struct reader *reader, const struct chunk *from)
{
    reader->owner_bad = from->owner_bad;
    reader->owner_labels = from->owner_labels;
    reader->owner_len = from->owner_len;
    memcpy(reader->owner, from->owner, from->owner_len);
}

static void give_origin(struct reader *reader)
{
    reader->owner_len = reader->context.origin_len;
    reader->owner_labels = (uint8_t)name_labels(reader->context.origin);
    memcpy(reader->owner, reader->context.origin, reader->owner_len);
}

static void keep_owner(struct chunk *chunk, const struct reader *reader)
{
    chunk->used_inherited_owner = reader->used_inherited_owner;
    chunk->owner_bad = reader->owner_bad;
    chunk->owner_labels = reader->owner_labels;
    chunk->owner_len = reader->owner_len;
    memcpy(chunk->owner, reader->owner, reader->owner_len);
}

static bool has_owner(const struct chunk *chunk)
{
    return chunk->owner_len != 0 || chunk->owner_bad;
}

/* Makes READER ready for one chunk, from where and in the context it says. */
static void open_chunk(struct job *job, struct chunk *chunk, struct reader *reader)
{
    uint64_t octets = chunk->limit > chunk->starts ? chunk->limit - chunk->starts : 0;
    arena_init(&chunk->arena, 0);
    chunk->findings.arena = &chunk->arena;
    chunk->failure = tape_init(&chunk->tape, octets + octets / 2);
    reader_init(reader, job->text->sources, job->file, &chunk->tape, &chunk->findings, chunk->begin.origin);
    reader->context = chunk->begin;
    reader->class = chunk->class_given;
    if (chunk->owner_from != NULL)
        give_owner(reader, chunk->owner_from);
    else if (job->options->fragment && chunk->starts == 0)
        give_origin(reader);
    reader->at = reader->text + chunk->starts;
}

static void hand_over(struct job *job, struct chunk *chunk, const struct reader *reader)
{
    chunk->failure = reader->failure;
    if (chunk->failure == ERR_OK && job->options->consume != NULL)
        job->options->consume(job->options->context, (size_t)(chunk - job->text->chunks), &chunk->tape);
}

static void read_chunk(struct job *job, struct chunk *chunk)
{
    struct reader reader;
    open_chunk(job, chunk, &reader);
    if (chunk->failure != ERR_OK)
        return;
    reader_run(&reader, reader.text + chunk->limit);
    chunk->ends = (uint64_t)(reader.at - reader.text);
    chunk->finish = reader.context;
    chunk->class = reader.class;
    chunk->used_inherited_ttl = reader.used_inherited_ttl;
    keep_owner(chunk, &reader);
    chunk->soa_seen = reader.soa_seen;
    memcpy(chunk->soa_owner, reader.soa_owner, sizeof chunk->soa_owner);
    chunk->records = chunk->tape.record_count;
    hand_over(job, chunk, &reader);
}

static void read_predicted(void *context, size_t i)
{
    struct job *job = context;
    read_chunk(job, &job->text->chunks[i]);
    /* Pages of text that have been read are not needed again, but for findings and wrong predictions. */
    input_forget(job->input, i * job->chunk_size, (i + 1) * job->chunk_size);
}

static bool same_context(const struct chunk *chunk, const struct context *right, uint64_t at, uint16_t class)
{
    const struct context *begin = &chunk->begin;
    if (chunk->starts != at || begin->origin_len != right->origin_len ||
        memcmp(begin->origin, right->origin, right->origin_len) != 0)
        return false;
    if (begin->has_default_ttl != right->has_default_ttl ||
        (begin->has_default_ttl && begin->default_ttl != right->default_ttl))
        return false;
    if (chunk->used_inherited_ttl && (right->has_last_ttl || right->has_soa_minimum))
        return false;
    return chunk->class == 0 || class == 0 || chunk->class == class;
}

/* What goes through a chunk that did not touch it. */
static void carry(struct context *context, const struct context *finish)
{
    struct context before = *context;
    *context = *finish;
    if (!context->has_last_ttl && before.has_last_ttl) {
        context->has_last_ttl = true;
        context->last_ttl = before.last_ttl;
    }
    if (!context->has_soa_minimum && before.has_soa_minimum) {
        context->has_soa_minimum = true;
        context->soa_minimum = before.soa_minimum;
    }
}

static enum err join(struct job *job)
{
    struct zone_text *text = job->text;
    struct context context = text->chunks[0].begin;
    const struct chunk *owner = NULL;
    uint64_t at = 0;
    for (size_t i = 0; i < text->count; i++) {
        struct chunk *chunk = &text->chunks[i];
        bool right =
            same_context(chunk, &context, at, text->class) && !(chunk->used_inherited_owner && owner != NULL);
        if (chunk->failure == ERR_OK && !right) {
            chunk_clear(chunk);
            chunk->starts = at;
            chunk->begin = context;
            if (at > chunk->limit)
                chunk->limit = at;
            chunk->class_given = text->class;
            chunk->owner_from = owner;
            read_chunk(job, chunk);
        }
        if (chunk->failure != ERR_OK)
            return chunk->failure;
        at = chunk->ends;
        owner = has_owner(chunk) ? chunk : owner;
        carry(&context, &chunk->finish);
        if (text->class == 0)
            text->class = chunk->class;
        if (!text->soa_seen && chunk->soa_seen) {
            text->soa_seen = true;
            memcpy(text->soa_owner, chunk->soa_owner, sizeof text->soa_owner);
        }
        text->errors += chunk->findings.errors;
        text->warnings += chunk->findings.warnings;
        text->records += chunk->records;
    }
    return ERR_OK;
}

enum err text_read(
    struct sources *sources, uint16_t file, const struct text_options *options, struct zone_text *text)
{
    memset(text, 0, sizeof *text);
    text->sources = sources;
    text->file = file;
    struct job job = {.text = text,
        .options = options,
        .input = &sources_get(sources, file)->input,
        .file = file,
        .chunk_size = options->chunk_size != 0 ? options->chunk_size : CHUNK_DEFAULT};
    text->count = job.input->len / job.chunk_size + 1;
    text->chunks = calloc(text->count, sizeof *text->chunks);
    if (text->chunks == NULL)
        return ERR_MEMORY;
    parallel_each(options->threads, text->count, scan_chunk, &job);
    predict(&job);
    parallel_each(options->threads, text->count, read_predicted, &job);
    enum err err = join(&job);
    if (err != ERR_OK)
        text_clear(text);
    return err;
}

struct again {
    struct job job;
    bool (*wanted)(void *context, size_t chunk);
};

/* What the first reading found out of the chunk stays; only its tape is made anew. */
static void read_again(void *context, size_t i)
{
    struct again *again = context;
    struct chunk *chunk = &again->job.text->chunks[i];
    struct reader reader;
    if (!again->wanted(again->job.options->context, i))
        return;
    chunk_clear(chunk);
    open_chunk(&again->job, chunk, &reader);
    if (chunk->failure == ERR_OK) {
        reader_run(&reader, reader.text + chunk->limit);
        hand_over(&again->job, chunk, &reader);
    }
}

enum err text_reread(
    struct zone_text *text, const struct text_options *options, bool (*wanted)(void *context, size_t chunk))
{
    struct again again = {.job = {.text = text, .options = options, .file = text->file}, .wanted = wanted};
    parallel_each(options->threads, text->count, read_again, &again);
    for (size_t i = 0; i < text->count; i++) {
        if (text->chunks[i].failure != ERR_OK)
            return text->chunks[i].failure;
    }
    return ERR_OK;
}

void text_clear(struct zone_text *text)
{
    for (size_t i = 0; i < text->count; i++)
        chunk_clear(&text->chunks[i]);
    free(text->chunks);
    memset(text, 0, sizeof *text);
}

static void tell_left_out(
    const struct pending_list *list, struct sources *sources, const struct finding_sink *sink)
{
    char message[80];
    snprintf(message, sizeof message, "%u findings more are not told one by one", list->left_out);
    struct finding finding = {.severity = SEVERITY_INFO,
        .rule = "findings-left-out",
        .file = sources_get(sources, list->first->file)->path,
        .message = message,
        .hint = "mend those that are told and check again; is it a zone file at all?"};
    sink->report(sink->context, &finding);
}

void pending_report(const struct pending_list *list, struct sources *sources, const struct finding_sink *sink)
{
    for (const struct pending *p = list->first; p != NULL && sink->report != NULL; p = p->next) {
        struct source *source = sources_get(sources, p->file);
        struct finding finding = {.severity = p->severity,
            .rule = p->rule,
            .file = source->path,
            .message = p->message,
            .token = source->input.text + p->at,
            .token_len = p->token_len,
            .hint = p->hint};
        if (p->part != 0 && p->at < source->input.len)
            part_find(source->input.text + p->at, source->input.len - p->at, p->part - 1u, &finding.token,
                &finding.token_len);
        source_place(source, (uint64_t)(finding.token - source->input.text), &finding.line, &finding.column);
        sink->report(sink->context, &finding);
    }
    if (list->left_out > 0 && list->first != NULL && sink->report != NULL)
        tell_left_out(list, sources, sink);
}

void text_report(const struct zone_text *text, const struct finding_sink *sink)
{
    for (size_t i = 0; i < text->count; i++)
        pending_report(&text->chunks[i].findings, text->sources, sink);
}
