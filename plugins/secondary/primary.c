#include "plugins/secondary/primary.h"

#include <stdlib.h>

static struct primary *primaries; /* in the order of their turns */

static bool is_same(const struct primary *primary, const struct peer *peer)
{
    return primary->transport == peer->transport &&
           peer_address_same_host(&primary->address, &peer->address) &&
           peer_address_port(&primary->address) == peer_address_port(&peer->address);
}

struct primary *primary_get(const struct peer *peer)
{
    for (struct primary *primary = primaries; primary != NULL; primary = primary->next) {
        if (is_same(primary, peer))
            return primary;
    }
    struct primary *primary = calloc(1, sizeof *primary);
    if (primary == NULL)
        return NULL;
    primary->address = peer->address;
    primary->transport = peer->transport;
    primary->next = primaries;
    primaries = primary;
    return primary;
}

void line_add(struct line *line, struct follower *follower)
{
    if (line->first == NULL)
        line->end = &line->first;
    follower->line_next = NULL;
    *line->end = follower;
    line->end = &follower->line_next;
}

struct follower *line_take(struct line *line)
{
    struct follower *follower = line->first;
    if (follower != NULL)
        line_remove(line, follower);
    return follower;
}

void line_remove(struct line *line, struct follower *follower)
{
    for (struct follower **at = &line->first; *at != NULL; at = &(*at)->line_next) {
        if (*at != follower)
            continue;
        *at = follower->line_next;
        if (line->end == &follower->line_next)
            line->end = at;
        return;
    }
}

/* The one whose turn it was goes to the end. */
static void to_the_end(struct primary **at)
{
    struct primary *primary = *at, **end = at;
    *at = primary->next;
    while (*end != NULL)
        end = &(*end)->next;
    primary->next = NULL;
    *end = primary;
}

static unsigned asking_max(const struct primary *primary)
{
    return primary_is_down(primary) ? PRIMARY_ASKING_DOWN : PRIMARY_ASKING_MAX;
}

struct follower *primaries_next_ask(void)
{
    for (struct primary **at = &primaries; *at != NULL; at = &(*at)->next) {
        struct primary *primary = *at;
        if (primary->ask.first == NULL || primary->asking >= asking_max(primary))
            continue;
        primary->asking++;
        to_the_end(at);
        return line_take(&primary->ask);
    }
    return NULL;
}

struct follower *primaries_next_fetch(void)
{
    for (struct primary **at = &primaries; *at != NULL; at = &(*at)->next) {
        struct primary *primary = *at;
        if (primary->fetch.first == NULL || primary->fetching >= PRIMARY_FETCHING_MAX)
            continue;
        primary->fetching++;
        to_the_end(at);
        return line_take(&primary->fetch);
    }
    return NULL;
}

bool primaries_any_fetch(void)
{
    for (const struct primary *primary = primaries; primary != NULL; primary = primary->next) {
        if (primary->fetch.first != NULL && primary->fetching < PRIMARY_FETCHING_MAX)
            return true;
    }
    return false;
}

void primaries_sweep(void)
{
    for (struct primary **at = &primaries; *at != NULL;) {
        struct primary *primary = *at;
        if (primary->ask.first != NULL || primary->fetch.first != NULL || primary->asking > 0 ||
            primary->fetching > 0) {
            at = &primary->next;
            continue;
        }
        *at = primary->next;
        free(primary);
    }
}
