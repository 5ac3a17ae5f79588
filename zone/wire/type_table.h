/* The rows of the type table one by one, for those who need them all: the mnemonic lookup (type.c),
 * completions, tests. Any thread. */
#ifndef ZONE_WIRE_TYPE_TABLE_H
#define ZONE_WIRE_TYPE_TABLE_H

#include "zone/wire/type.h"

#define TYPE_LOW_COUNT 265u /* rows that stand at their own number */
#define TYPE_HIGH_COUNT 2u  /* TA and DLV, far above */
#define TYPE_ROWS (TYPE_LOW_COUNT + TYPE_HIGH_COUNT)

/* Row INDEX below TYPE_ROWS, or NULL where no type is assigned. */
const struct type_info *type_row(unsigned index);

#endif
