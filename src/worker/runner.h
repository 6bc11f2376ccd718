/* runner.h - the child process of one attempt.
 *
 *     runner_start -> on_message … -> on_end, once, from the loop -> runner_free
 *
 * A runner leads its own process group and dies with its worker. It is ended when it makes no
 * progress for stall_ms, runs longer than timeout_ms, or does not keep to the protocol of wire.h;
 * TERM, grace, KILL, always to the group. */
#ifndef TAKEUP_WORKER_RUNNER_H
#define TAKEUP_WORKER_RUNNER_H

#include "base/loop.h"
#include "worker/wire.h"

#include <sys/types.h>

struct runner;

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

/* Runs in the child, which then exits: sends its messages to wire_fd. */
typedef void runner_body_fn(void *arg, int wire_fd);

struct runner_calls {
    runner_body_fn *body;
    wire_fn *on_message;                                     /* progress and log */
    void (*on_end)(void *arg, const struct runner_end *end); /* may call runner_free */
    void *arg;                                               /* of all three */
};

int runner_start(struct loop *loop, const struct runner_limits *limits,
                 const struct runner_calls *calls, struct runner **ret_runner, struct err *err);
pid_t runner_pid(const struct runner *runner);
/* Ends it for this reason: FAILURE_SHUTDOWN, FAILURE_CANCELLED. on_end comes from the loop. */
void runner_stop(struct runner *runner, enum failure reason);
/* Kills it if it still runs, and reaps it if it dies at once; on_end is not called any more. NULL
 * afterwards. */
void runner_free(struct runner **runner);

#endif
