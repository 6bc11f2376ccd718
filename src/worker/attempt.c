#include "worker/attempt.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "worker/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void tick(void *arg)
{
    const struct attempt *attempt = arg;
    if (attempt->progress)
        attempt->progress(attempt->arg, "input", 0, 0);
}

/* Is the input what it was? It may have been removed meanwhile: what was read is still whole. */
static bool input_changed(const struct input *input, struct attempt_result *result)
{
    struct stat st;
    struct fs_print now;
    if (fstat(input->fd, &st) < 0)
        return false;
    now = fs_print_of(&st);
    bool same = fs_print_equal(&now, &input->print);
    if (same && input_look(input, &now) == 0)
        same = fs_print_equal(&now, &input->print);
    if (same)
        return false;
    result->print = now;
    return true;
}

/* ---- the cage ---- */

struct paths {
    const char **all;
    size_t count;
};

static void paths_add(void *arg, const char *path)
{
    struct paths *paths = arg;
    paths->all = mem_resize(paths->all, paths->count + 2, sizeof(paths->all[0]));
    paths->all[paths->count++] = path;
    paths->all[paths->count] = NULL;
}

/* What further instances of the steps still load: their models. */
static void add_models(struct paths *paths, const struct plan *plan)
{
    const char *tessdata = getenv("TESSDATA_PREFIX");
    if (tessdata && tessdata[0])
        paths_add(paths, tessdata);
    plan_each_file(plan, paths_add, paths);
}

/* The limit is one of address space, of which threads take some that is never memory: each an arena
 * of malloc and a stack, and there are two for each core, who decodes and who reads. */
static int64_t address_space(const struct attempt *attempt)
{
    const int64_t of_thread = INT64_C(72) << 20;
    int threads = attempt->threads > 1 ? attempt->threads : 1;
    return attempt->cage.memory_bytes ? attempt->cage.memory_bytes + 2 * threads * of_thread : 0;
}

static int enter_cage(const struct attempt *attempt, const struct plan *plan,
                      const struct input *input, struct err *err)
{
    const struct attempt_cage *cage = &attempt->cage;
    if (!cage->sandbox)
        return 0;
    struct paths paths = { 0 };
    add_models(&paths, plan);
    /* The directory in which the input lies tells at the end whether it is still the same. */
    const int fds[] = { input->fd, attempt->output_dir, input->base_fd, cage->wire_fd };
    struct sandbox_cage limits = {
        .fds = fds,
        .fd_count = COUNT(fds),
        .output_dir = attempt->output_dir,
        .readable = paths.all,
        .memory_bytes = address_space(attempt),
        .file_bytes = cage->file_bytes,
        .cpu_s = cage->cpu_s,
    };
    int r = sandbox_enter(cage->sandbox, &limits, err);
    free(paths.all);
    if (r < 0)
        err_context(err, "the sandbox");
    return r;
}

static int run_pipeline(const struct attempt *attempt, const struct input *input,
                        struct attempt_result *result)
{
    struct plan *plan = NULL;
    int r =
        pipeline_plan(attempt->pipelines, attempt->pipeline, attempt->params, &plan, &result->err);
    if (r == 0)
        r = enter_cage(attempt, plan, input, &result->err);
    if (r < 0)
        return r;
    const char *base_name = strrchr(attempt->input_path, '/');
    struct run run = {
        .input_fd = input->fd,
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
    CLEANUP(input_close) struct input input = INPUT_NONE;
    int r = input_open(&attempt->bounds, attempt->input_path, attempt->settle_ms, tick,
                       (void *)(uintptr_t)attempt, &input, &result.err);
    result.print = input.print;
    if (r == 0) {
        bool waits = !attempt->from_inbox || result.print.size_bytes > 0;
        result.failure = waits ? FAILURE_INPUT_WAIT : FAILURE_INPUT;
        result.waiting = waits;
    } else if (r < 0) {
        result.failure = verdict_failure(&result.err);
    } else {
        r = run_pipeline(attempt, &input, &result);
        result.failure = r < 0 ? verdict_failure(&result.err) : FAILURE_NONE;
        if (input_changed(&input, &result)) {
            result.failure = FAILURE_INPUT_CHANGED;
            result.waiting = true;
            (void)err_set(&result.err, ERR_INPUT, 0, "input '%s' changed while it was read",
                          attempt->input_path);
        }
    }
    *ret_result = result;
}
