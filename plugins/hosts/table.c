#include "plugins/hosts/table.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/hash.h"
#include "zone/wire/name.h"
#include "zone/wire/reverse.h"
#include "zone/wire/type.h"

#define HASH_SEED 0x9d5c41u
#define RECORDS_MAX 1000 /* of one RRset: a message holds no more */

struct table_pair {
    const uint8_t *owner;
    const uint8_t *rdata;
    unsigned order;
    uint16_t type;
    uint16_t rdata_len;
};

void table_begin(struct table_maker *maker, const struct table_rules *rules)
{
    *maker = (struct table_maker){.rules = *rules};
    arena_init(&maker->memory, 0);
}

/* ---- gathering ---- */

static enum err add_pair(struct table_maker *maker, struct table_pair pair)
{
    if (maker->count == maker->room) {
        unsigned room = maker->room == 0 ? 64 : maker->room * 2;
        struct table_pair *pairs = realloc(maker->pairs, room * sizeof *pairs);
        if (pairs == NULL)
            return ERR_MEMORY;
        maker->pairs = pairs;
        maker->room = room;
    }
    if (pair.owner == NULL || pair.rdata == NULL)
        return ERR_MEMORY;
    pair.order = maker->count;
    maker->pairs[maker->count++] = pair;
    return ERR_OK;
}

static const uint8_t *keep(struct table_maker *maker, const void *bytes, size_t len)
{
    return (const uint8_t *)arena_copy(&maker->memory, bytes, len);
}

/* "fe80::1%eth0" is fe80::1. */
static bool read_address(const char *text, size_t len, struct network *network)
{
    char address[INET6_ADDRSTRLEN];
    const char *scope = memchr(text, '%', len);
    len = scope != NULL ? (size_t)(scope - text) : len;
    if (len == 0 || len >= sizeof address || memchr(text, '/', len) != NULL)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    return network_parse(address, network);
}

static bool in_zones(const struct table_rules *rules, const uint8_t *name)
{
    for (unsigned i = 0; i < rules->zones_count; i++) {
        if (name_under(name, rules->zones[i]))
            return true;
    }
    return false;
}

enum err table_add(
    struct table_maker *maker, const char *address, size_t address_len, const char *name, size_t text_len)
{
    uint8_t wire[NAME_MAX], reverse[NAME_MAX];
    struct network network;
    size_t len;
    if (!read_address(address, address_len, &network))
        return ERR_SYNTAX;
    if (name_parse(name, text_len, (const uint8_t *)"", wire, &len, NULL) != ERR_OK)
        return ERR_RANGE;
    name_lower(wire, wire);
    if (!in_zones(&maker->rules, wire))
        return ERR_OK;
    uint16_t ip_len = network.family == 4 ? 4 : 16;
    const uint8_t *kept = keep(maker, wire, len);
    enum err err = add_pair(maker, (struct table_pair){.owner = kept,
                                       .rdata = keep(maker, network.ip, ip_len),
                                       .type = network.family == 4 ? TYPE_A : TYPE_AAAA,
                                       .rdata_len = ip_len});
    if (err != ERR_OK || !maker->rules.reverse || wire[1] == '*')
        return err;
    unsigned reverse_len = reverse_zone(&network, 0, reverse);
    return add_pair(maker, (struct table_pair){.owner = keep(maker, reverse, reverse_len),
                               .rdata = kept,
                               .type = TYPE_PTR,
                               .rdata_len = (uint16_t)len});
}

static size_t blank(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\f' || *at == '\v'))
        at++;
    return (size_t)(at - start);
}

static size_t word(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && blank(at, at + 1) == 0)
        at++;
    return (size_t)(at - start);
}

static enum err add_line(struct table_maker *maker, const char *at, const char *end)
{
    at += blank(at, end);
    const char *address = at;
    size_t address_len = word(at, end);
    unsigned names = 0, wrong = 0;
    if (address_len == 0)
        return ERR_OK;
    for (at += address_len, at += blank(at, end); at < end; at += blank(at, end)) {
        size_t len = word(at, end);
        enum err err = table_add(maker, address, address_len, at, len);
        if (err == ERR_MEMORY)
            return err;
        wrong += err != ERR_OK;
        names++;
        at += len;
    }
    maker->bad_lines += names == 0 || wrong > 0;
    return ERR_OK;
}

enum err table_add_text(struct table_maker *maker, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    enum err err = ERR_OK;
    while (at < end && err == ERR_OK) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end != NULL ? line_end : end;
        const char *comment = memchr(at, '#', (size_t)(line_end - at));
        err = add_line(maker, at, comment != NULL ? comment : line_end);
        at = line_end + 1;
    }
    return err;
}

/* ---- the table ---- */

static int compare(const void *left, const void *right)
{
    const struct table_pair *a = left, *b = right;
    int order = name_compare(a->owner, b->owner);
    if (order == 0)
        order = (int)a->type - (int)b->type;
    return order != 0 ? order : (a->order < b->order ? -1 : a->order > b->order);
}

static bool same_owner(const struct table_pair *a, const struct table_pair *b)
{
    return name_equal(a->owner, b->owner);
}

static uint32_t hash_of(const uint8_t *name, size_t len)
{
    return (uint32_t)hash_bytes(HASH_SEED, name, len);
}

static struct table_host *place(const struct table *table, const uint8_t *name, size_t len)
{
    uint32_t hash = hash_of(name, len);
    for (uint32_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        struct table_host *host = &table->hosts[i];
        if (host->name == NULL || (host->hash == hash && name_equal(host->name, name)))
            return host;
    }
}

/* The COUNT pairs of one owner and type, each rdata once. */
static const struct rrset *make_rrset(
    struct table *table, const struct table_pair *pairs, unsigned count, uint32_t ttl)
{
    struct rdata_ref refs[RECORDS_MAX];
    unsigned kept = 0;
    for (unsigned i = 0; i < count && kept < RECORDS_MAX; i++) {
        bool known = false;
        for (unsigned k = 0; k < kept && !known; k++)
            known =
                refs[k].len == pairs[i].rdata_len && memcmp(refs[k].bytes, pairs[i].rdata, refs[k].len) == 0;
        if (!known)
            refs[kept++] = (struct rdata_ref){pairs[i].rdata, pairs[i].rdata_len};
    }
    return rrset_make(&table->memory, pairs->type, ttl, refs, kept);
}

static enum err add_host(struct table *table, const struct table_pair *pairs, unsigned count, uint32_t ttl)
{
    size_t len = name_len(pairs->owner);
    struct table_host *host = place(table, pairs->owner, len);
    if (host->name == NULL) {
        host->name = (uint8_t *)arena_copy(&table->memory, pairs->owner, len);
        host->hash = hash_of(pairs->owner, len);
        table->count++;
    }
    const struct rrset *rrset = make_rrset(table, pairs, count, ttl);
    if (rrset == NULL || host->name == NULL)
        return ERR_MEMORY;
    *(pairs->type == TYPE_A ? &host->a : pairs->type == TYPE_AAAA ? &host->aaaa : &host->ptr) = rrset;
    return ERR_OK;
}

static enum err fill(struct table *table, const struct table_maker *maker)
{
    uint32_t room = 16;
    while (room < maker->count * 2)
        room *= 2;
    table->mask = room - 1;
    table->hosts = ARENA_ARRAY(&table->memory, struct table_host, room);
    if (table->hosts == NULL)
        return ERR_MEMORY;
    const struct table_pair *pairs = maker->pairs;
    for (unsigned i = 0, count; i < maker->count; i += count) {
        count = 1;
        while (i + count < maker->count && pairs[i].type == pairs[i + count].type &&
               same_owner(&pairs[i], &pairs[i + count]))
            count++;
        if (add_host(table, &pairs[i], count, maker->rules.ttl) != ERR_OK)
            return ERR_MEMORY;
    }
    return ERR_OK;
}

enum err table_end(struct table_maker *maker, struct table **out)
{
    struct table *table = calloc(1, sizeof *table);
    enum err err = table != NULL ? ERR_OK : ERR_MEMORY;
    if (table != NULL) {
        arena_init(&table->memory, 0);
        if (maker->count > 0)
            qsort(maker->pairs, maker->count, sizeof *maker->pairs, compare);
        err = fill(table, maker);
    }
    free(maker->pairs);
    arena_clear(&maker->memory);
    if (err == ERR_OK)
        *out = table;
    else if (table != NULL)
        table_free(table);
    return err;
}

void table_free(void *arg)
{
    struct table *table = arg;
    if (table == NULL)
        return;
    arena_clear(&table->memory);
    free(table);
}

const struct table_host *table_find(const struct table *table, const struct question *question)
{
    uint8_t wild[NAME_MAX + 1];
    const struct table_host *host = place(table, question->lower, question->name_len);
    if (host->name != NULL || question->labels == 0)
        return host->name != NULL ? host : NULL;
    size_t rest = (size_t)question->name_len - question->label_at[1];
    wild[0] = 1;
    wild[1] = '*';
    memcpy(wild + 2, question->lower + question->label_at[1], rest);
    host = place(table, wild, rest + 2);
    return host->name != NULL ? host : NULL;
}
