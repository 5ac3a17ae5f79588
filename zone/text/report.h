/* Findings told to a person: the place and the message, the line of the file with a caret under the
 * token, and what to do.
 *
 *     db.example:7:12: error: the address has five parts [rdata-syntax]
 *         www  A   192.0.2.1.5
 *                  ^~~~~~~~~~~
 *         hint: an IPv4 address is four numbers from 0 to 255
 *
 * Owned by the program that opened it; one thread at a time. The files are mapped again to quote them: those
 * without a finding are not. */
#ifndef ZONE_TEXT_REPORT_H
#define ZONE_TEXT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "zone/base/file.h"
#include "zone/text/finding.h"

#define REPORT_EXCERPT_MAX 110 /* octets of a line that are shown */
#define REPORT_LEAD_MAX 60     /* of them at most before the caret */

struct report {
    FILE *out;
    bool colour;
    unsigned errors, warnings;
    char *quoted; /* name of the file mapped last, or NULL */
    struct file_map map;
    size_t line_at; /* where line `line` of it begins: findings come in order */
    uint32_t line;
};

/* Colours when OUT is a terminal and the environment has no NO_COLOR. */
void report_init(struct report *report, FILE *out) NONNULL(1, 2);
void report_clear(struct report *report) NONNULL(1);

/* A sink that reports here. */
struct finding_sink report_sink(struct report *report) NONNULL(1);

#endif
