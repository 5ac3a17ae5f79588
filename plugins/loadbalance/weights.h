/* The weights of addresses, from a file of the form
 *
 *     www.example.org        a name, then its addresses, each with a weight from 1 to 255
 *     192.0.2.1 3
 *     192.0.2.2 1
 *
 * Made by the control thread, then frozen. */
#ifndef PLUGINS_LOADBALANCE_WEIGHTS_H
#define PLUGINS_LOADBALANCE_WEIGHTS_H

#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/wire/reverse.h"

struct weight {
    struct network address;
    unsigned weight;
};

struct weighted_name {
    const uint8_t *name; /* lower case */
    struct weight *weights;
    unsigned count;
};

struct weights {
    struct arena memory;
    struct weighted_name *names; /* in canonical order */
    unsigned count;
};

/* *LINE gets the line that is wrong and *WHY a phrase. */
enum err weights_parse(const char *text, struct weights **out, unsigned *line, const char **why) NODISCARD
    NONNULL(1, 2, 3, 4);
void weights_free(void *weights);

const struct weighted_name *weights_find(const struct weights *weights, const uint8_t *name) NONNULL(1, 2);

#endif
