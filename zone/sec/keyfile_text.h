/* The text of key files. Inner header of keyfile.c, keyfile_take.c and keyfile_print.c. */
#ifndef ZONE_SEC_KEYFILE_TEXT_H
#define ZONE_SEC_KEYFILE_TEXT_H

#include "zone/sec/keyfile.h"

#define BASE_ROOM 4300
#define PATH_ROOM (BASE_ROOM + 16)

/* A line "Tag: value"; not ended by NULs. */
struct tagged {
    const char *tag, *value;
    size_t tag_len, value_len, whole_len;
};

/* The next such line at *AT that is neither empty nor a comment; NUMBER counts lines. */
bool tagged_line(const char **at, struct tagged *line, unsigned *number) NODISCARD NONNULL(1, 2, 3);
bool tagged_is(const struct tagged *line, const char *tag) NONNULL(1, 2);
bool tagged_number(const struct tagged *line, unsigned long most, unsigned long *number) NODISCARD
    NONNULL(1, 3);
bool tagged_time(const struct tagged *line, int64_t *time) NODISCARD NONNULL(1, 2);

/* Fills TROUBLE and returns ERR. */
enum err keyfile_complain(struct keyfile_trouble *trouble, enum err err, const char *path, unsigned line,
    const char *format, ...) PRINTF(5, 6);

/* Could the key file at PATH be of ZONE, by its name? */
bool keyfile_is_of(const char *path, const uint8_t *zone) NONNULL(1);

enum err keyfile_take_private(struct key *key, const char *path, const char *text,
    const struct key_opener *opener, struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 2, 3, 5);
enum err keyfile_take_state(struct key *key, const char *path, const char *text,
    struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 2, 3, 4);

/* The tables of tags. */
extern const char *const keyfile_state_tags[STATES];
extern const char *const keyfile_state_time_tags[STATED_TIMES];

#endif
