#include "server/sending.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/sec/tsig.h"

/* The query's own TSIG dies with its memory, its key with its world. */
static struct tsig *keep_tsig(const struct query *query)
{
    const struct tsig *given = query_tsig(query);
    struct tsig *tsig = malloc(sizeof *tsig);
    if (tsig == NULL)
        return NULL;
    memcpy(tsig, given, sizeof *tsig);
    if (tsig->key != NULL)
        tsig->key = tsig_key_hold(tsig->key);
    return tsig;
}

size_t sending_next(struct sending *sending, uint8_t *out, size_t limit)
{
    size_t reserve = sending->tsig != NULL ? tsig_room(sending->tsig) : 0;
    size_t len = sending->stream->next(sending->stream, out, limit, reserve, &sending->over);
    if (len == 0)
        return 0;
    return sending->tsig != NULL ? tsig_sign_reply(sending->tsig, out, len, (uint64_t)time(NULL)) : len;
}

void sending_end(struct sending *sending, bool broken)
{
    sending->stream->end(sending->stream, broken);
    if (sending->tsig != NULL)
        tsig_key_release((struct tsig_key *)(uintptr_t)sending->tsig->key);
    free(sending->tsig);
    free(sending);
}

struct sending *sending_begin(struct slot *slot)
{
    struct query *query = &slot->query;
    struct reply_stream *stream = query->stream;
    struct sending *sending = calloc(1, sizeof *sending);
    bool wants_tsig = query_tsig(query) != NULL;
    query->stream = NULL;
    if (sending != NULL && wants_tsig)
        sending->tsig = keep_tsig(query);
    if (sending == NULL || (wants_tsig && sending->tsig == NULL)) {
        free(sending);
        stream->end(stream, true);
        return NULL;
    }
    sending->stream = stream;
    query->reply_bytes = slot->out;
    query->reply_len = (uint32_t)sending_next(sending, slot->out, slot->out_limit);
    if (query->reply_len > 0)
        return sending;
    sending_end(sending, true);
    return NULL;
}
