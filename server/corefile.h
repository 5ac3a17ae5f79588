/* The Corefile: text to a tree of server blocks.
 *
 *     example.org:1053 10.0.0.0/24 {     keys: 10.0.0.0/24 became 0.0.10.in-addr.arpa, port 53
 *         file db.example.org {          directives, each with arguments and perhaps a block
 *             reload 30s
 *         }
 *         log
 *     }
 *
 * The grammar is CoreDNS's: quoting, comments, {$ENV} and {%ENV%}, snippets, import of snippets, files
 * and globs, several keys for a block, one block without braces. Reading goes on after an error, so that one
 * pass tells all of them. The result is immutable and lies in one arena, the world's; nothing is global, so
 * a reload reads the new file beside the old one. Control plane, one thread. */
#ifndef SERVER_COREFILE_H
#define SERVER_COREFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/options.h"
#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/text/finding.h"

enum scheme { SCHEME_DNS, SCHEME_TLS, SCHEME_QUIC, SCHEME_GRPC, SCHEME_HTTPS, SCHEME_HTTPS3, SCHEME_COUNT };

/* "dns", "tls", ... and the port a key without one gets (53 stands for -dns.port). */
const char *scheme_text(enum scheme scheme);
uint16_t scheme_port(enum scheme scheme);

/* One zone on one port over one transport. A CIDR key makes several of them, with the same token. */
struct server_key {
    struct token token; /* as written */
    enum scheme scheme;
    uint16_t port;
    const uint8_t *zone; /* wire form, lower case */
};

struct server_block {
    const struct server_key *keys;
    const struct directive *directives; /* in the order of the file, imports spliced in */
    unsigned keys_count;
    unsigned directives_count;
    struct token opened; /* the brace, or the first key when there is none */
};

struct corefile {
    const struct server_block *blocks;
    unsigned blocks_count;
    const char *const *files; /* the Corefile and every file imported, for whoever watches them */
    unsigned files_count;
    unsigned errors; /* findings of error level that were reported */
};

struct corefile_context {
    uint16_t port;                   /* for dns:// keys that name none; 0: 53 */
    const struct finding_sink *sink; /* NULL: findings are only counted */
    /* Value of an environment variable or NULL; NULL: getenv. Tests and -check put their own here. */
    const char *(*environment)(const char *name);
    bool sealed; /* refuse to import files: for text that nobody vouches for */
};

/* Reads the file at PATH. ERR_INVALID when errors were reported, and then OUT holds what could be
 * understood, for further checks; ERR_MISSING when there is no such file, ERR_IO when it cannot be read
 * (both reported, too). */
enum err corefile_read(const char *path, const struct corefile_context *context, struct arena *world,
    struct corefile *out) NODISCARD NONNULL(1, 2, 3, 4);

/* The same from memory; NAME stands for the file in findings, imports are relative to its directory. */
enum err corefile_parse(const char *name, const char *text, size_t len,
    const struct corefile_context *context, struct arena *world, struct corefile *out) NODISCARD
    NONNULL(1, 2, 4, 5, 6);

/* What is served without a Corefile, as CoreDNS does: whoami and log for all names. */
extern const char corefile_builtin[];

/* Reports each directive that none of the COUNT plugin NAMES answers to, with the nearest name; for plugins
 * that only CoreDNS has, and for old ones, what to use instead. Returns the number of errors. */
unsigned corefile_check_names(const struct corefile *corefile, const char *const *names, unsigned count,
    const struct finding_sink *sink) NONNULL(1, 2);

/* Index of the directives called NAME in a block: the next one at or after AT, or directives_count. */
unsigned block_find(const struct server_block *block, const char *name, unsigned at) NONNULL(1, 2);

#endif
