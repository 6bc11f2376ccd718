/* limits.h - pipelines that run no more than max_parallel jobs at a time in this worker.
 *
 * A pipeline's place among the pipelines is its group in worker/queue.h. */
#ifndef TAKEUP_WORKER_LIMITS_H
#define TAKEUP_WORKER_LIMITS_H

#include "worker/hand.h"
#include "worker/queue.h"

/* All borrowed. */
struct limits {
    const struct pipelines *pipelines;
    const char *default_pipeline;
    struct hand *const *hands; /* NULL: free */
    int hand_count;
};

/* Does this pipeline run as many jobs as it may? */
bool limits_is_full(const struct limits *limits, const char *pipeline_id);
/* For queue_set_limits, whenever any of these is another one; limits stays the caller's. */
struct queue_limits limits_of(struct limits *limits);

#endif
