#include "plugins/loadbalance/weights.h"

#include <stdlib.h>
#include <string.h>

#include "zone/wire/name.h"

#define WEIGHT_MAX 255

struct reading {
    struct weights *weights;
    unsigned names_room, weights_room;
    const char **why;
};

static bool grow(struct arena *memory, void **items, unsigned count, unsigned *room, size_t size)
{
    if (count < *room)
        return true;
    unsigned more = *room == 0 ? 8 : *room * 2;
    void *grown = arena_zalloc(memory, more * size, 8);
    if (grown == NULL)
        return false;
    if (count > 0)
        memcpy(grown, *items, count * size);
    *items = grown;
    *room = more;
    return true;
}

static enum err refuse(struct reading *r, const char *why)
{
    *r->why = why;
    return ERR_SYNTAX;
}

static enum err add_name(struct reading *r, const char *text)
{
    uint8_t wire[NAME_MAX];
    size_t len;
    struct weights *weights = r->weights;
    if (name_parse(text, strlen(text), (const uint8_t *)"", wire, &len, NULL) != ERR_OK)
        return refuse(r, "neither a name nor an address with a weight");
    name_lower(wire, wire);
    if (!grow(&weights->memory, (void **)&weights->names, weights->count, &r->names_room,
            sizeof *weights->names))
        return ERR_MEMORY;
    struct weighted_name *name = &weights->names[weights->count++];
    name->name = (uint8_t *)arena_copy(&weights->memory, wire, len);
    r->weights_room = 0;
    return name->name != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err add_weight(struct reading *r, const char *address, const char *weight)
{
    struct weights *weights = r->weights;
    struct network network;
    char *end;
    unsigned long number = strtoul(weight, &end, 10);
    if (weights->count == 0)
        return refuse(r, "an address stands in front of the first name");
    if (!network_parse(address, &network) || strchr(address, '/') != NULL)
        return refuse(r, "not an address");
    if (*end != '\0' || number < 1 || number > WEIGHT_MAX)
        return refuse(r, "a weight is a number from 1 to 255");
    struct weighted_name *name = &weights->names[weights->count - 1];
    if (!grow(
            &weights->memory, (void **)&name->weights, name->count, &r->weights_room, sizeof *name->weights))
        return ERR_MEMORY;
    name->weights[name->count++] = (struct weight){network, (unsigned)number};
    return ERR_OK;
}

static enum err read_line(struct reading *r, char *text)
{
    char *save, *comment = strchr(text, '#');
    if (comment != NULL)
        *comment = '\0';
    const char *first = strtok_r(text, " \t\r", &save);
    const char *second = first != NULL ? strtok_r(NULL, " \t\r", &save) : NULL;
    if (first == NULL)
        return ERR_OK;
    if (second != NULL && strtok_r(NULL, " \t\r", &save) != NULL)
        return refuse(r, "more than two words");
    return second == NULL ? add_name(r, first) : add_weight(r, first, second);
}

static int compare(const void *a, const void *b)
{
    return name_compare(((const struct weighted_name *)a)->name, ((const struct weighted_name *)b)->name);
}

enum err weights_parse(const char *text, struct weights **out, unsigned *line, const char **why)
{
    struct weights *weights = calloc(1, sizeof *weights);
    struct reading r = {.weights = weights, .why = why};
    enum err err = ERR_OK;
    if (weights == NULL)
        return ERR_MEMORY;
    *why = "out of memory";
    arena_init(&weights->memory, 0);
    for (*line = 1; *text != '\0' && err == ERR_OK; ++*line) {
        size_t len = strcspn(text, "\n");
        char *copy = arena_copy(&weights->memory, text, len);
        err = copy != NULL ? read_line(&r, copy) : ERR_MEMORY;
        text += len + (text[len] == '\n');
        if (err != ERR_OK)
            break;
    }
    if (err != ERR_OK) {
        weights_free(weights);
        return err;
    }
    if (weights->count > 0)
        qsort(weights->names, weights->count, sizeof *weights->names, compare);
    *out = weights;
    return ERR_OK;
}

void weights_free(void *arg)
{
    struct weights *weights = arg;
    if (weights == NULL)
        return;
    arena_clear(&weights->memory);
    free(weights);
}

const struct weighted_name *weights_find(const struct weights *weights, const uint8_t *name)
{
    struct weighted_name key = {.name = name};
    if (weights->count == 0)
        return NULL;
    return bsearch(&key, weights->names, weights->count, sizeof key, compare);
}
