#include "zone/text/reader.h"

#include <stdarg.h>
#include <string.h>

#include "zone/text/rdata_parse.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define UNCLOSED_OCTETS ((size_t)4 << 20)
#define UNCLOSED_LEAST ((size_t)256)

void reader_init(struct reader *reader, struct sources *sources, uint16_t file, struct tape *tape,
    struct pending_list *findings, const uint8_t *origin)
{
    memset(reader, 0, sizeof *reader);
    const struct input *input = &sources_get(sources, file)->input;
    reader->text = reader->at = input->text;
    reader->end = input->text + input->len;
    reader->file = file;
    reader->sources = sources;
    reader->tape = tape;
    reader->findings = findings;
    reader->context.origin_len = (uint8_t)name_lower(reader->context.origin, origin);
}

static void pending_append(struct pending_list *list, const struct pending *what)
{
    list->errors += what->severity == SEVERITY_ERROR;
    list->warnings += what->severity == SEVERITY_WARNING;
    if (list->count >= PENDING_MAX) {
        list->left_out++;
        return;
    }
    struct pending *finding = ARENA_NEW(list->arena, struct pending);
    const char *copy = arena_copy(list->arena, what->message, strlen(what->message));
    if (finding == NULL || copy == NULL)
        return; /* counted all the same */
    *finding = *what;
    finding->message = copy;
    list->count++;
    if (list->end == NULL)
        list->end = &list->first;
    *list->end = finding;
    list->end = &finding->next;
}

void pending_add(struct pending_list *list, enum severity severity, const char *rule, uint16_t file,
    uint64_t at, uint32_t token_len, const char *hint, const char *message)
{
    pending_append(list, &(struct pending){.at = at,
                             .token_len = token_len,
                             .file = file,
                             .severity = severity,
                             .rule = rule,
                             .message = message,
                             .hint = hint});
}

void pending_add_part(struct pending_list *list, enum severity severity, const char *rule, uint16_t file,
    uint64_t at, unsigned part, const char *hint, const char *message)
{
    pending_append(list, &(struct pending){.at = at,
                             .part = (uint8_t)(part < UINT8_MAX ? part + 1 : UINT8_MAX),
                             .file = file,
                             .severity = severity,
                             .rule = rule,
                             .message = message,
                             .hint = hint});
}

void reader_report(struct reader *reader, enum severity severity, const char *rule, const char *at,
    uint32_t len, const char *hint, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (reader->generated != NULL) {
        at = reader->generated;
        len = (uint32_t)strlen("$GENERATE");
    }
    if (at == NULL || at < reader->text)
        at = reader->at;
    pending_add(
        reader->findings, severity, rule, reader->file, (uint64_t)(at - reader->text), len, hint, message);
}

static const uint32_t unit_seconds[128] = {['s'] = 1,
    ['S'] = 1,
    ['m'] = 60,
    ['M'] = 60,
    ['h'] = 3600,
    ['H'] = 3600,
    ['d'] = 86400,
    ['D'] = 86400,
    ['w'] = 604800,
    ['W'] = 604800};

bool reader_ttl(const char *text, uint32_t len, uint32_t *value)
{
    uint64_t sum = 0, number = 0;
    bool digits = false, units = false;
    for (uint32_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        if ((uint8_t)(c - '0') < 10) {
            number = number * 10 + (uint64_t)(c - '0');
            number = number > UINT32_MAX ? UINT32_MAX : number;
            digits = true;
            continue;
        }
        if (!digits || c > 127 || unit_seconds[c] == 0)
            return false;
        sum += number * unit_seconds[c];
        number = 0;
        digits = false;
        units = true;
    }
    if (!digits && !units)
        return false;
    sum += number;
    *value = sum > INT32_MAX ? UINT32_MAX : (uint32_t)sum;
    return true;
}

static enum err open_run(struct reader *reader, const char *entry)
{
    struct tape *tape = reader->tape;
    tape->len = (tape->len + 7) & ~(size_t)7;
    struct run *run = (struct run *)(void *)(tape->base + tape->len);
    const char *at = reader->generated != NULL ? reader->generated : entry;
    run->at = (uint64_t)(at - reader->text);
    run->record_count = 0;
    run->file = reader->file;
    run->labels = reader->owner_labels;
    run->name_len = reader->owner_len;
    memcpy(run->name, reader->owner, reader->owner_len);
    run->records_at = (RUN_NAME_AT + (uint32_t)reader->owner_len + 3) & ~3u;
    run->size = (run->records_at + 7) & ~7u; /* it may stay empty: its first record can be refused */
    tape->run_at = tape->len;
    tape->len += run->records_at;
    tape->run_count++;
    reader->run_open = true;
    return ERR_OK;
}

#define RUN_SIZE_MAX (1u << 30)

struct tape_record *reader_record(struct reader *reader, const char *entry)
{
    struct tape *tape = reader->tape;
    if (tape_reserve(tape) != ERR_OK) {
        reader->failure = ERR_MEMORY;
        return NULL;
    }
    struct run *run = (struct run *)(void *)(tape->base + tape->run_at);
    if (!reader->run_open || run->size > RUN_SIZE_MAX) {
        open_run(reader, entry);
        run = (struct run *)(void *)(tape->base + tape->run_at);
    }
    struct tape_record *record = (struct tape_record *)(void *)(tape->base + tape->len);
    const char *at = reader->generated != NULL ? reader->generated : entry;
    record->behind = (uint32_t)((uint64_t)(at - reader->text) - run->at);
    return record;
}

static void report_lexer(struct reader *reader, const struct lexer *lexer)
{
    reader_report(reader, SEVERITY_ERROR, "syntax", lexer->complain, 1,
        lexer->complain < lexer->end && *lexer->complain == '"' ? "close it, or write \\\" for a plain quote"
                                                                : NULL,
        "%s", lexer->error);
}

static void report_token(
    struct reader *reader, const char *rule, const struct token *token, const char *hint, const char *what)
{
    unsigned shown = token->len > 80 ? 80 : token->len;
    reader_report(reader, SEVERITY_ERROR, rule, token->text, token->len, hint, "%s \"%.*s%s\"", what,
        (int)shown, token->text, shown < token->len ? "..." : "");
}

/* Takes TOKEN as the owner of this entry and the next ones. */
static bool take_owner(struct reader *reader, const struct token *token)
{
    uint8_t name[NAME_MAX];
    size_t len;
    const char *why;
    reader->owner_text = NULL;
    reader->run_open = false;
    reader->owner_bad = true;
    if (token->quoted) {
        report_token(reader, "owner-syntax", token, "write the name without quotes", "a quoted owner name");
        return false;
    }
    if (name_parse(token->text, token->len, reader->context.origin, name, &len, &why) != ERR_OK) {
        unsigned shown = token->len > 80 ? 80 : token->len;
        reader_report(reader, SEVERITY_ERROR, "owner-syntax", token->text, token->len, NULL,
            "owner name \"%.*s\": %s", (int)shown, token->text, why);
        return false;
    }
    octets_lower(reader->owner, name, len);
    reader->owner_len = (uint8_t)len;
    reader->owner_labels = (uint8_t)name_labels(name);
    reader->owner_bad = false;
    return true;
}

static bool is_digit(char c)
{
    return (uint8_t)(c - '0') < 10;
}

struct head {
    uint32_t ttl;
    uint16_t class, type;
    bool has_ttl, has_class;
    struct token type_token;
};

static bool take_ttl(struct reader *reader, const struct token *token, struct head *head)
{
    uint32_t value;
    if (!reader_ttl(token->text, token->len, &value))
        return false;
    if (value == UINT32_MAX) {
        report_token(
            reader, "ttl-range", token, "the largest TTL is 2147483647 (RFC 2181 8)", "TTL too large:");
        value = 0;
    }
    head->ttl = value;
    head->has_ttl = true;
    return true;
}

static const char *type_hint(const struct token *token)
{
    static const struct {
        const char *written, *hint;
    } known[] = {{"CNAM", "did you mean CNAME?"}, {"TEXT", "did you mean TXT?"},
        {"AAA", "did you mean AAAA?"}, {"AAAAA", "did you mean AAAA?"}, {"MXE", "did you mean MX?"},
        {"SERV", "did you mean SRV?"},
        {"ALIAS", "ALIAS is not a DNS type; at the apex write A and AAAA, elsewhere CNAME"},
        {"ANAME", "ANAME is not a DNS type; at the apex write A and AAAA, elsewhere CNAME"},
        {"NSS", "did you mean NS?"}, {"DNAM", "did you mean DNAME?"}, {"POINTER", "did you mean PTR?"}};
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (strlen(known[i].written) == token->len &&
            strncasecmp(known[i].written, token->text, token->len) == 0)
            return known[i].hint;
    }
    if (token->len > 5 && strncasecmp(token->text, "TYPE", 4) == 0)
        return "TYPE must be followed by a number up to 65535 (RFC 3597 5)";
    return "an entry is: owner [TTL] [class] type data; a line that begins with a blank continues the last "
           "owner";
}

static void report_type(struct reader *reader, const struct token *token)
{
    const char *near = type_suggest(token->text, token->len), *hint = type_hint(token);
    if (token->quoted) {
        report_token(reader, "unknown-type", token, "remove the quotes", "a quoted record type");
        return;
    }
    if (near == NULL || strncmp(hint, "an entry", 8) != 0)
        report_token(reader, "unknown-type", token, hint, "not a record type:");
    else
        reader_report(reader, SEVERITY_ERROR, "unknown-type", token->text, token->len, NULL,
            "not a record type: \"%.*s\" (did you mean %s?)", (int)token->len, token->text, near);
}

/* [TTL] [class] type, the first two in either order (RFC 1035 5.1). */
static bool read_head(struct reader *reader, struct lexer *lexer, struct head *head)
{
    struct token *token = &head->type_token;
    while (lexer_next(lexer, token)) {
        if (!token->quoted) {
            if (!head->has_ttl && token->len > 0 && is_digit(*token->text) && take_ttl(reader, token, head))
                continue;
            if (type_parse(token->text, token->len, &head->type))
                return true;
            /* CLASS0 is reserved (RFC 6895 3.2). */
            if (!head->has_class && class_parse(token->text, token->len, &head->class) && head->class != 0) {
                head->has_class = true;
                continue;
            }
        }
        report_type(reader, token);
        return false;
    }
    if (lexer->error != NULL)
        report_lexer(reader, lexer);
    else
        reader_report(reader, SEVERITY_ERROR, "syntax", lexer->at, 1,
            "an entry is: owner [TTL] [class] type data", "the entry ends before its type");
    return false;
}

static void check_class(struct reader *reader, const struct head *head)
{
    if (reader->class == 0)
        reader->class = head->class;
    if (head->class == reader->class)
        return;
    char zone[16], here[16];
    class_print(reader->class, zone);
    class_print(head->class, here);
    reader_report(reader, SEVERITY_ERROR, "class-mismatch", head->type_token.text, head->type_token.len,
        "all records of a zone have one class (RFC 1035 5.2)", "a record of class %s in a zone of class %s",
        here, zone);
}

/* The TTL of an entry that states none: $TTL (RFC 2308 4), else the last stated (RFC 1035 5.1), else the
 * SOA's MINIMUM, as servers have always done. */
static bool inherited_ttl(
    struct reader *reader, uint16_t type, const uint8_t *rdata, size_t len, uint32_t *ttl)
{
    const struct context *context = &reader->context;
    if (context->has_default_ttl) {
        *ttl = context->default_ttl;
        return true;
    }
    if (context->has_last_ttl) {
        *ttl = context->last_ttl;
        return true;
    }
    reader->used_inherited_ttl = true;
    if (type == TYPE_SOA && len >= 4)
        *ttl = (uint32_t)rdata[len - 4] << 24 | (uint32_t)rdata[len - 3] << 16 |
               (uint32_t)rdata[len - 2] << 8 | rdata[len - 1];
    else if (context->has_soa_minimum)
        *ttl = context->soa_minimum;
    else
        return false;
    if (*ttl > INT32_MAX) /* a number of 32 bits (RFC 1035 3.3.13), but no TTL: RFC 2181 8 */
        *ttl = 0;
    return true;
}

static void note_soa(struct reader *reader, const uint8_t *rdata, size_t len)
{
    if (len < 22)
        return;
    const uint8_t *minimum = rdata + len - 4;
    reader->context.soa_minimum =
        (uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 | (uint32_t)minimum[2] << 8 | minimum[3];
    reader->context.has_soa_minimum = true;
    if (!reader->soa_seen) {
        reader->soa_seen = true;
        memcpy(reader->soa_owner, reader->owner, reader->owner_len);
    }
}

static void read_data(struct reader *reader, struct lexer *lexer, struct head *head, const char *entry)
{
    struct tape_record *record = reader_record(reader, entry);
    if (record == NULL)
        return;
    size_t len = 0;
    struct complaint why = {0};
    if (rdata_parse(head->type, lexer, reader->context.origin, record->rdata, &len, &why) != ERR_OK) {
        if (lexer->error != NULL)
            report_lexer(reader, lexer);
        else
            reader_report(reader, SEVERITY_ERROR, "rdata-syntax",
                why.at != NULL ? why.at : head->type_token.text,
                why.at != NULL ? why.len : head->type_token.len, why.hint, "%s", why.message);
        return;
    }
    if (!head->has_ttl && !inherited_ttl(reader, head->type, record->rdata, len, &head->ttl)) {
        reader_report(reader, SEVERITY_ERROR, "ttl-missing", head->type_token.text, head->type_token.len,
            "write $TTL at the top of the file (RFC 2308 4)",
            "the record has no TTL and there is none to inherit");
        return;
    }
    if (head->type == TYPE_SOA)
        note_soa(reader, record->rdata, len);
    reader_record_done(reader, record, head->type, head->ttl, len);
}

static void read_record(struct reader *reader, struct lexer *lexer, const char *entry)
{
    struct head head = {.class = reader->class != 0 ? reader->class : CLASS_IN};
    if (!read_head(reader, lexer, &head))
        return;
    if (head.has_class)
        check_class(reader, &head);
    if (head.has_ttl) {
        reader->context.last_ttl = head.ttl;
        reader->context.has_last_ttl = true;
    }
    if (type_is_meta(head.type)) {
        report_token(reader, "meta-type", &head.type_token, NULL, "a type that cannot stand in a zone:");
        return;
    }
    if (reader->owner_bad) { /* told already; the data are nobody's */
        struct token token;
        while (lexer_next(lexer, &token))
            continue;
        return;
    }
    if (reader->owner_len == 0) {
        reader->used_inherited_owner = true;
        reader_report(reader, SEVERITY_ERROR, "owner-missing", entry, 1, "write @ for the origin",
            "the first record has no owner name");
        reader->owner_bad = true;
        return;
    }
    read_data(reader, lexer, &head, entry);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A record whose line begins with a blank inherits the owner (RFC 1035 5.1). */
static void read_entry(struct reader *reader, struct lexer *lexer, const char *entry)
{
    struct token token;
    if (blank(*entry)) {
        struct lexer ahead = *lexer;
        if (!lexer_next(&ahead, &token)) {
            *lexer = ahead;
            if (lexer->error != NULL)
                report_lexer(reader, lexer);
            return;
        }
        if (!token.quoted && *token.text == '$' && ahead.depth == 0 && token.len > 3) {
            *lexer = ahead;
            reader_directive(reader, lexer, &token);
            return;
        }
        read_record(reader, lexer, entry);
        return;
    }
    if (!lexer_next(lexer, &token)) {
        if (lexer->error != NULL)
            report_lexer(reader, lexer);
        return;
    }
    if (!token.quoted && *token.text == '$') {
        reader_directive(reader, lexer, &token);
        return;
    }
    if (take_owner(reader, &token))
        read_record(reader, lexer, token.text);
}

/* How far an entry may reach. Each parenthesis that is never closed was followed to the end of the text;
 * where there are many, that would take the square of the text's length. */
static size_t window(const struct reader *reader, const char *entry)
{
    size_t left = (size_t)(reader->end - entry), reach = UNCLOSED_OCTETS;
    if (reader->unclosed == 0)
        return left;
    reach /= reader->unclosed;
    reach = reach < UNCLOSED_LEAST ? UNCLOSED_LEAST : reach;
    if (reach >= left)
        return left;
    const char *newline = memchr(entry + reach, '\n', left - reach);
    return newline != NULL ? (size_t)(newline + 1 - entry) : left;
}

/* An unclosed parenthesis swallows the rest of the file: the place of the opening one is what a person
 * needs, and reading goes on behind its line. */
static void recover_open_parenthesis(struct reader *reader, const char *entry, const char **resume)
{
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer, entry, window(reader, entry));
    reader->unclosed++;
    const char *open = entry;
    while (lexer.depth == 0 && lexer.at < lexer.end) {
        const char *before = lexer.at;
        if (!lexer_next(&lexer, &token))
            break;
        open = before;
    }
    while (open < reader->end && *open != '(' && *open != '\n')
        open++;
    reader_report(reader, SEVERITY_ERROR, "syntax", open, 1, "add the closing parenthesis",
        "an opening parenthesis is never closed");
    const char *newline = memchr(open, '\n', (size_t)(reader->end - open));
    *resume = newline == NULL ? reader->end : newline + 1;
}

static void forget_findings_since(struct pending_list *list, const struct pending_list *saved)
{
    *list = *saved;
    if (list->end != NULL)
        *list->end = NULL;
    else
        list->first = NULL;
}

void reader_entry(struct reader *reader)
{
    const char *entry = reader->at;
    struct lexer lexer;
    struct token token;
    struct pending_list saved = *reader->findings;
    lexer_init(&lexer, entry, window(reader, entry));
    read_entry(reader, &lexer, entry);
    if (reader->failure != ERR_OK)
        return;
    bool sound = reader->findings->errors == saved.errors && lexer.error == NULL;
    if (sound && lexer_next(&lexer, &token))
        report_token(reader, "syntax", &token, NULL, "unexpected text at the end of the entry:");
    while (lexer.error == NULL && lexer_next(&lexer, &token))
        continue;
    if (lexer.error != NULL && lexer.depth > 0 && lexer.at >= lexer.end) {
        forget_findings_since(reader->findings, &saved);
        recover_open_parenthesis(reader, entry, &reader->at);
        return;
    }
    if (sound && lexer.error != NULL && reader->findings->errors == saved.errors)
        report_lexer(reader, &lexer);
    if (UNLIKELY(lexer.wrapped != NULL) && reader->findings->errors == saved.errors)
        reader_report(reader, SEVERITY_WARNING, "quote-newline", lexer.wrapped, 1,
            "close it on its line; write \\010 for a newline that is meant",
            "a quoted string goes over the end of its line, and has a newline in it");
    lexer_skip_entry(&lexer);
    reader->at = lexer.at;
}

static void fast(struct reader *reader, const char *stop)
{
#if defined(__x86_64__)
    static int avx2 = -1;
    if (__atomic_load_n(&avx2, __ATOMIC_RELAXED) < 0)
        __atomic_store_n(&avx2, __builtin_cpu_supports("avx2") ? 1 : 0, __ATOMIC_RELAXED);
    if (__atomic_load_n(&avx2, __ATOMIC_RELAXED) == 1) {
        reader_fast_avx2(reader, stop);
        return;
    }
#endif
    reader_fast_base(reader, stop);
}

void reader_run(struct reader *reader, const char *stop)
{
    if (reader->at == reader->text && reader->end - reader->at >= 3 &&
        memcmp(reader->at, "\xef\xbb\xbf", 3) == 0)
        reader->at += 3;
    while (reader->at < stop && reader->failure == ERR_OK) {
        fast(reader, stop);
        if (reader->at < stop && reader->failure == ERR_OK)
            reader_entry(reader);
    }
}
