/* `transfer to` within file, auto and secondary, as CoreDNS had it until 1.7: it becomes a transfer directive
 * of its own, behind the others of the block and for the zones of the directive that it stood in. What the
 * plugins read themselves stays as it is. */
#ifndef SERVER_COREFILE_TRANSFER_H
#define SERVER_COREFILE_TRANSFER_H

#include "server/corefile.h"

/* Adds them to every block. */
enum err corefile_add_transfers(const struct corefile *corefile, struct arena *world) NODISCARD NONNULL(1, 2);

#endif
