/* attempt_wire.h - an attempt whose worker listens at the other end of a pipe. */
#ifndef TAKEUP_WORKER_ATTEMPT_WIRE_H
#define TAKEUP_WORKER_ATTEMPT_WIRE_H

#include "worker/attempt.h"
#include "worker/wire.h"

/* In the runner: all that the attempt tells, and at last its outcome, goes to wire_fd; a deadly
 * signal leaves its notes in the directory of the results. log, progress, arg and cage.wire_fd of
 * the attempt do not matter. */
void attempt_tell(const struct attempt *attempt, attempt_fn *run, int wire_fd);

#endif
