/* A round: what is to be done for one signed zone at one time. The input, the keys as they are to be used
 * now, signatures that are missing or about to expire; then proof, then publication, then the keys' states.
 * What goes wrong leaves what is served as it is, and tells why. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "plugins/sign/clock.h"
#include "plugins/sign/proof.h"
#include "plugins/sign/signed.h"
#include "zone/base/file.h"
#include "zone/base/hash.h"
#include "zone/base/log.h"
#include "zone/net/parent.h"
#include "zone/sec/keyfile.h"
#include "zone/sec/verify.h"
#include "zone/store/diff.h"
#include "zone/store/load.h"
#include "zone/store/print_zone.h"
#include "zone/wire/type.h"

#define RETRY_S 60 /* after a failure, doubling */
#define RETRY_MOST_S 3600
#define CLOCK_EVERY_S 5 /* a clock that is wrong is looked at so often */
#define SAFE_EVERY_S 600
#define TEXT_EVERY_S 10 /* a text is looked at so often */
#define UNCHANGED_MOST (1u << 16)

struct round {
    struct signed_zone *signed_zone;
    struct terms *terms;
    struct snapshot *input, *current, *made;
    bool clock_good;
    struct change change;
    bool has_change;
    int64_t now, next_s;
    struct zonesign_key keys[ZONESIGN_KEYS_MAX];
    const struct rrset *ready[BUNDLE_SETS];
    int64_t ready_s; /* since when they hold */
    struct zonesign_options options;
    struct zonesign_result result;
    uint64_t assigned;
    char why[512];
};

/* ---- the input ---- */

static void keep_first(void *context, const struct finding *finding)
{
    struct round *round = context;
    if (finding->severity == SEVERITY_ERROR && round->why[0] == '\0')
        snprintf(round->why, sizeof round->why, "%s:%u:%u: %.300s", finding->file, finding->line,
            finding->column, finding->message);
}

/* CoreDNS's form: the text itself, where it has changed. */
static enum err read_text(struct round *round, bool force)
{
    struct signed_zone *signed_zone = round->signed_zone;
    const char *path = round->terms->path;
    struct load_options options = {
        .origin = signed_zone->zone->name, .sink = {.report = keep_first, .context = round}};
    struct load_result result = {0};
    struct image *image;
    struct stat status;
    if (stat(path, &status) != 0) {
        snprintf(round->why, sizeof round->why, "%.300s: %s", path, strerror(errno));
        return ERR_IO;
    }
    bool same = status.st_mtim.tv_sec == signed_zone->stamp.tv_sec &&
                status.st_mtim.tv_nsec == signed_zone->stamp.tv_nsec;
    if (same && !force && atomic_load(&signed_zone->tried) != NULL) {
        round->input = snapshot_hold(atomic_load(&signed_zone->tried));
        return ERR_OK;
    }
    enum err err = load_image(path, &options, &result, &image);
    if (err != ERR_OK)
        return err;
    signed_zone->stamp = status.st_mtim;
    round->input = snapshot_new(image);
    return round->input != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err take_input(struct round *round, bool force)
{
    struct signed_zone *signed_zone = round->signed_zone;
    enum err err = ERR_OK;
    if (signed_zone->input != NULL)
        round->input = zone_take(signed_zone->input);
    else
        err = read_text(round, force);
    if (err != ERR_OK)
        return err;
    if (round->input == NULL) {
        snprintf(round->why, sizeof round->why, "there is nothing to sign yet");
        return ERR_MISSING;
    }
    struct snapshot *tried = atomic_exchange(&signed_zone->tried, snapshot_hold(round->input));
    snapshot_release(tried);
    return ERR_OK;
}

/* ---- keys ---- */

/* What signs what: other keys for it, and the whole zone is gone through. */
static uint64_t hash_keys(const struct round *round)
{
    uint64_t hash = hash_bytes(1, &round->ready_s, sizeof round->ready_s);
    for (unsigned i = 0; i < round->options.key_count; i++) {
        const struct zonesign_key *key = &round->keys[i];
        uint8_t does[8] = {key->publish, key->sign_keys, key->sign_zone, key->sync,
            (uint8_t)(key->key->tag >> 8), (uint8_t)key->key->tag, key->key->algorithm->number};
        hash = hash_bytes(hash, does, sizeof does);
    }
    return hash;
}

static enum err assign_keys(struct round *round, bool force)
{
    struct signed_zone *signed_zone = round->signed_zone;
    unsigned count;
    if (force || signed_zone->by != round->terms)
        keyring_clear(&signed_zone->keyring);
    enum err err = keyring_assign(&signed_zone->keyring, round->terms, signed_zone->zone->name, round->now,
        round->keys, &count, &round->next_s, round->why);
    if (err != ERR_OK)
        return err;
    round->options = round->terms->options;
    round->options.keys = round->keys;
    round->options.key_count = count;
    round->options.now = round->now;
    round->options.ready = round->ready;
    round->options.ready_count =
        keyring_ready(&signed_zone->keyring, round->now, round->ready, &round->ready_s);
    round->assigned = hash_keys(round);
    return ERR_OK;
}

/* ---- signing ---- */

/* Records that change whenever the serial does: the SOA, ZONEMD, and their signatures. */
static bool follows_serial(const struct change_record *record)
{
    uint16_t type = record->type;
    if (type == TYPE_RRSIG && record->rdata_len >= 2)
        type = (uint16_t)((unsigned)record->rdata[0] << 8 | record->rdata[1]);
    return type == TYPE_SOA || type == TYPE_ZONEMD;
}

/* The SOA but for its serial. */
static bool same_soa(const struct snapshot *a, const struct snapshot *b)
{
    struct record x, y;
    record_read(a->soa->data, true, &x);
    record_read(b->soa->data, true, &y);
    size_t head = x.rdata_len - 20u;
    return a->soa->ttl == b->soa->ttl && x.rdata_len == y.rdata_len && memcmp(x.rdata, y.rdata, head) == 0 &&
           memcmp(x.rdata + head + 4, y.rdata + head + 4, 16) == 0;
}

/* Nothing but a serial that the signing made: what is served stays. A serial that the input has raised is for
 * secondaries to see. */
static bool is_unchanged(const struct round *round)
{
    struct change change = {0};
    struct change_record record;
    if (round->current == NULL || !same_soa(round->current, round->made))
        return false;
    if (round->options.serial == SERIAL_AUTO && round->made->serial != round->current->serial + 1)
        return false;
    bool same = diff_snapshots(round->current, round->made, UNCHANGED_MOST, &change) == ERR_OK;
    for (size_t at = 0; same && change_next(&change.removed, &at, &record);)
        same = follows_serial(&record);
    for (size_t at = 0; same && change_next(&change.added, &at, &record);)
        same = follows_serial(&record);
    change_clear(&change);
    return same;
}

static enum err sign_whole(struct round *round)
{
    enum err err = zone_sign(&round->options, round->input, round->current, &round->result, &round->made);
    if (err == ERR_OK && is_unchanged(round)) {
        snapshot_release(round->made);
        round->made = snapshot_hold(round->current);
    }
    return err;
}

/* In time that follows the change, where the last signed form is of the input before and the same terms. */
static enum err sign(struct round *round)
{
    struct signed_zone *signed_zone = round->signed_zone;
    enum err err = ERR_STALE;
    if (round->current != NULL && signed_zone->before != NULL && signed_zone->by == round->terms &&
        signed_zone->assigned == round->assigned) {
        round->options.earliest = signed_zone->earliest;
        err = zone_resign(&round->options, signed_zone->before, round->input, round->current, &round->result,
            &round->change, &round->made);
        round->has_change = err == ERR_OK;
    }
    if (err == ERR_STALE) {
        change_clear(&round->change);
        round->result = (struct zonesign_result){0};
        err = sign_whole(round);
    }
    if (err != ERR_OK && round->why[0] == '\0')
        snprintf(round->why, sizeof round->why, "%.400s",
            round->result.why[0] != '\0' ? round->result.why : err_text(err));
    return err;
}

/* ---- publishing ---- */

static enum err write_text(struct round *round)
{
    char name[NAME_TEXT_MAX], path[4096];
    struct file_write file;
    if (round->terms->path == NULL)
        return ERR_OK;
    name_print(round->signed_zone->zone->name, name);
    snprintf(path, sizeof path, "%s/db.%ssigned", round->terms->directory, name);
    enum err err = file_write_open(&file, path, 0644);
    if (err == ERR_OK) {
        err = print_zone(round->made, 0, file.fd);
        if (err == ERR_OK)
            err = file_write_commit(&file);
        else
            file_write_abandon(&file);
    }
    if (err != ERR_OK)
        log_warning("plugin/sign: %s: %s", path, strerror(errno));
    return err;
}

static void tell(const struct round *round)
{
    char expires[16], name[NAME_TEXT_MAX];
    const struct zonesign_result *result = &round->result;
    time_print(result->earliest, expires);
    name_print(round->signed_zone->zone->name, name);
    zone_note(round->signed_zone->zone, ZONE_CHECKED,
        "%" PRIu64 " signatures made, %" PRIu64 " kept; the first expires %s", result->made, result->kept,
        expires);
    log_info("plugin/sign: %s: serial %u, %" PRIu64 " signatures made, %" PRIu64
             " kept; the first expires %s",
        name, round->made->serial, result->made, result->kept, expires);
}

static bool same_keys(const struct snapshot *a, const struct snapshot *b)
{
    const struct rrset *x = node_rrset(a->apex, TYPE_DNSKEY), *y = node_rrset(b->apex, TYPE_DNSKEY);
    if (x == NULL || y == NULL)
        return x == y;
    return x->count == y->count && x->data_len == y->data_len && memcmp(x->data, y->data, x->data_len) == 0;
}

/* Keys that the DS at the parent does not lead to are not published. A parent that cannot be asked keeps
 * nothing back: signatures run out. */
static enum err check_parent(struct round *round)
{
    char why[PARENT_WHY_MAX], name[NAME_TEXT_MAX];
    bool trusts = true;
    if (!round->terms->has_parent || (round->current != NULL && same_keys(round->current, round->made)))
        return ERR_OK;
    if (parent_trusts(&round->terms->parent, round->made, &trusts, why) != ERR_OK) {
        name_print(round->signed_zone->zone->name, name);
        log_warning("plugin/sign: %s: not compared with the parent's DS set: %s", name, why);
    }
    if (trusts)
        return ERR_OK;
    snprintf(round->why, sizeof round->why,
        "it would not validate: the DS records at the parent name no key that signs the DNSKEY set");
    return ERR_INVALID;
}

static enum err publish(struct round *round)
{
    struct signed_zone *signed_zone = round->signed_zone;
    struct zone *zone = signed_zone->zone;
    if (round->made == round->current)
        return ERR_OK;
    enum err err = prove(
        round->made, round->has_change ? &round->change : NULL, &round->options, &round->result, round->why);
    if (err == ERR_OK)
        err = check_parent(round);
    if (err != ERR_OK)
        return err;
    tell(round);
    zone->records = round->made->overlay == NULL ? round->made->image->header->record_count : zone->records;
    err = zone_publish(zone, snapshot_hold(round->made), round->has_change ? &round->change : NULL, 0);
    if (err == ERR_OK)
        (void)!write_text(round); /* told */
    atomic_fetch_add(&signed_zone->made, round->result.made);
    atomic_fetch_add(&signed_zone->rounds, 1);
    return err;
}

/* What is served now is the signed form of this input by these terms. */
static void remember(struct round *round)
{
    struct signed_zone *signed_zone = round->signed_zone;
    struct snapshot *before = signed_zone->before;
    struct terms *by = signed_zone->by;
    signed_zone->before = snapshot_hold(round->input);
    atomic_store(&signed_zone->zone->made_of, ZONE_MADE_OF | round->input->serial);
    signed_zone->by = terms_hold(round->terms);
    signed_zone->assigned = round->assigned;
    signed_zone->earliest = round->result.earliest;
    snapshot_release(before);
    terms_release(by);
}

/* ---- the clock ---- */

static struct sign_clock clock_state; /* of all zones: rounds of several may be under way */
static pthread_mutex_t clock_lock = PTHREAD_MUTEX_INITIALIZER;

/* The SOA's signature is the newest: it follows the serial. */
static int64_t newest_inception(const struct snapshot *current)
{
    struct record record;
    struct rrsig rrsig;
    int64_t newest_s = 0;
    const uint8_t *at = current != NULL ? rrset_signatures(current->soa) : NULL;
    for (unsigned i = 0; at != NULL && i < current->soa->sig_count; i++) {
        at = record_read(at, false, &record);
        if (rrsig_read(record.rdata, record.rdata_len, &rrsig) && rrsig.inception > newest_s)
            newest_s = rrsig.inception;
    }
    return newest_s;
}

static enum err check_clock(struct round *round)
{
    char why[CLOCK_WHY_MAX];
    int64_t newest_s = newest_inception(round->current);
    round->signed_zone->keyring.signed_s = newest_s != 0 ? newest_s + round->terms->options.inception_s : 0;
    pthread_mutex_lock(&clock_lock);
    round->clock_good = sign_clock_good(&clock_state, round->now, signed_uptime_s(), newest_s, why);
    pthread_mutex_unlock(&clock_lock);
    if (!round->clock_good)
        snprintf(round->why, sizeof round->why, "%s", why);
    return round->clock_good ? ERR_OK : ERR_RANGE;
}

/* ---- the round ---- */

static enum err try(struct round *round, bool force)
{
    round->current = atomic_load(&round->signed_zone->zone->current);
    enum err err = check_clock(round);
    if (err == ERR_OK)
        err = take_input(round, force);
    if (err == ERR_OK)
        err = assign_keys(round, force);
    if (err == ERR_OK)
        err = sign(round);
    if (err == ERR_OK)
        err = publish(round);
    if (err == ERR_OK) {
        remember(round);
        err = keyring_commit(&round->signed_zone->keyring, round->why);
    } else {
        keyring_clear(&round->signed_zone->keyring);
    }
    return err;
}

static void schedule(struct round *round)
{
    int64_t next_s = round->next_s, renew_s = round->signed_zone->earliest - round->options.refresh_s;
    next_s = renew_s < next_s ? renew_s : next_s;
    if (round->terms->path != NULL && round->now + TEXT_EVERY_S < next_s)
        next_s = round->now + TEXT_EVERY_S;
    if (next_s <= round->now) /* what a safe has signed is not ours to renew */
        next_s = round->now + (round->options.ready_count > 0 ? SAFE_EVERY_S : 1);
    atomic_store(&round->signed_zone->next_s, next_s);
}

static void succeed(struct round *round)
{
    struct signed_zone *signed_zone = round->signed_zone;
    if (atomic_exchange(&signed_zone->failed, false))
        zone_forget(signed_zone->zone, ZONE_FAILED);
    signed_zone->failures = 0;
    atomic_store(&signed_zone->retry_s, 0);
    schedule(round);
}

static void fail(struct round *round, enum err err)
{
    struct signed_zone *signed_zone = round->signed_zone;
    char name[NAME_TEXT_MAX], before[ZONE_ERROR_MAX];
    const char *why = round->why[0] != '\0' ? round->why : err_text(err);
    unsigned failures = round->clock_good ? signed_zone->failures : 0;
    int64_t wait_s = (int64_t)(round->clock_good ? RETRY_S : CLOCK_EVERY_S) << (failures < 6 ? failures : 6);
    wait_s = wait_s < RETRY_MOST_S ? wait_s : RETRY_MOST_S;
    bool told =
        zone_noted(signed_zone->zone, ZONE_FAILED, before, sizeof before) != 0 && strcmp(before, why) == 0;
    signed_zone->failures++;
    atomic_store(&signed_zone->failed, true);
    atomic_store(&signed_zone->next_s, round->now + wait_s);
    atomic_store(&signed_zone->retry_s, signed_uptime_s() + wait_s);
    zone_note(signed_zone->zone, ZONE_FAILED, "%s", why);
    name_print(signed_zone->zone->name, name);
    if (!told && err != ERR_MISSING)
        log_error("plugin/sign: %s: not signed anew: %s; %s", name, why,
            round->current != NULL ? "what is served goes on" : "nothing is served");
}

void round_run(struct signed_zone *signed_zone, struct terms *terms, bool force)
{
    struct round *round = calloc(1, sizeof *round);
    if (round == NULL)
        return;
    *round = (struct round){.signed_zone = signed_zone, .terms = terms, .now = (int64_t)time(NULL)};
    zone_write_begin(signed_zone->zone);
    enum err err = try(round, force);
    if (err == ERR_OK)
        succeed(round);
    else
        fail(round, err);
    zone_write_end(signed_zone->zone);
    change_clear(&round->change);
    snapshot_release(round->made);
    snapshot_release(round->input);
    free(round);
}
