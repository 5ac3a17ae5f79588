/* Printing of the fields that only one record type has; see rdata_print.h for the contract. Any thread. */
#ifndef ZONE_WIRE_RDATA_PRINT_ODD_H
#define ZONE_WIRE_RDATA_PRINT_ODD_H

#include "zone/wire/rdata_field.h"
#include "zone/wire/rdata_out.h"

bool loc_print(struct out *out, const struct field_view *view, size_t len);
bool apl_print(struct out *out, const struct field_view *view, size_t len);
bool wks_print(struct out *out, const struct field_view *view, size_t len);
bool nsap_print(struct out *out, const struct field_view *view, size_t len);
bool atma_print(struct out *out, const struct field_view *view, size_t len);
bool a6_print(struct out *out, const struct field_view *view, size_t len);
bool gateway_print(struct out *out, const struct field_view *view, size_t len);
bool relay_print(struct out *out, const struct field_view *view, size_t len);
bool hip_print(struct out *out, const struct field_view *view, size_t len);

#endif
