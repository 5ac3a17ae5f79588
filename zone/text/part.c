#include "zone/text/part.h"

#include "zone/text/lexer.h"
#include "zone/text/reader.h"
#include "zone/wire/type.h"

struct parts {
    struct token owner, ttl, type;
    struct lexer data; /* stands before the data */
};

/* Walks over what stands before the data. False when no type is found. */
static bool find_head(const char *text, size_t len, struct parts *parts)
{
    struct token token;
    uint16_t type;
    uint32_t ttl;
    bool inherits = *text == ' ' || *text == '\t';
    lexer_init(&parts->data, text, len);
    if (!inherits && !lexer_next(&parts->data, &parts->owner))
        return false;
    while (lexer_next(&parts->data, &token)) {
        if (parts->ttl.text == NULL && token.len > 0 && (uint8_t)(*token.text - '0') < 10 &&
            reader_ttl(token.text, token.len, &ttl)) {
            parts->ttl = token;
        } else if (type_parse(token.text, token.len, &type)) {
            parts->type = token;
            return true;
        }
    }
    return false;
}

static struct token data_token(const struct parts *parts, unsigned number)
{
    struct lexer lexer = parts->data;
    struct token token, found = parts->type;
    for (unsigned i = 0; i <= number && lexer_next(&lexer, &token); i++)
        found = token;
    return found;
}

static struct token find(const struct parts *parts, unsigned part)
{
    if (part == PART_OWNER && parts->owner.text != NULL)
        return parts->owner;
    if (part == PART_TTL && parts->ttl.text != NULL)
        return parts->ttl;
    return part >= PART_DATA ? data_token(parts, part - PART_DATA) : parts->type;
}

void part_find(const char *text, size_t len, unsigned part, const char **token, uint32_t *token_len)
{
    struct parts parts = {0};
    struct token found = {.text = text, .len = 1};
    if (len > 0 && *text == '$') {
        struct lexer lexer;
        lexer_init(&lexer, text, len);
        if (lexer_next(&lexer, &found) && found.len > 1) {
            *token = found.text;
            *token_len = found.len;
            return;
        }
    }
    if (len > 0 && find_head(text, len, &parts))
        found = find(&parts, part);
    else if (parts.owner.text != NULL)
        found = parts.owner;
    *token = found.quoted ? found.text - 1 : found.text;
    *token_len = found.quoted ? found.len + 2 : found.len;
}
