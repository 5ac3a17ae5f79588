/* any: a short answer to QTYPE ANY (RFC 8482 4.2), so that it is no amplifier. */
#include "plugins/plugin.h"
#include "zone/wire/type.h"

#define TTL 8482 /* as CoreDNS */

static const uint8_t hinfo[] = "\015ANY obsoleted\014See RFC 8482";

static enum err setup(struct setup *setup, void **self)
{
    *self = setup->block;
    return options_parse(setup, NULL, NULL);
}

static enum served serve(void *self, struct query *query)
{
    (void)self;
    if (LIKELY(query->question->type != TYPE_ANY))
        return SERVED_NEXT;
    struct rdata_ref rdata = {hinfo, sizeof hinfo - 1};
    struct rrset *rrset = rrset_make(query->scratch, TYPE_HINFO, TTL, &rdata, 1);
    if (rrset == NULL || reply_add(&query->reply, SECTION_ANSWER, rrset, query->scratch) == NULL)
        return query_fail(query, "any", RCODE_SERVFAIL, "out of memory");
    return SERVED_ANSWERED;
}

static const struct plugin any_plugin = {
    .abi = PLUGIN_ABI,
    .name = "any",
    .setup = setup,
    .serve = serve,
};
PLUGIN(any)
