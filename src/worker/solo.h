/* solo.h - one attempt in a runner of its own, here and now: no worker, no spool. */
#ifndef TAKEUP_WORKER_SOLO_H
#define TAKEUP_WORKER_SOLO_H

#include "worker/attempt.h"
#include "worker/runner.h"

struct solo {
    struct attempt attempt; /* but for what attempt_wire.h sets */
    struct runner_limits limits;
    wire_fn *on_message; /* progress and log */
    void *arg;
};

/* Waits for its end. 0: *ret_end says how it was, whatever that is, and *ret_report, the caller's
 * to free, has what is known of one that ended against its will; NULL: it did not. < 0: it could
 * not begin. */
int solo_run(struct solo *solo, struct runner_end *ret_end, char **ret_report, struct err *err);

#endif
