/* What a plugin sees of the Corefile: tokens, directives, and options as table rows.
 *
 *     file db.example.org example.org {        directive: name "file", two arguments, a block
 *         reload 30s                           one line of the block: a directive again
 *     }
 *
 * A plugin does not parse. It declares one row for each option; options_parse walks the directive,
 * checks ranges, reports what is wrong as file:line:column with a hint, and fills in the plugin's own
 * struct. `bailiwickd -check`, the usage text and the option table of the man page come from the same
 * rows. All of it belongs to the control plane, one thread; what is parsed lives as long as the world. */
#ifndef PLUGINS_OPTIONS_H
#define PLUGINS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/text/finding.h"
#include "zone/wire/reverse.h"

/* One word of a Corefile, after quoting and environment expansion, NUL-terminated. */
struct token {
    const char *text;
    const char *file;
    uint32_t len;
    uint32_t line;       /* from 1 */
    uint32_t column;     /* in octets from 1 */
    uint32_t source_len; /* octets it takes in the file, quotes included */
    bool quoted;         /* was written in quotes: never a brace, never a keyword */
    bool starts_line;    /* stands first on a line, or behind a brace */
};

/* A line: a word, its arguments, and perhaps a block of further lines, which have the same form. */
struct directive {
    struct token name;
    const struct token *args;
    const struct directive *lines;
    unsigned args_count;
    unsigned lines_count;
    bool has_block;
};

struct block;
struct tsig_ring;

/* One call of a plugin's setup. The engine fills it in; the plugin reads it and reports through it. */
struct setup {
    const struct directive *directive; /* the line to set up */
    const uint8_t *const *zones;       /* the server block's zones, in lower case */
    unsigned zones_count;
    unsigned errors;     /* findings of error level so far */
    const char *root;    /* directory that relative paths start from; NULL: the current one */
    struct arena *world; /* lives as long as the configuration */
    const struct finding_sink *sink;
    struct block *block;    /* what plugins set for the whole server block (plugin.h) */
    struct tsig_ring *keys; /* of the whole configuration: setup_key adds; complete when jobs run */
    void *host;             /* the server's own */
    bool check;             /* -check: read and verify everything, but leave no trace */
};

/* How an argument is written, and the type of the field it is stored in. Kinds that make a list take
 * all arguments that are left on the line, and a repeated line adds to the list. */
enum option_kind {
    OPTION_FLAG,      /* bool: the word alone makes it true */
    OPTION_ON_OFF,    /* bool: on, off, true, false */
    OPTION_INTEGER,   /* int64_t */
    OPTION_DURATION,  /* int64_t in milliseconds: 30s, 1m30s, 500ms, 0 */
    OPTION_SIZE,      /* int64_t in octets: 512, 64k, 1m */
    OPTION_PERCENT,   /* int64_t: 10% */
    OPTION_CHOICE,    /* int: index into the row's choices */
    OPTION_RCODE,     /* int64_t: NXDOMAIN, or a number */
    OPTION_STRING,    /* const char * */
    OPTION_PATH,      /* const char *: a relative one is completed by the root */
    OPTION_NAME,      /* const uint8_t *: a domain name in wire form, lower case */
    OPTION_STRINGS,   /* struct option_strings */
    OPTION_ZONES,     /* struct option_zones: names or CIDR; none written: the block's zones */
    OPTION_TYPES,     /* struct option_numbers: record types; "*" is an empty, given list */
    OPTION_RCODES,    /* struct option_numbers */
    OPTION_ADDRESSES, /* struct option_addresses: IP or IP:port; min is the default port */
    OPTION_NETWORKS,  /* struct option_networks: IP or CIDR; "*" is both families' /0 */
    OPTION_LINES,     /* struct option_lines: the raw lines; word "*" takes lines no other row knows */
    OPTION_IGNORED,   /* no field: accepted with a warning; help says why */
    OPTION_REMOVED    /* no field: refused; help says what to write instead */
};

struct option_strings {
    const char **at;
    unsigned count;
};

struct option_zones {
    const uint8_t **at;
    unsigned count;
};

struct option_numbers {
    int64_t *at;
    unsigned count;
    bool given;
};

struct option_address {
    uint8_t family; /* 4 or 6 */
    uint16_t port;
    uint8_t ip[16]; /* network order */
};

struct option_addresses {
    struct option_address *at;
    unsigned count;
    bool any; /* "*" was written */
};

struct option_networks {
    struct network *at;
    unsigned count;
};

struct option_lines {
    const struct directive **at;
    unsigned count;
};

enum option_flags {
    OPTION_REQUIRED = 1, /* the argument (or, with a word, the line) must be there */
    OPTION_OPTIONAL = 2, /* this argument of an option line may be left out */
    OPTION_ONCE = 4      /* a second line with the word is an error, not a replacement */
};

/* A row. Rows without a word are the arguments of the directive's own line, in order; neighbouring rows
 * with the same word are the arguments of that option line, in order. The last row is OPTIONS_END. */
struct option {
    const char *word;
    const char *arg; /* what usage calls the argument: "DUR", "ZONES"; NULL for flags */
    enum option_kind kind;
    unsigned flags;
    size_t offset;              /* of the field in the plugin's struct: offsetof */
    int64_t min, max;           /* for numbers, durations in milliseconds; both 0: no bounds but the type's */
    const char *fallback;       /* value when nothing is written, as one would write it; NULL: zero */
    const char *implied;        /* value when the word is written without this argument */
    const char *const *choices; /* for OPTION_CHOICE, ending in NULL */
    const char *help;
};

#define OPTIONS_END                                                                                          \
    {                                                                                                        \
        .word = NULL, .arg = NULL, .help = NULL                                                              \
    }

/* Sets every row's field to its fallback or to zero, then reads the setup's directive into the struct at
 * INTO, as ROWS say. Reports every error found; ERR_INVALID when there was one. ROWS may be NULL: a directive
 * that takes nothing. */
enum err options_parse(struct setup *setup, const struct option *rows, void *into) NODISCARD NONNULL(1);

/* The same for one option line, for plugins that took it by OPTION_LINES: the rows without a word are
 * its arguments, the others its block. */
enum err options_parse_line(struct setup *setup, const struct directive *line, const struct option *rows,
    void *into) NODISCARD NONNULL(1, 2);

/* Reads one token as KIND with ROW's bounds and choices into FIELD, which has KIND's type. Not for lists. */
enum err option_value(struct setup *setup, const struct token *token, const struct option *row,
    void *field) NODISCARD NONNULL(1, 2, 3, 4);

/* Reports an error at TOKEN; HINT may be NULL. Returns ERR_INVALID, so that one can return it. */
enum err setup_error(struct setup *setup, const struct token *token, const char *hint, const char *format,
    ...) PRINTF(4, 5) NONNULL(1, 2, 4);
void setup_warning(struct setup *setup, const struct token *token, const char *hint, const char *format, ...)
    PRINTF(4, 5) NONNULL(1, 2, 4);

/* PATH completed by the setup's root, in the world's memory; NULL when that is exhausted. */
const char *setup_path(struct setup *setup, const char *path) NODISCARD NONNULL(1, 2);

/* "file DBFILE [ZONES...] { reload DUR; ... }" on one line. */
void options_usage(FILE *out, const char *name, const struct option *rows) NONNULL(1, 2);

/* The rows as a list for a terminal: what each is, its range, its default. */
void options_tell(FILE *out, const struct option *rows) NONNULL(1);

/* The rows as an mdoc list (.Bl -tag) for the plugin's man page. */
void options_man(FILE *out, const struct option *rows) NONNULL(1);

/* Duration as Go writes it ("1m30s", "500ms", "0") to milliseconds, rounded up; false when malformed. */
bool duration_parse(const char *text, int64_t *ms) NODISCARD NONNULL(1, 2);

/* IP, IP:PORT or [IPv6]:PORT; PORT when there is none written. */
bool option_address_parse(const char *text, uint16_t port, struct option_address *out) NODISCARD
    NONNULL(1, 3);

/* True when every name that reaches the block of SETUP lies in one of ZONES. */
bool option_zones_cover_block(const struct setup *setup, const struct option_zones *zones) NONNULL(1, 2);

#endif
