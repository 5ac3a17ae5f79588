#include "gitsync/secondaries.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gitsync/serial.h"
#include "gitsync/story.h"
#include "zone/net/exchange.h"

#define ASK_MS 1000
#define ANSWER_MS 5000 /* before the switch: long enough for one that is busy */
#define PAUSE_FIRST_MS 1
#define PAUSE_MAX_MS 100

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum outcome parse(const char *address, struct peer *peer, struct problem *problem)
{
    return peer_parse(address, 0, peer) == ERR_OK
               ? OUTCOME_FINE
               : problem_set(problem, OUTCOME_USAGE, NULL,
                     "--confirm %s: an address with or without a port is wanted", address);
}

static unsigned needed(const struct settings *settings)
{
    unsigned count = settings->secondaries.count, quorum = settings->confirm_quorum;
    return quorum == 0 || quorum > count ? count : quorum;
}

static void note_lagging(struct expectations *expectations, const char *address)
{
    size_t at = strlen(expectations->lagging);
    snprintf(
        expectations->lagging + at, sizeof expectations->lagging - at, "%s%s", at > 0 ? " " : "", address);
}

/* ---- one question ---- */

static uint32_t wanted_serial(const struct expected *expected)
{
    return expected->has_at_server ? expected->at_server : expected->serial;
}

/* A server that already has a later serial is further than we are: it has seen this one. ANY: an answer of
 * any kind will do. */
static bool has_serial(const struct peer *peer, struct expected *expected, bool any)
{
    struct exchange exchange;
    struct request request = {.name = expected->name, .type = TYPE_SOA};
    uint32_t serial = 0, wanted = wanted_serial(expected);
    bool fine = false;
    enum err err = exchange_ask(&exchange, peer, &request);
    if (err != ERR_OK) {
        snprintf(expected->trouble, sizeof expected->trouble, "%s", exchange.why);
    } else if (any) {
        fine = true;
    } else if (reply_serial(exchange.reply, exchange.reply_len, expected->name, &serial) != ERR_OK) {
        snprintf(expected->trouble, sizeof expected->trouble, "it answers without a SOA");
    } else {
        fine = serial == wanted || serial_later(serial, wanted);
        snprintf(expected->trouble, sizeof expected->trouble, "it has serial %u", serial);
    }
    exchange_clear(&exchange);
    return fine;
}

/* ---- before ---- */

static struct expected *first_kept(struct expectations *expectations)
{
    for (unsigned i = 0; i < expectations->count; i++)
        if (!expectations->at[i].removed)
            return &expectations->at[i];
    return NULL;
}

enum outcome secondaries_before(
    struct expectations *expectations, const struct settings *settings, struct problem *problem)
{
    const struct settings_list *list = &settings->secondaries;
    struct expected *asked = first_kept(expectations);
    const char *missing = NULL, *why = "";
    unsigned there = 0;
    struct peer peer;
    for (unsigned i = 0; i < list->count; i++) {
        if (parse(list->at[i], &peer, problem) != OUTCOME_FINE)
            return OUTCOME_USAGE;
        peer.timeout_ms = ANSWER_MS;
        expectations->away[i] = asked != NULL && !has_serial(&peer, asked, true);
        there += !expectations->away[i];
        if (!expectations->away[i])
            continue;
        missing = list->at[i];
        why = asked->trouble;
        story_tell(settings->name, LOG_WARNING, "away", "%s does not answer: %s", missing, why);
    }
    if (missing == NULL || there >= needed(settings))
        return OUTCOME_FINE;
    return problem_set(problem, OUTCOME_UNCONFIRMED,
        "start it, take it out of --confirm, or let fewer of them suffice: --confirm-quorum",
        "%u of %u servers of --confirm answer, so nothing was published: %s: %s", there, list->count, missing,
        why);
}

/* ---- after ---- */

static enum outcome wait_for(
    struct expectations *expectations, const char *address, int64_t until, struct problem *problem)
{
    struct peer peer;
    if (parse(address, &peer, problem) != OUTCOME_FINE)
        return OUTCOME_USAGE;
    peer.timeout_ms = ASK_MS;
    for (unsigned i = 0; i < expectations->count; i++) {
        struct expected *expected = &expectations->at[i];
        int64_t pause = PAUSE_FIRST_MS;
        while (!expected->removed && !has_serial(&peer, expected, false)) {
            if (now_ms() > until)
                return problem_set(problem, OUTCOME_UNCONFIRMED,
                    "is it told by NOTIFY, and may it transfer? --secondary-timeout",
                    "%s does not serve %s serial %u: %s", address, expected->zone, wanted_serial(expected),
                    expected->trouble);
            nanosleep(&(struct timespec){.tv_nsec = pause * 1000000}, NULL);
            pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
        }
    }
    return OUTCOME_FINE;
}

enum outcome secondaries_after(
    struct expectations *expectations, const struct settings *settings, struct problem *problem)
{
    const struct settings_list *list = &settings->secondaries;
    int64_t until = now_ms() + (int64_t)settings->secondary_timeout_s * 1000;
    unsigned confirmed = 0;
    expectations->lagging[0] = '\0';
    for (unsigned i = 0; i < list->count; i++) {
        enum outcome outcome =
            expectations->away[i] ? OUTCOME_UNCONFIRMED : wait_for(expectations, list->at[i], until, problem);
        if (outcome == OUTCOME_USAGE)
            return outcome;
        confirmed += outcome == OUTCOME_FINE;
        if (outcome != OUTCOME_FINE)
            note_lagging(expectations, list->at[i]);
    }
    if (confirmed < needed(settings))
        return OUTCOME_UNCONFIRMED;
    if (expectations->lagging[0] != '\0')
        story_tell(settings->name, LOG_WARNING, "lagging",
            "%u of %u servers of --confirm have it; behind: %s", confirmed, list->count,
            expectations->lagging);
    return OUTCOME_FINE;
}

/* ---- later ---- */

static bool has_all(struct expectations *expectations, const char *address)
{
    struct peer peer;
    struct problem unused;
    if (parse(address, &peer, &unused) != OUTCOME_FINE)
        return false;
    peer.timeout_ms = ASK_MS;
    for (unsigned i = 0; i < expectations->count; i++)
        if (!expectations->at[i].removed && !has_serial(&peer, &expectations->at[i], false))
            return false;
    return true;
}

void secondaries_again(struct expectations *expectations, char lagging[LAGGING_MAX])
{
    char list[LAGGING_MAX], *rest = list;
    memcpy(list, lagging, sizeof list);
    expectations->lagging[0] = '\0';
    for (const char *address; (address = strsep(&rest, " ")) != NULL;) {
        if (*address == '\0')
            continue;
        if (has_all(expectations, address))
            story_tell(expectations->settings_name, LOG_INFO, "caught-up", "%s has caught up", address);
        else
            note_lagging(expectations, address);
    }
    memcpy(lagging, expectations->lagging, LAGGING_MAX);
}
