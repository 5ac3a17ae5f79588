#include "plugins/secondary/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/secondary/clock.h"
#include "zone/base/file.h"
#include "zone/base/log.h"
#include "zone/wire/name.h"

#define LEDGER_MAX ((size_t)256 << 20)
#define LEDGER_NAME "secondary.confirmed"

struct entry {
    uint8_t *name;
    int64_t confirmed_s;
};

/* A file as it was when this process first looked. */
struct ledger {
    struct ledger *next;
    char *state;
    struct entry *entries;
    size_t count, room;
    struct arena memory;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ledger *ledgers;

/* ---- reading ---- */

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return name_compare(x->name, y->name);
}

/* "NAME - SECONDS" (since 1970); what is no such line is passed over. */
static void take_line(struct ledger *ledger, char *line)
{
    uint8_t name[NAME_MAX + 1];
    size_t len;
    char *serial = strchr(line, ' '), *seconds = serial != NULL ? strchr(serial + 1, ' ') : NULL;
    if (seconds == NULL || name_parse(line, (size_t)(serial - line), NULL, name, &len, NULL) != ERR_OK)
        return;
    if (ledger->count == ledger->room) {
        size_t room = ledger->room * 2 + 64;
        struct entry *entries = realloc(ledger->entries, room * sizeof *entries);
        if (entries == NULL)
            return;
        ledger->entries = entries;
        ledger->room = room;
    }
    struct entry entry = {(uint8_t *)arena_copy(&ledger->memory, name, len), strtoll(seconds + 1, NULL, 10)};
    if (entry.name != NULL)
        ledger->entries[ledger->count++] = entry;
}

static void read_file(struct ledger *ledger)
{
    struct arena scratch;
    char path[4096], *text, *line;
    size_t len;
    arena_init(&scratch, 0);
    snprintf(path, sizeof path, "%s/" LEDGER_NAME, ledger->state);
    if (file_read(path, LEDGER_MAX, &scratch, &text, &len) == ERR_OK) {
        while ((line = strsep(&text, "\n")) != NULL)
            take_line(ledger, line);
        if (ledger->count > 0)
            qsort(ledger->entries, ledger->count, sizeof *ledger->entries, by_name);
    }
    arena_clear(&scratch);
}

static struct ledger *ledger_of(const char *state)
{
    for (struct ledger *ledger = ledgers; ledger != NULL; ledger = ledger->next) {
        if (strcmp(ledger->state, state) == 0)
            return ledger;
    }
    struct ledger *ledger = calloc(1, sizeof *ledger);
    char *copy = strdup(state);
    if (ledger == NULL || copy == NULL) {
        free(ledger);
        free(copy);
        return NULL;
    }
    ledger->state = copy;
    arena_init(&ledger->memory, 0);
    read_file(ledger);
    ledger->next = ledgers;
    ledgers = ledger;
    return ledger;
}

int64_t ledger_find(const char *state, const uint8_t *name)
{
    struct entry wanted = {.name = (uint8_t *)(uintptr_t)name};
    pthread_mutex_lock(&lock);
    const struct ledger *ledger = ledger_of(state);
    const struct entry *found =
        ledger != NULL && ledger->count > 0
            ? bsearch(&wanted, ledger->entries, ledger->count, sizeof *ledger->entries, by_name)
            : NULL;
    int64_t confirmed_s = found != NULL ? found->confirmed_s : 0;
    pthread_mutex_unlock(&lock);
    return confirmed_s;
}

/* ---- writing ---- */

struct page {
    struct page *next;
    char *state;
    char *text;
    size_t len;
    FILE *out;
    bool dirty;
};

static struct page *page_of(struct page **pages, const char *state)
{
    for (struct page *page = *pages; page != NULL; page = page->next) {
        if (strcmp(page->state, state) == 0)
            return page;
    }
    struct page *page = calloc(1, sizeof *page);
    if (page == NULL)
        return NULL;
    page->state = strdup(state);
    page->out = open_memstream(&page->text, &page->len);
    page->next = *pages;
    *pages = page;
    return page;
}

static void write_line(void *context, struct follower *follower)
{
    char name[NAME_TEXT_MAX];
    struct page *page = follower->zone->state != NULL ? page_of(context, follower->zone->state) : NULL;
    if (page == NULL || page->out == NULL || follower->confirmed_s == 0)
        return;
    name_print(follower->zone->name, name);
    fprintf(page->out, "%s - %" PRId64 "\n", name, follower->confirmed_s);
    page->dirty |= follower->dirty;
    follower->dirty = false;
}

static void page_write(const struct page *page)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/" LEDGER_NAME, page->state);
    if (page->dirty && page->text != NULL && file_replace(path, page->text, page->len, 0644) != ERR_OK)
        log_warning("plugin/secondary: %s: %s", path, strerror(errno));
}

void ledger_save(void)
{
    struct page *pages = NULL, *next;
    pthread_mutex_lock(&clock_lock);
    followers_each(write_line, &pages);
    pthread_mutex_unlock(&clock_lock);
    for (struct page *page = pages; page != NULL; page = next) {
        next = page->next;
        if (page->out != NULL)
            fclose(page->out);
        page_write(page);
        free(page->text);
        free(page->state);
        free(page);
    }
}
