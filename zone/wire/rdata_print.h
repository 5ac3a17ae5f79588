/* One field of rdata in presentation form: the inner work of rdata_print (rdata.c). Any thread. */
#ifndef ZONE_WIRE_RDATA_PRINT_H
#define ZONE_WIRE_RDATA_PRINT_H

#include "zone/wire/rdata_field.h"
#include "zone/wire/rdata_out.h"

/* Prints the field of LEN octets, which field_measure accepted. False when the presentation form cannot
 * express it so that it is read back equal: the whole record is then printed in generic form. */
bool field_print(struct out *out, const struct field_view *view, size_t len) NODISCARD NONNULL(1, 2);

#endif
