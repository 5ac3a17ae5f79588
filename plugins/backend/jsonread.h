/* JSON (RFC 8259) as strangers write it, read strictly and from front to end: whoever reads says what comes
 * next, and the first thing that is wrong stops all reading (`error`). Nothing is kept but strings, in the
 * arena. One thread.
 *
 *     jsonread_open(r, '{'); while (jsonread_more(r)) { name = jsonread_name(r); ... jsonread_skip(r); }
 *
 * zone/base/json.h reads what our own programs wrote, and trusts it. */
#ifndef PLUGINS_BACKEND_JSONREAD_H
#define PLUGINS_BACKEND_JSONREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"

#define JSONREAD_DEPTH_MAX 32

struct jsonread {
    const char *at, *end;
    struct arena *memory;
    const char *error; /* a phrase, or NULL */
    unsigned depth;
    bool first[JSONREAD_DEPTH_MAX + 1]; /* no comma yet at this depth */
    char ends[JSONREAD_DEPTH_MAX + 1];  /* the bracket that closes it */
};

struct jsonread_text {
    const char *at; /* with a NUL behind it; may have others in it */
    size_t len;
};

void jsonread_init(struct jsonread *r, const char *text, size_t len, struct arena *memory) NONNULL(1, 2, 4);

/* The first character of the value that comes: '{' '[' '"' 't' 'f' 'n' '-' or a digit ('0' for all); 0 when
 * there is none. */
char jsonread_peek(struct jsonread *r) NONNULL(1);

/* Enters an object or array. False: there is none, and `error` is set. */
bool jsonread_open(struct jsonread *r, char bracket) NONNULL(1);

/* Is there one more member or element? Closes the object or array when there is none. */
bool jsonread_more(struct jsonread *r) NODISCARD NONNULL(1);

/* A member's name, and its colon. */
struct jsonread_text jsonread_name(struct jsonread *r) NONNULL(1);

/* A value of a kind; {NULL, 0}, 0 or false with `error` set when another one stands there. */
struct jsonread_text jsonread_string(struct jsonread *r) NONNULL(1);
uint32_t jsonread_number(struct jsonread *r) NONNULL(1); /* whole, not negative, of 32 bits */
bool jsonread_bool(struct jsonread *r) NONNULL(1);

/* Passes over a value of any kind. */
void jsonread_skip(struct jsonread *r) NONNULL(1);

/* The value was all there was. */
bool jsonread_ended(struct jsonread *r) NODISCARD NONNULL(1);

/* Sets `error`, unless there is one. */
void jsonread_fail(struct jsonread *r, const char *error) NONNULL(1, 2);

#endif
