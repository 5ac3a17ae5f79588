#include "zone/wire/rdata.h"

#include "zone/wire/name.h"
#include "zone/wire/rdata_field.h"
#include "zone/wire/rdata_print.h"
#include "zone/wire/rdata_rule.h"
#include "zone/wire/type.h"

/* NULL when the rdata has its type's fields and nothing behind them, else a phrase. */
static const char *layout_fault(uint16_t type, const uint8_t *rdata, size_t len)
{
    const char *why = NULL;
    struct field_view view = {.field = type_info(type)->fields, .at = rdata, .left = len, .rdata = rdata};
    for (; view.field->kind != FIELD_END; view.field++) {
        if (view.left == 0 && (view.field->flags & FIELD_OPTIONAL) != 0)
            break;
        size_t used = field_measure(&view, &why);
        if (used == FIELD_BAD)
            return why;
        view.at += used;
        view.left -= used;
    }
    return view.left == 0 ? NULL : "the rdata goes on after its last field";
}

enum err rdata_check(uint16_t type, const uint8_t *rdata, size_t len, const char **why)
{
    size_t digest_len;
    const char *fault = layout_fault(type, rdata, len);
    if (fault == NULL && rdata_rule_broken(type, rdata, len, &digest_len) != NULL)
        fault = "the digest's length does not fit its algorithm";
    else if (fault == NULL && rdata_key_missing(type, rdata, len))
        fault = "the public key is missing";
    if (fault != NULL && why != NULL)
        *why = fault;
    return fault == NULL ? ERR_OK : ERR_WIRE;
}

static bool fields_print(struct out *out, const struct field *fields, const uint8_t *rdata, size_t len)
{
    const char *why;
    struct field_view view = {.field = fields, .at = rdata, .left = len, .rdata = rdata};
    for (; view.field->kind != FIELD_END; view.field++) {
        if (view.left == 0 && (view.field->flags & FIELD_OPTIONAL) != 0)
            break;
        size_t used = field_measure(&view, &why), before = out->len;
        if (used == FIELD_BAD)
            return false;
        if (before > 0)
            out_char(out, ' ');
        size_t start = out->len;
        if (!field_print(out, &view, used))
            return false;
        if (out->len == start)
            out->len = before; /* a field that is empty takes no blank */
        view.at += used;
        view.left -= used;
    }
    return view.left == 0;
}

static void terminate(struct out *out, size_t size)
{
    if (size > 0)
        out->text[out->len < size ? out->len : size - 1] = '\0';
}

size_t rdata_print_generic(const uint8_t *rdata, size_t len, char *text, size_t size)
{
    struct out out = {.text = text, .size = size};
    out_put(&out, "\\# ", 3);
    out_number(&out, len);
    if (len > 0)
        out_char(&out, ' ');
    out_hex(&out, rdata, len);
    terminate(&out, size);
    return out.len;
}

size_t rdata_print(uint16_t type, const uint8_t *rdata, size_t len, char *text, size_t size)
{
    struct out out = {.text = text, .size = size};
    if (!fields_print(&out, type_info(type)->fields, rdata, len))
        return rdata_print_generic(rdata, len, text, size);
    terminate(&out, size);
    return out.len;
}

void rdata_names_init(struct rdata_names *names, uint16_t type, const uint8_t *rdata, size_t len)
{
    *names = (struct rdata_names){.rdata = rdata, .field = type_info(type)->fields, .len = len};
}

const uint8_t *rdata_names_next(struct rdata_names *names)
{
    const char *why;
    while (names->field->kind != FIELD_END && names->at < names->len) {
        struct field_view view = {.field = names->field,
            .at = names->rdata + names->at,
            .left = names->len - names->at,
            .rdata = names->rdata};
        names->target = (names->field->flags & FIELD_TARGET) != 0;
        if (names->field->kind == FIELD_NAMES) {
            names->at += name_len(view.at);
            return view.at;
        }
        size_t used = field_measure(&view, &why);
        if (used == FIELD_BAD)
            break;
        size_t name_at = field_name_at(&view, used);
        names->at += used;
        names->field++;
        if (name_at != FIELD_BAD)
            return view.at + name_at;
    }
    return NULL;
}

void rdata_canonical(uint16_t type, uint8_t *rdata, size_t len)
{
    if ((type_info(type)->flags & TYPE_FLAG_LOWER) == 0)
        return;
    struct rdata_names names;
    rdata_names_init(&names, type, rdata, len);
    for (const uint8_t *name = rdata_names_next(&names); name != NULL; name = rdata_names_next(&names))
        name_lower(rdata + (name - rdata), name);
}

/* One field from a message; *AT moves behind it. Only plain names of the types of RFC 3597 4 may be
 * compressed: those whose names the canonical form lowers. */
static enum err field_read(
    const struct field *field, const uint8_t *message, size_t end, size_t *at, uint8_t *out, size_t *filled)
{
    const char *why;
    if (field->kind == FIELD_NAME) {
        size_t len;
        enum err err = name_read(message, end, at, out + *filled, &len);
        *filled += err == ERR_OK ? len : 0;
        return err;
    }
    struct field_view view = {.field = field, .at = message + *at, .left = end - *at, .rdata = out};
    size_t used = field_measure(&view, &why);
    if (used == FIELD_BAD)
        return ERR_WIRE;
    memcpy(out + *filled, view.at, used);
    *filled += used;
    *at += used;
    return ERR_OK;
}

enum err rdata_read(uint16_t type, const uint8_t *message, size_t message_len, size_t *at, size_t rdata_len,
    uint8_t *out, size_t *out_len)
{
    const struct type_info *info = type_info(type);
    if (message_len < *at || message_len - *at < rdata_len)
        return ERR_WIRE;
    size_t end = *at + rdata_len, from = *at, filled = 0;
    if ((info->flags & TYPE_FLAG_LOWER) == 0) {
        memcpy(out, message + from, rdata_len);
        filled = rdata_len;
        from = end;
    }
    for (const struct field *field = info->fields; from < end && field->kind != FIELD_END; field++) {
        enum err err = field_read(field, message, end, &from, out, &filled);
        if (err != ERR_OK)
            return err;
        if (filled > RDATA_MAX - NAME_MAX && from < end)
            return ERR_LIMIT;
    }
    if (from != end)
        return ERR_WIRE;
    if (layout_fault(type, out, filled) != NULL)
        return ERR_WIRE;
    *at = end;
    *out_len = filled;
    return ERR_OK;
}
