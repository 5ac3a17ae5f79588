/* The visit of a name: the checks of zone/check that need no more than one name's records. They are called
 * by the store while it builds (lint.h: hooks), beside its own checks, on all cores. Inner header. */
#ifndef ZONE_CHECK_VISIT_H
#define ZONE_CHECK_VISIT_H

#include <pthread.h>

#include "zone/check/check.h"
#include "zone/store/lint.h"
#include "zone/text/part.h"
#include "zone/wire/name.h"

/* Kinds of records that are of interest for being there at all: the first of each in the text. */
enum seen { SEEN_SIGNATURE, SEEN_NSEC, SEEN_DNAME, SEEN_KINDS };

struct seen_record {
    const struct run *run;
    const struct tape_record *record;
};

/* What one call of check_zone shares with all visits. */
struct visits {
    const struct check_options *options;
    struct levels levels;
    int64_t now;
    uint32_t ttl_max;
    pthread_mutex_t lock; /* of the following */
    struct seen_record seen[SEEN_KINDS];
    struct gathered_record *later; /* records whose names are looked up when all are known */
    size_t later_count, later_capacity;
    bool failed;
    uint64_t signatures; /* verified */
    uint64_t opinions;   /* about them, by ldns */
};

struct visit {
    struct visits *shared;
    struct lint *lint;
    const struct lint_place *place;
    const struct gathered *gathered;
    unsigned apex_len;
    unsigned owner_len;
    bool reverse; /* the zone lies under arpa. */
};

typedef void visit_check(struct visit *visit, const struct gathered_set *set);

/* The hook. CONTEXT is a struct visits. */
void visit_node(void *context, struct lint *lint, const struct lint_place *place,
    const struct gathered *gathered) NONNULL(1, 2, 3, 4);

/* The number of the rule NAME, found once for each place in the program that tells it. */
static inline size_t visit_rule(int *cache, const char *name)
{
    int number = __atomic_load_n(cache, __ATOMIC_RELAXED);
    if (UNLIKELY(number == 0)) {
        number = (int)rule_number(rule_find(name)) + 1;
        __atomic_store_n(cache, number, __ATOMIC_RELAXED);
    }
    return (size_t)number - 1;
}

/* Tells a finding under the rule NUMBER at PART of RECORD's entry, if it is on. */
void visit_tell(const struct visits *shared, struct lint *lint, size_t number, const struct run *run,
    const struct tape_record *record, unsigned part, const char *format, ...) PRINTF(7, 8) NONNULL(1, 2);

#define TELL_AT(shared, lint, name, run, record, part, ...)                                                  \
    do {                                                                                                     \
        static int cached;                                                                                   \
        visit_tell(shared, lint, visit_rule(&cached, name), run, record, part, __VA_ARGS__);                 \
    } while (0)

/* AT is a struct gathered_record of the visited name. */
#define TELL(visit, name, at, part, ...)                                                                     \
    TELL_AT((visit)->shared, (visit)->lint, name, (at)->run, (at)->record, part, __VA_ARGS__)

/* The set of TYPE with records, or NULL. */
const struct gathered_set *visit_set(const struct gathered *gathered, uint16_t type) NONNULL(1);

/* The records of a set one after the other, neither signatures nor duplicates; NULL at the end. */
const struct gathered_record *visit_next(const struct visit *visit, const struct gathered_set *set,
    const struct gathered_record *last) NONNULL(1, 2);

#define VISIT_EACH(visit, set, record)                                                                       \
    for (const struct gathered_record *record = visit_next(visit, set, NULL); record != NULL;                \
         record = visit_next(visit, set, record))

/* Notes a record of the visited name: as the first of its kind, or for the zone's end. */
void visit_see(struct visit *visit, enum seen kind, const struct gathered_record *record) NONNULL(1, 3);
void visit_later(struct visit *visit, const struct gathered_record *record) NONNULL(1, 2);

/* Is the rule on? For work that only it needs. */
bool visit_on(const struct visits *shared, const char *rule) NONNULL(1, 2);

/* The owner's first label without case; text of LEN octets. */
bool visit_label_is(const uint8_t *name, const char *label) NONNULL(1, 2);

/* Is the first label _word, and that NUMBER labels behind it, too? */
bool visit_is_service(const uint8_t *name, unsigned number) NODISCARD NONNULL(1);

/* The areas. */
void visit_owner(struct visit *visit) NONNULL(1);
void visit_name(struct visit *visit, const struct gathered_record *record, const uint8_t *name, unsigned part)
    NONNULL(1, 2, 3);
void visit_host(struct visit *visit, const struct gathered_record *record, const uint8_t *name, unsigned part)
    NONNULL(1, 2, 3);
visit_check visit_soa, visit_a, visit_aaaa, visit_mx, visit_srv, visit_ns, visit_cname, visit_dname,
    visit_ptr, visit_caa, visit_csync, visit_tlsa, visit_smimea, visit_openpgpkey, visit_sshfp, visit_naptr,
    visit_uri, visit_rp, visit_svcb, visit_txt, visit_spf_type, visit_ds, visit_dnskey, visit_cds,
    visit_nsec3param, visit_nsec, visit_zonemd;
void visit_apex(struct visit *visit) NONNULL(1);
void visit_apex_keys(struct visit *visit) NONNULL(1);

/* Octets as a person may see them in a message: at most SIZE - 1, others than printable ones as dots. */
void visit_show(char *out, size_t size, const void *octets, size_t len) NONNULL(1);

static inline uint16_t visit_read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t visit_read32(const uint8_t *at)
{
    return (uint32_t)visit_read16(at) << 16 | visit_read16(at + 2);
}

#endif
