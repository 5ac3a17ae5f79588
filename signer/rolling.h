/* What roll, status, plan and whatif share: a zone's keys and its policy as the rollover machine sees them,
 * and how its steps are told. */
#ifndef SIGNER_ROLLING_H
#define SIGNER_ROLLING_H

#include "signer/signer.h"
#include "zone/sec/key.h"
#include "zone/sec/roll.h"

extern const char *rolling_policy; /* --policy FILE[:NAME], or a name: default, insecure, none */
extern const char *rolling_format; /* --format */

/* For the tables of rows. */
#define POLICY_ROW                                                                                           \
    {                                                                                                        \
        0, "policy", "FILE[:NAME]", "a dnssec-policy as BIND writes it (default: one CSK)", NULL,            \
            &rolling_policy, NULL                                                                            \
    }
#define FORMAT_ROW(list)                                                                                     \
    {                                                                                                        \
        0, "format", list, "how to print it (text)", NULL, &rolling_format, NULL                             \
    }

struct rolling {
    uint8_t zone[256]; /* wire form, lower case */
    char name[1024];
    struct policy policy;
    struct key_list keys;
    struct roll roll;
    unsigned unseen; /* steps that no signed zone shows yet (zone/sec/rollstamp.h) */
};

/* Reads policy and keys; PRIVATE: with the private parts, to write files back. False: told. */
bool rolling_open(struct rolling *rolling, const char *zone, bool private) NODISCARD NONNULL(1, 2);
void rolling_close(struct rolling *rolling) NONNULL(1);

/* Another policy, by the same rules. False: told. */
bool rolling_read_policy(const char *text, struct policy *policy) NODISCARD NONNULL(2);

/* The key that TEXT means: a tag, or the base name of its files. 0: told. */
uint64_t rolling_find(const struct rolling *rolling, const char *text) NODISCARD NONNULL(1, 2);

/* "KSK 13 12345", in OUT. Keys that are only foreseen are "new-1" ... */
#define ROLLING_KEY_MAX 80
const char *rolling_key(const struct roll_key *key, char out[ROLLING_KEY_MAX]) NONNULL(1, 2);

/* "2026-11-22 14:00:00" in UTC; "-" for 0. */
#define ROLLING_TIME_MAX 32
const char *rolling_time(int64_t time_s, char out[ROLLING_TIME_MAX]) NONNULL(2);

/* "DNSKEY is published" and so on, in OUT of ROLL_REASON_MAX. */
const char *rolling_what(const struct roll_event *event, char *out) NONNULL(1, 2);

/* What --format asks for, out of the first FORMS of these. False: told. */
enum rolling_form { FORM_TEXT, FORM_JSON, FORM_ICS };
bool rolling_form(unsigned forms, enum rolling_form *form) NODISCARD NONNULL(2);

#endif
