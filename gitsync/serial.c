#include "gitsync/serial.h"

#include <string.h>
#include <strings.h>
#include <time.h>

bool serial_later(uint32_t a, uint32_t b)
{
    uint32_t ahead = a - b;
    return ahead != 0 && ahead < UINT32_C(0x80000000);
}

/* ---- the text, as far as finding the SOA needs it (RFC 1035 5.1) ---- */

struct scan {
    const char *at, *end;
    unsigned depth; /* of parentheses */
    bool new_entry; /* the next token is the first of its entry */
};

struct word {
    const char *at;
    size_t len;
    bool first; /* in its entry */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_quoted(struct scan *scan)
{
    for (scan->at++; scan->at < scan->end && *scan->at != '"' && *scan->at != '\n'; scan->at++)
        if (*scan->at == '\\' && scan->at + 1 < scan->end)
            scan->at++;
    if (scan->at < scan->end && *scan->at == '"')
        scan->at++;
}

static void skip_plain(struct scan *scan)
{
    while (scan->at < scan->end && !is_blank(*scan->at) && memchr("\n();\"", *scan->at, 5) == NULL)
        scan->at += *scan->at == '\\' && scan->at + 1 < scan->end ? 2 : 1;
}

static bool next_word(struct scan *scan, struct word *word)
{
    while (scan->at < scan->end) {
        char c = *scan->at;
        if (c == '\n') {
            scan->new_entry |= scan->depth == 0;
            scan->at++;
        } else if (c == ';') {
            const char *newline = memchr(scan->at, '\n', (size_t)(scan->end - scan->at));
            scan->at = newline != NULL ? newline : scan->end;
        } else if (c == '(' || c == ')') {
            scan->depth += c == '(';
            scan->depth -= c == ')' && scan->depth > 0;
            scan->at++;
        } else if (is_blank(c)) {
            scan->at++;
        } else {
            break;
        }
    }
    if (scan->at >= scan->end)
        return false;
    word->at = scan->at;
    word->first = scan->new_entry;
    scan->new_entry = false;
    if (*scan->at == '"')
        skip_quoted(scan);
    else
        skip_plain(scan);
    word->len = (size_t)(scan->at - word->at);
    return word->len > 0;
}

/* Whether the word stands in the first column. */
static bool margin(const char *text, const struct word *word)
{
    return word->at == text || word->at[-1] == '\n';
}

static bool word_is(const struct word *word, const char *text)
{
    return strlen(text) == word->len && strncasecmp(word->at, text, word->len) == 0;
}

/* Decimal digits within 32 bits. */
static bool read_serial(const struct word *word, uint32_t *value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < word->len; i++) {
        if (word->at[i] < '0' || word->at[i] > '9' || word->len > 10)
            return false;
        number = number * 10 + (uint64_t)(word->at[i] - '0');
    }
    *value = (uint32_t)number;
    return word->len > 0 && number <= UINT32_MAX;
}

/* What may stand between an owner and a type: a TTL ("3600", "1h30m") or a class. */
static bool is_ttl_or_class(const struct word *word)
{
    if (word->at[0] >= '0' && word->at[0] <= '9')
        return true;
    return word_is(word, "IN") || word_is(word, "CH") || word_is(word, "HS");
}

static bool read_soa(struct scan *scan, const char *text, struct serial_place *place)
{
    struct word mname, rname, number;
    uint32_t value;
    if (!next_word(scan, &mname) || !next_word(scan, &rname) || !next_word(scan, &number) || mname.first ||
        rname.first || number.first || !read_serial(&number, &value))
        return false;
    *place = (struct serial_place){(size_t)(number.at - text), number.len, value};
    return true;
}

bool serial_find(const char *text, size_t len, struct serial_place *place, const char **why)
{
    struct scan scan = {.at = text, .end = text + len, .new_entry = true};
    struct word word = {0};
    bool before_type = false;
    while (next_word(&scan, &word)) {
        if (word.first && margin(text, &word)) {
            before_type = word.at[0] != '$'; /* an owner, perhaps called like the type */
            continue;
        }
        if ((word.first || before_type) && word_is(&word, "SOA")) {
            *why = "its SOA has no plain number as its serial";
            return read_soa(&scan, text, place);
        }
        before_type = (word.first || before_type) && is_ttl_or_class(&word);
    }
    *why = "there is no SOA in the file itself (one in an included file cannot be changed for a single zone)";
    return false;
}

void serial_includes(const char *text, size_t len,
    void (*each)(void *context, const char *path, size_t path_len), void *context)
{
    struct scan scan = {.at = text, .end = text + len, .new_entry = true};
    struct word word = {0};
    if (memchr(text, '$', len) == NULL)
        return;
    while (next_word(&scan, &word)) {
        if (!word.first || !margin(text, &word) || !word_is(&word, "$INCLUDE"))
            continue;
        if (!next_word(&scan, &word) || word.first)
            continue;
        bool quoted = word.len >= 2 && word.at[0] == '"';
        each(context, word.at + quoted, word.len - (quoted ? 2 : 0));
    }
}

/* ---- making one ---- */

static uint32_t of_date(int64_t time_s)
{
    struct tm tm;
    time_t time = (time_t)time_s;
    if (gmtime_r(&time, &tm) == NULL || tm.tm_year < 70 || tm.tm_year > 2294 - 1900)
        return 0;
    return (uint32_t)(tm.tm_year + 1900) * 1000000 + (uint32_t)(tm.tm_mon + 1) * 10000 +
           (uint32_t)tm.tm_mday * 100;
}

uint32_t serial_make(enum serial_mode mode, int64_t time_s, uint32_t written, const uint32_t *previous)
{
    uint32_t base = mode == SERIAL_DATE ? of_date(time_s) : mode == SERIAL_TIME ? (uint32_t)time_s : 0;
    uint32_t serial = previous != NULL ? *previous + 1 : base != 0 ? base : 1;
    if (previous == NULL)
        return written != 0 && serial_later(written, serial) ? written : serial;
    if (base != 0 && serial_later(base, serial))
        serial = base;
    if (written != 0 && serial_later(written, serial))
        serial = written;
    return serial != 0 ? serial : 1; /* 0 would read as "none yet" */
}
