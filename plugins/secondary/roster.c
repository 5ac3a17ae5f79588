#include "plugins/secondary/roster.h"

#include <stdlib.h>
#include <string.h>

enum err entries_add(struct entries *entries, struct entry *entry)
{
    if (entries->count == entries->room) {
        unsigned room = entries->room * 2 + 8;
        struct entry **at = realloc(entries->at, room * sizeof *at);
        if (at == NULL)
            return ERR_MEMORY;
        entries->at = at;
        entries->room = room;
    }
    entries->at[entries->count++] = entry;
    return ERR_OK;
}

struct roster *roster_new(const void *mark, const struct entries *fixed, const struct entries *members,
    void (*twice)(void *context, const struct entry *entry), void *context)
{
    unsigned count = fixed->count + members->count;
    struct roster *roster = calloc(1, sizeof *roster);
    struct entry **entries = malloc((count + 1) * sizeof *entries);
    enum err err = roster != NULL && entries != NULL
                       ? serving_init(&roster->serving, "secondary", count > 0 ? count : 1)
                       : ERR_MEMORY;
    if (err != ERR_OK) {
        free(roster);
        free(entries);
        return NULL;
    }
    roster->serving.mark = mark;
    roster->entries = entries;
    for (unsigned i = 0; i < count && err == ERR_OK; i++) {
        struct entry *entry = i < fixed->count ? fixed->at[i] : members->at[i - fixed->count];
        entries[roster->count++] = entry;
        err = serving_add(&roster->serving, &entry->served);
        if (err == ERR_EXISTS && twice != NULL)
            twice(context, entry);
        err = err == ERR_EXISTS ? ERR_OK : err;
    }
    if (err == ERR_OK)
        return roster;
    roster_free(roster);
    return NULL;
}

void roster_free(struct roster *roster)
{
    if (roster == NULL)
        return;
    serving_clear(&roster->serving);
    free(roster->entries);
    free(roster->gone);
    free(roster);
}
