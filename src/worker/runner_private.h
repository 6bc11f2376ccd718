/* runner_private.h - what runner.c and runners.c share. */
#ifndef TAKEUP_WORKER_RUNNER_PRIVATE_H
#define TAKEUP_WORKER_RUNNER_PRIVATE_H

#include "worker/nursery.h"
#include "worker/runner.h"

#include <signal.h>

enum runner_state { RUNNER_SPARE, RUNNER_RUNNING, RUNNER_STOPPING, RUNNER_KILLED, RUNNER_STATES };

struct runner {
    struct runners *owner;
    struct runner *next; /* in owner->all */
    struct runner_limits limits;
    struct runner_calls calls;
    enum runner_state state;
    pid_t pid;
    int pid_fd, wire_fd, order_fd; /* order_fd: of a spare one, else -1 */
    struct loop_watch *pid_watch, *wire_watch;
    struct wire_reader reader;
    int64_t born_ms, started_ms, alive_ms, term_ms; /* by the monotonic clock */
    unsigned lapses;                                /* of the lease, when it began */
    bool has_outcome;
    enum failure reason; /* why it was ended by us; FAILURE_NONE: it was not */
    char reason_text[WIRE_TEXT_SIZE];
    struct runner_end end;
};

struct runners {
    struct runners_rules rules;
    sigset_t altered;   /* signals that this process does not leave as they are */
    struct runner *all; /* spare ones and others */
    int spare_count;
    struct loop_watch *tick;
    int64_t refill_at_ms;    /* not before: spare ones die, or cannot be forked */
    struct nursery *nursery; /* NULL: not yet, or not any more */
    int64_t nursery_ms;      /* when it was made */
    struct err trouble;      /* of the nursery, still to be told */
    bool has_trouble;
    bool nursery_is_ready; /* it has brought one forth; before that it may load models for long */
    int stillbirths;       /* in a row */
    struct loop_watch *births;
};

/* What was born becomes a runner of ours, a spare one; on failure it is ended. */
int runner_new(struct runners *runners, const struct birth *birth, struct runner **ret_runner,
               struct err *err);
/* Forks. order NULL: a spare one, which waits for it. */
int runner_fork(struct runners *runners, const struct wire_order *order, struct runner **ret_runner,
                struct err *err);
/* Makes runners->nursery. */
int runner_nursery(struct runners *runners, struct err *err);
/* It is at work from now on. */
void runner_begin(struct runner *runner, const struct runner_limits *limits,
                  const struct runner_calls *calls);
/* Is it over its limits? It may be freed by that. */
void runner_tick(struct runner *runner);

/* Of runners.c: in and out of the list. */
void runners_add(struct runners *runners, struct runner *runner);
void runners_remove(struct runner *runner);
/* A spare one has ended by itself. */
void runners_lost_spare(struct runner *runner);

#endif
