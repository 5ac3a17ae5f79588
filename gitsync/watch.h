/* What the daemon knows of each repository: written after each look by the process that looks at it, read by
 * the daemon and its HTTP thread; in memory that they share, under one lock that outlives who dies with it.
 */
#ifndef GITSYNC_WATCH_H
#define GITSYNC_WATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "gitsync/deploy.h"

#define WATCH_ZONES_MAX 200

struct watched_zone {
    char name[256];
    uint32_t serial;
    bool fine;
};

struct watched {
    const struct settings *settings;
    uint64_t looks[OUTCOMES]; /* by outcome */
    uint64_t deployments;
    enum outcome outcome; /* of the last look */
    char why[400];
    char commit[STORE_NAME_MAX]; /* deployed */
    char signer[300];
    int64_t commit_s, deployed_s, looked_s, fine_s;
    bool held;
    unsigned lagging;          /* servers of --confirm that are behind */
    uint64_t phase_us[PHASES]; /* of the last deployment */
    struct watched_zone zones[WATCH_ZONES_MAX];
    unsigned zone_count;
};

struct watch {
    pthread_mutex_t *lock;
    struct watched *repositories;
    unsigned count;
};

/* All of them in short. */
struct watch_sum {
    unsigned looked, fine;
    char commit[STORE_NAME_MAX]; /* of the first */
};

enum err watch_init(struct watch *watch, const struct settings_set *set) NODISCARD NONNULL(1, 2);
void watch_clear(struct watch *watch) NONNULL(1);

void watch_sum(struct watch *watch, struct watch_sum *sum) NONNULL(1, 2);

/* The process that looks at repository INDEX is no more. */
void watch_died(struct watch *watch, unsigned index) NONNULL(1);

/* After a look at repository INDEX. */
void watch_note(struct watch *watch, unsigned index, const struct deployment *deployment) NONNULL(1, 3);

/* Prometheus text format, version 0.0.4. */
void watch_metrics(struct watch *watch, FILE *out) NONNULL(1, 2);

/* Whether the last look at each repository went well, with a line for each. */
bool watch_health(struct watch *watch, FILE *out) NONNULL(1, 2);

#endif
