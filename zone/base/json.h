/* JSON (RFC 8259) as the control socket and the programs' --json speak it: a writer that puts the commas, and
 * a printer that tells an object to people. Each struct belongs to one thread. */
#ifndef ZONE_BASE_JSON_H
#define ZONE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

#define JSON_DEPTH_MAX 16

struct json {
    FILE *out;
    unsigned depth;
    bool comma[JSON_DEPTH_MAX]; /* the next value at this depth needs one before it */
};

void json_init(struct json *json, FILE *out) NONNULL(1, 2);

/* NAME is the member's name; NULL inside of arrays and at the top. */
void json_open(struct json *json, const char *name, char bracket) NONNULL(1);
void json_close(struct json *json, char bracket) NONNULL(1);
/* A NULL text is written as null. Octets that are no UTF-8 are written as if they were Latin-1. */
void json_text(struct json *json, const char *name, const char *text) NONNULL(1);
void json_number(struct json *json, const char *name, uint64_t number) NONNULL(1);
void json_bool(struct json *json, const char *name, bool value) NONNULL(1);

/* Prints an object for people: members as "name  value", objects in it as "name.member", arrays of objects
 * as tables. The member called SKIP (may be NULL) is left out. ERR_SYNTAX when TEXT is no JSON object, or one
 * nested too deeply. */
enum err json_print(FILE *out, const char *text, const char *skip) NODISCARD NONNULL(1, 2);

/* Calls EACH with the text of every object in the array that is the member NAME of the object TEXT. */
void json_each(const char *text, const char *name, void (*each)(void *context, const char *object),
    void *context) NONNULL(1, 2, 3);

/* The string or number NAME of the object, unescaped and cut to the ROOM octets of OUT; false when there is
 * none, or null. */
bool json_get(const char *object, const char *name, char *out, size_t room) NONNULL(1, 2, 3);

/* The member NAME of the object TEXT, raw, as LEN octets; NULL when there is none. */
const char *json_member(const char *text, const char *name, size_t *len) NONNULL(1, 2, 3);

#endif
