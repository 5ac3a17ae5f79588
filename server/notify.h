/* Telling the service manager how far we are: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET. Without
 * that variable nothing happens. Control plane, one thread. */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdbool.h>

#include "zone/base/attr.h"

/* STATE is "READY=1", "STOPPING=1" or such; several are separated by newlines. */
void notify(const char *state) NONNULL(1);

/* RELOADING=1 with the time that systemd 253 wants beside it. */
void notify_reloading(void);

/* True when standard error goes to journald: $JOURNAL_STREAM names its device and inode. */
bool notify_has_journal(void);

#endif
