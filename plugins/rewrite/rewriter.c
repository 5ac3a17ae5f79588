#include "plugins/rewrite/rewriter.h"

#include <ctype.h>
#include <string.h>

static const char *const kinds[] = {"exact", "prefix", "suffix", "substring", "regex"};

int rewriter_kind(const char *word)
{
    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (strcmp(kinds[i], word) == 0)
            return (int)i;
    }
    return -1;
}

/* Names are compared with their final dot, which Corefiles often leave out where a name ends. */
static const char *complete(struct setup *setup, const char *text, bool dot)
{
    size_t len = strlen(text);
    bool add = dot && (len == 0 || text[len - 1] != '.');
    char *copy = arena_printf(setup->world, add ? "%s." : "%s", text);
    for (char *at = copy; at != NULL && *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

static enum err check_name(struct setup *setup, const struct token *token)
{
    uint8_t wire[NAME_MAX];
    size_t len;
    const char *why = "malformed";
    if (name_parse(token->text, token->len, (const uint8_t *)"", wire, &len, &why) != ERR_OK)
        return setup_error(setup, token, NULL, "'%s' is no domain name: %s", token->text, why);
    return ERR_OK;
}

/* Labels that stand whole in a name that matches. A name with an escape is left to the comparison of texts.
 */
static enum err keep_wire(struct rewriter *rewriter, struct setup *setup)
{
    uint8_t wire[NAME_MAX];
    size_t len;
    const char *whole = rewriter->kind == REWRITE_SUFFIX ? strchr(rewriter->from, '.') + 1 : rewriter->from;
    if ((rewriter->kind != REWRITE_EXACT && rewriter->kind != REWRITE_SUFFIX) ||
        strchr(rewriter->from, '\\') != NULL ||
        name_parse(*whole != '\0' ? whole : ".", *whole != '\0' ? strlen(whole) : 1, (const uint8_t *)"",
            wire, &len, NULL) != ERR_OK)
        return ERR_OK;
    rewriter->wire = (const uint8_t *)arena_copy(setup->world, wire, len);
    return rewriter->wire != NULL ? ERR_OK : ERR_MEMORY;
}

enum err rewriter_init(struct rewriter *rewriter, enum rewriter_kind kind, struct setup *setup,
    const struct token *from, const struct token *to)
{
    bool whole = kind == REWRITE_EXACT, ends = whole || kind == REWRITE_SUFFIX;
    enum err err = whole ? check_name(setup, from) : ERR_OK;
    if (err == ERR_OK && whole && to != NULL)
        err = check_name(setup, to);
    if (err != ERR_OK)
        return err;
    *rewriter = (struct rewriter){.kind = kind, .from = complete(setup, from->text, ends)};
    rewriter->to = to == NULL ? "" : kind == REWRITE_REGEX ? to->text : complete(setup, to->text, ends);
    if (rewriter->from == NULL || rewriter->to == NULL)
        return ERR_MEMORY;
    rewriter->from_len = strlen(rewriter->from);
    rewriter->to_len = strlen(rewriter->to);
    if (kind == REWRITE_REGEX)
        rewriter->regex = regex_compile(setup, from, from->text);
    if (kind == REWRITE_REGEX && rewriter->regex == NULL)
        return ERR_INVALID;
    return keep_wire(rewriter, setup);
}

static bool begins(const char *text, size_t len, const char *with, size_t with_len)
{
    return len >= with_len && memcmp(text, with, with_len) == 0;
}

static bool ends(const char *text, size_t len, const char *with, size_t with_len)
{
    return len >= with_len && memcmp(text + len - with_len, with, with_len) == 0;
}

bool rewriter_matches(const struct rewriter *r, const char *name, size_t len)
{
    switch (r->kind) {
    case REWRITE_EXACT:
        return len == r->from_len && memcmp(name, r->from, len) == 0;
    case REWRITE_PREFIX:
        return begins(name, len, r->from, r->from_len);
    case REWRITE_SUFFIX:
        return ends(name, len, r->from, r->from_len);
    case REWRITE_SUBSTRING:
        return memmem(name, len, r->from, r->from_len) != NULL;
    case REWRITE_REGEX:
        return regex_match(r->regex, name, len, NULL);
    case REWRITE_REMAP:
        return ends(name, len, r->from, r->from_len) &&
               (len == r->from_len || r->from_len <= 1 || name[len - r->from_len - 1] == '.');
    }
    return false;
}

struct out {
    char *at, *end;
};

static void put(struct out *out, const char *text, size_t len)
{
    size_t room = (size_t)(out->end - out->at);
    len = len < room ? len : room;
    memcpy(out->at, text, len);
    out->at += len;
}

static void put_replaced(struct out *out, const struct rewriter *r, const char *name, size_t len)
{
    const char *end = name + len, *found;
    while (r->from_len > 0 && (found = memmem(name, (size_t)(end - name), r->from, r->from_len)) != NULL) {
        put(out, name, (size_t)(found - name));
        put(out, r->to, r->to_len);
        name = found + r->from_len;
    }
    put(out, name, (size_t)(end - name));
}

/* {0}, {1} ... in the replacement are groups of the match. */
static void put_groups(struct out *out, const struct rewriter *r, const struct regex_match *match)
{
    for (const char *at = r->to; *at != '\0'; at++) {
        unsigned number = 0;
        const char *digit = at + 1;
        while (isdigit((unsigned char)*digit) && number < 1000)
            number = number * 10 + (unsigned)(*digit++ - '0');
        if (*at != '{' || *digit != '}' || digit == at + 1) {
            put(out, at, 1);
            continue;
        }
        size_t len;
        const char *text = regex_text(match, number, &len);
        put(out, text, len);
        at = digit;
    }
}

bool rewriter_apply(const struct rewriter *r, const char *name, size_t len, char *to)
{
    struct out out = {to, to + REWRITER_OUT_MAX - 2};
    struct regex_match match;
    if (r->kind == REWRITE_REGEX ? !regex_match(r->regex, name, len, &match)
                                 : !rewriter_matches(r, name, len))
        return false;
    switch (r->kind) {
    case REWRITE_EXACT:
        put(&out, r->to, r->to_len);
        break;
    case REWRITE_PREFIX:
        put(&out, r->to, r->to_len);
        put(&out, name + r->from_len, len - r->from_len);
        break;
    case REWRITE_SUFFIX:
    case REWRITE_REMAP:
        put(&out, name, len - r->from_len);
        put(&out, r->to, r->to_len);
        break;
    case REWRITE_SUBSTRING:
        put_replaced(&out, r, name, len);
        break;
    case REWRITE_REGEX:
        put_groups(&out, r, &match);
        break;
    }
    *out.at = '\0';
    return true;
}

enum err rewriter_apply_name(const struct rewriter *rewriter, const uint8_t *name, uint8_t *out)
{
    char text[NAME_TEXT_MAX], made[REWRITER_OUT_MAX];
    uint8_t lower[NAME_MAX];
    size_t len;
    name_lower(lower, name);
    size_t text_len = name_print(lower, text);
    if (!rewriter_apply(rewriter, text, text_len, made))
        return ERR_MISSING;
    return name_parse(made, strlen(made), (const uint8_t *)"", out, &len, NULL) == ERR_OK ? ERR_OK
                                                                                          : ERR_SYNTAX;
}
