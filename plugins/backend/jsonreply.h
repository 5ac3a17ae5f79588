/* A reply as the public JSON DNS APIs write it:
 *
 *     {"Status": 0, "TC": false, "RD": true, "RA": true, "AD": false, "CD": false,
 *      "Question": [{"name": "www.example.org.", "type": 1}],
 *      "Answer": [{"name": "www.example.org.", "type": 1, "TTL": 300, "data": "192.0.2.1"}],
 *      "Authority": [...], "Additional": [...]}
 *
 * Needed are Status, and name, type (a number or a mnemonic), TTL and data of each record. "AA" is ours:
 * where it is left out the answer is authoritative unless RA is true. Unknown members are passed over. Any
 * thread. */
#ifndef PLUGINS_BACKEND_JSONREPLY_H
#define PLUGINS_BACKEND_JSONREPLY_H

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/wire/question.h"
#include "zone/wire/reply.h"

/* Reads LEN octets at TEXT as the answer to QUESTION into the cleared REPLY, in SCRATCH. ERR_SYNTAX with a
 * phrase in *WHY: the reply is to be cleared again. */
enum err jsonreply_read(const char *text, size_t len, const struct question *question, struct reply *reply,
    struct arena *scratch, const char **why) NODISCARD NONNULL(1, 3, 4, 5, 6);

#endif
