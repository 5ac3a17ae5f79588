#include "zonetool/check.h"

enum outcome check_fix(const char *path, struct check *check)
{
    (void)path;
    (void)check;
    return OUTCOME_CLEAN;
}
