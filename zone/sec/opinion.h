/* A second opinion on signatures: ldns, which shares no line with our own verifier. It is looked for when it
 * is asked for (dlopen of libldns.so.3), so that nobody needs it to be there; this is its one door. An
 * opinion is made for the keys of one zone; then any thread may ask it. */
#ifndef ZONE_SEC_OPINION_H
#define ZONE_SEC_OPINION_H

#include "zone/base/err.h"
#include "zone/wire/rrset.h"

struct opinion;

enum opinion_word {
    OPINION_NONE,   /* an algorithm or a type that ldns does not know, or no memory */
    OPINION_VALID,  /* the signature is one of these keys' over these records, and holds at that time */
    OPINION_REFUSED /* it is not */
};

/* Finds ldns. ERR_MISSING: there is none; *WHY is the linker's reason, static. One thread. */
enum err opinion_open(struct opinion **out, const char **why) NODISCARD NONNULL(1, 2);
void opinion_close(struct opinion *opinion);

/* The keys by which it judges from now on: the DNSKEY set of APEX. When ldns does not like them it has no
 * opinions. */
void opinion_take_keys(struct opinion *opinion, const uint8_t *apex, const struct rrset *keys)
    NONNULL(1, 2, 3);

/* What does ldns think of the RRSIG with the LEN octets at RDATA over RRSET at NOW? *WHY gets its words,
 * static, when it refuses. Times beyond 2038 are negative to ldns 1.8: then only OPINION_ANY_TIME makes
 * sense. */
#define OPINION_ANY_TIME INT64_MIN
enum opinion_word opinion_ask(const struct opinion *opinion, const uint8_t *owner, const struct rrset *rrset,
    const uint8_t *rdata, size_t len, int64_t now, const char **why) NONNULL(1, 2, 3, 4, 7);

#endif
