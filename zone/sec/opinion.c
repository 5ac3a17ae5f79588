#include "zone/sec/opinion.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/opinion_ldns.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

/* One row for each function; POSIX lets what dlsym returns be copied into a pointer to a function. */
static const struct {
    const char *name;
    size_t at;
} functions[] = {
    {"ldns_wire2rr", offsetof(struct opinion, wire2rr)},
    {"ldns_rr_free", offsetof(struct opinion, rr_free)},
    {"ldns_rr_list_new", offsetof(struct opinion, list_new)},
    {"ldns_rr_list_push_rr", offsetof(struct opinion, list_push)},
    {"ldns_rr_list_free", offsetof(struct opinion, list_free)},
    {"ldns_rr_list_deep_free", offsetof(struct opinion, list_deep_free)},
    {"ldns_verify_rrsig_keylist_time", offsetof(struct opinion, verify)},
    {"ldns_verify_rrsig_keylist_notime", offsetof(struct opinion, verify_notime)},
    {"ldns_get_errorstr_by_id", offsetof(struct opinion, error)},
};

enum err opinion_open(struct opinion **out, const char **why)
{
    struct opinion *opinion = calloc(1, sizeof *opinion);
    *why = NULL;
    if (opinion == NULL)
        return ERR_MEMORY;
    opinion->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool complete = opinion->library != NULL;
    for (size_t i = 0; i < ARRAY_COUNT(functions) && complete; i++) {
        void *found = dlsym(opinion->library, functions[i].name);
        memcpy((char *)opinion + functions[i].at, &found, sizeof found);
        complete = found != NULL;
    }
    if (!complete) {
        static char reason[256]; /* dlclose frees the linker's */
        const char *said = dlerror();
        snprintf(reason, sizeof reason, "%s", said != NULL ? said : LIBRARY " lacks a function");
        *why = reason;
        opinion_close(opinion);
        return ERR_MISSING;
    }
    *out = opinion;
    return ERR_OK;
}

void opinion_close(struct opinion *opinion)
{
    if (opinion == NULL)
        return;
    if (opinion->keys != NULL)
        opinion->list_deep_free(opinion->keys);
    if (opinion->library != NULL)
        dlclose(opinion->library);
    free(opinion);
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

struct wire {
    uint8_t bytes[NAME_MAX + 10 + 65535];
};

/* A record in wire form, made into one of ldns'; NULL when it does not like it. */
static void *make_record(const struct opinion *opinion, struct wire *wire, const uint8_t *owner,
    uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len)
{
    size_t head = name_len(owner), at = 0;
    void *rr = NULL;
    memcpy(wire->bytes, owner, head);
    put16(wire->bytes + head, type);
    put16(wire->bytes + head + 2, CLASS_IN);
    put16(wire->bytes + head + 4, ttl >> 16);
    put16(wire->bytes + head + 6, ttl & 0xffff);
    put16(wire->bytes + head + 8, (unsigned)len);
    memcpy(wire->bytes + head + 10, rdata, len);
    return opinion->wire2rr(&rr, wire->bytes, head + 10 + len, &at, SECTION_OF_ANSWER) == STATUS_OK ? rr
                                                                                                    : NULL;
}

/* The whole set, or NULL. */
static void *make_set(
    const struct opinion *opinion, struct wire *wire, const uint8_t *owner, const struct rrset *rrset)
{
    void *list = opinion->list_new();
    const uint8_t *at = rrset->data;
    for (unsigned i = 0; i < rrset->count && list != NULL; i++) {
        struct record record;
        at = record_read(at, rrset_linked(rrset->type), &record);
        void *rr = make_record(opinion, wire, owner, rrset->type, rrset->ttl, record.rdata, record.rdata_len);
        if (rr == NULL || !opinion->list_push(list, rr)) {
            if (rr != NULL)
                opinion->rr_free(rr);
            opinion->list_deep_free(list);
            list = NULL;
        }
    }
    return list;
}

void opinion_take_keys(struct opinion *opinion, const uint8_t *apex, const struct rrset *keys)
{
    struct wire *wire = malloc(sizeof *wire);
    if (opinion->keys != NULL)
        opinion->list_deep_free(opinion->keys);
    opinion->keys = wire != NULL ? make_set(opinion, wire, apex, keys) : NULL;
    free(wire);
}

static enum opinion_word word_of(const struct opinion *opinion, int status, const char **why)
{
    if (status == STATUS_OK)
        return OPINION_VALID;
    if (status == STATUS_UNKNOWN_ALGORITHM || status == STATUS_NO_ALGORITHM || status == STATUS_MEMORY)
        return OPINION_NONE;
    *why = opinion->error(status);
    if (*why == NULL)
        *why = "it gives no reason";
    return OPINION_REFUSED;
}

enum opinion_word opinion_ask(const struct opinion *opinion, const uint8_t *owner, const struct rrset *rrset,
    const uint8_t *rdata, size_t len, int64_t now, const char **why)
{
    enum opinion_word word = OPINION_NONE;
    struct wire *wire = opinion->keys != NULL ? malloc(sizeof *wire) : NULL;
    if (wire == NULL)
        return word;
    void *set = make_set(opinion, wire, owner, rrset), *good = opinion->list_new();
    void *rrsig = make_record(opinion, wire, owner, TYPE_RRSIG, rrset->ttl, rdata, len);
    if (set != NULL && good != NULL && rrsig != NULL)
        word = word_of(opinion,
            now != OPINION_ANY_TIME ? opinion->verify(set, rrsig, opinion->keys, (time_t)now, good)
                                    : opinion->verify_notime(set, rrsig, opinion->keys, good),
            why);
    if (rrsig != NULL)
        opinion->rr_free(rrsig);
    if (set != NULL)
        opinion->list_deep_free(set);
    if (good != NULL)
        opinion->list_free(good); /* the keys in it are those of the list of keys */
    free(wire);
    return word;
}
