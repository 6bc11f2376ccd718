/* looker.h - a child that looks at the spool, so that the server never does.
 *
 *     looker_new -> looker_ask -> on_answer; looker_ask … -> looker_free
 *
 * A spool on a share whose server went away blocks every call that touches it, and a process in
 * such a call cannot even be killed. So a child makes them, one question at a time; when it does
 * not answer, that is known, and nothing else waits. It is not replaced meanwhile, since another
 * would be caught in the same call: it goes on by itself when the share does. One that died is
 * replaced at the next question. */
#ifndef TAKEUP_SERVE_LOOKER_H
#define TAKEUP_SERVE_LOOKER_H

#include "base/loop.h"
#include "serve/answer.h"
#include "serve/table.h"

#include <stdbool.h>

struct looker;

/* The answer, which is the callee's to drop; NULL: the child died over the question. */
typedef void looker_fn(void *arg, struct answer *answer);

/* All is borrowed, and outlives it. */
struct looker *looker_new(struct loop *loop, const struct serve_options *options, looker_fn *fn,
                          void *arg);
/* Kills the child, and does not wait for its end. */
void looker_free(struct looker **at);

bool looker_is_busy(const struct looker *looker);
/* Only while it is not busy. Negative: there is no child, and none can be made. */
int looker_ask(struct looker *looker, const char *question, const char *body, size_t body_len,
               struct err *err);

#endif
