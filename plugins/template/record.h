/* One line of a master file (RFC 1035 5.1) to an owner and an RRset of one record: what a template prints. */
#ifndef PLUGINS_TEMPLATE_RECORD_H
#define PLUGINS_TEMPLATE_RECORD_H

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/wire/name.h"
#include "zone/wire/rrset.h"

#define RECORD_TTL 3600 /* when none is written */

struct one_record {
    uint8_t owner[NAME_MAX];
    const struct rrset *rrset;
};

/* NAME [TTL] [CLASS] TYPE RDATA; names are absolute with or without the final dot, as in CoreDNS. ERR_SYNTAX
 * with *WHY in MEMORY. */
enum err record_parse(const char *text, struct arena *memory, struct one_record *out,
    const char **why) NODISCARD NONNULL(1, 2, 3, 4);

#endif
