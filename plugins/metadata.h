/* Metadata: what plugins tell each other, and the log, about a query. A label is "plugin/name"; its value is
 * a short text. Nothing is computed in advance: a provider is asked when somebody wants the value, so that
 * metadata nobody reads costs nothing. They are to be had in blocks with the directive `metadata`.
 *
 *     a provider, in its setup:          metadata_provide(setup, "geo/country", country, self);
 *     a consumer, while it has a query:  len = metadata_value(query, "geo/country", out, sizeof out);
 *
 * Providing: control thread, in setup. Reading: worker threads, from serve to sent. */
#ifndef PLUGINS_METADATA_H
#define PLUGINS_METADATA_H

#include "plugins/plugin.h"

#define METADATA_VALUE_MAX 512

/* Writes the value of a label for QUERY into OUT of SIZE octets (no NUL needed); returns its length, at most
 * SIZE; 0 when there is none. */
typedef size_t metadata_read(void *self, const struct query *query, char *out, size_t size);

/* LABEL (copied) is provided by READ with SELF in this server block. The last provider of a label is the one
 * that counts. */
enum err metadata_provide(struct setup *setup, const char *label, metadata_read *read, void *self) NODISCARD
    NONNULL(1, 2, 3);

/* Notes a value that becomes known on the way (which upstream, which rule); TEXT must live as long as the
 * query (its scratch memory, or static). Costs two words; out of memory, it is not noted. */
void metadata_note(struct query *query, const char *label, const char *text) NONNULL(1, 2, 3);

/* The value of LABEL into OUT of SIZE octets; returns its length, 0 when nobody provides it or the block has
 * no `metadata`. */
size_t metadata_value(const struct query *query, const char *label, size_t label_len, char *out, size_t size)
    NONNULL(1, 2, 4);

#endif
