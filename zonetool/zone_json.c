#include "zonetool/zone_json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/json.h"
#include "zone/wire/type.h"
#include "zonetool/show.h"

/* ---- out ---- */

static void print_set(struct json *json, const char *name, uint16_t type, uint32_t ttl, const uint8_t *at,
    unsigned count, bool linked)
{
    if (count == 0)
        return;
    json_open(json, NULL, '{');
    json_text(json, "name", name);
    json_text(json, "type", show_type(type));
    json_number(json, "ttl", ttl);
    json_open(json, "records", '[');
    for (unsigned i = 0; i < count; i++) {
        struct record record;
        at = record_read(at, linked, &record);
        json_text(json, NULL, show_rdata(type, record.rdata, record.rdata_len));
    }
    json_close(json, ']');
    json_close(json, '}');
}

static void print_node_json(struct json *json, const struct image *image, const struct node *node)
{
    const struct image_header *header = image->header;
    uint8_t owner[NAME_MAX + 1];
    memcpy(owner, node->name, node->name_len);
    memcpy(owner + node->name_len, header->apex_name, header->apex_len);
    const char *name = show_name(owner);
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        print_set(json, name, rrset->type, rrset->ttl, rrset->data, rrset->count, rrset_linked(rrset->type));
        print_set(json, name, TYPE_RRSIG, rrset->ttl, rrset_signatures(rrset), rrset->sig_count, false);
    }
}

void zone_json_print(const struct image *image, FILE *out)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_text(&json, "zone", show_name(image->header->apex_name));
    json_number(&json, "serial", image->header->serial);
    json_open(&json, "rrsets", '[');
    for (uint32_t i = 0; i < image->header->node_count; i++)
        print_node_json(&json, image, image_node(image, image->order[i]));
    for (uint32_t i = 0; i < image->header->nsec3_count; i++)
        print_node_json(&json, image, image_node(image, image->nsec3_order[i]));
    json_close(&json, ']');
    json_close(&json, '}');
    putc('\n', out);
}

/* ---- in ---- */

#define FIELD_MAX 2048

struct reading {
    FILE *out;
    const char *why;
    size_t sets;
};

/* A field that goes into a line must not make another. */
static bool is_line(const char *text)
{
    return text[0] != '\0' && strpbrk(text, "\n\r") == NULL;
}

/* The string at *AT without its escapes, NUL-terminated and malloced; *AT moves behind it. NULL: malformed,
 * or no memory. */
static char *take_string(const char **at, const char *end)
{
    const char *from = *at;
    size_t len = 0;
    char *out = malloc((size_t)(end - from) + 1);
    if (out == NULL)
        return NULL;
    for (from++; from < end && *from != '"'; from++) {
        if (*from == '\\' && ++from < end && *from == 'u') {
            unsigned code = 0;
            for (unsigned i = 1; i <= 4 && from + i < end; i++) {
                const char *digits = "0123456789abcdef", *digit = strchr(digits, from[i] | 0x20);
                code = code * 16 + (digit != NULL ? (unsigned)(digit - digits) : 256);
            }
            if (from + 4 >= end || code == 0 || code > 126)
                break; /* presentation form is ASCII */
            out[len++] = (char)code;
            from += 4;
        } else if (from < end) {
            static const char letters[] = "nrtbf", controls[] = "\n\r\t\b\f";
            const char *letter = from[-1] == '\\' && *from != '\0' ? strchr(letters, *from) : NULL;
            out[len++] = letter != NULL ? controls[letter - letters] : *from;
        }
    }
    if (from >= end || *from != '"') {
        free(out);
        return NULL;
    }
    out[len] = '\0';
    *at = from + 1;
    return out;
}

static void read_records(struct reading *reading, const char *object, const char *head)
{
    size_t len;
    const char *at = json_member(object, "records", &len), *end = at + (at != NULL ? len : 0);
    if (at == NULL || len < 2 || *at != '[') {
        reading->why = "an RRset without the array \"records\"";
        return;
    }
    for (at++; at < end && *at != ']' && reading->why == NULL;) {
        if (*at != '"') {
            at++;
            continue;
        }
        char *record = take_string(&at, end);
        if (record == NULL || !is_line(record))
            reading->why = "a record that is no string of one line";
        else
            fprintf(reading->out, "%s %s\n", head, record);
        free(record);
    }
}

static void read_set(void *context, const char *object)
{
    struct reading *reading = context;
    char name[FIELD_MAX], type[32], ttl[16], class[16] = "IN", head[FIELD_MAX + 80];
    if (reading->why != NULL)
        return;
    bool whole = json_get(object, "name", name, sizeof name) && json_get(object, "type", type, sizeof type) &&
                 json_get(object, "ttl", ttl, sizeof ttl);
    (void)json_get(object, "class", class, sizeof class);
    uint16_t number;
    if (!whole || strpbrk(name, " \t\r\n;()\"") != NULL || name[0] == '\0' || name[0] == '$' ||
        !type_parse(type, strlen(type), &number) || ttl[0] == '\0' ||
        ttl[strspn(ttl, "0123456789")] != '\0' || strcmp(class, "IN") != 0) {
        reading->why = "an RRset needs \"name\", \"type\" and \"ttl\", in class IN";
        return;
    }
    reading->sets++;
    snprintf(head, sizeof head, "%s %s IN %s", name, ttl, type);
    read_records(reading, object, head);
}

const char *zone_json_read(const char *json, char **text, size_t *len)
{
    char zone[FIELD_MAX];
    struct reading reading = {.out = open_memstream(text, len)};
    if (reading.out == NULL)
        return "out of memory";
    if (json_get(json, "zone", zone, sizeof zone) && is_line(zone)) {
        size_t end = strlen(zone);
        fprintf(reading.out, "$ORIGIN %s%s\n", zone, end > 0 && zone[end - 1] == '.' ? "" : ".");
    }
    json_each(json, "rrsets", read_set, &reading);
    if (fclose(reading.out) != 0)
        return "out of memory";
    if (reading.why == NULL && reading.sets == 0)
        return "no \"rrsets\" are in it";
    return reading.why;
}
