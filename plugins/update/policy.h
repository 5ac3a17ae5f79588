/* Who may update what (RFC 3007 3): rules in the order of the Corefile; the first one that fits the client
 * and the record decides, and what no rule fits is refused.
 *
 *     allow|deny [net NETWORK...] [key NAME...] [name NAME...|subdomain NAME...|self|selfsub] [type TYPE...]
 *
 * Read by setup, frozen then; any thread asks. */
#ifndef PLUGINS_UPDATE_POLICY_H
#define PLUGINS_UPDATE_POLICY_H

#include "plugins/plugin.h"
#include "zone/wire/netset.h"

enum policy_names {
    POLICY_ALL,       /* any name of the zone */
    POLICY_NAME,      /* one of these names */
    POLICY_SUBDOMAIN, /* one of these names, and what is below */
    POLICY_SELF,      /* the name of the key */
    POLICY_SELFSUB    /* that and what is below */
};

struct policy_rule {
    bool deny;
    bool has_net;
    enum policy_names names;
    struct netset clients;
    const uint8_t **keys; /* lower case; none: no signature is asked for */
    unsigned keys_count;
    const uint8_t **at;
    unsigned at_count;
    int64_t *types; /* none: all */
    unsigned types_count;
};

struct policy {
    struct policy_rule *rules;
    unsigned count;
};

/* Who asks: his address, and the key that he has signed with, or NULL. */
struct policy_client {
    const union address *address;
    const uint8_t *key;
};

/* Reads LINES. The keys must be in the configuration: that is a job's to find out. */
enum err policy_read(struct setup *setup, const struct option_lines *lines, struct policy *policy) NODISCARD
    NONNULL(1, 2, 3);

/* Is there anything that CLIENT may change? */
bool policy_knows(const struct policy *policy, const struct policy_client *client) NONNULL(1, 2);

/* May CLIENT touch the records of TYPE at OWNER (lower case)? */
bool policy_allows(const struct policy *policy, const struct policy_client *client, const uint8_t *owner,
    uint16_t type) NONNULL(1, 2, 3);

#endif
