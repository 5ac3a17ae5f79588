#include "gitsync/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gitsync/crash.h"
#include "zone/base/file.h"

#define JOURNAL_MAX ((size_t)1 << 30)

static const char *const words[EVENTS] = {
    "publish", "confirmed", "caught-up", "returning", "returned", "abandoned", "refused"};

const char *journal_event_word(enum journal_event event)
{
    return words[event];
}

/* ---- reading ---- */

static bool read_event(const char *line, enum journal_event *event)
{
    char word[16];
    if (!json_get(line, "event", word, sizeof word))
        return false;
    if (strcmp(word, JOURNAL_UNASKED) == 0) {
        *event = EVENT_CONFIRMED;
        return true;
    }
    for (unsigned i = 0; i < EVENTS; i++)
        if (strcmp(word, words[i]) == 0) {
            *event = (enum journal_event)i;
            return true;
        }
    return false;
}

static struct journal_entry *add_entry(struct journal *journal)
{
    if (journal->count == journal->room) {
        unsigned room = journal->room == 0 ? 64 : journal->room * 2;
        struct journal_entry *entries = ARENA_ARRAY(&journal->arena, struct journal_entry, room);
        if (entries == NULL)
            return NULL;
        if (journal->count > 0)
            memcpy(entries, journal->entries, journal->count * sizeof *entries);
        journal->entries = entries;
        journal->room = room;
    }
    return &journal->entries[journal->count++];
}

static bool take_line(struct journal *journal, char *line)
{
    enum journal_event event;
    if (!read_event(line, &event))
        return true; /* a later version's, or damage: nothing that we could go by */
    struct journal_entry *entry = add_entry(journal);
    if (entry == NULL)
        return false;
    *entry = (struct journal_entry){.event = event, .line = line};
    (void)json_get(line, "release", entry->release, sizeof entry->release);
    (void)json_get(line, "commit", entry->commit, sizeof entry->commit);
    (void)json_get(line, "time", entry->time, sizeof entry->time);
    return true;
}

const struct journal_entry *journal_publish(const struct journal *journal, const char *release)
{
    for (unsigned i = journal->count; i-- > 0;)
        if (journal->entries[i].event == EVENT_PUBLISH && strcmp(journal->entries[i].release, release) == 0)
            return &journal->entries[i];
    return NULL;
}

static bool nobody_was_asked(const struct journal_entry *confirmed)
{
    char asked[8] = "", event[16] = "";
    (void)json_get(confirmed->line, "event", event, sizeof event);
    return strcmp(event, JOURNAL_UNASKED) == 0 ||
           (json_get(confirmed->line, "asked", asked, sizeof asked) && strcmp(asked, "0") == 0);
}

/* Whether the member NAME is there and says something. */
static bool says(const struct journal_entry *entry, const char *name)
{
    char text[4] = "", member[24];
    snprintf(member, sizeof member, "\"%s\":", name);
    if (strstr(entry->line, member) == NULL) /* much faster where thousands of zones stand in the line */
        return false;
    return json_get(entry->line, name, text, sizeof text) && *text != '\0' && strcmp(text, "0") != 0;
}

/* Where things stand, from the first entry to the last. */
static void conclude(struct journal *journal)
{
    for (unsigned i = 0; i < journal->count; i++) {
        const struct journal_entry *entry = &journal->entries[i];
        switch (entry->event) {
        case EVENT_PUBLISH:
            journal->open = entry;
            journal->returning = NULL;
            journal->returned = says(entry, "settles") ? journal->returned : NULL;
            journal->refused = NULL;
            break;
        case EVENT_CONFIRMED:
            memcpy(journal->good, entry->release, sizeof journal->good);
            journal->good_unasked = nobody_was_asked(entry);
            journal->open = NULL;
            journal->unsettled = NULL;
            journal->lagging = says(entry, "lagging") ? entry : NULL;
            break;
        case EVENT_CAUGHT_UP:
            journal->lagging = says(entry, "lagging") ? entry : NULL;
            break;
        case EVENT_RETURNING:
            journal->returning = entry;
            break;
        case EVENT_RETURNED:
            journal->unsettled = says(entry, "served") ? entry : journal->unsettled;
            journal->returned = entry->commit[0] != '\0' ? entry : NULL;
            journal->open = NULL;
            break;
        case EVENT_ABANDONED:
            journal->open = NULL;
            break;
        case EVENT_REFUSED:
            journal->refused = entry;
            break;
        case EVENTS:
            break;
        }
    }
    const struct journal_entry *good = journal_publish(journal, journal->good);
    if (good != NULL)
        memcpy(journal->good_commit, good->commit, sizeof journal->good_commit);
}

enum outcome journal_read(struct journal *journal, const struct store *store, struct problem *problem)
{
    char path[STORE_PATH_MAX], *text;
    size_t len;
    *journal = (struct journal){0};
    arena_init(&journal->arena, 0);
    store_state_path(store, "journal", path);
    enum err err = file_read(path, JOURNAL_MAX, &journal->arena, &text, &len);
    if (err == ERR_MISSING || (err == ERR_IO && errno == ENOENT))
        return OUTCOME_FINE;
    if (err != ERR_OK)
        return problem_errno(problem, "cannot read", path);
    for (char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        *end = '\0';
        if (!take_line(journal, text))
            return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    }
    conclude(journal);
    return OUTCOME_FINE;
}

void journal_clear(struct journal *journal)
{
    arena_clear(&journal->arena);
    *journal = (struct journal){0};
}

/* ---- writing ---- */

static void put_now(struct json *json)
{
    char text[32];
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_text(json, "time", text);
}

enum outcome journal_begin(struct journal_writing *writing, enum journal_event event, struct problem *problem)
{
    return journal_begin_as(writing, words[event], problem);
}

enum outcome journal_begin_as(struct journal_writing *writing, const char *word, struct problem *problem)
{
    *writing = (struct journal_writing){0};
    writing->out = open_memstream(&writing->text, &writing->len);
    if (writing->out == NULL)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    json_init(&writing->json, writing->out);
    json_open(&writing->json, NULL, '{');
    put_now(&writing->json);
    json_text(&writing->json, "event", word);
    return OUTCOME_FINE;
}

/* Where the last whole line ends: behind it a line may stand that a crash cut short. */
static off_t whole_len(int fd, off_t size)
{
    char block[4096];
    while (size > 0) {
        size_t len = size < (off_t)sizeof block ? (size_t)size : sizeof block;
        if (pread(fd, block, len, size - (off_t)len) != (ssize_t)len)
            return size;
        const char *newline = memrchr(block, '\n', len);
        if (newline != NULL)
            return size - (off_t)len + (newline - block) + 1;
        size -= (off_t)len;
    }
    return 0;
}

static bool append(int fd, const char *text, size_t len)
{
    off_t end = lseek(fd, 0, SEEK_END);
    off_t whole = end > 0 ? whole_len(fd, end) : 0;
    if (end < 0 || (whole != end && ftruncate(fd, whole) != 0))
        return false;
    size_t done = 0;
    while (done < len) {
        ssize_t wrote = pwrite(fd, text + done, len - done, whole + (off_t)done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break;
        done += (size_t)wrote;
    }
    if (done == len && fsync(fd) == 0)
        return true;
    int error = errno;
    if (ftruncate(fd, whole) != 0)
        error = errno;
    errno = error;
    return false;
}

enum outcome journal_end(struct journal_writing *writing, const struct store *store, struct problem *problem)
{
    char path[STORE_PATH_MAX];
    json_close(&writing->json, '}');
    fputc('\n', writing->out);
    bool whole = fclose(writing->out) == 0;
    store_state_path(store, "journal", path);
    int fd = whole ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
    enum outcome outcome = OUTCOME_FINE;
    if (fd < 0 || !append(fd, writing->text, writing->len) || file_sync_directory(path) != ERR_OK)
        outcome = problem_errno(problem, "cannot write", path);
    if (fd >= 0)
        close(fd);
    free(writing->text);
    crash_point("journal");
    return outcome;
}
