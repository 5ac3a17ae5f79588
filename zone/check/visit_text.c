/* TXT: how it is written, and the policies that it may hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/check/policy.h"
#include "zone/check/visit.h"
#include "zone/text/lexer.h"
#include "zone/wire/type.h"

#define TEXT_MAX 4096

/* All strings joined, as SPF, DKIM and DMARC want it. False when a NUL is in it or it is long. */
static bool join(const struct tape_record *record, char *text)
{
    size_t len = 0;
    for (size_t at = 0; at < record->rdata_len; at += record->rdata[at] + 1u) {
        size_t part = record->rdata[at];
        if (len + part >= TEXT_MAX || memchr(record->rdata + at + 1, '\0', part) != NULL)
            return false;
        memcpy(text + len, record->rdata + at + 1, part);
        len += part;
    }
    text[len] = '\0';
    return true;
}

/* ---- how it is written ---- */

/* The text of the record's entry, up to the end of its file; NULL for what $GENERATE made. */
static const char *entry_text(const struct visit *visit, const struct gathered_record *record, size_t *len)
{
    const struct input *input = &sources_get(visit->lint->sources, record->run->file)->input;
    uint64_t at = record->run->at + record->record->behind;
    if (at >= input->len || input->text[at] == '$')
        return NULL;
    *len = input->len - at;
    return input->text + at;
}

/* Words outside quotes: more than one of them are joined without blanks, and a semicolon at the end of one
 * has made a comment of the rest. */
static void check_writing(struct visit *visit, const struct gathered_record *record)
{
    size_t len;
    const char *text = entry_text(visit, record, &len), *token;
    uint32_t token_len;
    unsigned plain = 0;
    if (text == NULL)
        return;
    part_find(text, len, PART_TYPE, &token, &token_len);
    struct lexer lexer;
    struct token word;
    lexer_init(&lexer, token + token_len, (size_t)(text + len - token - token_len));
    while (lexer_next(&lexer, &word)) {
        plain += !word.quoted;
        if (word.quoted || lexer.at >= lexer.end || *lexer.at != ';' || lexer.depth > 0)
            continue;
        if (memchr(word.text, '=', word.len) != NULL) {
            TELL(visit, "txt-semicolon", record, PART_DATA,
                "the text ends at the semicolon behind \"%.*s\": what follows is a comment",
                (int)(word.len < 40 ? word.len : 40), word.text);
            return;
        }
    }
    if (plain > 1 && record->record->rdata_len < 255)
        TELL(visit, "txt-unquoted", record, PART_DATA,
            "%u words without quotes: they are read as strings of their own", plain);
}

/* ---- policies ---- */

static bool begins(const char *text, const char *word)
{
    return strncasecmp(text, word, strlen(word)) == 0;
}

static bool is_spf(const char *text)
{
    return begins(text, "v=spf1") && (text[6] == '\0' || text[6] == ' ');
}

static void check_spf(struct visit *visit, const struct gathered_record *record, const char *text)
{
    struct spf spf;
    if (!is_spf(text)) {
        /* "v=spf1mx" comes of words without quotes; "v=spf10" is another version. */
        if (begins(text, "v=spf1") && (text[6] < '0' || text[6] > '9'))
            TELL(visit, "spf-syntax", record, PART_DATA, "no blank behind v=spf1: it is no policy");
        return;
    }
    spf_parse(text, &spf);
    if (spf.wrong[0] != '\0')
        TELL(visit, "spf-syntax", record, PART_DATA, "%s", spf.wrong);
    if (spf.lookups > 10)
        TELL(visit, "spf-lookups", record, PART_DATA, "%u terms need a DNS query, 10 are allowed",
            spf.lookups);
    if (spf.after_all)
        TELL(visit, "spf-after-all", record, PART_DATA, "mechanisms behind \"all\"");
    if (spf.open)
        TELL(visit, "spf-open", record, PART_DATA, "\"+all\" allows every sender");
    if (spf.ptr)
        TELL(visit, "spf-ptr", record, PART_DATA, "the mechanism ptr");
    if (!spf.all && !spf.redirect)
        TELL(visit, "spf-no-all", record, PART_DATA, "neither \"all\" nor redirect");
}

static void check_dkim(struct visit *visit, const struct gathered_record *record, const char *text)
{
    char why[160];
    unsigned bits;
    if (!policy_dkim(text, why, sizeof why, &bits))
        TELL(visit, "dkim-syntax", record, PART_DATA, "the DKIM key record is malformed: %s", why);
    else if (bits > 0 && bits < 1024)
        TELL(visit, "dkim-weak", record, PART_DATA, "the DKIM key has %u bits", bits);
}

static void check_dmarc(struct visit *visit, const struct gathered_set *set)
{
    char text[TEXT_MAX], why[160];
    unsigned policies = 0;
    VISIT_EACH(visit, set, record)
    {
        if (!join(record->record, text))
            continue;
        if (begins(text, "v=DMARC1") && ++policies == 2)
            TELL(visit, "dmarc-multiple", record, PART_DATA, "a second DMARC policy");
        if ((begins(text, "v=DMARC") || set->count == 1) && !policy_dmarc(text, why, sizeof why))
            TELL(visit, "dmarc-syntax", record, PART_DATA, "the DMARC policy is malformed: %s", why);
    }
}

#define CHECK_POLICY(visit, record, rule, policy, text)                                                      \
    do {                                                                                                     \
        char why[160];                                                                                       \
        if (!policy(text, why, sizeof why))                                                                  \
            TELL(visit, rule, record, PART_DATA, "the policy is malformed: %s", why);                        \
    } while (0)

/* Names that say what their TXT records are for (RFC 8552). */
static void check_by_name(struct visit *visit, const struct gathered_set *set)
{
    const uint8_t *owner = visit->place->owner, *second = *owner != 0 ? owner + *owner + 1 : owner;
    char text[TEXT_MAX];
    if (visit_label_is(owner, "_dmarc")) {
        check_dmarc(visit, set);
        return;
    }
    VISIT_EACH(visit, set, record)
    {
        if (!join(record->record, text))
            continue;
        if (visit_label_is(second, "_domainkey") && *owner != 0)
            check_dkim(visit, record, text);
        else if (visit_label_is(owner, "_mta-sts"))
            CHECK_POLICY(visit, record, "mta-sts-syntax", policy_mta_sts, text);
        else if (visit_label_is(owner, "_smtp") && visit_label_is(second, "_tls"))
            CHECK_POLICY(visit, record, "tlsrpt-syntax", policy_tlsrpt, text);
        else if (visit_label_is(second, "_bimi") && begins(text, "v="))
            CHECK_POLICY(visit, record, "bimi-syntax", policy_bimi, text);
    }
}

/* U+2018 to U+201F, U+00AB, U+00BB and U+2033 in UTF-8 at either end of a string: what a word processor makes
 * of quotes. */
static bool is_typographic(const uint8_t *at, bool end)
{
    const uint8_t *two = end ? at + 1 : at;
    return (at[0] == 0xe2 && at[1] == 0x80 && ((at[2] >= 0x98 && at[2] <= 0x9f) || at[2] == 0xb3)) ||
           (two[0] == 0xc2 && (two[1] == 0xab || two[1] == 0xbb));
}

static void check_quotes(struct visit *visit, const struct gathered_record *record)
{
    const uint8_t *rdata = record->record->rdata, *last = rdata;
    size_t len = record->record->rdata_len;
    for (size_t at = 0; at < len; at += rdata[at] + 1u)
        last = rdata + at;
    if ((*rdata >= 3 && is_typographic(rdata + 1, false)) ||
        (*last >= 3 && is_typographic(last + *last - 2, true)))
        TELL(visit, "txt-typographic-quotes", record, PART_DATA,
            "typographic quotes are part of the text, they do not quote");
}

static bool has_service_label(const uint8_t *owner)
{
    for (unsigned i = 0; i < 2 && *owner != 0; i++, owner += *owner + 1) {
        if (owner[1] == '_')
            return true;
    }
    return false;
}

void visit_txt(struct visit *visit, const struct gathered_set *set)
{
    char text[TEXT_MAX];
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        if (record->record->rdata_len == 1)
            TELL(visit, "txt-empty", record, PART_DATA, "an empty text");
        bool several = record->record->rdata_len > rdata[0] + 1u;
        if (several || memchr(rdata, '=', record->record->rdata_len) != NULL)
            check_writing(visit, record);
        check_quotes(visit, record);
        if (rdata[0] >= 6 && memcmp(rdata + 1, "v=spf1", 6) == 0 && join(record->record, text))
            check_spf(visit, record, text);
    }
    if (has_service_label(visit->place->owner))
        check_by_name(visit, set);
}

/* RFC 7208 3.1. */
void visit_spf_type(struct visit *visit, const struct gathered_set *set)
{
    const struct gathered_record *first = &visit->gathered->records[set->from];
    const struct gathered_set *txt = visit_set(visit->gathered, TYPE_TXT);
    bool found = false;
    char text[TEXT_MAX];
    if (txt != NULL) {
        VISIT_EACH(visit, txt, record)
        found |= join(record->record, text) && is_spf(text);
    }
    TELL(visit, "spf-record-type", first, PART_TYPE,
        found ? "a SPF record beside the TXT record" : "a SPF record, but no policy in TXT");
    VISIT_EACH(visit, set, record)
    {
        if (join(record->record, text))
            check_spf(visit, record, text);
    }
}
