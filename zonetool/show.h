/* What several subcommands print: records, names, spans of time. To a stdio stream, one thread. */
#ifndef ZONETOOL_SHOW_H
#define ZONETOOL_SHOW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "zone/base/attr.h"

/* Rdata in presentation form; static storage, good until the next call. */
const char *show_rdata(uint16_t type, const uint8_t *rdata, size_t len);

/* The mnemonic, and the name with its final dot; static storage, good until the next two calls. */
const char *show_type(uint16_t type);
const char *show_name(const uint8_t *name) NONNULL(1);

/* "owner TTL IN TYPE rdata" with tabs between, and a newline. */
void show_record(FILE *out, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
    size_t len) NONNULL(1, 2, 5);

/* A span: "1d2h", "0s"; static storage, good until the next two calls. */
const char *show_span(uint32_t seconds);

/* TEXT among the words of a Markdown text or in a cell of a table: nothing in it ends the cell, becomes
 * markup or a link, or calls on people (@name) or issues (#1). */
void show_markdown(FILE *out, const char *text) NONNULL(1, 2);

/* Names and data of a zone for Markdown, as code: likewise, and set apart. */
void show_code(FILE *out, const char *text) NONNULL(1, 2);

#endif
