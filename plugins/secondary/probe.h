/* SOA queries under way: each has a connected socket of its own (its port is one more secret for who would
 * forge answers, RFC 5452), and all of them are waited for by one poll. The clock's thread alone. */
#ifndef PLUGINS_SECONDARY_PROBE_H
#define PLUGINS_SECONDARY_PROBE_H

#include <poll.h>

#include "plugins/secondary/follower.h"
#include "zone/net/request.h"
#include "zone/sec/tsig.h"

#define PROBES_MAX 128
#define PROBE_TRIES 2
#define PROBE_TRY_MS 1500

struct probe {
    struct follower *follower;
    struct plan *plan; /* held */
    const struct peer *peer;
    int fd; /* -1: free */
    unsigned tries;
    bool plain; /* asked without EDNS */
    int64_t until_ms;
    struct tsig tsig;
    uint32_t left_s; /* that the answer tells by EXPIRE; or LEFT_UNKNOWN */
    size_t len;
    uint8_t message[REQUEST_MAX];
};

enum probe_outcome {
    PROBE_WAITING,
    PROBE_ANSWERED, /* the serial is known */
    PROBE_FAILED    /* no answer, or one that is of no use: the note says which */
};

#define PROBE_WHY_MAX 240

/* Sends the query for the present primary of FOLLOWER. */
enum probe_outcome probe_begin(struct probe *probe, struct follower *follower, char *why) NODISCARD
    NONNULL(1, 2, 3);

/* Looks for an answer, asks again, or gives up; WHY has PROBE_WHY_MAX octets. */
enum probe_outcome probe_look(struct probe *probe, int64_t now_ms, bool readable, uint32_t *serial,
    char *why) NODISCARD NONNULL(1, 4, 5);

void probe_end(struct probe *probe) NONNULL(1);

#endif
