/* worker_beat.c - what a worker tells of itself. */
#include "worker/worker_private.h"

#include "base/mem.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_problems(struct heartbeat_problem *problems, size_t *count,
                         const struct untaken *untaken)
{
    memcpy(problems + *count, untaken->problems, untaken->count * sizeof(problems[0]));
    *count += untaken->count;
}

void worker_beat(struct worker *worker)
{
    struct heartbeat_job *jobs = mem_zero((size_t)worker->hand_count, sizeof(*jobs));
    struct heartbeat_problem problems[2 * UNTAKEN_MAX + 8];
    size_t problem_count = 0;
    add_problems(problems, &problem_count, queue_untaken(worker->queue));
    add_problems(problems, &problem_count, drops_untaken(worker->drops));
    const char *name, *reason;
    for (size_t i = 0;
         problem_count < COUNT(problems) && settle_problem(worker->unsettled, i, &name, &reason);
         i++)
        problems[problem_count++] =
            (struct heartbeat_problem){ (char *)(uintptr_t)name, (char *)(uintptr_t)reason };
    if (worker->reload.problem[0] && problem_count < COUNT(problems))
        problems[problem_count++] =
            (struct heartbeat_problem){ (char *)(uintptr_t) "takeup.yaml", worker->reload.problem };
    struct heartbeat now = {
        .state = worker->stopping    ? BEAT_STOPPING
                 : worker->reason[0] ? BEAT_PAUSED
                 : worker->busy      ? BEAT_BUSY
                                     : BEAT_IDLE,
        .reason = worker->reason[0] ? worker->reason : NULL,
        .jobs = jobs,
        .problems = problems,
        .problem_count = problem_count,
        .pending = queue_pending(worker->queue),
        .done = worker->tally.done,
        .error = worker->tally.error,
        .claims = queue_counts(worker->queue).claims + drops_counts(worker->drops).claims,
        .missed = queue_counts(worker->queue).missed + drops_counts(worker->drops).missed,
        .free = worker->options->jobs - worker->busy,
    };
    for (int i = 0; i < worker->hand_count; i++)
        if (worker->hands[i])
            jobs[now.job_count++] = hand_beat(worker->hands[i]);
    struct err err = { 0 };
    worker->beat_ms = time_mono_ms();
    worker->beat_wanted = false;
    int r = seat_beat(worker->seat, &now, &err);
    if (r < 0 && strcmp(err.text, worker->beat_trouble) != 0)
        log_warn(LOG_NO_FIELDS, "heartbeat: %s", err.text);
    if (r >= 0)
        lease_renew(worker->lease);
    (void)snprintf(worker->beat_trouble, sizeof(worker->beat_trouble), "%s", r < 0 ? err.text : "");
    free(jobs);
    worker_tell_beat(worker, r >= 0);
}
