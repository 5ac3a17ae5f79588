/* Serials made by the server (`serial mtime`): a text whose serial nobody has raised is served under the time
 * of its last change, so that secondaries notice, and a restart makes the same serial again. Any thread but
 * workers. */
#ifndef PLUGINS_FILE_SERIAL_H
#define PLUGINS_FILE_SERIAL_H

#include "plugins/zones.h"
#include "zone/store/snapshot.h"

/* *SNAPSHOT is what the text says, changed at MTIME_S; BEFORE is what is served, or NULL. *SNAPSHOT is
 * replaced by one with another serial where its own is not later than both; *SAME: but for the serial, both
 * say the same. */
enum err serial_raise(const struct snapshot *before, uint32_t mtime_s, struct snapshot **snapshot,
    bool *same) NODISCARD NONNULL(3, 4);

/* At the start: *SNAPSHOT, as serial_raise made it, must not be older than what the journal of ZONE says was
 * served before. It gets the journal's last serial when it is that version, else the next one. */
enum err serial_go_on(struct zone *zone, struct snapshot **snapshot) NODISCARD NONNULL(1, 2);

#endif
