/* The semantic checks of a zone: what each record's syntax cannot tell. They run while an image is built, on
 * what is at hand there, so that checking costs little beside loading. Rules have stable names; a finding of
 * error level of a `fatal` rule keeps a server from taking the zone, the others are for people. */
#ifndef ZONE_STORE_LINT_H
#define ZONE_STORE_LINT_H

#include "zone/store/gather.h"
#include "zone/text/reader.h"

enum lint_rule {
    LINT_SOA_MISSING,
    LINT_SOA_MULTIPLE,
    LINT_SOA_BELOW_APEX,
    LINT_SOA_TIMERS,
    LINT_NS_MISSING,
    LINT_NS_SINGLE,
    LINT_OUT_OF_ZONE,
    LINT_CNAME_AND_OTHER,
    LINT_CNAME_MULTIPLE,
    LINT_DNAME_MULTIPLE,
    LINT_DNAME_AND_NS,
    LINT_DNAME_CHILDREN,
    LINT_TTL_MISMATCH,
    LINT_DUPLICATE,
    LINT_RRSET_TOO_LARGE,
    LINT_RRSET_UNSENDABLE,
    LINT_OCCLUDED,
    LINT_DS_WITHOUT_NS,
    LINT_DS_AT_APEX,
    LINT_APEX_ONLY,
    LINT_GLUE_MISSING,
    LINT_GLUE_WILDCARD,
    LINT_TARGET_CNAME,
    LINT_TARGET_MISSING,
    LINT_NS_WITHOUT_ADDRESS,
    LINT_CNAME_DANGLING,
    LINT_CNAME_LOOP,
    LINT_TARGET_ADDRESS_LIKE,
    LINT_TRAILING_DOT,
    LINT_WILDCARD_NS,
    LINT_WILDCARD_INSIDE,
    LINT_NSEC3_OWNER,
    LINT_NSEC3PARAM,
    LINT_RRSIG_ORPHAN,
    LINT_RRSIG_FIELDS,
    LINT_RRSIG_EXPIRED,
    LINT_RRSET_UNSIGNED,
    LINT_DNSKEY_FIELDS,
    LINT_NSEC_BITMAP,
    LINT_NSEC_CHAIN,
    LINT_SPF_MULTIPLE,
    LINT_SOA_MAILBOX,
    LINT_SVCB_ALIAS,
    LINT_RULES
};

struct lint_row {
    const char *name; /* stable identifier */
    enum severity severity;
    bool fatal; /* a server refuses the zone */
    const char *hint;
    uint8_t part; /* of the entry that the caret points at: enum part, or the following */
};

#define LINT_PART_TARGET 200 /* the name of a host, wherever the type has it */

extern const struct lint_row lint_rows[LINT_RULES];

struct build;
struct image;
struct lint;
struct lint_place;

/* What is known when all names of a zone have been looked at. */
struct lint_zone {
    const struct build *build; /* the names in order (segment.h); entries are sorted, gather() reads them */
    struct image *image;       /* its skeleton or whole; NULL when a fatal rule forbade it */
    const struct zone_text *text;
    unsigned threads;
};

/* Checks beside the store's own, which know more than a store should (zone/check). */
struct lint_hooks {
    void *context;
    /* For each name with records that are not NSEC3's, on any thread, but for one lint one after the other.
     */
    void (*node)(
        void *context, struct lint *lint, const struct lint_place *place, const struct gathered *gathered);
    /* At the end, once. */
    void (*zone)(void *context, struct lint *lint, const struct lint_zone *zone);
};

struct lint {
    struct pending_list findings;
    const struct lint_hooks *hooks;   /* or NULL */
    uint32_t now;                     /* 0: the clock */
    struct sources *sources;          /* of the text, for hooks that look at it */
    unsigned fatal;                   /* findings that forbid the zone */
    bool all;                         /* run the rules that are not fatal too */
    bool expired;                     /* a signature that does not hold was told */
    struct gathered_record last_nsec; /* of the name before, when it has one */
};

/* Where a node stands. */
struct lint_place {
    const uint8_t *owner; /* whole wire name */
    const uint8_t *apex_name;
    const struct run *run; /* its first run */
    bool apex;
    bool wildcard;
    bool signed_zone; /* the apex has signatures */
    bool consecutive; /* the name before in canonical order was looked at before */
    uint16_t above;   /* flags of the nearest delegation or DNAME above, 0 when none hides it */
};

/* Reports under RULE at RECORD (its run tells the file and the place). */
void lint_report(struct lint *lint, enum lint_rule rule, const struct run *run,
    const struct tape_record *record, const char *format, ...) PRINTF(5, 6) NONNULL(1);

/* The same under a rule of a hook's, about a part (enum part) of the record's entry. */
void lint_tell(struct lint *lint, const struct lint_row *row, const struct run *run,
    const struct tape_record *record, unsigned part, const char *format, ...) PRINTF(6, 7) NONNULL(1, 2);

/* All rules that look at one name. */
void lint_node(struct lint *lint, const struct lint_place *place, const struct gathered *gathered)
    NONNULL(1, 2, 3);

/* The part of it that is about signed zones; called by lint_node. */
void lint_dnssec(struct lint *lint, const struct lint_place *place, const struct gathered *gathered)
    NONNULL(1, 2, 3);

/* The rules for one NSEC3 record; LINT's last_nsec is the NSEC3 record before it in the order of hashes. */
void lint_nsec3(struct lint *lint, const struct lint_place *place, const struct gathered *gathered,
    const uint8_t hash[20]) NONNULL(1, 2, 3, 4);

/* What is known of a name in the zone that a record points to. */
struct lint_target {
    const uint8_t *name;     /* whole wire name */
    const struct node *node; /* NULL: there is no such name */
    bool covered;            /* a wildcard, a delegation or a DNAME above answers for it */
    bool own_glue;           /* it lies at or below the delegation that the record makes */
    bool wildcard;           /* it is not there, but a wildcard with addresses would stand for it */
    bool loop;               /* following CNAMEs from it leads back */
};

void lint_target(struct lint *lint, const struct gathered_record *record, const struct lint_target *target)
    NONNULL(1, 2, 3);

#endif
