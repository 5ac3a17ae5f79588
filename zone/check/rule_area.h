/* The areas that the table of rules is written down in, each an array that ends with a row without a name.
 * Inner header of rule.c. */
#ifndef ZONE_CHECK_RULE_AREA_H
#define ZONE_CHECK_RULE_AREA_H

#include "zone/check/rule.h"

extern const struct rule rules_text[];   /* the form of the text */
extern const struct rule rules_zone[];   /* names, delegations, aliases: the shape of a zone */
extern const struct rule rules_data[];   /* what records say */
extern const struct rule rules_mail[];   /* policies in TXT records and their kin */
extern const struct rule rules_dnssec[]; /* signed zones */
extern const struct rule rules_across[]; /* zones of one directory */

#endif
