/* A finding: what is wrong (or doubtful) in a file, told so that a person can act on it. The same
 * form serves the zone reader, the semantic checks, the Corefile and the images. A finding lives only
 * during the call of its sink; a sink that keeps it copies it. */
#ifndef ZONE_TEXT_FINDING_H
#define ZONE_TEXT_FINDING_H

#include <stdint.h>
#include <stdio.h>

#include "zone/base/attr.h"

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };

struct finding {
    enum severity severity;
    const char *rule;    /* stable identifier, such as "cname-and-other-data" */
    const char *file;    /* NULL when there is none */
    uint32_t line;       /* from 1; 0 when unknown */
    uint32_t column;     /* in octets from 1; 0 when unknown */
    const char *message; /* one sentence without the place */
    const char *token;   /* the offending text as written, or NULL */
    uint32_t token_len;
    const char *hint; /* what to do about it, or NULL */
};

/* Receives findings. A sink may be called from the thread that runs the operation only, in the order
 * of the source. */
struct finding_sink {
    void (*report)(void *context, const struct finding *finding);
    void *context;
};

/* "error", "warning", "info". */
const char *severity_text(enum severity severity);

/* A message or a file's name as people are to see it. What foreign hands put into it must neither steer a
 * terminal, nor reverse what stands around it, nor begin a line that CI takes for a command: question marks
 * stand for such characters (zone/base/utf8.h). */
void finding_print_text(FILE *out, const char *text) NONNULL(1, 2);

/* Prints one finding as "FILE:LINE:COLUMN: severity: message [rule]" and, when there is one, the hint on
 * a line of its own. */
void finding_print(FILE *out, const struct finding *finding) NONNULL(1, 2);

#endif
