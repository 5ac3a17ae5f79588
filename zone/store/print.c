#include "zone/store/print.h"

#include <stdlib.h>
#include <string.h>

#include "zone/wire/canonical.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define ROOM_FIRST (1u << 20)
#define HEAD_MAX (NAME_TEXT_MAX + 64) /* owner, TTL, class and type with their tabs */

bool print_init(struct print *print, const struct image *image)
{
    const struct image_header *header = image->header;
    *print = (struct print){.image = image, .size = ROOM_FIRST};
    arena_init(&print->scratch, 0);
    print->apex_len = name_print(header->apex_name, print->apex);
    print->text = malloc(print->size);
    return print->text != NULL;
}

void print_clear(struct print *print)
{
    arena_clear(&print->scratch);
    free(print->text);
    print->text = NULL;
}

static bool make_room(struct print *print, size_t len)
{
    if (print->size - print->len >= len)
        return true;
    size_t size = print->size * 2 > print->len + len ? print->size * 2 : print->len + len;
    char *text = realloc(print->text, size);
    if (text == NULL)
        return false;
    print->text = text;
    print->size = size;
    return true;
}

/* The labels of NODE and the apex. */
static size_t print_owner(const struct print *print, const struct node *node, char *out)
{
    char *at = out;
    const uint8_t *label = node->name;
    const uint8_t *end = node->name + node->name_len;
    for (; label < end; label += 1 + *label) {
        at += name_print_label(label + 1, *label, at);
        *at++ = '.';
    }
    if (at > out && print->apex_len == 1)
        return (size_t)(at - out); /* the root's dot is there already */
    memcpy(at, print->apex, print->apex_len);
    return (size_t)(at - out) + print->apex_len;
}

static size_t print_number(uint32_t number, char *out)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

/* What stands before the rdata of every record of an RRset. */
static size_t print_head(const char *owner, size_t owner_len, uint32_t ttl, uint16_t type, char *out)
{
    char *at = out;
    memcpy(at, owner, owner_len);
    at += owner_len;
    *at++ = '\t';
    at += print_number(ttl, at);
    memcpy(at, "\tIN\t", 4);
    at += 4;
    at += type_print(type, at);
    *at++ = '\t';
    return (size_t)(at - out);
}

static bool print_record(
    struct print *print, const char *head, size_t head_len, uint16_t type, const struct record *record)
{
    if (!make_room(print, head_len + 512))
        return false;
    memcpy(print->text + print->len, head, head_len);
    print->len += head_len;
    size_t room = print->size - print->len;
    size_t len = rdata_print(type, record->rdata, record->rdata_len, print->text + print->len, room);
    if (len + 2 > room) {
        if (!make_room(print, len + 2))
            return false;
        room = print->size - print->len;
        len = rdata_print(type, record->rdata, record->rdata_len, print->text + print->len, room);
    }
    print->len += len;
    print->text[print->len++] = '\n';
    return true;
}

static bool print_records(struct print *print, const char *owner, size_t owner_len, uint16_t type,
    uint32_t ttl, const uint8_t *at, unsigned count, bool linked)
{
    if (count == 0)
        return true;
    char head[HEAD_MAX];
    size_t head_len = print_head(owner, owner_len, ttl, type, head);
    if (count == 1) {
        struct record record;
        record_read(at, linked, &record);
        return print_record(print, head, head_len, type, &record);
    }
    arena_reset(&print->scratch);
    const struct canonical_record *records = canonical_sort(&print->scratch, type, at, count, linked);
    if (records == NULL)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!print_record(print, head, head_len, type, &records[i].record))
            return false;
    }
    return true;
}

static bool print_rrset(struct print *print, const char *owner, size_t owner_len, const struct rrset *rrset)
{
    return print_records(print, owner, owner_len, rrset->type, rrset->ttl, rrset->data, rrset->count,
               rrset_linked(rrset->type)) &&
           print_records(print, owner, owner_len, TYPE_RRSIG, rrset->ttl, rrset_signatures(rrset),
               rrset->sig_count, false);
}

bool print_node(struct print *print, const struct node *node)
{
    char owner[NAME_TEXT_MAX];
    size_t owner_len = print_owner(print, node, owner);
    const struct rrset *first = (node->flags & NODE_APEX) != 0 ? node_rrset(node, TYPE_SOA) : NULL;
    if (first != NULL && !print_rrset(print, owner, owner_len, first))
        return false;
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        if (rrset != first && !print_rrset(print, owner, owner_len, rrset))
            return false;
    }
    return true;
}
