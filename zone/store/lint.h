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
    LINT_OCCLUDED,
    LINT_DS_WITHOUT_NS,
    LINT_DS_AT_APEX,
    LINT_APEX_ONLY,
    LINT_GLUE_MISSING,
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
};

extern const struct lint_row lint_rows[LINT_RULES];

struct lint {
    struct pending_list findings;
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
    bool loop;               /* following CNAMEs from it leads back */
};

void lint_target(struct lint *lint, const struct gathered_record *record, const struct lint_target *target)
    NONNULL(1, 2, 3);

#endif
