/* Signing all of a zone: threads take stretches of names, sign them onto tapes of their own, and the tapes
 * become an image as those of a text do. */
#include "zone/sec/zonesign.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/parallel.h"
#include "zone/sec/zonemd.h"
#include "zone/sec/zonesign_plan.h"
#include "zone/store/build.h"
#include "zone/text/sources.h"
#include "zone/wire/type.h"

#define STRETCH 1024 /* names that a thread takes at once */

struct stretch {
    uint32_t from, to; /* places, or links of the NSEC3 chain */
    bool nsec3;
};

struct signing_zone {
    const struct sign_plan *plan;
    struct outline outline;
    struct nsec3_link *links;
    uint32_t link_count;
    struct stretch *stretches;
    struct chunk *chunks; /* one for each stretch */
    uint32_t count;
    struct sign_maker *makers; /* one for each thread */
    unsigned maker_count, makers_used;
    pthread_mutex_t lock;
    enum err failure;
};

/* ---- the threads' work ---- */

/* The name that an NSEC at a place points to: the next that has one, the last one's is the apex (RFC
 * 4034 4.1.1). */
static const struct node *next_in_chain(const struct outline *outline, uint32_t at)
{
    for (uint32_t i = at + 1; i < outline->count; i++) {
        if (place_has_nsec(outline->places[i].kind))
            return outline->places[i].node;
    }
    return outline->places[0].node;
}

static enum err sign_places(
    const struct signing_zone *zone, struct sign_maker *maker, const struct stretch *stretch)
{
    const struct outline *outline = &zone->outline;
    enum err err = ERR_OK;
    for (uint32_t i = stretch->from; i < stretch->to && err == ERR_OK; i++) {
        const struct place *place = &outline->places[i];
        uint8_t next[NAME_MAX + 1];
        bool nsec = !zone->plan->options->nsec3 && place_has_nsec(place->kind);
        if (nsec)
            (void)snapshot_owner(zone->plan->zone, next_in_chain(outline, i), next);
        err = sign_name(maker, place, nsec ? next : NULL);
    }
    return err;
}

static enum err sign_links(
    const struct signing_zone *zone, struct sign_maker *maker, const struct stretch *stretch)
{
    enum err err = ERR_OK;
    for (uint32_t i = stretch->from; i < stretch->to && err == ERR_OK; i++) {
        const struct nsec3_link *link = &zone->links[i], *next = &zone->links[(i + 1) % zone->link_count];
        err = sign_nsec3(maker, &zone->outline.places[link->place], link->hash, next->hash);
    }
    return err;
}

/* A free maker, which writes to TAPE: there are as many as threads. *FAILURE: what has gone wrong elsewhere.
 */
static struct sign_maker *take_maker(struct signing_zone *zone, struct tape *tape, enum err *failure)
{
    struct sign_maker *taken = NULL;
    pthread_mutex_lock(&zone->lock);
    for (unsigned i = 0; i < zone->maker_count && taken == NULL; i++) {
        if (zone->makers[i].tape == NULL)
            taken = &zone->makers[i];
    }
    if (taken != NULL)
        taken->tape = tape; /* taken */
    *failure = zone->failure;
    pthread_mutex_unlock(&zone->lock);
    return taken;
}

static void give_maker(struct signing_zone *zone, struct sign_maker *maker, enum err err)
{
    pthread_mutex_lock(&zone->lock);
    maker->tape = NULL;
    if (zone->failure == ERR_OK)
        zone->failure = err;
    pthread_mutex_unlock(&zone->lock);
}

static void sign_stretch(void *context, size_t i)
{
    struct signing_zone *zone = context;
    const struct stretch *stretch = &zone->stretches[i];
    struct tape *tape = &zone->chunks[i].tape;
    enum err err;
    struct sign_maker *maker = take_maker(zone, tape, &err);
    if (maker == NULL)
        return;
    if (err == ERR_OK)
        err = tape_init(tape, 0);
    if (err == ERR_OK)
        err = stretch->nsec3 ? sign_links(zone, maker, stretch) : sign_places(zone, maker, stretch);
    give_maker(zone, maker, err);
}

/* ---- before and after ---- */

static void cut(struct signing_zone *zone, uint32_t count, bool nsec3)
{
    for (uint32_t from = 0; from < count; from += STRETCH) {
        uint32_t to = count - from < STRETCH ? count : from + STRETCH;
        zone->stretches[zone->count++] = (struct stretch){from, to, nsec3};
    }
}

static enum err make_stretches(struct signing_zone *zone)
{
    size_t room = zone->outline.count / STRETCH + zone->link_count / STRETCH + 2u;
    zone->stretches = calloc(room, sizeof *zone->stretches);
    zone->chunks = calloc(room, sizeof *zone->chunks);
    if (zone->stretches == NULL || zone->chunks == NULL)
        return ERR_MEMORY;
    cut(zone, zone->outline.count, false);
    cut(zone, zone->link_count, true);
    return ERR_OK;
}

static enum err make_makers(struct signing_zone *zone)
{
    unsigned threads = zone->plan->options->threads != 0 ? zone->plan->options->threads : parallel_cores();
    zone->maker_count = threads < zone->count ? threads : zone->count;
    zone->makers = calloc(zone->maker_count, sizeof *zone->makers);
    if (zone->makers == NULL)
        return ERR_MEMORY;
    for (; zone->makers_used < zone->maker_count; zone->makers_used++) {
        enum err err = sign_maker_init(&zone->makers[zone->makers_used], zone->plan);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* The first error of the image's making. */
static void keep_first(void *context, const struct finding *finding)
{
    struct zonesign_result *result = context;
    if (finding->severity == SEVERITY_ERROR && result->why[0] == '\0')
        snprintf(result->why, sizeof result->why, "%s [%s]", finding->message, finding->rule);
}

static enum err build(struct signing_zone *zone, struct image **out)
{
    struct sources sources;
    struct build_result built;
    uint16_t file;
    uint64_t records = 0;
    for (uint32_t i = 0; i < zone->count; i++)
        records += zone->chunks[i].tape.record_count;
    enum err err = sources_init(&sources);
    if (err != ERR_OK)
        return err;
    struct finding_sink sink = {.report = keep_first, .context = zone->plan->result};
    struct build_options options = {
        .apex = zone->plan->apex, .threads = zone->plan->options->threads, .sink = &sink};
    struct zone_text text = {.sources = &sources,
        .chunks = zone->chunks,
        .count = zone->count,
        .records = records,
        .class = CLASS_IN};
    err = sources_add(&sources, "signed zone", "", 0, &file);
    if (err == ERR_OK)
        err = build_image(&text, &options, &built, out);
    sources_clear(&sources);
    return err;
}

static void zone_clear(struct signing_zone *zone)
{
    for (uint32_t i = 0; i < zone->count; i++) {
        if (zone->chunks[i].tape.base != NULL)
            tape_clear(&zone->chunks[i].tape);
    }
    for (unsigned i = 0; i < zone->makers_used; i++)
        sign_maker_clear(&zone->makers[i]);
    free(zone->makers);
    free(zone->stretches);
    free(zone->chunks);
    free(zone->links);
    outline_clear(&zone->outline);
    pthread_mutex_destroy(&zone->lock);
}

static enum err sign_image(const struct sign_plan *plan, struct image **out)
{
    struct signing_zone zone = {.plan = plan};
    pthread_mutex_init(&zone.lock, NULL);
    enum err err = outline_make(plan->zone, &zone.outline);
    if (err == ERR_OK && plan->options->nsec3)
        err = nsec3_links(plan, &zone.outline, &zone.links, &zone.link_count);
    if (err == ERR_OK)
        err = make_stretches(&zone);
    if (err == ERR_OK)
        err = make_makers(&zone);
    if (err == ERR_OK) {
        parallel_each(zone.maker_count, zone.count, sign_stretch, &zone);
        err = zone.failure;
    }
    for (unsigned i = 0; i < zone.makers_used; i++)
        sign_maker_count(&zone.makers[i], plan->result);
    if (err == ERR_OK)
        err = build(&zone, out);
    zone_clear(&zone);
    return err;
}

/* ---- ZONEMD ---- */

/* Puts the RRset's records and signatures into a list of changes. */
static enum err list_set(struct change *change, const uint8_t *owner, const struct rrset *rrset, bool add)
{
    const uint8_t *at = rrset->data;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < (unsigned)rrset->count + rrset->sig_count && err == ERR_OK; i++) {
        struct record record;
        uint16_t type = i < rrset->count ? rrset->type : (uint16_t)TYPE_RRSIG;
        at = record_read(at, type == rrset->type && rrset_linked(type), &record);
        err = (add ? change_add : change_remove)(
            change, owner, type, rrset->ttl, record.rdata, record.rdata_len);
    }
    return err;
}

/* The digest goes in place of the zeros, with its signature. The SOA stays, and so goes and comes. */
static enum err zonemd_change(
    const struct sign_plan *plan, const struct snapshot *signed_zone, struct change *change)
{
    uint8_t digest[ZONEMD_DIGEST_MAX], rdata[ZONEMD_RDATA_MAX];
    struct sign_maker maker;
    struct tape tape;
    const struct rrset *old = node_rrset(signed_zone->apex, TYPE_ZONEMD);
    enum err err = old != NULL ? zonemd_digest(signed_zone, ZONEMD_SHA384, digest) : ERR_MISSING;
    if (err != ERR_OK)
        return err;
    err = tape_init(&tape, 0);
    if (err != ERR_OK)
        return err;
    err = sign_maker_init(&maker, plan);
    if (err == ERR_OK) {
        size_t len = zonemd_write(plan->serial, ZONEMD_SHA384, digest, rdata);
        struct rrset *set =
            rrset_make(&maker.scratch, TYPE_ZONEMD, old->ttl, &(struct rdata_ref){rdata, (uint16_t)len}, 1);
        maker.tape = &tape;
        err = set != NULL ? sign_set(&maker, plan->apex, set, true, NULL) : ERR_MEMORY;
        sign_maker_clear(&maker);
    }
    if (err == ERR_OK)
        err = list_set(change, plan->apex, signed_zone->soa, false);
    if (err == ERR_OK)
        err = list_set(change, plan->apex, signed_zone->soa, true);
    if (err == ERR_OK)
        err = list_set(change, plan->apex, old, false);
    const struct tape_record *record = err == ERR_OK ? run_first(tape_first(&tape)) : NULL;
    for (size_t i = 0; err == ERR_OK && i < tape.record_count; i++, record = tape_record_next(record))
        err = change_add(change, plan->apex, record->type, record->ttl, record->rdata, record->rdata_len);
    tape_clear(&tape);
    return err;
}

enum err sign_zonemd(const struct sign_plan *plan, struct snapshot **snapshot)
{
    struct change change = {0};
    struct snapshot *with = NULL;
    enum err err = zonemd_change(plan, *snapshot, &change);
    if (err == ERR_OK)
        err = change_apply(*snapshot, &change, plan->options->threads, NULL, &with);
    change_clear(&change);
    if (err != ERR_OK)
        return err;
    snapshot_release(*snapshot);
    *snapshot = with;
    return ERR_OK;
}

enum err zone_sign(const struct zonesign_options *options, struct snapshot *zone,
    const struct snapshot *earlier, struct zonesign_result *result, struct snapshot **out)
{
    struct sign_plan plan;
    struct image *image = NULL;
    enum err err = sign_plan_make(&plan, options, zone, earlier, result);
    if (err != ERR_OK)
        return err;
    err = sign_image(&plan, &image);
    struct snapshot *snapshot = NULL;
    if (err == ERR_OK && (snapshot = snapshot_new(image)) == NULL) {
        image_release(image);
        err = ERR_MEMORY;
    }
    if (err == ERR_OK && options->zonemd)
        err = sign_zonemd(&plan, &snapshot);
    sign_plan_clear(&plan);
    if (err == ERR_OK)
        *out = snapshot;
    else
        snapshot_release(snapshot);
    return err;
}
