/* state.h - all that the dashboard shows, as one JSON object.
 *
 *     state_memory_new -> state_take … -> state_memory_free
 *
 * What it costs, on a local disk with 100,000 jobs that wait and 100,000 that ended: 1.5 s and 20
 * MiB for the first look (2 s when nothing is cached), then 5 to 15 ms, and 0.3 s when jobs came
 * and went. Nothing is listed that did not change, no record read twice. No look takes much longer
 * than its budget, however slow the filesystem is: what it could not finish the next one goes on
 * with, and the object says so ("known" of "total").
 */
#ifndef TAKEUP_SERVE_STATE_H
#define TAKEUP_SERVE_STATE_H

#include "base/json.h"
#include "spool/layout.h"

#include <stdint.h>

/* What was learnt at the looks before. For one spool, which outlives it. */
struct state_memory;

/* budget_ms: how long a look may go on asking for times and reading files. */
struct state_memory *state_memory_new(const struct spool *spool, int64_t budget_ms);
void state_memory_free(struct state_memory **memory);

/*     format       1
 *     version      of this program
 *     spool        path
 *     at           when the spool was looked at
 *     health       as `takeup health --json`
 *     alive        how many workers live
 *     counts       {inbox, pending, deferred, running, done, error, inbox_more}
 *     oldest_pending_s, oldest_inbox_s, free_bytes, remote
 *     workers      [{worker, host, pid, state, alive, age_s, beat, started, reason, done, error}]
 *     watchdogs    [text]
 *     running      [{name, pipeline, step, progress, eta_s, worker, host, orphan}]
 *     lanes, pipelines, sampled, waiting      waiting.h
 *     errors, recent                          endings.h
 *     throughput   {from, done, error, last_hour: {done, error}, known, total}: what ended in each
 *                  of STATE_HOURS hours, the first of which began at `from`
 *     problems     [{path, reason}], problem_count
 *
 * Of each list the first; texts are as strangers wrote them, and it is for who shows them to escape
 * them. *ret_state is the caller's. */
enum { STATE_HOURS = 15 * 24, STATE_LISTED = 100 };
int state_take(const struct spool *spool, struct state_memory *memory, json_t **ret_state,
               struct err *err);

#endif
