/* What a worker needs to talk to other servers, made when it is first used: a wheel of alarms, a place where
 * sockets with something to send wait for the end of the event, buffers for what comes, random numbers.
 *
 *     poll (sockets)  ->  timers (alarms)  ->  prepare: flush  ->  poll ...
 *
 * Worker threads. */
#ifndef SERVER_OUTLET_H
#define SERVER_OUTLET_H

#include <uv.h>

#include "plugins/alarm.h"
#include "server/worker.h"
#include "zone/wire/response.h"

#define OUTLET_WHEEL 1024  /* ticks in one turn; later alarms stay for another */
#define OUTLET_PACKET 4096 /* room for one UDP response; a longer one is cut and asked for by TCP */
#define OUTLET_READ (256 * 1024)
#define OUTLET_RANDOM 2048 /* octets made at once */
#define OUTLET_RANDOM_KEY 32

/* Something that flushes at the end of the event. */
struct flush {
    struct flush *next;
    void (*flush)(struct flush *flush);
    bool queued;
};

/* An open socket, in the list by which the worker's end finds it. */
struct outlet_member {
    struct outlet_member *next, **link;
    void (*end)(struct outlet_member *member);
};

struct outlet {
    struct worker *worker;
    uv_prepare_t prepare;
    uv_timer_t timer;
    bool ending;
    uint64_t turn; /* counts events that sent something */
    struct flush *flushes;
    struct outlet_member *members;

    struct alarm *wheel[OUTLET_WHEEL];
    uint64_t tick; /* done up to here */
    unsigned alarms;

    bool random_keyed;
    uint8_t random_key[OUTLET_RANDOM_KEY];
    unsigned random_left;
    uint64_t random[OUTLET_RANDOM / 8];

    struct response responses[BATCH];
    struct mmsghdr headers[BATCH];
    struct iovec iovs[BATCH];
    uint8_t packets[BATCH][OUTLET_PACKET];
    uint8_t bytes[OUTLET_READ];
};

/* Of the calling thread's worker; aborts when out of memory. */
struct outlet *outlet_of(unsigned worker);

void outlet_flush_later(struct outlet *outlet, struct flush *flush) NONNULL(1, 2);
void outlet_flush_never(struct outlet *outlet, struct flush *flush) NONNULL(1, 2);

void outlet_join(struct outlet *outlet, struct outlet_member *member) NONNULL(1, 2);
void outlet_part(struct outlet_member *member) NONNULL(1);

/* The worker ends: everything is closed, every alarm rings for the last time. Then it is freed. */
void outlet_end(struct outlet *outlet);
void outlet_free(struct outlet *outlet);

#endif
