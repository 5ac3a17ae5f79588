/* Who may have a zone, and who is told of its new versions: the `to` lines of one transfer directive. Made in
 * setup, frozen then. */
#ifndef PLUGINS_TRANSFER_PEERS_H
#define PLUGINS_TRANSFER_PEERS_H

#include "plugins/plugin.h"
#include "zone/net/peer.h"
#include "zone/wire/netset.h"

/* One `to` line. */
struct peer_group {
    struct netset networks;
    union peer_address *targets; /* the addresses among them: these are sent NOTIFY */
    unsigned target_count;
    bool any;                   /* from anywhere */
    bool tls;                   /* by TLS only, */
    const char *certificate;    /* and by clients whose certificate is for this name; NULL: any, or none */
    const uint8_t *key_name;    /* who asks must have signed with it; NULL: need not */
    const struct token *key_at; /* where it is written */
    const struct tsig_key *key; /* to sign NOTIFY with; found in the job that ends the set up */
};

struct peers {
    struct peer_group *groups;
    unsigned count;
};

/* Reads COUNT lines "to ADDRESS|NETWORK|*... [tls [NAME]] [key NAME]". */
enum err peers_read(struct setup *setup, const struct directive *const *lines, unsigned count,
    struct peers *peers) NODISCARD NONNULL(1, 4);

/* May the sender of the query have the zone? */
bool peers_allow(const struct peers *peers, const struct query *query) NONNULL(1, 2);

#endif
