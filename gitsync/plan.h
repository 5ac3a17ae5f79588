/* A plan: what a commit would change, zone by zone, and whether it may. Made once by deploy.c for `plan` and
 * before each deployment; printed for people, programs and reviews. Texts lie in the plan's arena. */
#ifndef GITSYNC_PLAN_H
#define GITSYNC_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "gitsync/problem.h"
#include "gitsync/repo.h"
#include "gitsync/settings.h"
#include "zone/base/arena.h"
#include "zone/wire/name.h"

#define PLAN_EXAMPLES 10 /* names shown for each kind of change */

enum zone_change { ZONE_ADDED, ZONE_CHANGED, ZONE_REMOVED };

/* Names of one kind: how many, and the first of them. */
struct name_list {
    uint32_t count;
    const char *examples[PLAN_EXAMPLES];
};

struct zone_plan {
    const char *path;
    const char *zone; /* its name, "" while not known */
    uint8_t name[NAME_MAX + 1];
    enum zone_change change;
    bool in_text_only; /* the records are the same, but for the serial perhaps */
    bool unsigned_now; /* it had a DNSSEC chain */
    bool apex_replaced;
    bool has_withdrawn; /* a release with this zone was published and taken back: */
    uint32_t withdrawn; /* its serial, which secondaries may hold */
    uint32_t old_serial, new_serial;
    uint64_t old_records, new_records;
    uint32_t old_names, old_delegations;
    struct name_list added, removed, changed, delegations_lost;
    unsigned errors, warnings;
    const char *findings; /* as text, "" for none */
    enum outcome outcome; /* FINE, CHECK or POLICY */
    const char *why, *hint;
};

#define PLAN_PIECES 16

struct plan {
    struct arena arena;
    struct arena pieces[PLAN_PIECES]; /* of the threads that examine zones */
    unsigned piece_count;
    const char *repository;
    struct repo_commit commit;
    char from[REPO_ID_MAX]; /* the commit deployed now, "" for none */
    const char *signer;     /* who vouches for it, for people */
    bool signature_checked;
    struct zone_plan *zones; /* in the order of their paths */
    unsigned zone_count, zone_room;
    unsigned files_changed; /* of any kind */
    unsigned other_changed; /* of them, neither zones nor included by zones */
    struct problem problem; /* why it may not be deployed; outcome FINE when it may */
};

void plan_init(struct plan *plan, const char *repository) NONNULL(1, 2);
void plan_clear(struct plan *plan) NONNULL(1);

/* NULL: out of memory. */
struct zone_plan *plan_add(struct plan *plan, const char *path) NODISCARD NONNULL(1, 2);

void plan_print(FILE *out, const struct plan *plan, enum plan_form form) NONNULL(1, 2);

/* One line for the log: "example.org. 2026010101 -> 2026010102: 1 name added, 2 changed". */
void plan_zone_line(const struct zone_plan *zone, char *out, size_t room) NONNULL(1, 2);

const char *zone_change_word(enum zone_change change);

#endif
