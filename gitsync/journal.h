/* The journal of releases: one JSON object a line, appended and fsynced before what it tells is done, so that
 * after a crash it says how far we were. `status`, `history` and `rollback` read it.
 *
 *     {"time":..,"event":"publish","release":..,"commit":..,"previous":..,"zones":[{"zone":..,"serial":..}]}
 *     {"time":..,"event":"confirmed","release":..,"asked":2,"lagging":"192.0.2.3"}
 *     {"time":..,"event":"unasked","release":..}        as confirmed, but there was no server to ask
 *     {"time":..,"event":"caught-up","release":..,"lagging":""}
 *     {"time":..,"event":"returning","release":..,"to":..,"why":..}
 *     {"time":..,"event":"returned","release":..,"commit":..,"to":..,"why":..,"served":1}
 *     {"time":..,"event":"refused","commit":..,"cause":"signature","why":..}
 *
 * A line cut short by a crash is dropped when the journal is opened for writing. One thread, under the
 * store's lock when writing. */
#ifndef GITSYNC_JOURNAL_H
#define GITSYNC_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "gitsync/problem.h"
#include "gitsync/store.h"
#include "zone/base/arena.h"
#include "zone/base/json.h"

#define JOURNAL_UNASKED "unasked"

enum journal_event {
    EVENT_PUBLISH,
    EVENT_CONFIRMED, /* also "unasked" */
    EVENT_CAUGHT_UP,
    EVENT_RETURNING,
    EVENT_RETURNED,
    EVENT_ABANDONED,
    EVENT_REFUSED,
    EVENTS
};

struct journal_entry {
    enum journal_event event;
    const char *line; /* the whole object, with a NUL */
    char release[STORE_NAME_MAX];
    char commit[STORE_NAME_MAX];
    char time[32];
};

struct journal {
    struct arena arena;
    struct journal_entry *entries; /* oldest first */
    unsigned count, room;
    char good[STORE_NAME_MAX];             /* the release confirmed last, "" for none */
    char good_commit[STORE_NAME_MAX];      /* and its commit */
    bool good_unasked;                     /* no server was there to ask about it */
    const struct journal_entry *lagging;   /* says which secondaries are behind the good one; or NULL */
    const struct journal_entry *unsettled; /* taken back after others could see its serials; or NULL */
    const struct journal_entry *returned;  /* taken back, and no other commit was published since; or NULL */
    const struct journal_entry *open;      /* a publish that was neither confirmed nor returned, or NULL */
    const struct journal_entry *returning; /* for that one: going back has begun; or NULL */
    const struct journal_entry *refused;   /* the newest refusal, when nothing was published since; or NULL */
};

/* Reads it; an absent journal is empty. */
enum outcome journal_read(
    struct journal *journal, const struct store *store, struct problem *problem) NODISCARD NONNULL(1, 2, 3);
void journal_clear(struct journal *journal) NONNULL(1);

/* The publish of RELEASE, newest first; NULL when it is not there. */
const struct journal_entry *journal_publish(const struct journal *journal, const char *release) NONNULL(1, 2);

/* An entry in the making: begin, add members to .json, end. */
struct journal_writing {
    struct json json;
    FILE *out;
    char *text;
    size_t len;
};

enum outcome journal_begin(struct journal_writing *writing, enum journal_event event,
    struct problem *problem) NODISCARD NONNULL(1, 3);
enum outcome journal_begin_as(
    struct journal_writing *writing, const char *word, struct problem *problem) NODISCARD NONNULL(1, 2, 3);
/* Appends and fsyncs; on failure the journal is as it was. */
enum outcome journal_end(struct journal_writing *writing, const struct store *store,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3);

const char *journal_event_word(enum journal_event event);

#endif
