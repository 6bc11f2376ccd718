#include "worker/attempt.h"

#include "base/log.h"
#include "base/str.h"
#include "spool/input.h"
#include "worker/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void tick(void *arg)
{
    const struct attempt *attempt = arg;
    if (attempt->progress)
        attempt->progress(attempt->arg, "input", 0, 0);
}

/* Is the input what it was? It may have been removed meanwhile: what was read is still whole. */
static bool input_changed(const struct attempt *attempt, int fd, struct attempt_result *result)
{
    struct stat st;
    struct fs_print now;
    if (fstat(fd, &st) < 0)
        return false;
    now = fs_print_of(&st);
    bool same = fs_print_equal(&now, &result->print);
    if (same && fstatat(attempt->root_fd, attempt->input_path, &st, 0) == 0) {
        now = fs_print_of(&st);
        same = fs_print_equal(&now, &result->print);
    }
    if (same)
        return false;
    result->print = now;
    return true;
}

static int run_pipeline(const struct attempt *attempt, int input_fd, struct attempt_result *result)
{
    struct plan *plan = NULL;
    int r =
        pipeline_plan(attempt->pipelines, attempt->pipeline, attempt->params, &plan, &result->err);
    if (r < 0)
        return r;
    const char *base_name = strrchr(attempt->input_path, '/');
    struct run run = {
        .input_fd = input_fd,
        .input_name = base_name ? base_name + 1 : attempt->input_path,
        .output_dir = attempt->output_dir,
        .skip = attempt->skip,
        .threads = attempt->threads,
        .log = attempt->log,
        .progress = attempt->progress,
        .arg = attempt->arg,
        .notes_dropped = log_is_on(LOG_LEVEL_DEBUG),
    };
    r = plan_run(plan, &run, &result->err);
    (void)snprintf(result->step, sizeof(result->step), "%s", run.failed_step);
    return r;
}

void attempt_run(const struct attempt *attempt, struct attempt_result *ret_result)
{
    struct attempt_result result = { 0 };
    CLEANUP(fs_close) int fd = -1;
    int r = input_open(attempt->root_fd, attempt->input_path, attempt->settle_ms, tick,
                       (void *)(uintptr_t)attempt, &fd, &result.print, &result.err);
    if (r == 0) {
        bool waits = !attempt->from_inbox || result.print.size_bytes > 0;
        result.failure = waits ? FAILURE_INPUT_WAIT : FAILURE_INPUT;
        result.waiting = waits;
    } else if (r < 0) {
        result.failure = verdict_failure(&result.err);
    } else {
        r = run_pipeline(attempt, fd, &result);
        result.failure = r < 0 ? verdict_failure(&result.err) : FAILURE_NONE;
        if (input_changed(attempt, fd, &result)) {
            result.failure = FAILURE_INPUT_CHANGED;
            result.waiting = true;
            (void)err_set(&result.err, ERR_INPUT, 0, "input '%s' changed while it was read",
                          attempt->input_path);
        }
    }
    *ret_result = result;
}
