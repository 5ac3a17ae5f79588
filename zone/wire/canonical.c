#include "zone/wire/canonical.h"

#include <stdlib.h>

#include "zone/wire/rdata.h"

static int compare(const void *left, const void *right)
{
    const struct canonical_record *a = left, *b = right;
    unsigned a_len = a->record.rdata_len, b_len = b->record.rdata_len;
    int order = memcmp(a->form, b->form, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Most RRsets are this small, and many stand in order already. */
static void sort_few(struct canonical_record *records, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct canonical_record record = records[i];
        unsigned at = i;
        for (; at > 0 && compare(&records[at - 1], &record) > 0; at--)
            records[at] = records[at - 1];
        records[at] = record;
    }
}

#define FEW 8

struct canonical_record *canonical_sort(
    struct arena *scratch, uint16_t type, const uint8_t *at, unsigned count, bool linked)
{
    struct canonical_record *records =
        arena_alloc(scratch, sizeof(*records) * count, _Alignof(struct canonical_record));
    if (records == NULL)
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        struct record *record = &records[i].record;
        at = record_read(at, linked, record);
        uint8_t *form = arena_alloc(scratch, record->rdata_len, 1);
        if (form == NULL)
            return NULL;
        memcpy(form, record->rdata, record->rdata_len);
        rdata_canonical(type, form, record->rdata_len);
        records[i].form = form;
    }
    if (count <= FEW)
        sort_few(records, count);
    else
        qsort(records, count, sizeof(*records), compare);
    return records;
}
