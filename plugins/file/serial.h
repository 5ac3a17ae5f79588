/* Serials made by the server (`serial mtime`): a text whose serial nobody has raised is served under the time
 * of its last change, so that secondaries notice, and a restart makes the same serial again. Pure; any
 * thread. */
#ifndef PLUGINS_FILE_SERIAL_H
#define PLUGINS_FILE_SERIAL_H

#include "zone/store/snapshot.h"

/* *SNAPSHOT is what the text says, changed at MTIME_S; BEFORE is what is served, or NULL. *SNAPSHOT is
 * replaced by one with another serial where its own is not later than both; *SAME: but for the serial, both
 * say the same. */
enum err serial_raise(const struct snapshot *before, uint32_t mtime_s, struct snapshot **snapshot,
    bool *same) NODISCARD NONNULL(3, 4);

#endif
