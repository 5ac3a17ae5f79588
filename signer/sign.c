/* Signing a file: read, sign, prove, and only then replace what is published. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/additions.h"
#include "signer/dsset.h"
#include "signer/keystore.h"
#include "signer/offline.h"
#include "signer/rolling.h"
#include "signer/trust.h"
#include "signer/zonefile.h"
#include "zone/sec/assign.h"
#include "zone/sec/rollstamp.h"
#include "zone/sec/zoneverify.h"
#include "zone/store/diff.h"
#include "zone/text/report.h"
#include "zone/wire/type.h"

#define VERIFY_ALL_BELOW                                                                                     \
    50000 /* signatures: a second and a half of one core; above, one of many is computed */
#define VERIFY_ABOUT 20000

static uint8_t origin[NAME_MAX + 1];
static const char *ds_file;
static bool has_origin, quiet, image, nsec3, opt_out, zonemd, cds, cds_delete, deterministic, fresh,
    prove_all;
static unsigned long threads, iterations;
static int64_t validity, validity_keys, inception, refresh = -1, jitter = -1, from_at, to_at, dnskey_ttl = -1;
static uint8_t salt[255], salt_len, cds_digests[CDS_DIGESTS_MAX];
static unsigned cds_digest_count;
static enum serial_policy serial = SERIAL_AUTO;

static bool take_origin(const char *value)
{
    return has_origin = take_name_value("-o", value, origin);
}

static bool take_threads(const char *value)
{
    return take_number_value("-j", value, 1024, &threads);
}

static bool take_validity(const char *value)
{
    return take_span_value("--validity", value, &validity);
}

static bool take_validity_keys(const char *value)
{
    return take_span_value("--validity-dnskey", value, &validity_keys);
}

static bool take_inception(const char *value)
{
    return take_span_value("--inception-offset", value, &inception);
}

static bool take_refresh(const char *value)
{
    return take_span_value("--refresh", value, &refresh);
}

static bool take_jitter(const char *value)
{
    return take_span_value("--jitter", value, &jitter);
}

static bool take_from(const char *value)
{
    return take_time_value("--inception", value, &from_at);
}

static bool take_to(const char *value)
{
    return take_time_value("--expiration", value, &to_at);
}

static bool take_dnskey_ttl(const char *value)
{
    return take_span_value("--dnskey-ttl", value, &dnskey_ttl);
}

static bool take_iterations(const char *value)
{
    nsec3 = true;
    return take_number_value("--iterations", value, 65535, &iterations);
}

static bool take_salt(const char *value)
{
    size_t len = strlen(value);
    nsec3 = true;
    if (strcmp(value, "-") == 0)
        return true;
    salt_len = (uint8_t)(len / 2);
    if (len % 2 == 0 && len / 2 <= sizeof salt) {
        for (size_t i = 0; i < len / 2; i++) {
            char digits[3] = {value[2 * i], value[2 * i + 1]}, *end;
            salt[i] = (uint8_t)strtoul(digits, &end, 16);
            if (*end != '\0' || digits[0] == '-' || digits[0] == '+' || digits[0] == ' ')
                len = 1;
        }
    }
    if (len % 2 == 0 && len / 2 <= sizeof salt)
        return true;
    complain("--salt %s: hexadecimal digits are wanted, or \"-\" for none", value);
    return false;
}

static bool take_opt_out(const char *value UNUSED)
{
    return nsec3 = opt_out = true;
}

static bool take_serial(const char *value)
{
    static const char *const words[] = {"auto", "keep", "increment", "unixtime", "date"};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (strcmp(words[i], value) == 0) {
            serial = (enum serial_policy)i;
            return true;
        }
    }
    complain("--serial %s: one of auto, keep, increment, unixtime and date is wanted", value);
    return false;
}

static bool take_cds(const char *value UNUSED)
{
    return cds = true;
}

static bool take_cds_digest(const char *value)
{
    const struct ds_digest *digest = ds_digest_parse(value);
    cds = true;
    if (digest != NULL && digest->number != 1 && cds_digest_count < CDS_DIGESTS_MAX) {
        cds_digests[cds_digest_count++] = digest->number;
        return true;
    }
    complain("--cds-digest %s: SHA-256 or SHA-384 is wanted", value);
    return false;
}

const struct option_row sign_rows[] = {
    {'o', "origin", "NAME", "the zone's name, when the file does not tell", NULL, NULL, take_origin},
    KEYSTORE_ROW,
    {0, "policy", "FILE[:NAME]", "times, NSEC or NSEC3, CDS, as a dnssec-policy has them", NULL,
        &rolling_policy, NULL},
    {'3', "nsec3", NULL, "deny by NSEC3, without salt and iterations (RFC 9276)", &nsec3, NULL, NULL},
    {0, "opt-out", NULL, "NSEC3 that leaves out insecure delegations", NULL, NULL, take_opt_out},
    {0, "iterations", "N", "extra NSEC3 iterations (0)", NULL, NULL, take_iterations},
    {0, "salt", "HEX", "NSEC3 salt (-)", NULL, NULL, take_salt},
    {0, "validity", "SPAN", "how long signatures last (14d)", NULL, NULL, take_validity},
    {0, "validity-dnskey", "SPAN", "the same for the DNSKEY set", NULL, NULL, take_validity_keys},
    {0, "inception-offset", "SPAN", "how far back they begin (1h)", NULL, NULL, take_inception},
    {0, "jitter", "SPAN", "expirations are spread over so much (12h)", NULL, NULL, take_jitter},
    {0, "refresh", "SPAN", "signatures of OUT that last longer are kept (5d)", NULL, NULL, take_refresh},
    {0, "inception", "TIME", "begin of all signatures, instead", NULL, NULL, take_from},
    {0, "expiration", "TIME", "end of all signatures, instead", NULL, NULL, take_to},
    {0, "fresh", NULL, "keep no signature of OUT", &fresh, NULL, NULL},
    {0, "serial", "POLICY", "auto, keep, increment, unixtime or date (auto)", NULL, NULL, take_serial},
    {0, "dnskey-ttl", "TTL", "TTL of the DNSKEY set", NULL, NULL, take_dnskey_ttl},
    {'z', "zonemd", NULL, "add a digest of the zone (RFC 8976)", &zonemd, NULL, NULL},
    {0, "cds", NULL, "publish CDS and CDNSKEY (RFC 7344)", NULL, NULL, take_cds},
    {0, "cds-digest", "TYPE", "the CDS's digests (SHA-256)", NULL, NULL, take_cds_digest},
    {0, "cds-delete", NULL, "ask the parent to remove its DS (RFC 8078)", &cds_delete, NULL, NULL},
    ADDITIONS_ROWS,
    {0, "ds", "FILE", "the DS records at the parent: refuse keys that are others", NULL, &ds_file, NULL},
    {0, "prove-all", NULL, "verify every signature before publishing, however many", &prove_all, NULL, NULL},
    {0, "deterministic", NULL, "the same input gives the same octets", &deterministic, NULL, NULL},
    {0, "image", NULL, "write OUT as a zone image", &image, NULL, NULL},
    {'q', "quiet", NULL, "findings only", &quiet, NULL, NULL},
    {'j', "threads", "N", "threads to use, one per core if not given", NULL, NULL, take_threads},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

/* Shorter signatures are renewed in proportion. */
static void set_times(struct zonesign_options *options)
{
    if (validity != 0) {
        options->refresh_s =
            (uint32_t)((uint64_t)options->refresh_s * (uint64_t)validity / options->validity_s);
        options->jitter_s =
            (uint32_t)((uint64_t)options->jitter_s * (uint64_t)validity / options->validity_s);
        options->validity_s = (uint32_t)validity;
    }
    if (validity_keys != 0)
        options->validity_keys_s = (uint32_t)validity_keys;
    if (inception != 0)
        options->inception_s = (uint32_t)inception;
    if (refresh >= 0)
        options->refresh_s = (uint32_t)refresh;
    if (jitter >= 0)
        options->jitter_s = (uint32_t)jitter;
    options->inception_at = from_at;
    options->expiration_at = to_at;
}

/* NSEC3 with a salt of its own: that of OUT stays, so that its signatures can (RFC 5155 C.1). */
static void take_salt_of(struct zonesign_options *options, const struct snapshot *earlier, unsigned len)
{
    const struct rrset *set = earlier != NULL ? node_rrset(earlier->apex, TYPE_NSEC3PARAM) : NULL;
    struct record record;
    options->salt_len = (uint8_t)len;
    if (set != NULL && set->count > 0) {
        record_read(set->data, false, &record);
        if (record.rdata_len == 5 + len && record.rdata[4] == len) {
            memcpy(options->salt, record.rdata + 5, len);
            return;
        }
    }
    randombytes_buf(options->salt, len);
}

/* What a policy says of signatures; options that are given go before it. */
static void set_by_policy(
    struct zonesign_options *options, const struct policy *policy, const struct snapshot *earlier)
{
    options->validity_s = (uint32_t)policy->signatures_validity_s;
    options->validity_keys_s = (uint32_t)policy->signatures_validity_dnskey_s;
    options->refresh_s = (uint32_t)policy->signatures_refresh_s;
    options->jitter_s = (uint32_t)policy->signatures_jitter_s;
    options->dnskey_ttl = (uint32_t)policy->dnskey_ttl_s;
    options->has_dnskey_ttl = true;
    options->nsec3 = policy->nsec != POLICY_NSEC;
    options->opt_out = policy->nsec == POLICY_NSEC3_OPT_OUT;
    options->iterations = policy->nsec3_iterations;
    if (options->nsec3)
        take_salt_of(options, earlier, policy->nsec3_salt_len);
    options->cdnskey = policy->cdnskey;
    options->cds = policy->cds_digest != 0 || policy->cdnskey ? CDS_SYNC : CDS_KEEP;
    options->cds_digests[0] = policy->cds_digest;
}

static void set_denial(struct zonesign_options *options)
{
    if (!nsec3)
        return;
    options->nsec3 = true;
    options->opt_out = opt_out;
    options->iterations = (uint16_t)iterations;
    options->salt_len = salt_len;
    memcpy(options->salt, salt, salt_len);
}

static void set_options(
    struct zonesign_options *options, const struct policy *policy, const struct snapshot *earlier)
{
    zonesign_options_init(options);
    if (rolling_policy != NULL)
        set_by_policy(options, policy, earlier);
    options->now = clock_now();
    set_times(options);
    set_denial(options);
    options->serial = serial;
    options->zonemd = zonemd;
    if (cds || cds_delete)
        options->cds = cds_delete ? CDS_DELETE : CDS_SYNC;
    if (cds_digest_count > 0)
        memcpy(options->cds_digests, cds_digests, sizeof cds_digests);
    if (dnskey_ttl >= 0) {
        options->has_dnskey_ttl = true;
        options->dnskey_ttl = (uint32_t)dnskey_ttl;
    }
    options->deterministic = deterministic;
    options->threads = (unsigned)threads;
}

static bool check_spans(void)
{
    const struct {
        const char *option;
        int64_t span;
    } rows[] = {{"--validity", validity}, {"--validity-dnskey", validity_keys},
        {"--inception-offset", inception}, {"--refresh", refresh}, {"--jitter", jitter},
        {"--dnskey-ttl", dnskey_ttl}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].span > INT32_MAX) {
            complain("%s: at most 68 years", rows[i].option);
            return false;
        }
    }
    return true;
}

/* ---- proof ---- */

/* The zone as it is to be published must validate from now until its signatures are to be renewed. */
static enum outcome prove(const char *path, const struct snapshot *made, const struct zonesign_result *result,
    const struct dsset *ds, struct report *report)
{
    struct zoneverify_result verified;
    struct zoneverify_options options = {.from = from_at > clock_now() ? from_at : clock_now(),
        .ds = ds->refs,
        .ds_count = ds->count,
        .threads = (unsigned)threads,
        .file = path,
        .sink = report_sink(report),
        .most = 20};
    uint64_t signatures = result->made + result->kept;
    options.to = result->earliest > options.from ? result->earliest : options.from;
    options.every = prove_all || signatures <= VERIFY_ALL_BELOW ? 1 : (unsigned)(signatures / VERIFY_ABOUT);
    enum err err = zone_verify(made, &options, &verified);
    if (err != ERR_OK)
        return complain_of(path, err);
    if (verified.errors == 0)
        return OUTCOME_GOOD;
    complain("%s: not written: the zone would not validate (%u error%s)", path, verified.errors,
        verified.errors == 1 ? "" : "s");
    return OUTCOME_REFUSED;
}

static void tell(const char *path, const struct zonesign_result *result)
{
    char expires[16];
    time_print(result->earliest, expires);
    if (!quiet && strcmp(path, "-") != 0)
        printf("%s: serial %u, %" PRIu64 " signatures made, %" PRIu64 " kept; the first expires %s\n", path,
            result->serial, result->made, result->kept, expires);
}

/* ---- the earlier form ---- */

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

/* Would OUT be the same but for a new serial? Then it stays as it is. */
static bool is_unchanged(const struct snapshot *earlier, const struct snapshot *made)
{
    struct change change = {0};
    struct change_record record;
    if (earlier == NULL || serial != SERIAL_AUTO || fresh || !same_soa(earlier, made))
        return false;
    bool same = diff_snapshots(earlier, made, 1u << 16, &change) == ERR_OK;
    for (size_t at = 0; same && change_next(&change.removed, &at, &record);)
        same = follows_serial(&record);
    for (size_t at = 0; same && change_next(&change.added, &at, &record);)
        same = follows_serial(&record);
    change_clear(&change);
    return same && earlier->serial + 1 == made->serial;
}

static enum outcome prove_and_write(struct snapshot *made, const char *out,
    const struct zonesign_result *result, const struct dsset *ds, const uint8_t *trust, struct report *report)
{
    enum outcome outcome = prove(out, made, result, ds, report);
    if (outcome == OUTCOME_GOOD)
        outcome = zonefile_write(out, made, image, (unsigned)threads, trust);
    if (outcome == OUTCOME_GOOD)
        tell(out, result);
    return outcome;
}

/* The zone signed, proven and written. OPTIONS has keys already. */
static enum outcome sign_and_write(struct snapshot *zone, const char *out, struct zonesign_options *options,
    const struct snapshot *earlier, const uint8_t *secret, const struct dsset *ds, struct report *report)
{
    struct zonesign_result result;
    struct snapshot *made = NULL;
    enum outcome outcome;
    options->trust = earlier != NULL && secret != NULL && trust_check(out, secret);
    if (earlier != NULL && fresh)
        options->refresh_s =
            UINT32_MAX / 2 - 1; /* none lasts so long; but the serial still goes on from there */
    enum err err = zone_sign(options, zone, earlier, &result, &made);
    if (err == ERR_INVALID) {
        complain("%s: not written: %s", out, result.why);
        outcome = OUTCOME_REFUSED;
    } else if (err != ERR_OK) {
        outcome = complain_of(out, err);
    } else if (options->trust && is_unchanged(earlier, made)) {
        if (!quiet)
            printf("%s: serial %u, unchanged\n", out, earlier->serial);
        outcome = OUTCOME_GOOD;
    } else {
        outcome = prove_and_write(made, out, &result, ds, secret, report);
    }
    snapshot_release(made);
    return outcome;
}

static enum outcome sign_snapshot(struct snapshot *zone, const char *out, const struct key_list *keys,
    const struct policy *policy, const struct dsset *ds, struct report *report)
{
    struct zonesign_key assigned[ZONESIGN_KEYS_MAX];
    struct zonesign_options options;
    const struct rrset *ready[BUNDLE_SETS];
    struct bundles bundles;
    bool offline;
    uint8_t secret[TRUST_KEY_LEN];
    bool has_secret = trust_key(keys, secret);
    struct snapshot *earlier = zonefile_try(out, zone->image->header->apex_name, (unsigned)threads);
    enum outcome outcome = OUTCOME_TROUBLE;
    set_options(&options, policy, earlier);
    options.keys = assigned;
    options.key_count = keys_assign(keys, clock_now(), assigned);
    if (offline_take_part(keys, &bundles, ready, &options, &offline)) {
        for (unsigned i = 0; i < options.key_count && offline; i++)
            assigned[i].sign_keys = false; /* that has been done */
        outcome = sign_and_write(zone, out, &options, earlier, has_secret ? secret : NULL, ds, report);
    }
    if (offline)
        bundles_clear(&bundles);
    sodium_memzero(secret, sizeof secret);
    snapshot_release(earlier);
    return outcome;
}

/* What roll has decided is to be seen from now on. Where keys cannot be written it is another's to roll them.
 */
static void note_published(const struct key_list *keys)
{
    struct keyfile_trouble trouble;
    enum err err = roll_stamp_write(keystore_directory, keys, clock_now(), &trouble);
    if (err != ERR_OK && !quiet)
        (void)keystore_complain(&trouble);
}

static enum outcome sign_file(const char *path, const char *out, struct dsset *ds, struct report *report)
{
    struct key_list keys = {0};
    struct policy policy;
    enum outcome outcome;
    struct finding_sink sink = report_sink(report);
    struct snapshot *zone =
        zonefile_read(path, has_origin ? origin : NULL, (unsigned)threads, &sink, &outcome);
    if (zone == NULL)
        return outcome;
    const uint8_t *apex = zone->image->header->apex_name;
    outcome = OUTCOME_TROUBLE;
    if (rolling_read_policy(rolling_policy, &policy) && keystore_load_signing(apex, quiet, &keys) &&
        (ds_file == NULL || dsset_read(ds, ds_file, apex)) && additions_make(&zone, (unsigned)threads)) {
        char name[NAME_TEXT_MAX];
        name_print(apex, name);
        outcome = keys.count > 0 ? sign_snapshot(zone, out, &keys, &policy, ds, report)
                                 : complain("there is no key of %s in %s; signer keygen makes one", name,
                                       keystore_directory);
    }
    if (outcome == OUTCOME_GOOD)
        note_published(&keys);
    key_list_clear(&keys);
    snapshot_release(zone);
    return outcome;
}

enum outcome sign_run(const struct operands *operands)
{
    struct report report;
    struct dsset ds = {0};
    if (!check_spans())
        return OUTCOME_TROUBLE;
    report_init(&report, stderr);
    enum outcome outcome = sign_file(operands->words[0], operands->words[1], &ds, &report);
    dsset_clear(&ds);
    report_clear(&report);
    return outcome;
}
