/* SVCB and HTTPS (RFC 9460, RFC 9461), URI, CSYNC. */
#include <string.h>

#include "zone/check/visit.h"
#include "zone/wire/svcb.h"
#include "zone/wire/type.h"

struct params {
    const uint8_t *at;
    size_t len;
};

static struct params params_of(const struct gathered_record *record)
{
    size_t before = 2 + name_len(record->record->rdata + 2);
    return (struct params){record->record->rdata + before, record->record->rdata_len - before};
}

/* ---- dohpath: a URI template (RFC 6570) with the variable dns (RFC 9461 5) ---- */

static bool is_alnum(uint8_t c)
{
    return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 0x20) - 'a') < 26;
}

static bool is_hex(uint8_t c)
{
    return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 0x20) - 'a') < 6;
}

static bool is_escape(const uint8_t *at, const uint8_t *end)
{
    return end - at >= 3 && *at == '%' && is_hex(at[1]) && is_hex(at[2]);
}

/* Behind a variable's name: "*", ":" and 1 to 9999, or nothing (RFC 6570 2.4). */
static const uint8_t *skip_modifier(const uint8_t *at, const uint8_t *end)
{
    if (at < end && *at == '*')
        return at + 1;
    if (at == end || *at != ':')
        return at;
    const uint8_t *digits = ++at;
    while (at < end && (uint8_t)(*at - '0') < 10)
        at++;
    return at > digits && at - digits <= 4 && *digits != '0' ? at : NULL;
}

/* One expression; AT is behind its brace. Moves behind the closing one, NULL when it is none. */
static const uint8_t *skip_expression(const uint8_t *at, const uint8_t *end, bool *dns)
{
    if (at < end && memchr("+#./;?&", *at, 7) != NULL)
        at++;
    for (;;) {
        const uint8_t *name = at;
        while (at < end && (is_alnum(*at) || *at == '_' || *at == '.' || is_escape(at, end)))
            at += *at == '%' ? 3 : 1;
        *dns |= at - name == 3 && memcmp(name, "dns", 3) == 0;
        if (at == name || (at = skip_modifier(at, end)) == NULL || at == end)
            return NULL;
        if (*at == '}')
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

/* A phrase, or NULL when it is sound. */
static const char *path_fault(const uint8_t *at, size_t len)
{
    const uint8_t *end = at + len;
    bool dns = false;
    if (len == 0 || *at != '/')
        return "does not begin with /";
    while (at < end) {
        if (*at == '{') {
            at = skip_expression(at + 1, end, &dns);
            if (at == NULL)
                return "has a malformed expression in braces";
        } else if (*at == '%' && !is_escape(at, end)) {
            return "has a % without two hexadecimal digits";
        } else if (*at <= ' ' || *at == 0x7f || memchr("\"'<>\\^`|}", *at, 9) != NULL) {
            return "has a character that no URI template has";
        } else {
            at += *at == '%' ? 3 : 1;
        }
    }
    return dns ? NULL : "lacks the variable {?dns}";
}

/* ---- SVCB, HTTPS ---- */

static bool speaks_http(const uint8_t *list, size_t len)
{
    for (size_t at = 0; at < len; at += list[at] + 1u) {
        const uint8_t *id = list + at;
        if ((*id == 2 && (memcmp(id + 1, "h2", 2) == 0 || memcmp(id + 1, "h3", 2) == 0)) ||
            (*id == 8 && memcmp(id + 1, "http/1.1", 8) == 0))
            return true;
    }
    return false;
}

/* RFC 9461 2: _dns, or _PORT._dns. */
static bool is_dns_service(const uint8_t *owner)
{
    bool port = *owner > 1 && owner[1] == '_' && (uint8_t)(owner[2] - '0') < 10;
    return visit_label_is(port ? owner + *owner + 1 : owner, "_dns");
}

static void check_dns_service(
    struct visit *visit, const struct gathered_record *record, const struct params *params)
{
    size_t alpn_len, path_len;
    const uint8_t *alpn = svcb_find(params->at, params->len, SVCB_ALPN, &alpn_len);
    const uint8_t *path = svcb_find(params->at, params->len, SVCB_DOHPATH, &path_len);
    if (alpn == NULL)
        TELL(visit, "svcb-dns", record, PART_DATA + 1, "a DNS service without alpn");
    else if (path == NULL && speaks_http(alpn, alpn_len))
        TELL(visit, "svcb-dns", record, PART_DATA + 1, "a DNS service over HTTP without dohpath");
    else if (path != NULL && !speaks_http(alpn, alpn_len))
        TELL(visit, "svcb-dns", record, PART_DATA + 1, "dohpath, but no HTTP in alpn");
}

/* RFC 9460 9: for HTTPS port and no-default-alpn are mandatory by themselves, and should not be listed (8).
 */
static void check_mandatory(
    struct visit *visit, const struct gathered_record *record, const struct params *params, uint16_t type)
{
    size_t len;
    const uint8_t *keys = svcb_find(params->at, params->len, SVCB_MANDATORY, &len);
    for (size_t at = 0; keys != NULL && type == TYPE_HTTPS && at < len; at += 2) {
        unsigned key = visit_read16(keys + at);
        if (key == SVCB_PORT || key == SVCB_NO_DEFAULT_ALPN)
            TELL(visit, "svcb-mandatory", record, PART_DATA + 2, "mandatory lists %s, which is so anyway",
                key == SVCB_PORT ? "port" : "no-default-alpn");
    }
}

static void check_params(
    struct visit *visit, const struct gathered_record *record, const struct params *params, uint16_t type)
{
    size_t alpn_len, path_len;
    const uint8_t *alpn = svcb_find(params->at, params->len, SVCB_ALPN, &alpn_len);
    const uint8_t *path = svcb_find(params->at, params->len, SVCB_DOHPATH, &path_len);
    const char *fault = path != NULL ? path_fault(path, path_len) : NULL;
    if (fault != NULL)
        TELL(visit, "svcb-dohpath", record, PART_DATA + 2, "dohpath %s", fault);
    if (alpn == NULL && type == TYPE_HTTPS)
        TELL(visit, "svcb-no-alpn", record, PART_DATA + 1, "a service without alpn");
    if (alpn != NULL && (memchr(alpn, ',', alpn_len) != NULL || memchr(alpn, '\\', alpn_len) != NULL))
        TELL(visit, "svcb-alpn", record, PART_DATA + 2,
            "a protocol with a comma or a backslash in its name: too many backslashes?");
    check_mandatory(visit, record, params, type);
    if (type == TYPE_SVCB && is_dns_service(visit->place->owner))
        check_dns_service(visit, record, params);
}

void visit_svcb(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata, *target = rdata + 2;
        const struct params params = params_of(record);
        visit_later(visit, record);
        if (visit_read16(rdata) != 0) {
            visit_host(visit, record, target, PART_DATA + 1);
            check_params(visit, record, &params, set->type);
            continue;
        }
        visit_name(visit, record, target, PART_DATA + 1);
        if (name_equal(target, visit->place->owner))
            TELL(visit, "svcb-alias-self", record, PART_DATA + 1, "the alias leads to its own name");
    }
}

/* ---- URI (RFC 7553) ---- */

static bool has_scheme(const uint8_t *text, size_t len)
{
    size_t at = 0;
    while (at < len && (is_alnum(text[at]) || (at > 0 && memchr("+-.", text[at], 3) != NULL)))
        at++;
    return at > 0 && at < len && text[at] == ':' && (uint8_t)(text[0] - '0') > 9;
}

/* RFC 7553 4.5: the target stands in quotes. */
static void check_quotes(struct visit *visit, const struct gathered_record *record)
{
    const struct input *input = &sources_get(visit->lint->sources, record->run->file)->input;
    uint64_t at = record->run->at + record->record->behind;
    const char *token;
    uint32_t len;
    if (at >= input->len || input->text[at] == '$') /* made by $GENERATE */
        return;
    part_find(input->text + at, input->len - at, PART_DATA, &token, &len);
    if (len == 2 && memcmp(token, "\\#", 2) == 0)
        return;
    part_find(input->text + at, input->len - at, PART_DATA + 2, &token, &len);
    if (*token != '"')
        TELL(visit, "uri-unquoted", record, PART_DATA + 2, "the target stands without quotes");
}

/* RFC 7553 4.1: a service, or an enumservice such as _sip._voice. */
void visit_uri(struct visit *visit, const struct gathered_set *set)
{
    if (!visit->place->wildcard && !visit_is_service(visit->place->owner, 1))
        TELL(visit, "uri-name", &visit->gathered->records[set->from], PART_OWNER,
            "a URI record that is not at _service._proto");
    VISIT_EACH(visit, set, record)
    {
        if (!has_scheme(record->record->rdata + 4, record->record->rdata_len - 4u))
            TELL(visit, "uri-target", record, PART_DATA + 2, "the target is no URI with a scheme");
        check_quotes(visit, record);
    }
}

/* ---- CSYNC (RFC 7477) ---- */

/* The first type listed that no parent takes over (RFC 7477 3.2), or 0. */
static uint16_t odd_type(const uint8_t *bits, const uint8_t *end)
{
    for (; end - bits >= 2; bits += 2 + bits[1]) {
        for (unsigned bit = 0; bit < bits[1] * 8u; bit++) {
            uint16_t type = (uint16_t)((unsigned)bits[0] << 8 | bit);
            bool there = (bits[2 + bit / 8] & 0x80 >> bit % 8) != 0;
            if (there && type != TYPE_NS && type != TYPE_A && type != TYPE_AAAA)
                return type;
        }
    }
    return 0;
}

void visit_csync(struct visit *visit, const struct gathered_set *set)
{
    const struct gathered_record *first = NULL;
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        unsigned flags = visit_read16(rdata + 4);
        uint16_t type = odd_type(rdata + 6, rdata + record->record->rdata_len);
        char name[16];
        if (!visit->place->apex)
            TELL(visit, "csync-fields", record, PART_TYPE, "a CSYNC record below the apex");
        else if (first != NULL)
            TELL(visit, "csync-fields", record, PART_TYPE, "a second CSYNC record: neither is heeded");
        else if ((flags & ~3u) != 0)
            TELL(visit, "csync-fields", record, PART_DATA + 1, "the flags %u: only 1 and 2 are defined",
                flags);
        else if (type != 0 && type_print(type, name) > 0)
            TELL(visit, "csync-fields", record, PART_DATA + 2, "no parent takes over %s", name);
        first = record;
    }
}
