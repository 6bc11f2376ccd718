/* settle.h - what follows a verdict: a job is published or deferred.
 *
 * When the spool refuses (a full disk, an I/O error), the job stays in hand as unsettled, with its
 * result, and is tried again: nobody else would take it up while this worker lives. */
#ifndef TAKEUP_WORKER_SETTLE_H
#define TAKEUP_WORKER_SETTLE_H

#include "spool/record.h"
#include "worker/hand.h"
#include "worker/verdict.h"

/* How a job ended, as far as the record tells it. Texts are borrowed, NULL or "" when none. */
struct ending {
    enum failure failure;
    const char *step, *message, *hint;
    int64_t started_ms; /* wall; 0: no runner was started */
    double cpu_s;
    int64_t max_rss_bytes;
    const json_t *body; /* of the result; or NULL */
};

/* By the spool's clock; by ours while that cannot be read. */
int64_t settle_now_ms(const struct hand_context *context);

/* Carries a verdict out. Takes the claim over (*claim is NULL afterwards). FATE_MOVED: it is where
 * it belongs, and among the unsettled until settle_sync made sure of that. FATE_STUCK: it is in
 * *context->unsettled now. pipeline: NULL when it was not found. */
enum hand_fate settle(const struct hand_context *context, struct claim **claim,
                      const struct pipeline *pipeline, const struct verdict *verdict,
                      const struct ending *ending);

/* One sync for all that has been moved, and each is told to context->on_fate. */
void settle_sync(const struct hand_context *context);
/* By the monotonic clock, when that should be at the latest; INT64_MAX: nothing was moved. */
int64_t settle_sync_due_ms(const struct unsettled *unsettled);

/* Tries all that is unsettled again; what leaves is told to context->on_fate. Only while the spool
 * is known to be there: what another worker adopted meanwhile is dropped then. */
void settle_again(const struct hand_context *context);

/* After spool_refresh said 1. */
void settle_refresh(const struct hand_context *context);

/* For the heartbeat: job and reason of the unsettled one at index, borrowed; false past the end. */
bool settle_problem(const struct unsettled *unsettled, size_t index, const char **ret_name,
                    const char **ret_reason);
void unsettled_free(struct unsettled **unsettled);

#endif
