/* The words of -explain: what is printed, and the chain whose steps print it. */
#ifndef SERVER_EXPLAIN_TELL_H
#define SERVER_EXPLAIN_TELL_H

#include "server/world.h"

#define TELL_QUESTION_MAX (NAME_TEXT_MAX + 40)

/* Puts a telling step around every step of every chain of WORLD. */
enum err tell_trace(struct world *world) NODISCARD NONNULL(1);

/* "www.example.org. IN A" into OUT of TELL_QUESTION_MAX octets. */
void tell_question(const struct question *question, char *out) NONNULL(1, 2);

void tell_reply(struct query *query, enum served verdict) NONNULL(1);

#endif
