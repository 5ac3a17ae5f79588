/* The findings of a run of `check`, kept for formats that need all of them, and for the baseline: each with
 * the line it is about and a fingerprint that stays when lines move. Messages are plain (zone/base/utf8.h);
 * excerpts are as the file has them. One thread. */
#ifndef ZONETOOL_FOUND_H
#define ZONETOOL_FOUND_H

#include <stdio.h>

#include "zone/base/arena.h"
#include "zone/check/rule.h"
#include "zone/text/finding.h"

struct found {
    struct finding finding;  /* its strings are the list's */
    const struct rule *rule; /* NULL when the table has none */
    const char *excerpt;     /* the line, or "" */
    uint64_t fingerprint;    /* of rule, file and the line's text */
    unsigned repetition;     /* how many before it have the same fingerprint; see found_number */
    bool known;              /* the baseline has it */
};

/* One file that was checked. */
struct found_file {
    const char *path;
    size_t from, to; /* its findings */
    uint64_t records, signatures, opinions;
    unsigned ignored;
    unsigned more_errors, more_warnings; /* that were counted and not told */
    bool werror;                         /* its warnings count as errors do */
    bool across;                         /* no file: the zones against each other */
    bool waits;                          /* text: it is told at the end */
};

struct found_list {
    struct arena arena;
    struct found *items;
    size_t count, capacity;
    struct found_file *files;
    size_t file_count, file_capacity;
    char *quoted; /* the file read last, for excerpts */
    const char *quoted_text;
    size_t quoted_len;
    struct arena quoted_arena;
    bool failed; /* memory ran out */
};

void found_init(struct found_list *list) NONNULL(1);
void found_clear(struct found_list *list) NONNULL(1);

/* A sink that adds to the list. */
struct finding_sink found_sink(struct found_list *list) NONNULL(1);

/* The findings from now on, up to found_end, are about PATH. */
void found_begin(struct found_list *list, const char *path) NONNULL(1, 2);
void found_end(struct found_list *list, uint64_t records, unsigned ignored) NONNULL(1);

/* Findings of a level that count: those in the baseline do not. */
unsigned found_count(const struct found_list *list, size_t from, size_t to, enum severity severity)
    NONNULL(1);

/* The baseline: a file of "COUNT RULE FINGERPRINT PATH" lines, tabs between, sorted. Reading marks as known
 * as many findings as it has of each. ERR_MISSING when there is no such file. */
enum err baseline_read(struct found_list *list, const char *path) NODISCARD NONNULL(1, 2);
enum err baseline_write(const struct found_list *list, const char *path) NODISCARD NONNULL(1, 2);

/* A way to print all findings. */
struct found_format {
    const char *name;
    void (*put)(FILE *out, const struct found_list *list);
};

/* NULL for text, which is printed meanwhile. */
const struct found_format *found_format(const char *name) NONNULL(1);

void found_put_json(FILE *out, const struct found_list *list) NONNULL(1, 2);
void found_put_sarif(FILE *out, const struct found_list *list) NONNULL(1, 2);
void found_put_junit(FILE *out, const struct found_list *list) NONNULL(1, 2);
void found_put_github(FILE *out, const struct found_list *list) NONNULL(1, 2);
void found_put_gitlab(FILE *out, const struct found_list *list) NONNULL(1, 2);
void found_put_markdown(FILE *out, const struct found_list *list) NONNULL(1, 2);

/* Numbers the findings that have a fingerprint in common: reports want each to be unique. */
void found_number(struct found_list *list) NONNULL(1);

/* Columns as people and SARIF count them: characters of UTF-8, from 1. END is behind the token. */
void found_columns(const struct found *found, uint32_t *from, uint32_t *end) NONNULL(1, 2, 3);

#endif
