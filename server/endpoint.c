/* From the blocks' keys and `bind` lines to addresses and ports, and to what is served on each. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "server/build.h"
#include "server/endpoint.h"

struct wish { /* one zone of one block on one address and port */
    struct wish *next;
    const uint8_t *zone;
    struct chain *chain;
    const struct token *at;
};

struct plan_list {
    struct plan_list *next;
    struct endpoint_key key;
    struct wish *wishes, *last;
    unsigned count;
    const struct token *at;
};

struct planner {
    struct build *build;
    struct arena *memory;
    struct plan_list *plans;
    unsigned count;
    struct ifaddrs *interfaces;
};

bool endpoint_same(const struct endpoint_key *a, const struct endpoint_key *b)
{
    if (a->transport != b->transport || a->address.any.sa_family != b->address.any.sa_family)
        return false;
    if (a->address.any.sa_family == AF_INET)
        return a->address.v4.sin_port == b->address.v4.sin_port &&
               a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
    return a->address.v6.sin6_port == b->address.v6.sin6_port &&
           a->address.v6.sin6_scope_id == b->address.v6.sin6_scope_id &&
           memcmp(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr, 16) == 0;
}

void endpoint_print(const struct endpoint_key *key, char *out, size_t size)
{
    char address[INET6_ADDRSTRLEN];
    address_print(&key->address, address);
    bool v6 = key->address.any.sa_family == AF_INET6;
    snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", address, address_port(&key->address));
}

static void set_port(union address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

/* ---- addresses ---- */

typedef enum err each_address(struct planner *planner, const union address *address, void *context);

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0". */
static bool parse_address(const char *text, union address *address)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->any.sa_family = AF_INET;
        return true;
    }
    char bare[INET6_ADDRSTRLEN];
    const char *scope = strchr(text, '%');
    size_t len = scope != NULL ? (size_t)(scope - text) : strlen(text);
    if (len >= sizeof bare)
        return false;
    memcpy(bare, text, len);
    bare[len] = '\0';
    if (inet_pton(AF_INET6, bare, &address->v6.sin6_addr) != 1)
        return false;
    address->any.sa_family = AF_INET6;
    address->v6.sin6_scope_id = scope != NULL ? if_nametoindex(scope + 1) : 0;
    return true;
}

static bool from_interface(const struct ifaddrs *entry, union address *address)
{
    if (entry->ifa_addr == NULL)
        return false;
    memset(address, 0, sizeof *address);
    if (entry->ifa_addr->sa_family == AF_INET)
        memcpy(&address->v4, entry->ifa_addr, sizeof address->v4);
    else if (entry->ifa_addr->sa_family == AF_INET6)
        memcpy(&address->v6, entry->ifa_addr, sizeof address->v6);
    else
        return false;
    return true;
}

/* Calls EACH for the address WORD, or for all addresses of the interface WORD. ERR_MISSING: neither. */
static enum err expand(struct planner *planner, const char *word, each_address *each, void *context)
{
    union address address;
    if (parse_address(word, &address))
        return each(planner, &address, context);
    if (planner->interfaces == NULL && getifaddrs(&planner->interfaces) != 0)
        return ERR_IO;
    enum err err = ERR_MISSING;
    for (struct ifaddrs *entry = planner->interfaces; entry != NULL; entry = entry->ifa_next) {
        if (strcmp(entry->ifa_name, word) != 0 || !from_interface(entry, &address))
            continue;
        err = each(planner, &address, context);
        if (err != ERR_OK)
            return err;
    }
    return err;
}

/* ---- plans ---- */

static struct plan_list *plan_for(
    struct planner *planner, const struct endpoint_key *key, const struct token *at)
{
    struct plan_list **last = &planner->plans;
    for (; *last != NULL; last = &(*last)->next) {
        if (endpoint_same(&(*last)->key, key))
            return *last;
    }
    struct plan_list *plan = ARENA_NEW(planner->memory, struct plan_list);
    if (plan == NULL)
        return NULL;
    plan->key = *key;
    plan->at = at;
    *last = plan;
    planner->count++;
    return plan;
}

struct want {
    struct chain *chain;
    const struct server_key *key;
};

static enum err want(
    struct planner *planner, const union address *address, bool wildcard, const struct want *w)
{
    struct endpoint_key key = {.address = *address, .wildcard = wildcard};
    key.transport = w->key->scheme == SCHEME_TLS ? TRANSPORT_TLS : TRANSPORT_UDP;
    set_port(&key.address, w->key->port);
    struct plan_list *plan = plan_for(planner, &key, &w->key->token);
    struct wish *wish = ARENA_NEW(planner->memory, struct wish);
    if (plan == NULL || wish == NULL)
        return ERR_MEMORY;
    *wish = (struct wish){.zone = w->key->zone, .chain = w->chain, .at = &w->key->token};
    *(plan->last != NULL ? &plan->last->next : &plan->wishes) = wish;
    plan->last = wish;
    plan->count++;
    return ERR_OK;
}

struct exception {
    const union address *address;
    bool found;
};

static enum err compare(struct planner *planner, const union address *address, void *context)
{
    struct exception *exception = context;
    (void)planner;
    struct endpoint_key a = {.address = *address}, b = {.address = *exception->address};
    set_port(&a.address, 0);
    set_port(&b.address, 0);
    exception->found |= endpoint_same(&a, &b);
    return ERR_OK;
}

static enum err want_bound(struct planner *planner, const union address *address, void *context)
{
    const struct want *w = context;
    const struct block *block = &w->chain->block;
    struct exception exception = {.address = address};
    for (unsigned i = 0; i < block->except.count; i++) {
        enum err err = expand(planner, block->except.at[i], compare, &exception);
        (void)err; /* an interface that is not there has no addresses to leave out */
    }
    if (exception.found)
        return ERR_OK;
    bool any = address->any.sa_family == AF_INET ? address->v4.sin_addr.s_addr == 0
                                                 : IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
    return want(planner, address, any, w);
}

static enum err want_everywhere(struct planner *planner, const struct want *w)
{
    union address v4 = {.v4 = {.sin_family = AF_INET}}, v6 = {.v6 = {.sin6_family = AF_INET6}};
    enum err err = want(planner, &v4, true, w);
    return err != ERR_OK ? err : want(planner, &v6, true, w);
}

/* Where WORD stands in the block's bind lines. */
static const struct token *bind_token(const struct server_block *block, const char *word)
{
    for (unsigned at = 0; (at = block_find(block, "bind", at)) < block->directives_count; at++) {
        const struct directive *directive = &block->directives[at];
        for (unsigned i = 0; i < directive->args_count; i++) {
            if (strcmp(directive->args[i].text, word) == 0)
                return &directive->args[i];
        }
    }
    return &block->opened;
}

static enum err plan_key(struct planner *planner, struct chain *chain, const struct server_key *key)
{
    struct want w = {.chain = chain, .key = key};
    struct setup setup = {.sink = &planner->build->sink};
    if (key->scheme == SCHEME_TLS && chain->block.tls == NULL) {
        if (planner->build->errors == 0)
            setup_error(&setup, &key->token, "tls CERT KEY in this block, bailiwick-tls(7)",
                "tls:// needs a certificate");
        return ERR_OK;
    }
    if (key->scheme != SCHEME_DNS && key->scheme != SCHEME_TLS) {
        setup_error(&setup, &key->token, "this version serves dns:// and tls://",
            "the transport %s:// is not built into this bailiwickd", scheme_text(key->scheme));
        return ERR_OK;
    }
    if (chain->block.bind.count == 0 && chain->block.except.count == 0)
        return want_everywhere(planner, &w);
    for (unsigned i = 0; i < chain->block.bind.count; i++) {
        const char *word = chain->block.bind.at[i];
        enum err err = expand(planner, word, want_bound, &w);
        if (err == ERR_MISSING) {
            setup_error(&setup, bind_token(chain->source, word), "`ip address` lists what there is",
                "bind: '%s' is neither an address nor an interface with one", word);
        } else if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* ---- tables ---- */

/* A fork like FORK (NULL: none yet) that has CHAIN as one more way. */
static struct chain *add_view(struct arena *memory, const struct chain *fork, struct chain *chain)
{
    unsigned count = fork != NULL ? fork->views_count : 0;
    struct chain *wider = ARENA_NEW(memory, struct chain);
    const struct chain **views = ARENA_ARRAY(memory, const struct chain *, count + 1);
    if (wider == NULL || views == NULL)
        return NULL;
    for (unsigned i = 0; i < count; i++)
        views[i] = fork->views[i];
    views[count] = chain;
    wider->views = views;
    wider->views_count = count + 1;
    return wider;
}

/* True when the last way of FORK takes every query that comes to it. */
static bool is_closed(const struct chain *fork)
{
    return fork->views == NULL || fork->views[fork->views_count - 1]->block.filters_count == 0;
}

/* Blocks with a view share a zone with those behind them. */
static enum err add_wish(struct planner *planner, struct suffix_table *table, const struct wish *wish)
{
    const struct suffix_entry *there = suffix_exact(table, wish->zone);
    if (there == NULL && wish->chain->block.filters_count == 0)
        return suffix_add(table, wish->zone, wish->chain);
    if (there != NULL && is_closed(there->value))
        return ERR_EXISTS;
    struct chain *fork = add_view(planner->memory, there != NULL ? there->value : NULL, wish->chain);
    if (fork == NULL)
        return ERR_MEMORY;
    if (there == NULL)
        return suffix_add(table, wish->zone, fork);
    table->entries[there - table->entries].value = fork;
    return ERR_OK;
}

static enum err make_table(struct planner *planner, const struct plan_list *plan, struct endpoint_plan *out)
{
    out->key = plan->key;
    out->at = plan->at;
    out->tls = plan->key.transport == TRANSPORT_TLS ? plan->wishes->chain->block.tls : NULL;
    enum err err = suffix_init(&out->table, planner->memory, plan->count);
    for (const struct wish *wish = plan->wishes; wish != NULL && err == ERR_OK; wish = wish->next) {
        err = add_wish(planner, &out->table, wish);
        if (err != ERR_EXISTS)
            continue;
        /* Several blocks, or a block that names a zone twice. Often the Corefile's reader has said so
         * already, and once is enough for the tables of both families. */
        err = ERR_OK;
        if (planner->build->errors != 0)
            continue;
        struct setup setup = {.sink = &planner->build->sink};
        setup_error(&setup, wish->at, NULL, "'%s' is served on this address and port by another block",
            wish->at->text);
    }
    return err;
}

enum err build_endpoints(struct build *build)
{
    struct world *world = build->world;
    struct planner planner = {.build = build, .memory = &world->memory};
    enum err err = ERR_OK;
    for (unsigned i = 0; i < world->chain_count; i++) {
        struct chain *chain = &world->chains[i];
        for (unsigned k = 0; k < chain->source->keys_count && err == ERR_OK; k++)
            err = plan_key(&planner, chain, &chain->source->keys[k]);
    }
    if (planner.interfaces != NULL)
        freeifaddrs(planner.interfaces);
    world->endpoints = ARENA_ARRAY(&world->memory, struct endpoint_plan, planner.count + 1);
    if (err == ERR_OK && world->endpoints == NULL)
        err = ERR_MEMORY;
    for (struct plan_list *plan = planner.plans; plan != NULL && err == ERR_OK; plan = plan->next)
        err = make_table(&planner, plan, &world->endpoints[world->endpoint_count++]);
    return err;
}
