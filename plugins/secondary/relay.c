#include "plugins/secondary/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/secondary/clock.h"
#include "zone/net/request.h"
#include "zone/net/stream.h"
#include "zone/sec/tsig.h"

#define WAIT_MS 5000 /* whoever sent the UPDATE waits, too */

/* One message on its way to one primary. */
struct passing {
    const struct plan_primary *primary;
    struct stream stream;
    const uint8_t *message; /* as it goes out */
    size_t len;
    uint8_t *own; /* a copy, signed by us; or NULL */
    bool is_signed;
    struct tsig tsig;
};

static enum err failed(const struct passing *passing, char why[ZONE_ERROR_MAX], const char *what)
{
    snprintf(why, ZONE_ERROR_MAX, "%s: %s", passing->primary->text, what);
    return ERR_IO;
}

/* RFC 8945 5.5: a signed message goes on as it is, the primary shall see whose it is; one that is not is
 * signed with the key that we have in common with the primary. */
static enum err prepare(
    struct passing *passing, const uint8_t *message, size_t len, const struct tsig *client)
{
    const struct tsig_key *key = passing->primary->peer.key;
    passing->message = message;
    passing->len = len;
    passing->is_signed = client != NULL || key != NULL;
    if (client != NULL) {
        tsig_forward(&passing->tsig, client);
        return ERR_OK;
    }
    if (key == NULL)
        return ERR_OK;
    passing->own = malloc(len + tsig_key_room(key));
    if (passing->own == NULL)
        return ERR_MEMORY;
    memcpy(passing->own, message, len);
    passing->message = passing->own;
    passing->len = tsig_sign_request(&passing->tsig, key, passing->own, len, (uint64_t)time(NULL));
    return ERR_OK;
}

static enum err receive(struct passing *passing, uint16_t *rcode, char why[ZONE_ERROR_MAX])
{
    uint8_t *reply;
    size_t len;
    const char *wrong = NULL;
    if (stream_receive(&passing->stream, &reply, &len) != ERR_OK)
        return failed(passing, why, passing->stream.why);
    if (!request_matches(passing->message, passing->len, reply, len, true))
        return failed(passing, why, "what came is no answer to the UPDATE");
    if (passing->is_signed &&
        tsig_check_reply(&passing->tsig, reply, &len, (uint64_t)time(NULL), &wrong) != ERR_OK)
        return failed(passing, why, wrong);
    *rcode = (uint16_t)(reply[3] & 15u);
    return ERR_OK;
}

/* *SENT: it may have been received there, and must not be sent to another (RFC 2136 6). */
static enum err pass(struct passing *passing, uint16_t *rcode, char why[ZONE_ERROR_MAX], bool *sent)
{
    struct peer peer = passing->primary->peer;
    peer.timeout_ms = peer.timeout_ms != 0 && peer.timeout_ms < WAIT_MS ? peer.timeout_ms : WAIT_MS;
    enum err err = stream_open(&passing->stream, &peer, net_now_ms() + WAIT_MS, NULL);
    if (err != ERR_OK)
        return failed(passing, why, passing->stream.why);
    *sent = true;
    err = stream_send(&passing->stream, passing->message, passing->len);
    err = err == ERR_OK ? receive(passing, rcode, why) : failed(passing, why, passing->stream.why);
    stream_close(&passing->stream);
    return err;
}

static struct plan *plan_of(const struct follower *follower, unsigned *first)
{
    pthread_mutex_lock(&clock_lock);
    struct plan *plan = follower->plan != NULL ? plan_hold(follower->plan) : NULL;
    *first = follower->preferred;
    pthread_mutex_unlock(&clock_lock);
    return plan;
}

enum err relay_update(struct zone *zone, const uint8_t *message, size_t len, const struct tsig *tsig,
    uint16_t *rcode, char why[ZONE_ERROR_MAX])
{
    unsigned first;
    bool sent = false;
    enum err err = ERR_IO;
    struct plan *plan = plan_of(zone->owner, &first);
    snprintf(why, ZONE_ERROR_MAX, "the zone is not followed yet");
    for (unsigned i = 0; plan != NULL && i < plan->primary_count && err != ERR_OK && !sent; i++) {
        struct passing passing = {.primary = &plan->primaries[(first + i) % plan->primary_count]};
        err = prepare(&passing, message, len, tsig);
        if (err == ERR_OK)
            err = pass(&passing, rcode, why, &sent);
        free(passing.own);
    }
    plan_release(plan);
    return err;
}
