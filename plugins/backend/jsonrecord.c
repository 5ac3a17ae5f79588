#include "plugins/backend/jsonrecord.h"

#include <string.h>

#include "zone/text/rdata_parse.h"
#include "zone/wire/type.h"

#define STRING_MAX 255 /* octets of a character-string (RFC 1035 3.3) */

static const uint8_t root[1] = {0};

static enum err keep(struct arena *memory, const uint8_t *rdata, size_t len, struct rdata_ref *out)
{
    const uint8_t *copy = (const uint8_t *)arena_copy(memory, rdata, len);
    if (copy == NULL)
        return ERR_MEMORY;
    *out = (struct rdata_ref){copy, (uint16_t)len};
    return ERR_OK;
}

/* Longer text goes on in further strings, as mail programs expect it (RFC 7208 3.3). */
static enum err read_plain(
    const char *text, size_t len, uint8_t *rdata, struct arena *memory, struct rdata_ref *out)
{
    size_t used = 0, at = 0;
    if (len + len / STRING_MAX + 1 > RDATA_MAX)
        return ERR_SYNTAX;
    do {
        size_t part = len - at < STRING_MAX ? len - at : STRING_MAX;
        rdata[used++] = (uint8_t)part;
        memcpy(rdata + used, text + at, part);
        used += part;
        at += part;
    } while (at < len);
    return keep(memory, rdata, used, out);
}

enum err jsonrecord_read(uint16_t type, const char *text, size_t len, struct arena *memory,
    struct rdata_ref *out, const char **why)
{
    static _Thread_local uint8_t rdata[RDATA_MAX];
    struct complaint complaint = {.message = ""};
    struct lexer lexer;
    size_t rdata_len;
    *why = "too long";
    if ((type == TYPE_TXT || type == TYPE_SPF) && (len == 0 || (text[0] != '"' && text[0] != '\\')))
        return read_plain(text, len, rdata, memory, out);
    *why = "more than one line";
    if (memchr(text, '\n', len) != NULL || memchr(text, '\0', len) != NULL)
        return ERR_SYNTAX;
    char *padded = arena_alloc(memory, len + LEXER_PAD + 1, 1); /* the lexer reads in wide loads */
    *why = "out of memory";
    if (padded == NULL)
        return ERR_MEMORY;
    memcpy(padded, text, len);
    memset(padded + len, 0, LEXER_PAD + 1);
    lexer_init(&lexer, padded, len);
    enum err err = rdata_parse(type, &lexer, root, rdata, &rdata_len, &complaint);
    if (err == ERR_OK)
        return keep(memory, rdata, rdata_len, out);
    *why = arena_copy(memory, complaint.message, strlen(complaint.message));
    if (*why == NULL)
        *why = "out of memory";
    return err == ERR_MEMORY ? err : ERR_SYNTAX;
}
