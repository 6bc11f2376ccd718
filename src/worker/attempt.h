/* attempt.h - one attempt: open the input, plan the pipeline, run it.
 *
 * Runs in the runner of a job, and in the process of `takeup run`. */
#ifndef TAKEUP_WORKER_ATTEMPT_H
#define TAKEUP_WORKER_ATTEMPT_H

#include "base/fs.h"
#include "base/log.h"
#include "pipeline/schedule.h"
#include "spool/input.h"
#include "spool/record.h"
#include "worker/sandbox.h"

#include <stdbool.h>
#include <stdint.h>

/* What it is caged with before it reads its input. */
struct attempt_cage {
    const struct sandbox *sandbox; /* NULL: it is not */
    int wire_fd;                   /* stays open; -1: none */
    int64_t memory_bytes, file_bytes, cpu_s;
};

struct attempt {
    const char *job;            /* its name */
    struct input_bounds bounds; /* of the spool, of the job's directory, or none */
    const char *input_path;
    int64_t settle_ms; /* 0: it is whole, the caller knows */
    bool from_inbox;   /* it was waited for already: an empty one stays so */
    int output_dir;    /* empty; see schedule.h for what comes into it */
    struct pipelines *pipelines;
    const struct pipeline *pipeline;
    const json_t *params; /* or NULL */
    const json_t *skip;   /* what earlier attempts died over: see pipeline/in_hand.h; or NULL */
    int threads;          /* cores that it may use; 0 or 1: one */
    struct attempt_cage cage;
    /* May be NULL. progress is called at least once for each item, so that a stall can be told. */
    void (*log)(void *arg, enum log_level level, const char *step, const char *text);
    void (*progress)(void *arg, const char *step, int64_t done_us, int64_t total_us);
    void *arg;
};

struct attempt_result {
    enum failure failure; /* FAILURE_NONE: output_dir holds the result */
    char step[RUN_STEP_SIZE];
    struct err err; /* when it failed */
    bool waiting;   /* FAILURE_INPUT_WAIT, FAILURE_INPUT_CHANGED: print tells how it looks */
    struct fs_print print;
};

typedef void attempt_fn(const struct attempt *attempt, struct attempt_result *ret_result);

attempt_fn attempt_run;

#endif
