#include "signer/parent.h"

#include "zone/net/parent.h"

bool parent_look(struct rolling *rolling, const char *server)
{
    struct peer peer;
    char why[PARENT_WHY_MAX];
    if (peer_parse(server, 0, &peer) != ERR_OK) {
        complain("--parent %s: this is no address", server);
        return false;
    }
    if (parent_observe(&peer, rolling->zone, &rolling->keys, &rolling->roll, clock_now(), why) == ERR_OK)
        return true;
    complain("%s: %s", server, why);
    return false;
}
