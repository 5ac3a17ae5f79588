/* Policies that stand in TXT records: what is wrong with the text, as a phrase. Pure functions of the text,
 * which ends with a NUL and holds no other; any thread. */
#ifndef ZONE_CHECK_POLICY_H
#define ZONE_CHECK_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/attr.h"

/* What SPF (RFC 7208) finds in a text that begins with v=spf1. */
struct spf {
    char wrong[160]; /* a term that is a permanent error, with the reason; or empty */
    unsigned lookups;
    bool all, open, redirect, ptr;
    bool after_all; /* something stands behind all */
};

void spf_parse(const char *text, struct spf *spf) NONNULL(1, 2);

/* These fill WHY and return false when the text is not what it should be. */
bool policy_dmarc(const char *text, char *why, size_t size) NODISCARD NONNULL(1, 2);
bool policy_dkim(const char *text, char *why, size_t size, unsigned *rsa_bits) NODISCARD NONNULL(1, 2, 4);
bool policy_mta_sts(const char *text, char *why, size_t size) NODISCARD NONNULL(1, 2);
bool policy_tlsrpt(const char *text, char *why, size_t size) NODISCARD NONNULL(1, 2);
bool policy_bimi(const char *text, char *why, size_t size) NODISCARD NONNULL(1, 2);

#endif
