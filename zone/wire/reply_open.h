/* Replies that are changed on their way back. A reply as it comes may be a finished message (what an upstream
 * sent), its owner names may be places in the question's name, and the question may have been another one
 * when it was made. These functions give it the form in which records can be looked at, moved and renamed:
 * references with owners that mean the same whatever the question is. Worker threads; memory from the query's
 * scratch arena. */
#ifndef ZONE_WIRE_REPLY_OPEN_H
#define ZONE_WIRE_REPLY_OPEN_H

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/wire/question.h"
#include "zone/wire/reply.h"

/* Takes the finished message or the body that REPLY holds apart into references; nothing when it holds none.
 * OPT and TSIG records are not kept, for they belong to one hop (RFC 6891 6.1.1). ERR_WIRE when the message
 * is malformed: REPLY is as before then. */
enum err reply_open(struct reply *reply, const struct question *question, struct arena *scratch) NODISCARD
    NONNULL(1, 2, 3);

/* The reply was made for question FROM; afterwards it says the same as a reply to question TO. */
enum err reply_rebase(struct reply *reply, const struct question *from, const struct question *to,
    struct arena *scratch) NODISCARD NONNULL(1, 2, 3, 4);

/* Adds the references of FROM's SECTION, a reply that reply_rebase has made one to the same question, at the
 * end of that section of TO. */
enum err reply_join(struct reply *to, const struct reply *from, enum section section,
    struct arena *scratch) NODISCARD NONNULL(1, 2, 4);

/* The owner of reference INDEX as a whole wire name, into OUT of NAME_MAX; returns its length. QUESTION is
 * the one that the reply is made for. */
size_t reply_owner(const struct reply *reply, unsigned index, const struct question *question, uint8_t *out)
    NONNULL(1, 3, 4);

/* Gives REF the owner NAME (a wire name, copied). Where that is another name than before, the RRset must not
 * have links to labels of the owner (rrset.h): one made by rrset_make has none. */
enum err reply_set_owner(struct rr_ref *ref, const uint8_t *name, const struct question *question,
    struct arena *scratch) NODISCARD NONNULL(1, 2, 3, 4);

#endif
