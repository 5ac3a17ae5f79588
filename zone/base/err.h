/* What went wrong, for code. Cold paths return enum err; 0 is fine and the result must be looked at.
 * Outputs are assigned only on success. People never read a bare code: they read a struct finding
 * (zone/text/finding.h) or a struct diag, which say where and why. Any thread. */
#ifndef ZONE_BASE_ERR_H
#define ZONE_BASE_ERR_H

#include "zone/base/attr.h"

enum err {
    ERR_OK = 0,
    ERR_MEMORY,  /* the system gave no memory */
    ERR_IO,      /* a system call failed; errno tells which way */
    ERR_SYNTAX,  /* presentation-format input is malformed */
    ERR_WIRE,    /* wire-format input is malformed */
    ERR_RANGE,   /* a value is outside what its field allows */
    ERR_SPACE,   /* the output does not fit the room given */
    ERR_LIMIT,   /* a stated limit was reached */
    ERR_MISSING, /* what was asked for is not there */
    ERR_EXISTS,  /* it is there already */
    ERR_DAMAGED, /* stored data fails its checksum or its structure */
    ERR_STALE,   /* stored data is sound but made from another source */
    ERR_VERSION, /* stored data or a plugin is of another version */
    ERR_INVALID, /* the data is well-formed but findings of error level forbid using it */
    ERR_UNSUPPORTED
};

/* A short English phrase for CODE, static storage. */
const char *err_text(enum err code);

#endif
