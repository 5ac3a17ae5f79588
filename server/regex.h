/* The regular expressions of a world (plugins/regex.h) and their end. Control thread. */
#ifndef SERVER_REGEX_H
#define SERVER_REGEX_H

#include "plugins/regex.h"

/* Frees REGEX and those behind it in its list. */
void regex_free_all(struct regex *regex);

#endif
