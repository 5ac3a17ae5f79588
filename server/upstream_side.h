/* One worker's side of an upstream (plugins/upstream.h): its channels, and the inquiries that are on their
 * way over each. A channel is a UDP socket or a connection; both find the inquiry of an answer by its id.
 *
 *     upstream --- side of worker 0 --- channel (UDP, port 40001) --- inquiry, inquiry ...
 *              |                    `-- channel (TCP) --- inquiry ...
 *              `-- side of worker 1 ...
 *
 * Worker threads, but where said otherwise. */
#ifndef SERVER_UPSTREAM_SIDE_H
#define SERVER_UPSTREAM_SIDE_H

#include "plugins/upstream.h"
#include "server/outlet.h"

#define UDP_CHANNELS 16   /* sockets of one worker to one upstream */
#define UDP_LIFE_MS 60000 /* of a socket: then it gets another port */
#define UDP_WRONG_MAX 64  /* packets that answer nothing: somebody guesses */
#define CHANNEL_BUCKETS 512
#define FLOWS_MAX 64      /* connections of one worker to one upstream */
#define FLOW_PIPELINE 128 /* questions on one before another is opened */
#define FLOW_CONNECT_MS 2000
#define REASK_MAX 3

struct channel {
    struct upstream_side *side;
    struct channel *next;
    unsigned outstanding;
    bool retiring; /* takes no more questions, goes when none is left */
    bool answered; /* at least once */
    uint64_t opened_ms, active_ms;

    /* UDP */
    uv_poll_t poll;
    int fd;
    unsigned wrong;
    bool writing; /* waits until the socket takes more */
    struct outlet_member member;
    struct flush flush;
    struct inquiry *unsent, **unsent_last;

    /* TCP and TLS */
    struct flow *flow; /* NULL: this is a UDP socket */
    unsigned answers;

    struct inquiry *buckets[CHANNEL_BUCKETS];
};

struct side_counters {
    counter udp, tcp, tls, timeouts, broken, wrong, opened, reused;
    counter answers[UPSTREAM_TOLD], took[UPSTREAM_TOLD][UPSTREAM_BUCKETS], took_us[UPSTREAM_TOLD];
};

struct upstream_side {
    struct upstream *upstream;
    struct outlet *outlet;
    unsigned worker;
    struct channel *udp[UDP_CHANNELS];
    uint64_t udp_turn; /* the event in which `udp_now` was chosen */
    struct channel *udp_now;
    struct channel *flows;
    unsigned flow_count;
    unsigned pipeline; /* questions one connection bears, as far as we know */
    struct alarm idle;
    struct side_counters counters;
};

struct upstream {
    struct upstream_settings settings;
    _Atomic unsigned users;  /* the caller, and sides */
    _Atomic bool case_blind; /* does not give the case of names back */
    unsigned sides_count;
    _Atomic(struct upstream_side *) sides[];
};

/* ---- upstream.c ---- */

/* Puts EXCHANGE among those of CHANNEL, with a fresh id. */
void channel_add(struct channel *channel, struct inquiry *inquiry) NONNULL(1, 2);
/* Takes it out. */
void channel_remove(struct inquiry *inquiry) NONNULL(1);
/* The inquiry on CHANNEL with ID, or NULL. */
struct inquiry *channel_find(const struct channel *channel, uint16_t id) NONNULL(1);
/* Ends one inquiry, or all of a channel. */
void inquiry_finish(struct inquiry *inquiry, enum inquiry_end end, const char *why) NONNULL(1);
void channel_fail_all(struct channel *channel, enum inquiry_end end, const char *why) NONNULL(1);
/* Ends it soon, not now: for failures inside inquiry_ask. */
void inquiry_finish_later(struct inquiry *inquiry, enum inquiry_end end, const char *why) NONNULL(1);
/* Asks again, over TCP. */
void inquiry_by_flow(struct inquiry *inquiry) NONNULL(1);
/* Takes RESPONSE as the answer. */
void inquiry_answer(struct inquiry *inquiry, const struct response *response) NONNULL(1, 2);
void inquiry_write_id(struct inquiry *inquiry) NONNULL(1);

/* How the question of RESPONSE compares with the one asked. */
enum same_question { QUESTION_SAME, QUESTION_OTHER_CASE, QUESTION_OTHER };
enum same_question inquiry_compare(const struct inquiry *inquiry, const struct response *response)
    NONNULL(1, 2);

/* ---- upstream_udp.c ---- */

void udp_ask(struct upstream_side *side, struct inquiry *inquiry) NONNULL(1, 2);
void udp_forget(struct inquiry *inquiry) NONNULL(1); /* it is not to be sent any more */
void udp_close_idle(struct upstream_side *side, uint64_t now_ms) NONNULL(1);
void udp_close_channel(struct channel *channel) NONNULL(1);
void udp_settle(struct channel *channel) NONNULL(1); /* an inquiry is over */

/* ---- upstream_flow.c ---- */

void flow_ask(struct upstream_side *side, struct inquiry *inquiry) NONNULL(1, 2);
void flow_close_idle(struct upstream_side *side, uint64_t now_ms) NONNULL(1);
void flow_close_channel(struct channel *channel) NONNULL(1);

#endif
