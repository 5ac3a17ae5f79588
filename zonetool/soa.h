/* The serial of a zone as it is written in its text, and the next one by a policy (RFC 1982: always one that
 * every secondary takes for newer). */
#ifndef ZONETOOL_SOA_H
#define ZONETOOL_SOA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

struct soa_serial {
    uint32_t value;
    size_t at, len; /* where it stands in the text */
};

/* The serial of the first SOA record. LEXER_PAD octets behind TEXT can be read. ERR_MISSING: there is no SOA
 * in this text (its included files are not looked into), or its serial is no number. */
enum err soa_find(const char *text, size_t len, struct soa_serial *serial) NODISCARD NONNULL(1, 3);

enum soa_policy { SOA_INCREMENT, SOA_DATE, SOA_UNIXTIME, SOA_GIT };

bool soa_policy_parse(const char *word, enum soa_policy *policy) NODISCARD NONNULL(1, 2);

/* The serial that comes after OLD: what POLICY says if that is after OLD (RFC 1982 3.2), else OLD + 1; never
 * 0. COMMITS is for SOA_GIT. */
uint32_t soa_next(uint32_t old, enum soa_policy policy, time_t now, uint32_t commits);

#endif
