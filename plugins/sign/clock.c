#include "plugins/sign/clock.h"

#include <inttypes.h>
#include <stdio.h>

#include "zone/sec/keyfile.h"

#define WRITTEN_S INT64_C(1767225600) /* 2026-01-01: no clock that is right shows less */
#define JUMP_S 900
#define SETTLED_S 3600

static bool is_early(int64_t wall_s, int64_t newest_s, char *why)
{
    char shown[16], newest[16];
    if (wall_s >= (newest_s != 0 ? newest_s : WRITTEN_S))
        return false;
    time_print(wall_s, shown);
    time_print(newest_s != 0 ? newest_s : WRITTEN_S, newest);
    snprintf(why, CLOCK_WHY_MAX, "the clock is wrong: it shows %.8s, and %s %s", shown,
        newest_s != 0 ? "the newest signature begins at" : "this program is of", newest);
    return true;
}

/* It shows something else than the time that has passed makes of the last one. */
static bool has_jumped(const struct sign_clock *clock, int64_t wall_s, int64_t uptime_s, int64_t *by_s)
{
    *by_s = wall_s - clock->wall_s - (uptime_s - clock->uptime_s);
    return clock->wall_s != 0 && (*by_s > JUMP_S || *by_s < -JUMP_S);
}

bool sign_clock_good(
    struct sign_clock *clock, int64_t wall_s, int64_t uptime_s, int64_t newest_s, char why[CLOCK_WHY_MAX])
{
    int64_t by_s;
    if (is_early(wall_s, newest_s, why))
        return false;
    if (has_jumped(clock, wall_s, uptime_s, &by_s)) {
        if (clock->doubted_s == 0)
            clock->doubted_s = uptime_s;
        if (uptime_s - clock->doubted_s < SETTLED_S) {
            snprintf(why, CLOCK_WHY_MAX,
                "the clock has jumped by about %" PRId64
                " minutes: it is believed when it has stayed so for an hour, or "
                "after a restart",
                (by_s + (by_s > 0 ? 450 : -450)) / 900 * 15);
            return false;
        }
    }
    *clock = (struct sign_clock){.wall_s = wall_s, .uptime_s = uptime_s};
    return true;
}
