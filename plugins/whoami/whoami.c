/* whoami: tells the client its own address, port and transport, in the additional section: an A or AAAA
 * record, and an SRV record whose owner is _udp or _tcp below the name asked. */
#include <string.h>

#include "plugins/plugin.h"
#include "zone/wire/type.h"

static enum err setup(struct setup *setup, void **self)
{
    *self = setup->block;
    return options_parse(setup, NULL, NULL);
}

static struct rr_ref *add(struct query *query, uint16_t type, const void *rdata, uint16_t len)
{
    struct rdata_ref one = {rdata, len};
    struct rrset *rrset = rrset_make(query->scratch, type, 0, &one, 1);
    return rrset != NULL ? reply_add(&query->reply, SECTION_ADDITIONAL, rrset, query->scratch) : NULL;
}

static struct rr_ref *add_address(struct query *query)
{
    const union address *client = &query->client;
    return client->any.sa_family == AF_INET6 ? add(query, TYPE_AAAA, &client->v6.sin6_addr, 16)
                                             : add(query, TYPE_A, &client->v4.sin_addr, 4);
}

/* The name asked with one label in front; without that label where it would become too long. */
static void set_owner(struct query *query, struct rr_ref *ref)
{
    const struct question *question = query->question;
    uint8_t *owner = arena_alloc(query->scratch, (size_t)question->name_len + 5, 1);
    if (owner == NULL || question->name_len + 5 > NAME_MAX)
        return;
    memcpy(owner, query->transport == TRANSPORT_UDP ? "\004_udp" : "\004_tcp", 5);
    memcpy(owner + 5, question->name, question->name_len);
    ref->owner = OWNER_NAME;
    ref->name = owner;
    ref->name_len = (uint8_t)(question->name_len + 5);
}

static enum served serve(void *self, struct query *query)
{
    uint16_t port = address_port(&query->client);
    uint8_t srv[7] = {0, 0, 0, 0, (uint8_t)(port >> 8), (uint8_t)port, 0};
    (void)self;
    query->reply.authoritative = true;
    struct rr_ref *ref = add_address(query) != NULL ? add(query, TYPE_SRV, srv, sizeof srv) : NULL;
    if (ref == NULL)
        return query_fail(query, "whoami", RCODE_SERVFAIL, "out of memory");
    set_owner(query, ref);
    return SERVED_ANSWERED;
}

static bool ends(void *self, const struct block *block)
{
    (void)self;
    (void)block;
    return true;
}

static const struct plugin whoami_plugin = {
    .abi = PLUGIN_ABI,
    .name = "whoami",
    .setup = setup,
    .serve = serve,
    .ends = ends,
};
PLUGIN(whoami)
