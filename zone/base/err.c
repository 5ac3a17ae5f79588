#include "zone/base/err.h"

static const char *const texts[] = {
    [ERR_OK] = "no error",
    [ERR_MEMORY] = "out of memory",
    [ERR_IO] = "input/output error",
    [ERR_SYNTAX] = "syntax error",
    [ERR_WIRE] = "malformed wire data",
    [ERR_RANGE] = "value out of range",
    [ERR_SPACE] = "no space left in the output",
    [ERR_LIMIT] = "limit reached",
    [ERR_MISSING] = "not found",
    [ERR_EXISTS] = "exists already",
    [ERR_DAMAGED] = "stored data is damaged",
    [ERR_STALE] = "stored data was made from another source",
    [ERR_VERSION] = "version not supported",
    [ERR_INVALID] = "refused because of errors in the data",
    [ERR_UNSUPPORTED] = "not supported",
};

const char *err_text(enum err code)
{
    return (unsigned)code < ARRAY_COUNT(texts) ? texts[code] : "unknown error";
}
