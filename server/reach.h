/* What of a Corefile is never used: plugins behind one that answers everything, zones that another block
 * takes. For -check. Control thread. */
#ifndef SERVER_REACH_H
#define SERVER_REACH_H

#include "server/build.h"

void reach_check(struct build *build) NONNULL(1);

#endif
