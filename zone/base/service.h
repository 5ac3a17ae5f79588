/* Telling systemd how far we are: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET. Without
 * that variable nothing happens. One thread. */
#ifndef ZONE_BASE_SERVICE_H
#define ZONE_BASE_SERVICE_H

#include <stdbool.h>

#include "zone/base/attr.h"

/* STATE is "READY=1", "STOPPING=1" or such; several are separated by newlines. */
void service_notify(const char *state) NONNULL(1);

/* RELOADING=1 with the time that systemd 253 wants beside it. */
void service_reloading(void);

/* True when standard error goes to journald: $JOURNAL_STREAM names its device and inode. */
bool service_has_journal(void);

#endif
