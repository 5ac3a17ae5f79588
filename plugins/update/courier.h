/* Updates of zones that come from elsewhere, on their way to the primary (RFC 2136 6): queries that wait,
 * carried by one background thread one after the other, so that a primary that does not answer takes no more
 * than that.
 *
 *     worker: courier_put --> | errand | errand | ... --> host_work: zone_kind.pass_on --> query_resume */
#ifndef PLUGINS_UPDATE_COURIER_H
#define PLUGINS_UPDATE_COURIER_H

#include "plugins/update/desk.h"

/* Workers; the query is suspended by who calls. */
void courier_put(struct errand *errand) NONNULL(1);

#endif
