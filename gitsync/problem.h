/* Why gitsync stopped: an exit status by cause, a sentence, and what to do. A struct belongs to one thread;
 * functions that fail fill it in and return its outcome. */
#ifndef GITSYNC_PROBLEM_H
#define GITSYNC_PROBLEM_H

#include <stdbool.h>

#include "zone/base/attr.h"

/* The exit status of the program, each with one cause. */
enum outcome {
    OUTCOME_FINE = 0,        /* deployed, or nothing to do */
    OUTCOME_USAGE = 1,       /* wrong command line or settings */
    OUTCOME_FETCH = 2,       /* the remote, its credentials, or objects */
    OUTCOME_SIGNATURE = 3,   /* not signed, wrongly signed, too few approvals */
    OUTCOME_CHECK = 4,       /* a zone has errors */
    OUTCOME_POLICY = 5,      /* a limit, a serial rule, a history that does not go on */
    OUTCOME_UNCONFIRMED = 6, /* the server did not confirm; the last good is served again */
    OUTCOME_STUCK = 7,       /* it did not, and going back was not confirmed either */
    OUTCOME_LOCAL = 8,       /* the local disk: full, not writable, damaged */
    OUTCOME_BUSY = 9,        /* another gitsync is at work here */
    OUTCOMES
};

#define PROBLEM_TEXT_MAX 1400
#define PROBLEM_HINT_MAX 400

struct problem {
    enum outcome outcome;
    char text[PROBLEM_TEXT_MAX];
    char hint[PROBLEM_HINT_MAX]; /* "" for none */
    bool mirror_damaged;         /* the local copy of the repository is broken: make it anew */
};

/* Sets all but mirror_damaged and returns OUTCOME. HINT may be NULL. */
enum outcome problem_set(struct problem *problem, enum outcome outcome, const char *hint, const char *format,
    ...) PRINTF(4, 5) NONNULL(1, 4);

/* A failed system call on PATH: OUTCOME_LOCAL with errno's words, and a hint where the disk is full. */
enum outcome problem_errno(struct problem *problem, const char *what, const char *path) NONNULL(1, 2, 3);

/* One word for logs and metrics: "signature". */
const char *outcome_word(enum outcome outcome);

#endif
