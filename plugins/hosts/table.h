/* A table of hosts: lines of "address name..." become RRsets that are ready to be answered with, A and AAAA
 * at the names and PTR at the addresses' reverse names. Made whole by the control thread, then frozen; any
 * thread reads. */
#ifndef PLUGINS_HOSTS_TABLE_H
#define PLUGINS_HOSTS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/wire/question.h"
#include "zone/wire/rrset.h"

/* How names are taken. */
struct table_rules {
    const uint8_t *const *zones; /* names outside of these are passed over */
    unsigned zones_count;
    uint32_t ttl;
    bool reverse; /* make PTR records */
};

/* Gathers lines, then becomes a table. */
struct table_maker {
    struct arena memory; /* of what is gathered */
    struct table_pair *pairs;
    unsigned count, room;
    struct table_rules rules;
    unsigned bad_lines; /* of a text: lines that begin with no address, or hold no name */
};

struct table_host {
    const uint8_t *name; /* lower case; NULL: a free place */
    uint32_t hash;
    const struct rrset *a, *aaaa, *ptr;
};

struct table {
    struct arena memory;
    struct table_host *hosts;
    uint32_t mask;
    uint32_t count;
};

void table_begin(struct table_maker *maker, const struct table_rules *rules) NONNULL(1, 2);

/* One address with a name. ERR_SYNTAX: the address is none; ERR_RANGE: the name is none. */
enum err table_add(struct table_maker *maker, const char *address, size_t address_len, const char *name,
    size_t name_len) NODISCARD NONNULL(1, 2, 4);

/* All lines of a file in the form of hosts(5). What cannot be understood is counted and passed over. */
enum err table_add_text(struct table_maker *maker, const char *text, size_t len) NODISCARD NONNULL(1);

/* Ends gathering, in any case; *OUT has to be freed with table_free. */
enum err table_end(struct table_maker *maker, struct table **out) NODISCARD NONNULL(1, 2);

void table_free(void *table);

/* The host of the question's name, or of a wildcard that stands for its first label; NULL: none. */
const struct table_host *table_find(const struct table *table, const struct question *question) NONNULL(1, 2);

#endif
