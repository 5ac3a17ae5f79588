/* signatures: how many a second this machine's cores make, and how long one changed record takes.
 *
 *   signatures rate ALGORITHM SECONDS          one core, of messages as long as an NSEC RRset's
 *   signatures resign KEYDIR ZONE FILE ROUNDS  signs FILE, changes one record, signs that; prints
 * milliseconds
 *
 * Output is one number, for bench/sign.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/sec/keyfile.h"
#include "zone/sec/zonesign.h"
#include "zone/store/load.h"
#include "zone/wire/type.h"

#define MESSAGE 120

static double clock_of(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int rate(const char *name, double seconds)
{
    const struct algorithm *algorithm = algorithm_parse(name);
    struct keypair *pair;
    struct keypair_signer *signer;
    uint8_t message[MESSAGE] = {0}, signature[SIGNATURE_MAX];
    size_t len;
    if (algorithm == NULL || keypair_generate(algorithm, 0, &pair) != ERR_OK ||
        keypair_signer_new(pair, &signer) != ERR_OK)
        return 2;
    double start = clock_of(CLOCK_PROCESS_CPUTIME_ID), spent = 0;
    unsigned long made = 0;
    while (spent < seconds) {
        for (unsigned i = 0; i < 64; i++, made++) {
            memcpy(message, &made, sizeof made);
            if (keypair_sign(signer, message, sizeof message, signature, &len) != ERR_OK)
                return 2;
        }
        spent = clock_of(CLOCK_PROCESS_CPUTIME_ID) - start;
    }
    printf("%.0f\n", (double)made / spent);
    keypair_signer_free(signer);
    keypair_release(pair);
    return 0;
}

/* The zone with one TXT more at its apex. */
static struct snapshot *change_one(struct snapshot *zone, unsigned round)
{
    struct change change = {0};
    struct record soa;
    struct snapshot *changed = NULL;
    const uint8_t *apex = zone->image->header->apex_name;
    uint8_t owner[NAME_MAX + 16], rdata[512], text[] = {1, (uint8_t)('a' + round % 26)};
    record_read(zone->soa->data, true, &soa);
    memcpy(rdata, soa.rdata, soa.rdata_len);
    uint32_t serial = __builtin_bswap32(zone->serial + 1);
    memcpy(rdata + soa.rdata_len - 20, &serial, 4);
    int len = snprintf((char *)owner, 12, "%cbench%05u", 10, round % 100000);
    memcpy(owner + len, apex, name_len(apex) + 1);
    owner[0] = 10;
    if (change_remove(&change, apex, TYPE_SOA, zone->soa->ttl, soa.rdata, soa.rdata_len) != ERR_OK ||
        change_add(&change, apex, TYPE_SOA, zone->soa->ttl, rdata, soa.rdata_len) != ERR_OK ||
        change_add(&change, owner, TYPE_TXT, 60, text, 2) != ERR_OK ||
        change_apply(zone, &change, 0, NULL, &changed) != ERR_OK)
        changed = NULL;
    change_clear(&change);
    return changed;
}

static int resign(const char *directory, const char *zone_name, const char *path, unsigned rounds)
{
    struct key_list keys = {0};
    struct zonesign_key key = {.publish = true, .sign_keys = true, .sign_zone = true};
    struct zonesign_options options;
    struct zonesign_result result;
    struct load_options load = {0};
    struct load_result loaded;
    struct image *image;
    struct snapshot *signed_zone;
    uint8_t apex[NAME_MAX + 1];
    zonesign_options_init(&options);
    if (name_parse(zone_name, strlen(zone_name), (const uint8_t *)"", apex, NULL, NULL) != ERR_OK ||
        keyfile_read_all(directory, apex, true, NULL, &keys, NULL, NULL) != ERR_OK || keys.count == 0)
        return 2;
    key.key = keys.keys[0];
    options.keys = &key;
    options.key_count = 1;
    options.now = (int64_t)time(NULL);
    load.origin = apex;
    if (load_image(path, &load, &loaded, &image) != ERR_OK)
        return 2;
    struct snapshot *zone = snapshot_new(image);
    if (zone == NULL || zone_sign(&options, zone, NULL, &result, &signed_zone) != ERR_OK)
        return 2;
    double best = 1e9;
    for (unsigned round = 0; round < rounds; round++) {
        struct change change;
        struct snapshot *after = change_one(zone, round), *made;
        if (after == NULL)
            return 2;
        options.earliest = result.earliest;
        double start = clock_of(CLOCK_MONOTONIC);
        if (zone_resign(&options, zone, after, signed_zone, &result, &change, &made) != ERR_OK)
            return 2;
        double took = clock_of(CLOCK_MONOTONIC) - start;
        best = took < best ? took : best;
        change_clear(&change);
        snapshot_release(zone);
        snapshot_release(signed_zone);
        zone = after;
        signed_zone = made;
    }
    printf("%.3f\n", best * 1e3);
    snapshot_release(zone);
    snapshot_release(signed_zone);
    key_list_clear(&keys);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "rate") == 0)
        return rate(argv[2], strtod(argv[3], NULL));
    if (argc == 6 && strcmp(argv[1], "resign") == 0)
        return resign(argv[2], argv[3], argv[4], (unsigned)strtoul(argv[5], NULL, 10));
    fputs("usage: signatures rate ALGORITHM SECONDS | resign KEYDIR ZONE FILE ROUNDS\n", stderr);
    return 2;
}
