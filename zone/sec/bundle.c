#include "zone/sec/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "zone/text/rdata_parse.h"
#include "zone/wire/type.h"

static const char *const kinds[] = {"KeySigningRequest", "SignedKeyResponse"};
static const uint16_t types[BUNDLE_SETS] = {TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY};

void bundles_init(struct bundles *bundles, enum bundle_kind kind, const uint8_t *zone)
{
    *bundles = (struct bundles){.kind = kind};
    arena_init(&bundles->arena, 0);
    name_lower(bundles->zone, zone);
}

void bundles_clear(struct bundles *bundles)
{
    free(bundles->list);
    bundles->list = NULL;
    arena_clear(&bundles->arena);
}

struct bundle *bundles_add(struct bundles *bundles, int64_t from_s)
{
    if (bundles->count == BUNDLES_MAX)
        return NULL;
    if ((bundles->count & (bundles->count - 1)) == 0) { /* room doubles */
        size_t room = bundles->count > 0 ? bundles->count * 2u : 1u;
        struct bundle *list = realloc(bundles->list, room * sizeof *list);
        if (list == NULL)
            return NULL;
        bundles->list = list;
    }
    struct bundle *bundle = &bundles->list[bundles->count++];
    *bundle = (struct bundle){.from_s = from_s};
    return bundle;
}

static uint8_t *put_records(uint8_t *at, const struct rdata_ref *refs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        memcpy(at, &refs[i].len, 2);
        memcpy(at + 2, refs[i].bytes, refs[i].len);
        at += 2 + refs[i].len;
    }
    return at;
}

struct rrset *bundle_make_set(struct arena *arena, uint16_t type, uint32_t ttl,
    const struct rdata_ref *records, unsigned count, const struct rdata_ref *signatures,
    unsigned signature_count)
{
    size_t data_len = 0, sig_len = 0;
    for (unsigned i = 0; i < count; i++)
        data_len += 2u + records[i].len;
    for (unsigned i = 0; i < signature_count; i++)
        sig_len += 2u + signatures[i].len;
    struct rrset *set = sig_len > UINT16_MAX ? NULL : arena_alloc(arena, sizeof *set + data_len + sig_len, 4);
    if (set == NULL)
        return NULL;
    *set = (struct rrset){.type = type,
        .count = (uint16_t)count,
        .ttl = ttl,
        .data_len = (uint32_t)data_len,
        .sig_len = (uint16_t)sig_len,
        .sig_count = (uint16_t)signature_count};
    put_records(put_records(set->data, records, count), signatures, signature_count);
    return set;
}

int64_t bundle_until(const struct bundles *bundles, unsigned i)
{
    return i + 1 < bundles->count ? bundles->list[i + 1].from_s : bundles->end_s;
}

const struct bundle *bundles_find(const struct bundles *bundles, int64_t now_s)
{
    for (unsigned i = 0; i < bundles->count; i++)
        if (bundles->list[i].from_s <= now_s && now_s < bundle_until(bundles, i))
            return &bundles->list[i];
    return NULL;
}

/* ---- reading ---- */

struct gathered {
    struct rdata_ref records[BUNDLE_RECORDS_MAX], signatures[BUNDLE_RECORDS_MAX];
    unsigned count, signature_count;
    uint32_t ttl;
};

struct reading {
    struct bundles *bundles;
    struct keyfile_trouble *trouble;
    struct gathered sets[BUNDLE_SETS];
    uint8_t rdata[RDATA_MAX];
    bool begun, ended;
};

static enum err refuse(struct reading *reading, const char *message)
{
    snprintf(reading->trouble->message, sizeof reading->trouble->message, "%s", message);
    return ERR_SYNTAX;
}

/* What has been gathered becomes the last bundle's. */
static enum err finish_bundle(struct reading *reading)
{
    struct bundles *bundles = reading->bundles;
    if (bundles->count == 0)
        return ERR_OK;
    for (unsigned i = 0; i < BUNDLE_SETS; i++) {
        struct gathered *set = &reading->sets[i];
        if (set->count == 0 && (i == BUNDLE_DNSKEY || set->signature_count > 0))
            return refuse(reading, i == BUNDLE_DNSKEY
                                       ? "the bundle before this line has no DNSKEY"
                                       : "the bundle before this line has a signature over nothing");
        struct rrset *made = set->count == 0
                                 ? NULL
                                 : bundle_make_set(&bundles->arena, types[i], set->ttl, set->records,
                                       set->count, set->signatures, set->signature_count);
        if (set->count > 0 && made == NULL)
            return ERR_MEMORY;
        bundles->list[bundles->count - 1].sets[i] = made;
        set->count = set->signature_count = 0;
    }
    return ERR_OK;
}

/* ";; KIND 1.0 TIME" or ";; KIND end TIME"; other comments are none. */
static enum err take_head(struct reading *reading, const char *line)
{
    struct bundles *bundles = reading->bundles;
    char kind[24], version[8], time[24];
    int64_t at_s;
    if (sscanf(line, ";; %23s %7s %23s", kind, version, time) != 3 ||
        (strcmp(kind, kinds[0]) != 0 && strcmp(kind, kinds[1]) != 0))
        return ERR_OK;
    bool end = strcmp(version, "end") == 0;
    enum bundle_kind which = strcmp(kind, kinds[BUNDLE_REQUEST]) == 0 ? BUNDLE_REQUEST : BUNDLE_RESPONSE;
    if (reading->ended || (reading->begun && which != bundles->kind))
        return refuse(reading, "only one request or response stands in a file");
    if (!end && strcmp(version, "1.0") != 0)
        return refuse(reading, "version 1.0 is wanted");
    if (strlen(time) != 14 || strspn(time, "0123456789") != 14 || !time_parse(time, 0, &at_s) || at_s <= 0)
        return refuse(reading, "a time is wanted as YYYYMMDDHHMMSS");
    if (bundles->count > 0 && at_s <= bundles->list[bundles->count - 1].from_s)
        return refuse(reading, "the time is not after the one before");
    enum err err = finish_bundle(reading);
    if (err != ERR_OK)
        return err;
    bundles->kind = which;
    reading->begun = true;
    reading->ended = end;
    bundles->end_s = at_s;
    return end || bundles_add(bundles, at_s) != NULL ? ERR_OK : refuse(reading, "too many bundles");
}

static enum err keep(struct reading *reading, uint16_t type, uint32_t ttl, size_t len)
{
    uint16_t set_type = type;
    if (type == TYPE_RRSIG)
        set_type = (uint16_t)(reading->rdata[0] << 8 | reading->rdata[1]);
    for (unsigned i = 0; i < BUNDLE_SETS; i++) {
        struct gathered *set = &reading->sets[i];
        if (set_type != types[i])
            continue;
        unsigned *count = type == TYPE_RRSIG ? &set->signature_count : &set->count;
        if (*count == BUNDLE_RECORDS_MAX)
            return refuse(reading, "too many records of one type");
        if (type != TYPE_RRSIG && set->count > 0 && set->ttl != ttl)
            return refuse(reading, "the TTL is another than that of the record before");
        void *copy = arena_copy(&reading->bundles->arena, reading->rdata, len);
        if (copy == NULL)
            return ERR_MEMORY;
        if (type != TYPE_RRSIG)
            set->ttl = ttl;
        (type == TYPE_RRSIG ? set->signatures : set->records)[(*count)++] =
            (struct rdata_ref){copy, (uint16_t)len};
        return ERR_OK;
    }
    return refuse(reading, "only DNSKEY, CDS and CDNSKEY, and signatures over them, have a place here");
}

/* "OWNER TTL IN TYPE RDATA" */
static enum err take_record(struct reading *reading, struct lexer *lexer)
{
    struct token tokens[4];
    struct complaint why = {0};
    uint8_t owner[NAME_MAX + 1];
    char ttl_text[12], *end;
    uint16_t type = 0;
    size_t len = 0;
    for (unsigned i = 0; i < 4; i++)
        if (!lexer_next(lexer, &tokens[i]))
            return refuse(reading, "a record is wanted: owner, TTL, IN, type and rdata");
    if (!reading->begun || reading->ended)
        return refuse(reading, "a record outside a bundle");
    if (name_parse(tokens[0].text, tokens[0].len, (const uint8_t *)"", owner, NULL, NULL) != ERR_OK)
        return refuse(reading, "the owner is no domain name");
    name_lower(owner, owner);
    if (reading->bundles->zone[0] == 0)
        name_lower(reading->bundles->zone, owner);
    if (!name_equal(owner, reading->bundles->zone))
        return refuse(reading, "the owner is another than that of the records before");
    snprintf(
        ttl_text, sizeof ttl_text, "%.*s", (int)(tokens[1].len < 11 ? tokens[1].len : 11), tokens[1].text);
    unsigned long ttl = strtoul(ttl_text, &end, 10);
    if (*end != '\0' || ttl_text[0] < '0' || ttl_text[0] > '9' || ttl > INT32_MAX || tokens[2].len != 2 ||
        strncasecmp(tokens[2].text, "IN", 2) != 0 || !type_parse(tokens[3].text, tokens[3].len, &type))
        return refuse(reading, "a record is wanted: owner, TTL, IN, type and rdata");
    if (rdata_parse(type, lexer, (const uint8_t *)"", reading->rdata, &len, &why) != ERR_OK)
        return refuse(reading, why.message);
    return keep(reading, type, (uint32_t)ttl, len);
}

static enum err read_lines(struct reading *reading, char *text, size_t len)
{
    enum err err = ERR_OK;
    for (char *line = text; err == ERR_OK && line < text + len;) {
        char *end = memchr(line, '\n', (size_t)(text + len - line));
        if (end == NULL)
            end = text + len;
        *end = '\0';
        reading->trouble->line++;
        size_t blank = strspn(line, " \t\r");
        if (line[0] == ';') {
            err = take_head(reading, line);
        } else if (line + blank < end) {
            struct lexer lexer;
            *end = '\n';
            lexer_init(&lexer, line, (size_t)(end - line));
            err = take_record(reading, &lexer);
        }
        line = end + 1;
    }
    return err;
}

enum err bundles_parse(const char *text, size_t len, struct bundles *bundles, struct keyfile_trouble *trouble)
{
    bundles_init(bundles, BUNDLE_REQUEST, (const uint8_t *)"");
    *trouble = (struct keyfile_trouble){0};
    struct reading *reading = calloc(1, sizeof *reading);
    char *padded = malloc(len + LEXER_PAD + 1);
    enum err err = reading != NULL && padded != NULL ? ERR_OK : ERR_MEMORY;
    if (err == ERR_OK) {
        *reading = (struct reading){.bundles = bundles, .trouble = trouble};
        memcpy(padded, text, len);
        memset(padded + len, 0, LEXER_PAD + 1);
        err = read_lines(reading, padded, len);
        if (err == ERR_OK && !reading->ended)
            err = refuse(reading, reading->begun ? "the line that ends it is missing: the text is not whole"
                                                 : "this is neither a request nor a response");
        if (err == ERR_OK && bundles->count == 0)
            err = refuse(reading, "there is nothing in it");
    }
    free(padded);
    free(reading);
    return err;
}

/* ---- writing ---- */

static void print_set(FILE *out, const char *owner, const struct rrset *set)
{
    static const char *const names[] = {"DNSKEY", "CDS", "CDNSKEY"};
    char text[8192];
    const uint8_t *at = set->data;
    const char *name = set->type == TYPE_DNSKEY ? names[0] : set->type == TYPE_CDS ? names[1] : names[2];
    for (unsigned i = 0; i < (unsigned)set->count + set->sig_count; i++) {
        struct record record;
        bool signature = i >= set->count;
        at = record_read(at, false, &record);
        rdata_print(signature ? TYPE_RRSIG : set->type, record.rdata, record.rdata_len, text, sizeof text);
        fprintf(out, "%s %u IN %s %s\n", owner, set->ttl, signature ? "RRSIG" : name, text);
    }
}

void bundles_print(const struct bundles *bundles, FILE *out)
{
    char owner[NAME_TEXT_MAX], time[16];
    name_print(bundles->zone, owner);
    for (unsigned i = 0; i < bundles->count; i++) {
        time_print(bundles->list[i].from_s, time);
        fprintf(out, ";; %s 1.0 %s\n", kinds[bundles->kind], time);
        for (unsigned set = 0; set < BUNDLE_SETS; set++)
            if (bundles->list[i].sets[set] != NULL)
                print_set(out, owner, bundles->list[i].sets[set]);
    }
    time_print(bundles->end_s, time);
    fprintf(out, ";; %s end %s\n", kinds[bundles->kind], time);
}
