#include "gitsync/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum outcome problem_set(
    struct problem *problem, enum outcome outcome, const char *hint, const char *format, ...)
{
    va_list rest;
    problem->outcome = outcome;
    va_start(rest, format);
    vsnprintf(problem->text, sizeof problem->text, format, rest);
    va_end(rest);
    snprintf(problem->hint, sizeof problem->hint, "%s", hint != NULL ? hint : "");
    return outcome;
}

enum outcome problem_errno(struct problem *problem, const char *what, const char *path)
{
    int error = errno;
    const char *hint = error == ENOSPC || error == EDQUOT || error == EFBIG
                           ? "make room; the last good release stays as it is"
                       : error == EACCES || error == EPERM || error == EROFS
                           ? "the user that runs gitsync must be able to write there"
                           : NULL;
    return problem_set(problem, OUTCOME_LOCAL, hint, "%s %s: %s", what, path, strerror(error));
}

const char *outcome_word(enum outcome outcome)
{
    static const char *const words[OUTCOMES] = {
        [OUTCOME_FINE] = "fine",
        [OUTCOME_USAGE] = "usage",
        [OUTCOME_FETCH] = "fetch",
        [OUTCOME_SIGNATURE] = "signature",
        [OUTCOME_CHECK] = "check",
        [OUTCOME_POLICY] = "policy",
        [OUTCOME_UNCONFIRMED] = "unconfirmed",
        [OUTCOME_STUCK] = "stuck",
        [OUTCOME_LOCAL] = "local",
        [OUTCOME_BUSY] = "busy",
    };
    return outcome < OUTCOMES ? words[outcome] : "unknown";
}
