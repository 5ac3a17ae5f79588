/* How a zone is to be followed, as one line of the Corefile says: primaries with their keys, who may notify,
 * limits. Made by setup, frozen before start, shared by count: a transfer that is under way while the
 * configuration changes goes on with the plan it began with. */
#ifndef PLUGINS_SECONDARY_PLAN_H
#define PLUGINS_SECONDARY_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/net/peer.h"
#include "zone/net/tls.h"
#include "zone/wire/netset.h"

#define PRIMARIES_MAX 32

enum plan_ixfr { IXFR_OFF, IXFR_ON, IXFR_UDP };

struct plan_primary {
    struct peer peer;
    const char *text; /* its address, for people */
};

struct plan {
    atomic_uint refs;
    unsigned primary_count;
    struct plan_primary primaries[PRIMARIES_MAX];
    struct netset notifiers;           /* networks that may notify besides the primaries */
    const struct tsig_key *notify_key; /* a NOTIFY signed with it may come from anywhere; or NULL */
    bool notify_signed;                /* and one that is not signed is not taken from these networks */
    enum plan_ixfr ixfr;
    bool zonemd; /* verify it where there is one */
    bool dnssec; /* verify all signatures */
    uint64_t max_octets;
    uint32_t max_ms;
    const char *text; /* all primaries, for people; also tells plans apart */
    struct tls_context *tls;
    struct arena memory;
};

struct plan *plan_new(void) NODISCARD;
struct plan *plan_hold(struct plan *plan) NONNULL(1);
void plan_release(struct plan *plan);

/* Looks again at the files of its certificates; when a new one is no good the old one stays, and WHY (of
 * TLS_WHY_MAX octets) says what is wrong, else it is "". Any thread. */
void plan_refresh_tls(const struct plan *plan, char *why) NONNULL(1, 2);

#endif
