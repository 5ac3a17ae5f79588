/* The data of one record as JSON DNS APIs write it: presentation form, often without the quotes of TXT. Any
 * thread. */
#ifndef PLUGINS_BACKEND_JSONRECORD_H
#define PLUGINS_BACKEND_JSONRECORD_H

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/wire/rrset.h"

/* Rdata of TYPE from TEXT (LEN octets), in MEMORY. Names are absolute with or without the final dot. TXT that
 * does not begin with a quote is one text, blanks and all. ERR_SYNTAX with a phrase in *WHY, in MEMORY. */
enum err jsonrecord_read(uint16_t type, const char *text, size_t len, struct arena *memory,
    struct rdata_ref *out, const char **why) NODISCARD NONNULL(2, 4, 5, 6);

#endif
