/* pieces.h - the body of an answer, piece by piece, to a caller who may be slow.
 *
 *     pieces_new -> pieces_read … -> pieces_end
 *
 * Each piece gives the caller as much time as the one before: what is large may take long, and who
 * takes nothing is gone soon. */
#ifndef TAKEUP_SERVE_PIECES_H
#define TAKEUP_SERVE_PIECES_H

#include "serve/answer.h"
#include "serve/callers.h"

#include <sys/types.h>

enum { PIECE_MAX_BYTES = 32 << 10 };

struct pieces;

/* Holds the answer; the caller is borrowed. */
struct pieces *pieces_new(struct answer *answer, struct caller *caller);
/* The bytes from `at`, which is not the end, as many as one piece has. This and the next are called
 * by libmicrohttpd, which has a struct pieces as arg. */
ssize_t pieces_read(void *arg, uint64_t at, char *out, size_t size);
void pieces_end(void *arg);

#endif
