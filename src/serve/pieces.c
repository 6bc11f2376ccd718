#include "serve/pieces.h"

#include "base/mem.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

struct pieces {
    struct answer *answer;
    struct caller *caller;
};

struct pieces *pieces_new(struct answer *answer, struct caller *caller)
{
    struct pieces *pieces = MEM_NEW(struct pieces);
    pieces->answer = answer_hold(answer);
    pieces->caller = caller;
    return pieces;
}

ssize_t pieces_read(void *arg, uint64_t at, char *out, size_t size)
{
    const struct pieces *pieces = arg;
    size_t len = pieces->answer->body_len - (size_t)at;
    if (len > size)
        len = size;
    if (len > PIECE_MAX_BYTES)
        len = PIECE_MAX_BYTES;
    caller_has_until(pieces->caller, time_mono_ms(), CALLER_TAKES_MS);
    memcpy(out, pieces->answer->body + at, len);
    return (ssize_t)len;
}

void pieces_end(void *arg)
{
    struct pieces *pieces = arg;
    answer_drop(&pieces->answer);
    free(pieces);
}
