#include "zone/sec/pkcs11_uri.h"

#include <string.h>

#include "zone/base/codec.h"

/* Percent-decoding (RFC 3986 2.1); false when it does not fit. */
static bool decode(const char *text, size_t len, uint8_t *out, size_t room, size_t *out_len)
{
    size_t made = 0;
    for (size_t i = 0; i < len; i++) {
        int octet = (uint8_t)text[i];
        if (text[i] == '%') {
            int high = i + 2 < len ? base16_digit(text[i + 1]) : -1;
            int low = high >= 0 ? base16_digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            octet = high << 4 | low;
            i += 2;
        }
        if (made == room)
            return false;
        out[made++] = (uint8_t)octet;
    }
    *out_len = made;
    return true;
}

static bool decode_text(const char *text, size_t len, char *out, size_t room)
{
    size_t made;
    if (!decode(text, len, (uint8_t *)out, room - 1, &made) || memchr(out, '\0', made) != NULL)
        return false;
    out[made] = '\0';
    return true;
}

static bool take(struct pkcs11_uri *uri, const char *name, size_t name_len, const char *value, size_t len)
{
    const struct {
        const char *name;
        char *out;
        size_t room;
    } rows[] = {{"token", uri->token, sizeof uri->token}, {"object", uri->object, sizeof uri->object},
        {"pin-value", uri->pin_value, sizeof uri->pin_value},
        {"pin-source", uri->pin_source, sizeof uri->pin_source}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strlen(rows[i].name) == name_len && memcmp(rows[i].name, name, name_len) == 0)
            return decode_text(value, len, rows[i].out, rows[i].room);
    }
    if (name_len == 2 && memcmp(name, "id", 2) == 0)
        return decode(value, len, uri->id, sizeof uri->id, &uri->id_len);
    return true;
}

bool pkcs11_uri_read(const char *text, struct pkcs11_uri *out)
{
    *out = (struct pkcs11_uri){0};
    if (strncmp(text, "pkcs11:", 7) != 0)
        return decode_text(text, strlen(text), out->object, sizeof out->object);
    for (text += 7; *text != '\0';) {
        size_t len = strcspn(text, ";?&");
        const char *equals = memchr(text, '=', len);
        if (equals == NULL)
            return false;
        size_t name_len = (size_t)(equals - text);
        if (!take(out, text, name_len, equals + 1, len - name_len - 1))
            return false;
        text += len + (text[len] != '\0');
    }
    return out->object[0] != '\0' || out->id_len > 0;
}
