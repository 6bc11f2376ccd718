/* schedule.h - run a plan on one input.
 *
 * Items go from step to step as the DAG says; what writes to the result goes to the sink as well.
 * Memory does not grow with the length of the input, only with the text that is found. */
#ifndef TAKEUP_PIPELINE_SCHEDULE_H
#define TAKEUP_PIPELINE_SCHEDULE_H

#include "base/json.h"
#include "base/log.h"
#include "pipeline/load.h"

#include <stdbool.h>
#include <stdint.h>

enum { RUN_STEP_SIZE = 65 }; /* an id has at most 64 bytes */

/* What a run is given, and tells. The functions are called by any thread, but never two at a time;
 * any may be NULL. */
struct run {
    int input_fd; /* regular file */
    const char *input_name;
    int output_dir; /* an empty directory: artifacts, text.txt, frames.jsonl, result.json */
    /* Crops that are left out, with a warning, since earlier runs died over them: places of
     * in_hand.h. Borrowed; or NULL. */
    const json_t *skip;
    int threads; /* cores that it may use; 0 or 1: no thread is started */
    void (*log)(void *arg, enum log_level level, const char *step, const char *text);
    /* At each item of the source; total_us 0: not known. */
    void (*progress)(void *arg, const char *step, int64_t done_us, int64_t total_us);
    void *arg;
    bool notes_dropped;              /* frames.jsonl also tells what steps left out, and why */
    char failed_step[RUN_STEP_SIZE]; /* set when plan_run fails; "" when no step did */
};

/* Any number of threads gives the same result; when it returns there are none of its own any more.
 * 0: output_dir/result.json has the body {"text", "segments", "frames" …, "warnings", "usage"}.
 * < 0: *err; what lies in output_dir is of no use. */
int plan_run(struct plan *plan, struct run *run, struct err *err);

#endif
