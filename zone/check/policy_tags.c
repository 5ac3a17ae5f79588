/* Lists of tags: DMARC (RFC 7489 6.3), DKIM (RFC 6376 3.6.1), MTA-STS (RFC 8461 3.1), TLSRPT (RFC 8460 3),
 * BIMI. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/codec.h"
#include "zone/check/policy.h"

struct tag {
    const char *name, *value;
    size_t name_len, value_len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next "name = value" of the list at *AT. False at the end; a name of length 0 for what is none. */
static bool next_tag(const char **at, struct tag *tag)
{
    while (is_blank(**at) || **at == ';')
        ++*at;
    if (**at == '\0')
        return false;
    size_t len = strcspn(*at, ";"), equals = strcspn(*at, "=;");
    *tag = (struct tag){.name = *at, .value = *at};
    if (equals < len) {
        tag->name_len = equals;
        tag->value = *at + equals + 1;
        tag->value_len = len - equals - 1;
    }
    *at += len;
    while (tag->name_len > 0 && is_blank(tag->name[tag->name_len - 1]))
        tag->name_len--;
    while (tag->value_len > 0 && is_blank(*tag->value)) {
        tag->value++;
        tag->value_len--;
    }
    while (tag->value_len > 0 && is_blank(tag->value[tag->value_len - 1]))
        tag->value_len--;
    return true;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* Is the value one of the words of LIST, separated by "|"? */
static bool is_one_of(const char *text, size_t len, const char *list)
{
    while (*list != '\0') {
        size_t word = strcspn(list, "|");
        if (word == len && strncasecmp(list, text, len) == 0)
            return true;
        list += word + (list[word] == '|');
    }
    return false;
}

static bool is_number(const struct tag *tag, unsigned long max)
{
    if (tag->value_len == 0 || tag->value_len > 10)
        return false;
    unsigned long value = 0;
    for (size_t i = 0; i < tag->value_len; i++) {
        if (tag->value[i] < '0' || tag->value[i] > '9')
            return false;
        value = value * 10 + (unsigned long)(tag->value[i] - '0');
    }
    return value <= max;
}

/* URIs separated by commas, each with one of the schemes in LIST. */
static bool are_uris(const struct tag *tag, const char *list)
{
    const char *at = tag->value, *end = at + tag->value_len;
    if (at == end)
        return false;
    while (at < end) {
        while (at < end && is_blank(*at))
            at++;
        const char *stop = memchr(at, ',', (size_t)(end - at));
        const char *colon = memchr(at, ':', (size_t)((stop != NULL ? stop : end) - at));
        if (colon == NULL || !is_one_of(at, (size_t)(colon - at), list) || colon + 1 >= end)
            return false;
        at = stop != NULL ? stop + 1 : end;
    }
    return true;
}

static bool refuse(char *why, size_t size, const struct tag *tag, const char *phrase)
{
    snprintf(why, size, "%.*s=%.*s: %s", (int)(tag->name_len < 20 ? tag->name_len : 20), tag->name,
        (int)(tag->value_len < 40 ? tag->value_len : 40), tag->value, phrase);
    return false;
}

static bool refuse_text(char *why, size_t size, const char *phrase)
{
    snprintf(why, size, "%s", phrase);
    return false;
}

/* What a value may be. */
enum kind { KIND_WORDS, KIND_PERCENT, KIND_SECONDS, KIND_URIS, KIND_LIST };

struct form {
    const char *name;
    enum kind kind;
    const char *words;
};

static const struct form dmarc_forms[] = {{"p", KIND_WORDS, "none|quarantine|reject"},
    {"sp", KIND_WORDS, "none|quarantine|reject"}, {"np", KIND_WORDS, "none|quarantine|reject"},
    {"adkim", KIND_WORDS, "r|s"}, {"aspf", KIND_WORDS, "r|s"}, {"pct", KIND_PERCENT, NULL},
    {"ri", KIND_SECONDS, NULL}, {"rua", KIND_URIS, "mailto|https|http"},
    {"ruf", KIND_URIS, "mailto|https|http"}, {"fo", KIND_LIST, "0|1|d|s"}, {"rf", KIND_LIST, "afrf|iodef"},
    {"psd", KIND_WORDS, "y|n|u"}, {"t", KIND_WORDS, "y|n"}};

static bool is_list(const struct tag *tag, const char *words)
{
    const char *at = tag->value, *end = at + tag->value_len;
    while (at < end) {
        const char *stop = memchr(at, ':', (size_t)(end - at));
        if (!is_one_of(at, (size_t)((stop != NULL ? stop : end) - at), words))
            return false;
        at = stop != NULL ? stop + 1 : end;
    }
    return tag->value_len > 0;
}

static bool fits(const struct form *form, const struct tag *tag)
{
    switch (form->kind) {
    case KIND_WORDS:
        return is_one_of(tag->value, tag->value_len, form->words);
    case KIND_PERCENT:
        return is_number(tag, 100);
    case KIND_SECONDS:
        return is_number(tag, 4294967295UL);
    case KIND_URIS:
        return are_uris(tag, form->words);
    case KIND_LIST:
        return is_list(tag, form->words);
    }
    return false;
}

bool policy_dmarc(const char *text, char *why, size_t size)
{
    const char *at = text;
    struct tag tag;
    bool policy = false, reports = false;
    if (!next_tag(&at, &tag) || !is_word(tag.name, tag.name_len, "v") || tag.value_len != 6 ||
        memcmp(tag.value, "DMARC1", 6) != 0)
        return refuse_text(why, size, "it does not begin with v=DMARC1");
    for (unsigned number = 0; next_tag(&at, &tag); number++) {
        if (tag.name_len == 0)
            return refuse_text(why, size, "a tag without \"=\"");
        policy |= is_word(tag.name, tag.name_len, "p");
        reports |= is_word(tag.name, tag.name_len, "rua");
        for (size_t i = 0; i < ARRAY_COUNT(dmarc_forms); i++) {
            if (is_word(tag.name, tag.name_len, dmarc_forms[i].name) && !fits(&dmarc_forms[i], &tag))
                return refuse(why, size, &tag, "not a value of this tag");
        }
    }
    return policy || refuse_text(why, size, reports ? "p is missing: it is taken for none" : "p is missing");
}

/* Bits of the modulus of a SubjectPublicKeyInfo with an RSA key, as far as its DER tells; 0 if it does not.
 */
static unsigned der_rsa_bits(const uint8_t *der, size_t len)
{
    /* The largest INTEGER in it is the modulus: an INTEGER is 02, a length, the octets. */
    unsigned best = 0;
    for (size_t i = 0; i + 4 < len; i++) {
        size_t head = der[i + 1] < 0x80 ? 2 : der[i + 1] == 0x81 ? 3 : der[i + 1] == 0x82 ? 4 : 0;
        if (der[i] != 2 || head == 0)
            continue;
        size_t octets = head == 2   ? der[i + 1]
                        : head == 3 ? der[i + 2]
                                    : (size_t)(der[i + 2] << 8 | der[i + 3]);
        if (octets < 32 || i + head + octets > len)
            continue;
        size_t leading = der[i + head] == 0 ? 1 : 0;
        unsigned bits = (unsigned)(octets - leading) * 8;
        best = bits > best ? bits : best;
    }
    return best;
}

static bool decode(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
    uint8_t last[3];
    size_t padding = len >= 4 && text[len - 1] == '=' ? (text[len - 2] == '=' ? 2u : 1u) : 0;
    size_t whole = len - (padding > 0 ? 4 : 0);
    if (len % 4 != 0 || base64_decode(out, text, whole) != whole)
        return false;
    *out_len = whole / 4 * 3;
    if (padding == 0)
        return true;
    char group[4] = {text[whole], text[whole + 1], padding == 1 ? text[whole + 2] : 'A', 'A'};
    if (base64_decode(last, group, 4) != 4)
        return false;
    memcpy(out + *out_len, last, 3 - padding);
    *out_len += 3 - padding;
    return true;
}

static bool key_ok(const struct tag *tag, bool rsa, unsigned *rsa_bits, const char **phrase)
{
    char compact[4096];
    uint8_t der[3100];
    size_t len = 0, out = 0;
    for (size_t i = 0; i < tag->value_len && len < sizeof compact; i++) {
        if (!is_blank(tag->value[i]))
            compact[len++] = tag->value[i];
    }
    *phrase = "the key is no base64";
    if (len == 0)
        return true; /* revoked (RFC 6376 3.6.1) */
    if (len >= sizeof compact || !decode(compact, len, der, &out))
        return false;
    if (rsa) {
        *rsa_bits = der_rsa_bits(der, out);
        *phrase = "the key is no RSA key";
        return *rsa_bits != 0;
    }
    *phrase = "an Ed25519 key has 32 octets (RFC 8463 4)";
    return out == 32;
}

bool policy_dkim(const char *text, char *why, size_t size, unsigned *rsa_bits)
{
    const char *at = text, *phrase = NULL;
    struct tag tag, key = {.name = NULL};
    bool rsa = true;
    *rsa_bits = 0;
    for (unsigned number = 0; next_tag(&at, &tag); number++) {
        if (tag.name_len == 0)
            return refuse_text(why, size, "a tag without \"=\"");
        if (is_word(tag.name, tag.name_len, "v") &&
            (number > 0 || tag.value_len != 5 || memcmp(tag.value, "DKIM1", 5) != 0))
            return refuse(why, size, &tag, number > 0 ? "v must be the first tag" : "the version is DKIM1");
        if (is_word(tag.name, tag.name_len, "k")) {
            if (!is_one_of(tag.value, tag.value_len, "rsa|ed25519"))
                return refuse(why, size, &tag, "the key types are rsa and ed25519");
            rsa = is_word(tag.value, tag.value_len, "rsa");
        }
        if (is_word(tag.name, tag.name_len, "h") && !is_list(&tag, "sha1|sha256"))
            return refuse(why, size, &tag, "the hashes are sha256 and sha1");
        if (is_word(tag.name, tag.name_len, "p"))
            key = tag;
    }
    if (key.name == NULL)
        return refuse_text(why, size, "p, the key, is missing");
    return key_ok(&key, rsa, rsa_bits, &phrase) || refuse_text(why, size, phrase);
}

static bool begins_with(const char *text, const char *version, char *why, size_t size)
{
    if (strncmp(text, version, strlen(version)) == 0)
        return true;
    snprintf(why, size, "it does not begin with %s", version);
    return false;
}

bool policy_mta_sts(const char *text, char *why, size_t size)
{
    const char *at = text;
    struct tag tag;
    if (!begins_with(text, "v=STSv1", why, size))
        return false;
    while (next_tag(&at, &tag)) {
        if (!is_word(tag.name, tag.name_len, "id"))
            continue;
        bool letters = tag.value_len >= 1 && tag.value_len <= 32;
        for (size_t i = 0; letters && i < tag.value_len; i++) {
            char c = tag.value[i];
            letters = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        }
        return letters || refuse(why, size, &tag, "1 to 32 letters and digits");
    }
    return refuse_text(why, size, "id is missing");
}

bool policy_tlsrpt(const char *text, char *why, size_t size)
{
    const char *at = text;
    struct tag tag;
    if (!begins_with(text, "v=TLSRPTv1", why, size))
        return false;
    while (next_tag(&at, &tag)) {
        if (is_word(tag.name, tag.name_len, "rua"))
            return are_uris(&tag, "mailto|https") || refuse(why, size, &tag, "mailto: or https: URIs");
    }
    return refuse_text(why, size, "rua is missing");
}

bool policy_bimi(const char *text, char *why, size_t size)
{
    const char *at = text;
    struct tag tag;
    bool logo = false;
    if (!begins_with(text, "v=BIMI1", why, size))
        return false;
    while (next_tag(&at, &tag)) {
        logo |= is_word(tag.name, tag.name_len, "l");
        bool url = is_word(tag.name, tag.name_len, "l") || is_word(tag.name, tag.name_len, "a");
        if (url && tag.value_len > 0 && !are_uris(&tag, "https"))
            return refuse(why, size, &tag, "an https: URL");
    }
    return logo || refuse_text(why, size, "l is missing");
}
