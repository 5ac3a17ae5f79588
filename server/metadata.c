#include "plugins/metadata.h"

#include <string.h>

struct metadata_provider {
    struct metadata_provider *next;
    const char *label;
    metadata_read *read;
    void *self;
};

struct metadata_entry {
    struct metadata_entry *next;
    const char *label;
    const char *text;
};

enum err metadata_provide(struct setup *setup, const char *label, metadata_read *read, void *self)
{
    struct metadata_provider *provider = ARENA_NEW(setup->world, struct metadata_provider);
    const char *copy = arena_copy(setup->world, label, strlen(label));
    if (provider == NULL || copy == NULL)
        return ERR_MEMORY;
    *provider = (struct metadata_provider){
        .next = setup->block->providers, .label = copy, .read = read, .self = self};
    setup->block->providers = provider;
    return ERR_OK;
}

static bool wanted(const struct query *query)
{
    const struct block *block = query->block;
    for (unsigned i = 0; i < block->metadata.count; i++) {
        if (name_under(query->message.question.lower, block->metadata.at[i]))
            return true;
    }
    return false;
}

void metadata_note(struct query *query, const char *label, const char *text)
{
    if (query->block == NULL || !wanted(query))
        return;
    struct metadata_entry *entry =
        arena_alloc(query->scratch, sizeof *entry, _Alignof(struct metadata_entry));
    if (entry == NULL)
        return;
    *entry = (struct metadata_entry){.next = query->noted, .label = label, .text = text};
    query->noted = entry;
}

static bool same(const char *have, const char *label, size_t len)
{
    return strlen(have) == len && memcmp(have, label, len) == 0;
}

size_t metadata_value(const struct query *query, const char *label, size_t label_len, char *out, size_t size)
{
    if (query->block == NULL || !wanted(query))
        return 0;
    for (const struct metadata_entry *entry = query->noted; entry != NULL; entry = entry->next) {
        size_t len = strlen(entry->text);
        if (!same(entry->label, label, label_len))
            continue;
        len = len < size ? len : size;
        memcpy(out, entry->text, len);
        return len;
    }
    for (const struct metadata_provider *provider = query->block->providers; provider != NULL;
         provider = provider->next) {
        if (same(provider->label, label, label_len))
            return provider->read(provider->self, query, out, size);
    }
    return 0;
}
