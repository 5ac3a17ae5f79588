/* report: names the domain to which resolvers may report that our zones do not resolve or validate (RFC
 * 9567). Every reply with EDNS carries the name, since nobody can ask for it. */
#include "plugins/plugin.h"

struct report {
    const uint8_t *agent;
    uint16_t agent_len;
};

static const struct option options[] = {
    {.arg = "AGENT",
        .kind = OPTION_NAME,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct report, agent),
        .help = "the domain that takes the reports, as queries for TXT records"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct report *report = ARENA_NEW(setup->world, struct report);
    if (report == NULL)
        return ERR_MEMORY;
    *self = report;
    enum err err = options_parse(setup, options, report);
    if (err != ERR_OK)
        return err;
    report->agent_len = (uint16_t)name_len(report->agent);
    if (report->agent_len == 1) /* RFC 9567 6.1.1: the root would mean that nobody takes reports */
        return setup_error(
            setup, &setup->directive->args[0], "report errors.example.org", "the root takes no reports");
    return ERR_OK;
}

/* Queries for the agent's own domain get no such option, or a fault there would be reported there. */
static enum served serve(void *self, struct query *query)
{
    const struct report *report = self;
    if (!query->message.edns.present || name_under(query->question->lower, report->agent))
        return SERVED_NEXT;
    if (query_option(query, EDNS_REPORT_CHANNEL, report->agent, report->agent_len) != ERR_OK)
        return query_fail(query, "report", RCODE_SERVFAIL, "out of memory");
    return SERVED_NEXT;
}

static const struct plugin report_plugin = {
    .abi = PLUGIN_ABI,
    .name = "report",
    .options = options,
    .setup = setup,
    .serve = serve,
};
PLUGIN(report)
