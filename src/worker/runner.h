/* runner.h - child processes, one for each attempt, some of them forked ahead.
 *
 *     runners_new -> runners_refill, whenever there is time
 *                    runner_start -> on_message … -> on_end, once, from the loop -> runner_free
 *                 -> runners_free
 *
 * A spare runner waits for its order (wire.h), so that a job starts without a fork. It sees what
 * its parent had when it was forked: when that changes (another seat, other pipelines), drop them.
 * A runner has one attempt in its life. It leads its own process group and dies with its worker. It
 * is ended when it makes no progress for stall_ms, runs longer than timeout_ms, or does not keep to
 * the protocol of wire.h; TERM, grace, KILL, always to the group. */
#ifndef TAKEUP_WORKER_RUNNER_H
#define TAKEUP_WORKER_RUNNER_H

#include "base/loop.h"
#include "worker/lease.h"
#include "worker/wire.h"

#include <sys/types.h>

struct runner;
struct runners; /* all of one worker */

struct runner_limits {
    int64_t stall_ms, timeout_ms; /* 0: none */
    int64_t grace_ms;             /* between TERM and KILL */
};

struct runner_end {
    /* From the outcome that the runner sent, else made from how it died. */
    enum failure failure;
    bool waiting;
    struct fs_print print;
    char step[WIRE_STEP_SIZE], text[WIRE_TEXT_SIZE], hint[WIRE_HINT_SIZE];
    int wait_status; /* of wait4 */
    double cpu_s;
    int64_t max_rss_bytes;
};

struct runner_calls {
    wire_fn *on_message;                                     /* progress and log */
    void (*on_end)(void *arg, const struct runner_end *end); /* may call runner_free */
    void *arg;
};

/* Runs in the child, which then exits: does what the order says, sends its messages to wire_fd. */
typedef void runner_body_fn(void *arg, const struct wire_order *order, int wire_fd);

struct runners_rules {
    struct loop *loop;
    runner_body_fn *body;
    void *arg;           /* of body, as it is when the child is forked */
    int spares;          /* how many to keep; 0: none */
    struct lease *lease; /* once it is over they all end, uncharged; borrowed; NULL: none */
    /* Not NULL: a nursery forks the spare ones, where the kernel can do that; it calls this before
     * its first. */
    void (*nursery)(void *arg);
};

struct runners *runners_new(const struct runners_rules *rules);
/* NULL afterwards. Ends the spare ones; the others have to be freed before. */
void runners_free(struct runners **runners);
/* Forks a spare runner, or asks the nursery for one, if there are too few of them; one that is a
 * day old is replaced. 1: it did. 0: there are enough, or not now. < 0: that failed; it is tried
 * again later. */
int runners_refill(struct runners *runners, struct err *err);
/* And the nursery, which has what they have. */
void runners_drop_spares(struct runners *runners);
int runners_spare_count(const struct runners *runners);

/* A spare one, if there is one and the order fits through its pipe; else one is forked. */
int runner_start(struct runners *runners, const struct wire_order *order,
                 const struct runner_limits *limits, const struct runner_calls *calls,
                 struct runner **ret_runner, struct err *err);
pid_t runner_pid(const struct runner *runner);
/* Ends it for this reason: FAILURE_SHUTDOWN, FAILURE_CANCELLED, FAILURE_OUTPUT. on_end comes from
 * the loop. */
void runner_stop(struct runner *runner, enum failure reason);
/* Kills it if it still runs, and reaps it if it dies at once; on_end is not called any more. NULL
 * afterwards. */
void runner_free(struct runner **runner);

#endif
