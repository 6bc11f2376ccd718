/* hand.h - one job in hand: from the claim, through one attempt, to done, error or deferred.
 *
 *     hand_take -> (runner) -> on_end, once -> hand_conclude -> hand_free
 *
 * A job whose fate needs no runner (a wrong job file, an unknown pipeline) is published in
 * hand_take itself. */
#ifndef TAKEUP_WORKER_HAND_H
#define TAKEUP_WORKER_HAND_H

#include "pipeline/load.h"
#include "spool/claim.h"
#include "worker/attempt.h"
#include "worker/runner.h"

#include <stdbool.h>
#include <stdint.h>

/* What a worker does with each job; times in milliseconds. */
struct hand_rules {
    const char *default_pipeline;
    int max_attempts;               /* 3; a job may say otherwise, and so for timeout_ms */
    int64_t timeout_ms;             /* 0: none */
    int64_t stall_ms;               /* 300 s */
    int64_t settle_ms;              /* 2 s */
    int64_t input_wait_ms;          /* 10 min */
    int64_t backoff_ms;             /* 10 s */
    int64_t grace_ms;               /* 2 s: between TERM and KILL of a runner */
    int64_t memory_bytes;           /* of a runner, on top of what its worker has; 0: no limit */
    int64_t output_bytes;           /* 4 GiB: of all artifacts of an attempt; 0: no limit */
    const char *const *input_roots; /* see spool/input.h; none: absolute inputs lie anywhere */
    size_t input_root_count;
};

struct hand;
struct unsettled; /* settle.h */

enum hand_fate {
    FATE_DONE,
    FATE_ERROR,
    FATE_DEFERRED,
    FATE_WITHDRAWN,
    FATE_STUCK, /* the spool refused it: among the unsettled */
    FATE_MOVED, /* among the unsettled, until one sync has made it sure; not told */
};

/* What all hands of a worker share; borrowed by each, and outlives them. */
struct hand_context {
    struct runners *runners; /* their body is hand_body, its arg this context */
    struct spool *spool;
    struct seat *seat; /* a new one, or new pipelines: runners_drop_spares */
    struct pipelines *pipelines;
    const struct hand_rules *rules;
    const struct sandbox *sandbox; /* of each runner; NULL: none */
    int threads;         /* one at least, for the runner that starts next; worker_hands.c divides */
    attempt_fn *attempt; /* attempt_run, or a test's */
    struct unsettled **unsettled; /* see settle.h; of the worker */
    /* The job has left this worker, or (FATE_STUCK) could not yet. */
    void (*on_fate)(void *arg, enum hand_fate fate);
    /* Its record is published, for good, as `id` in done/ or error/; or NULL. */
    void (*on_record)(void *arg, enum spool_place place, const char *name, const char *id,
                      const json_t *record);
    /* The runner has ended, so another one may be started: what the hand still has to do, in
     * hand_conclude, is done while that runs. Not called when none was started. */
    void (*on_end)(void *arg, struct hand *hand);
    void *arg;
};

/* Takes the claim over. 1: *ret_hand has a runner. 0: its fate is decided already. */
int hand_take(const struct hand_context *context, struct claim *claim, struct hand **ret_hand);
/* After on_end, once: what became of the attempt and of the job, which is told to on_fate. */
void hand_conclude(struct hand *hand);
/* Ends the runner. FAILURE_SHUTDOWN: the job is given back, uncharged. FAILURE_CANCELLED: it ends
 * in error/, unless it ended by itself in this very moment. FAILURE_OUTPUT: so it does. */
void hand_stop(struct hand *hand, enum failure reason);
const struct claim *hand_claim(const struct hand *hand); /* borrowed */
/* After spool_refresh said 1: what is open inside the spool is opened again. */
void hand_refresh(struct hand *hand);
/* NULL afterwards. Kills a runner that is still there; the job then stays for adoption. */
void hand_free(struct hand **hand);
/* Those that were in force when it was taken; they have to outlive it. */
const struct pipelines *hand_pipelines(const struct hand *hand);
/* Makes sure that an attempt which has run for a while is charged, whatever happens. */
void hand_sync_start(struct hand *hand);
/* Ends a runner whose results have grown too large. */
void hand_check_output(struct hand *hand);
/* For the heartbeat; borrowed until the loop runs again. */
struct heartbeat_job hand_beat(const struct hand *hand);

/* What the runners run, and before them their nursery; arg is the context. */
void hand_body(void *arg, const struct wire_order *order, int wire_fd);
void hand_nursery(void *arg);

/* A job taken over from a dead worker: on to where it belongs, without a runner. */
void hand_adopted(const struct hand_context *context, struct claim *claim, const char *dead_worker);

#endif
