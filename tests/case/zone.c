#include "tests/case/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/store/load.h"

/* What every zone has unless it is bare. */
static const char preamble[] = "$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\n";
static const char preamble_address[] = "ns A 192.0.2.53\n";

static char *complete_text(const struct zone *zone)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "$ORIGIN %s\n%s%s%s", zone->origin, zone->bare ? "$TTL 3600\n" : preamble,
        zone->bare ? "" : preamble_address, zone->text);
    fclose(out);
    return text;
}

static ldns_dnssec_zone *parse(const char *text, const char *where)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    ldns_dnssec_zone *zone = NULL;
    int line = 0;
    ldns_status status = ldns_dnssec_zone_new_frm_fp_l(&zone, in, NULL, 0, LDNS_RR_CLASS_IN, &line);
    fclose(in);
    if (status == LDNS_STATUS_OK)
        return zone;
    fprintf(stderr, "%s: ldns, zone line %d: %s\n", where, line, ldns_get_errorstr_by_id(status));
    return NULL;
}

static ldns_key_list *make_keys(const char *origin)
{
    static const char secret[] = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n"
                                 "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n";
    FILE *in = fmemopen((void *)(uintptr_t)secret, sizeof secret - 1, "r");
    ldns_key *key = NULL;
    ldns_key_list *keys = ldns_key_list_new();
    int line = 0;
    if (ldns_key_new_frm_fp_l(&key, in, &line) != LDNS_STATUS_OK)
        abort();
    fclose(in);
    ldns_key_set_pubkey_owner(key, ldns_dname_new_frm_str(origin));
    ldns_key_set_flags(key, 257);
    ldns_key_set_inception(key, 1577836800);  /* 2020 */
    ldns_key_set_expiration(key, 2208988800); /* 2040 */
    ldns_rr *dnskey = ldns_key2rr(key);
    ldns_key_set_keytag(key, ldns_calc_keytag(dnskey));
    ldns_rr_free(dnskey);
    ldns_key_list_push_key(keys, key);
    return keys;
}

static ldns_dnssec_name *name_at(const ldns_rbnode_t *at)
{
    return (ldns_dnssec_name *)(uintptr_t)at->data;
}

#define EACH_NAME(at, zone)                                                                                  \
    ldns_rbnode_t *at = ldns_rbtree_first((zone)->names);                                                    \
    at != LDNS_RBTREE_NULL;                                                                                  \
    at = ldns_rbtree_next(at)

static bool is_insecure_delegation(ldns_dnssec_name *name, const ldns_rdf *apex)
{
    return ldns_dname_compare(ldns_dnssec_name_name(name), apex) != 0 &&
           ldns_dnssec_name_find_rrset(name, LDNS_RR_TYPE_NS) != NULL &&
           ldns_dnssec_name_find_rrset(name, LDNS_RR_TYPE_DS) == NULL;
}

/* An empty non-terminal that is there for insecure delegations only. */
static bool is_insecure_parent(ldns_dnssec_zone *zone, ldns_dnssec_name *name, const ldns_rdf *apex)
{
    if (name->rrsets != NULL)
        return false;
    for (EACH_NAME(at, zone)) {
        ldns_dnssec_name *below = name_at(at);
        if (below->rrsets != NULL && !below->is_glue && !is_insecure_delegation(below, apex) &&
            ldns_dname_is_subdomain(ldns_dnssec_name_name(below), ldns_dnssec_name_name(name)))
            return false;
    }
    return true;
}

/* The name whose NSEC3 has that of NAME as the next. */
static ldns_dnssec_name *name_before(ldns_dnssec_zone *zone, const ldns_dnssec_name *name)
{
    ldns_dnssec_name *before = NULL;
    char *owner = ldns_rdf2str(ldns_rr_owner(name->nsec));
    for (EACH_NAME(at, zone)) {
        if (name_at(at)->nsec == NULL)
            continue;
        char *next = ldns_rdf2str(ldns_nsec3_next_owner(name_at(at)->nsec));
        if (strncasecmp(next, owner, 32) == 0)
            before = name_at(at);
        free(next);
    }
    free(owner);
    return before;
}

/* RFC 5155 6: with opt-out, insecure delegations need no NSEC3, nor do empty non-terminals above nothing
 * else. ldns leaves them in: they are taken out of the chain before it is signed. */
static void opt_out(ldns_dnssec_zone *zone)
{
    const ldns_rdf *apex = ldns_dnssec_name_name(zone->soa);
    for (EACH_NAME(at, zone)) {
        ldns_dnssec_name *name = name_at(at);
        if (name->nsec == NULL ||
            !(is_insecure_delegation(name, apex) || is_insecure_parent(zone, name, apex)))
            continue;
        ldns_rr *before = name_before(zone, name)->nsec;
        ldns_rdf *next = ldns_rdf_clone(ldns_nsec3_next_owner(name->nsec));
        ldns_rdf_deep_free(ldns_rr_set_rdf(before, next, 4));
        ldns_rr_free(name->nsec);
        name->nsec = NULL;
    }
}

static ldns_rr *soa_rr(ldns_dnssec_zone *zone)
{
    return ldns_dnssec_name_find_rrset(zone->soa, LDNS_RR_TYPE_SOA)->rrs->rr;
}

static void add_nsec3param(ldns_dnssec_zone *zone)
{
    ldns_rr *rr = ldns_rr_new_frm_type(LDNS_RR_TYPE_NSEC3PARAM);
    ldns_rr_set_owner(rr, ldns_rdf_clone(ldns_rr_owner(soa_rr(zone))));
    ldns_rr_set_ttl(rr, 3600);
    ldns_nsec3_add_param_rdfs(rr, LDNS_SHA1, 0, 0, 0, NULL);
    ldns_dnssec_zone_add_rr(zone, rr);
}

static ldns_status sign(ldns_dnssec_zone *zone, const struct zone *of)
{
    ldns_key_list *keys = make_keys(of->origin);
    ldns_rr_list *added = ldns_rr_list_new();
    ldns_rr *dnskey = ldns_key2rr(ldns_key_list_key(keys, 0));
    ldns_rr_set_ttl(dnskey, 3600);
    ldns_dnssec_zone_add_rr(zone, dnskey);
    if (of->signing != ZONE_NSEC) {
        add_nsec3param(zone);
        ldns_dnssec_zone_add_empty_nonterminals(zone);
    }
    ldns_dnssec_zone_mark_glue(zone);
    ldns_status status = of->signing == ZONE_NSEC
                             ? ldns_dnssec_zone_create_nsecs(zone, added)
                             : ldns_dnssec_zone_create_nsec3s(zone, added, LDNS_SHA1,
                                   of->signing == ZONE_OPTOUT ? LDNS_NSEC3_VARS_OPTOUT_MASK : 0, 0, 0, NULL);
    if (status == LDNS_STATUS_OK && of->signing == ZONE_OPTOUT)
        opt_out(zone);
    if (status == LDNS_STATUS_OK)
        status =
            ldns_dnssec_zone_create_rrsigs(zone, added, keys, ldns_dnssec_default_replace_signatures, NULL);
    ldns_rr_list_free(added);
    ldns_key_list_free(keys);
    return status;
}

/* Every name of the zone with its hash, told as a record: owner the hash, rdata the name. */
static ldns_rr_list *hash_names(ldns_dnssec_zone *zone)
{
    ldns_rr_list *list = ldns_rr_list_new();
    ldns_rdf *apex = ldns_dnssec_name_name(zone->soa);
    for (EACH_NAME(at, zone)) {
        ldns_rdf *name = ldns_dnssec_name_name(name_at(at));
        ldns_rdf *hash = ldns_nsec3_hash_name(name, LDNS_SHA1, 0, 0, NULL);
        ldns_dname_cat(hash, apex);
        ldns_rr *rr = ldns_rr_new_frm_type(LDNS_RR_TYPE_PTR);
        ldns_rr_set_owner(rr, hash);
        ldns_rr_set_rdf(rr, ldns_rdf_clone(name), 0);
        ldns_rr_list_push_rr(list, rr);
    }
    return list;
}

static char *signed_text(struct zone *zone, const char *text, const char *where)
{
    ldns_dnssec_zone *parsed = parse(text, where);
    char *out = NULL;
    size_t len;
    if (parsed == NULL)
        return NULL;
    ldns_status status = sign(parsed, zone);
    if (status == LDNS_STATUS_OK) {
        FILE *stream = open_memstream(&out, &len);
        ldns_dnssec_zone_print(stream, parsed);
        fclose(stream);
        zone->hashed = hash_names(parsed);
    } else {
        fprintf(stderr, "%s: signing: %s\n", where, ldns_get_errorstr_by_id(status));
    }
    ldns_dnssec_zone_deep_free(parsed);
    return out;
}

static void tell(void *context, const struct finding *finding)
{
    if (context != NULL && finding->severity == SEVERITY_ERROR)
        fprintf(stderr, "%s: zone line %u: %s\n", (const char *)context, finding->line, finding->message);
}

static bool write_file(char *path, const char *text)
{
    int file = mkstemp(path);
    bool fine = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (file >= 0)
        close(file);
    return fine;
}

/* Loads TEXT, as a change of the present snapshot when there is one. */
static bool load_text(struct zone *zone, const char *text, const char *where)
{
    char path[] = "/tmp/bailiwick-case-XXXXXX";
    uint8_t origin[NAME_MAX];
    struct image *image = NULL;
    struct snapshot *changed = NULL;
    struct load_result result;
    uint32_t changes;
    if (!write_file(path, text) ||
        name_parse(zone->origin, strlen(zone->origin), NULL, origin, NULL, NULL) != ERR_OK)
        return false;
    struct load_options options = {
        .origin = origin, .threads = 1, .sink = {.report = tell, .context = (void *)(uintptr_t)where}};
    enum err err = zone->snapshot == NULL
                       ? load_image(path, &options, &result, &image)
                       : load_changes(path, &options, zone->snapshot, &result, &changes, &changed);
    unlink(path);
    if (err != ERR_OK) {
        if (where != NULL)
            fprintf(stderr, "%s: %s: %s\n", where, zone->origin, err_text(err));
        return false;
    }
    if (zone->snapshot != NULL)
        snapshot_release(zone->snapshot);
    zone->snapshot = image != NULL ? snapshot_new(image) : changed;
    return zone->snapshot != NULL;
}

static unsigned draw(unsigned *state)
{
    *state = *state * 1103515245 + 12345;
    return *state >> 16 & 0x7fff;
}

/* What makes the zone a zone, or is not a record of one line. */
static bool must_stay(const struct zone *zone, const char *line, size_t len)
{
    size_t origin_len = strlen(zone->origin);
    bool apex =
        *line == '@' || (strncmp(line, zone->origin, origin_len) == 0 && strchr(" \t", line[origin_len]));
    char *copy = strndup(line, len);
    bool vital =
        strstr(copy, "SOA") != NULL || strstr(copy, " NS ") != NULL || strstr(copy, "\tNS\t") != NULL;
    free(copy);
    return *line == '$' || (apex && vital);
}

/* The text without some of its lines, and with names that the scenario's queries ask for or come near. */
static char *other_text(const struct zone *zone, const char *text, unsigned *state)
{
    static const char *const more[] = {"nope", "*", "a.nope", "x.old", "q.w", "www", "deep.www", "*.w", "sub",
        "b", "old.sub", "zz.new", "q.a", "x.b", "ent", "a.b.c.d", "mail", "self"};
    char *out = NULL;
    size_t len;
    FILE *stream = open_memstream(&out, &len);
    for (const char *line = text, *end; *line != 0; line = end + 1) {
        end = strchr(line, '\n');
        if (must_stay(zone, line, (size_t)(end - line)) || draw(state) % 3 != 0)
            fprintf(stream, "%.*s", (int)(end + 1 - line), line);
    }
    for (unsigned i = 0; i < sizeof more / sizeof *more; i++) {
        if (draw(state) % 3 == 0)
            fprintf(stream, "%s.%s 60 IN TXT \"other\"\n", more[i],
                strcmp(zone->origin, ".") ? zone->origin : "");
    }
    fclose(stream);
    return out;
}

/* A zone that has become what it is: from one other text by way of a second. One that breaks a rule is passed
 * over, as a server would. */
static void load_others(struct zone *zone, const char *text)
{
    unsigned state = zone->seed;
    for (unsigned i = 0; zone->seed != 0 && i < 2; i++) {
        char *other = other_text(zone, text, &state);
        load_text(zone, other, NULL);
        free(other);
    }
}

bool zone_load(struct zone *zone, const char *where)
{
    char *text = complete_text(zone);
    if (zone->signing != ZONE_UNSIGNED) {
        char *plain = text;
        text = signed_text(zone, plain, where);
        free(plain);
    }
    if (text != NULL)
        load_others(zone, text);
    bool loaded = text != NULL && load_text(zone, text, where);
    free(text);
    return loaded;
}

void zone_unload(struct zone *zone)
{
    if (zone->snapshot != NULL)
        snapshot_release(zone->snapshot);
    ldns_rr_list_deep_free(zone->hashed);
    free(zone->text);
    *zone = (struct zone){0};
}

const ldns_rdf *zone_unhash(const struct zone *zone, const ldns_rdf *hashed_owner)
{
    for (size_t i = 0; zone->hashed != NULL && i < ldns_rr_list_rr_count(zone->hashed); i++) {
        ldns_rr *rr = ldns_rr_list_rr(zone->hashed, i);
        if (ldns_dname_compare(ldns_rr_owner(rr), hashed_owner) == 0)
            return ldns_rr_rdf(rr, 0);
    }
    return NULL;
}
