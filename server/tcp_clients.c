#include "server/tcp_clients.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "zone/base/hash.h"

#define ROWS 2
#define PLACES 8192

static _Atomic uint32_t counts[ROWS][PLACES];
static uint64_t seeds[ROWS];

static void make_seeds(void)
{
    randombytes_buf(seeds, sizeof seeds);
}

static uint64_t number_of(const union address *client)
{
    uint64_t number = 0;
    if (client->any.sa_family == AF_INET6)
        memcpy(&number, client->v6.sin6_addr.s6_addr, 8);
    else
        number = client->v4.sin_addr.s_addr;
    return number;
}

static void places_of(const union address *client, _Atomic uint32_t *places[ROWS])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint64_t number = number_of(client);
    pthread_once(&once, make_seeds);
    for (unsigned row = 0; row < ROWS; row++)
        places[row] = &counts[row][hash_mix(number ^ seeds[row], HASH_K0 ^ row) % PLACES];
}

/* Two connections that come to two workers at once may both see the last free place: one too many does no
 * harm. */
bool tcp_client_enter(const union address *client, unsigned limit)
{
    _Atomic uint32_t *places[ROWS];
    uint32_t fewest = UINT32_MAX;
    places_of(client, places);
    for (unsigned row = 0; row < ROWS; row++) {
        uint32_t now = atomic_load_explicit(places[row], memory_order_relaxed);
        fewest = now < fewest ? now : fewest;
    }
    if (fewest >= limit)
        return false;
    for (unsigned row = 0; row < ROWS; row++)
        atomic_fetch_add_explicit(places[row], 1, memory_order_relaxed);
    return true;
}

void tcp_client_leave(const union address *client)
{
    _Atomic uint32_t *places[ROWS];
    places_of(client, places);
    for (unsigned row = 0; row < ROWS; row++)
        atomic_fetch_sub_explicit(places[row], 1, memory_order_relaxed);
}
