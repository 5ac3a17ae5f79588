#include "plugins/template/record.h"

#include <string.h>

#include "zone/text/rdata_parse.h"
#include "zone/wire/type.h"

static const uint8_t root[1] = {0};

/* "3600" or "1h30m". */
static bool read_ttl(const struct token *token, uint32_t *ttl)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t sum = 0, number = 0;
    bool digits = false;
    for (uint32_t i = 0; i < token->len; i++) {
        char c = token->text[i];
        if (c >= '0' && c <= '9') {
            number = number * 10 + (uint64_t)(c - '0');
            digits = true;
        } else {
            unsigned u = 0;
            while (u < ARRAY_COUNT(units) && units[u].unit != (c | 32))
                u++;
            if (u == ARRAY_COUNT(units) || !digits)
                return false;
            sum += number * units[u].seconds;
            number = 0;
            digits = false;
        }
        if (number > INT32_MAX || sum > INT32_MAX)
            return false;
    }
    sum += number;
    *ttl = (uint32_t)sum;
    return token->len > 0 && sum <= INT32_MAX && token->text[0] >= '0' && token->text[0] <= '9';
}

static enum err refuse(struct arena *memory, const char **why, const char *what, const struct token *token)
{
    *why = arena_printf(memory, "%s '%.*s'", what, (int)token->len, token->text);
    return *why != NULL ? ERR_SYNTAX : ERR_MEMORY;
}

/* TTL and class in any order, then the type. */
static enum err read_head(
    struct lexer *lexer, struct arena *memory, uint32_t *ttl, uint16_t *type, const char **why)
{
    struct token token;
    uint16_t class;
    while (lexer_next(lexer, &token)) {
        if (read_ttl(&token, ttl) || class_parse(token.text, token.len, &class))
            continue;
        if (type_parse(token.text, token.len, type))
            return ERR_OK;
        return refuse(memory, why, "there is no record type", &token);
    }
    *why = lexer->error != NULL ? lexer->error : "the record type is missing";
    return ERR_SYNTAX;
}

static enum err read_line(struct lexer *lexer, struct arena *memory, struct one_record *out, const char **why)
{
    static _Thread_local uint8_t rdata[RDATA_MAX];
    struct token owner;
    struct complaint complaint = {.message = ""};
    uint32_t ttl = RECORD_TTL;
    uint16_t type;
    size_t len;
    const char *reason = NULL;
    if (!lexer_next(lexer, &owner)) {
        *why = lexer->error != NULL ? lexer->error : "the record is empty";
        return ERR_SYNTAX;
    }
    if (name_parse(owner.text, owner.len, root, out->owner, &len, &reason) != ERR_OK)
        return refuse(memory, why, "the owner is no name:", &owner);
    enum err err = read_head(lexer, memory, &ttl, &type, why);
    if (err != ERR_OK)
        return err;
    err = rdata_parse(type, lexer, root, rdata, &len, &complaint);
    if (err != ERR_OK) {
        *why = arena_copy(memory, complaint.message, strlen(complaint.message));
        return err == ERR_MEMORY || *why == NULL ? ERR_MEMORY : ERR_SYNTAX;
    }
    struct rdata_ref ref = {rdata, (uint16_t)len};
    out->rrset = rrset_make(memory, type, ttl, &ref, 1);
    return out->rrset != NULL ? ERR_OK : ERR_MEMORY;
}

enum err record_parse(const char *text, struct arena *memory, struct one_record *out, const char **why)
{
    struct lexer lexer;
    size_t len = strlen(text);
    char *padded = arena_alloc(memory, len + LEXER_PAD + 1, 1); /* the lexer reads in wide loads */
    if (padded == NULL)
        return ERR_MEMORY;
    memcpy(padded, text, len);
    memset(padded + len, 0, LEXER_PAD + 1);
    lexer_init(&lexer, padded, len);
    return read_line(&lexer, memory, out, why);
}
