/* $GENERATE RANGE OWNER [TTL] [CLASS] TYPE RDATA, BIND's directive: the rest of the line is read once for
 * each number of the range, with $ replaced by the number and ${OFFSET,WIDTH,BASE} by it in another form. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/reader.h"
#include "zone/wire/type.h"

#define GENERATE_MAX 16777216u /* entries of one directive */
#define LINE_MAX_LEN 66000u

struct range {
    uint32_t start, stop, step;
};

static bool read_number(const char **at, const char *end, uint32_t *value)
{
    uint64_t number = 0;
    const char *from = *at;
    while (*at < end && (uint8_t)(**at - '0') < 10 && number <= UINT32_MAX)
        number = number * 10 + (uint64_t)(*(*at)++ - '0');
    *value = (uint32_t)number;
    return *at > from && number <= INT32_MAX;
}

static bool read_range(const struct token *token, struct range *range)
{
    const char *at = token->text, *end = at + token->len;
    range->step = 1;
    if (!read_number(&at, end, &range->start) || at >= end || *at++ != '-')
        return false;
    if (!read_number(&at, end, &range->stop))
        return false;
    if (at < end && *at == '/') {
        at++;
        if (!read_number(&at, end, &range->step))
            return false;
    }
    return at == end && range->step > 0 && range->start <= range->stop;
}

/* Nibbles in reverse, dots between and counted by the width: base n or N, for ip6.arpa. */
static size_t print_nibbles(char *out, uint32_t value, unsigned width, bool upper)
{
    static const char low[] = "0123456789abcdef", high[] = "0123456789ABCDEF";
    size_t len = 0;
    do {
        out[len++] = (upper ? high : low)[value & 15];
        value >>= 4;
        width = width > 0 ? width - 1 : 0;
        if (value != 0 || width > 0) /* an even width ends in a dot */
            out[len++] = '.';
        width = width > 0 ? width - 1 : 0;
    } while (value != 0 || width > 0);
    return len;
}

static bool print_number(char *out, size_t *len, int64_t value, unsigned width, char base)
{
    static const char *const formats[128] = {
        ['d'] = "%0*" PRId64, ['o'] = "%0*" PRIo64, ['x'] = "%0*" PRIx64, ['X'] = "%0*" PRIX64};
    if (base == 'n' || base == 'N') {
        *len = print_nibbles(out, (uint32_t)value, width, base == 'N');
        return true;
    }
    const char *format = (unsigned char)base < 128 ? formats[(unsigned char)base] : NULL;
    if (format == NULL || (value < 0 && base != 'd'))
        return false;
    char text[600];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int wrote = snprintf(text, sizeof text, format, (int)width, value);
#pragma GCC diagnostic pop
    if (wrote < 0 || (size_t)wrote >= sizeof text)
        return false;
    memcpy(out, text, (size_t)wrote);
    *len = (size_t)wrote;
    return true;
}

/* ${OFFSET[,WIDTH[,BASE]]} behind its brace; AT moves behind the closing one. */
static bool expand_braces(const char **at, const char *end, uint32_t number, char *out, size_t *len)
{
    int64_t offset = 0;
    uint32_t width = 0, magnitude;
    char base = 'd';
    bool negative = *at < end && **at == '-';
    *at += negative || (*at < end && **at == '+');
    if (!read_number(at, end, &magnitude))
        return false;
    offset = negative ? -(int64_t)magnitude : magnitude;
    if (*at < end && **at == ',') {
        ++*at;
        if (!read_number(at, end, &width) || width > 255)
            return false;
        if (*at + 1 < end && **at == ',') {
            base = (*at)[1];
            *at += 2;
        }
    }
    if (*at >= end || *(*at)++ != '}')
        return false;
    if (number + offset > INT32_MAX)
        return false;
    return print_number(out, len, number + offset, width, base);
}

/* One line for NUMBER; false on a bad modifier or when it grows too long. */
static bool expand(const char *from, const char *end, uint32_t number, char *out, size_t *out_len)
{
    size_t len = 0;
    for (const char *at = from; at < end;) {
        if (len + 700 > LINE_MAX_LEN)
            return false;
        if (*at == '\\' && at + 1 < end) {
            if (at[1] == '$')
                at++; /* \$ is a plain $; in an rdata name no escape is needed */
            else
                out[len++] = *at++;
            out[len++] = *at++;
            continue;
        }
        if (*at != '$') {
            out[len++] = *at++;
            continue;
        }
        at++;
        size_t wrote = 0;
        if (at < end && *at == '$') {
            out[len++] = *at++;
            continue;
        }
        if (at < end && *at == '{') {
            at++;
            if (!expand_braces(&at, end, number, out + len, &wrote))
                return false;
        } else if (!print_number(out + len, &wrote, number, 0, 'd')) {
            return false;
        }
        len += wrote;
    }
    out[len++] = '\n';
    *out_len = len;
    return true;
}

/* The template: from the owner to the end of the line, parentheses and comments left to the lexer. */
static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline != NULL ? newline : end;
}

/* Data in quotes, alone behind its type, is what stands in the quotes, words apart: so BIND has it, whose
 * $GENERATE takes one token as data. */
static bool find_quoted_data(const char *from, const char *end, struct token *data)
{
    struct lexer lexer;
    struct token token;
    bool typed = false, found = false;
    lexer_init(&lexer, from, (size_t)(end - from));
    for (uint16_t type; lexer_next(&lexer, &token);) {
        found = typed && token.quoted;
        typed = !token.quoted && type_parse(token.text, token.len, &type);
        *data = token;
    }
    return found && lexer.error == NULL;
}

/* The template from FROM to END into OUT, which has room for as much; its length. */
static size_t copy_template(const char *from, const char *end, char *out)
{
    struct token data = {0};
    if (!find_quoted_data(from, end, &data)) {
        memcpy(out, from, (size_t)(end - from));
        return (size_t)(end - from);
    }
    size_t len = (size_t)(data.text - 1 - from);
    memcpy(out, from, len);
    for (uint32_t i = 0; i < data.len; i++) {
        if (data.text[i] == '\\' && i + 1 < data.len && data.text[i + 1] == '"')
            i++;
        else if (data.text[i] == '\\' && i + 1 < data.len)
            out[len++] = data.text[i++];
        out[len++] = data.text[i];
    }
    return len;
}

static bool read_generated(
    struct reader *inner, const char *from, const char *end, uint32_t number, char *line)
{
    size_t len;
    if (!expand(from, end, number, line, &len))
        return false;
    memset(line + len, 0, LEXER_PAD);
    inner->at = line;
    inner->end = line + len;
    inner->owner_text = NULL;
    unsigned errors = inner->findings->errors;
    reader_entry(inner);
    return inner->findings->errors == errors;
}

static void run_range(struct reader *reader, const struct token *name, const struct range *range,
    const char *from, const char *end)
{
    struct reader *inner = malloc(sizeof *inner);
    char *line = malloc(LINE_MAX_LEN + LEXER_PAD + 1), *template = malloc((size_t)(end - from));
    if (inner == NULL || line == NULL || template == NULL) {
        reader->failure = ERR_MEMORY;
    } else {
        size_t len = copy_template(from, end, template);
        *inner = *reader;
        if (inner->generated == NULL)
            inner->generated = name->text;
        for (uint64_t number = range->start; number <= range->stop && inner->failure == ERR_OK;
             number += range->step) {
            unsigned errors = reader->findings->errors;
            if (read_generated(inner, template, template + len, (uint32_t)number, line))
                continue;
            if (reader->findings->errors == errors)
                reader_report(reader, SEVERITY_ERROR, "generate", name->text, name->len,
                    "modifiers are ${OFFSET,WIDTH,BASE} with BASE one of d o x X n N",
                    "bad modifier in $GENERATE");
            break; /* the same error for each number would help nobody */
        }
        const char *at = reader->at, *stop = reader->end;
        const char *generated = reader->generated;
        *reader = *inner;
        reader->at = at;
        reader->end = stop;
        reader->generated = generated;
        reader->owner_text = NULL;
        reader->run_open = false;
    }
    free(inner);
    free(line);
    free(template);
}

void reader_generate(struct reader *reader, struct lexer *lexer, const struct token *name)
{
    static const char hint[] = "write $GENERATE START-STOP[/STEP] OWNER TYPE DATA, numbers up to 2147483647";
    struct token token = *name;
    struct range range;
    if (!lexer_next(lexer, &token) || !read_range(&token, &range)) {
        reader_report(
            reader, SEVERITY_ERROR, "generate", token.text, token.len, hint, "$GENERATE needs a range");
        return;
    }
    if ((range.stop - range.start) / range.step >= GENERATE_MAX) {
        reader_report(reader, SEVERITY_ERROR, "generate", token.text, token.len, NULL,
            "$GENERATE makes more than %u records", GENERATE_MAX);
        return;
    }
    if (!sources_generate(reader->sources, (range.stop - range.start) / range.step + 1)) {
        reader_report(reader, SEVERITY_ERROR, "untrusted-limit", token.text, token.len, NULL,
            "$GENERATE makes more records than an untrusted zone may have");
        return;
    }
    if (reader->generated != NULL) {
        reader_report(
            reader, SEVERITY_ERROR, "generate", name->text, name->len, NULL, "$GENERATE inside $GENERATE");
        return;
    }
    const char *from = lexer->at, *end = line_end(from, lexer->end);
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    if (from == end || *from == ';' || *from == '\r') {
        reader_report(
            reader, SEVERITY_ERROR, "generate", name->text, name->len, hint, "$GENERATE makes nothing");
        return;
    }
    run_range(reader, name, &range, from, end);
    lexer->at = end;
}
