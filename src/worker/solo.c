#include "worker/solo.h"

#include "pipeline/in_hand.h"
#include "worker/attempt_wire.h"
#include "worker/crash_report.h"
#include "worker/output.h"

#include <fcntl.h>
#include <unistd.h>

enum { LOOK_MS = 1000 };

struct outcome {
    struct runner_end end;
    bool has_ended;
    int64_t frame_us;
    struct solo *solo;
    struct runner *runner;
};

static void body(void *arg, const struct wire_order *order, int wire_fd)
{
    (void)order;
    struct outcome *outcome = arg;
    attempt_tell(&outcome->solo->attempt, attempt_run, wire_fd);
}

static void on_message(void *arg, const struct wire_message *message)
{
    struct outcome *outcome = arg;
    if (message->kind == WIRE_PROGRESS)
        outcome->frame_us = message->done_us;
    outcome->solo->on_message(outcome->solo->arg, message);
}

static void on_end(void *arg, const struct runner_end *end)
{
    struct outcome *outcome = arg;
    outcome->end = *end;
    outcome->has_ended = true;
}

static void on_look(void *arg, uint32_t events)
{
    (void)events;
    struct outcome *outcome = arg;
    const struct attempt *attempt = &outcome->solo->attempt;
    if (!outcome->has_ended && output_is_too_large(attempt->output_dir, attempt->cage.file_bytes))
        runner_stop(outcome->runner, FAILURE_OUTPUT);
}

static char *report(struct outcome *outcome, const struct crash_notes *notes)
{
    const struct solo *solo = outcome->solo;
    const struct sandbox *sandbox = solo->attempt.cage.sandbox;
    const struct crash_facts facts = {
        .attempt = 1,
        .frame_us = outcome->frame_us,
        .end = &outcome->end,
        .notes = notes,
        .sandbox = sandbox ? sandbox_holds(sandbox) : NULL,
        .memory_bytes = solo->attempt.cage.memory_bytes,
        .output_bytes = solo->attempt.cage.file_bytes,
        .stall_ms = solo->limits.stall_ms,
    };
    return crash_report(&facts);
}

/* What the runner left of itself is no result. */
static void conclude(struct outcome *outcome, char **ret_report)
{
    struct runner_end *end = &outcome->end;
    int output_dir = outcome->solo->attempt.output_dir;
    CLEANUP(crash_notes_release) struct crash_notes notes;
    crash_read(output_dir, &notes);
    *ret_report = NULL;
    (void)output_amend(end, output_dir, outcome->solo->attempt.cage.file_bytes);
    if (end->failure == FAILURE_CRASH || end->failure == FAILURE_STALL) {
        crash_amend(end, &notes, outcome->solo->attempt.cage.memory_bytes);
        *ret_report = report(outcome, &notes);
    }
    (void)unlinkat(output_dir, CRASH_NOTES, 0);
    (void)unlinkat(output_dir, IN_HAND_FILE, 0);
}

static int start(struct runners *runners, struct loop *loop, struct outcome *outcome,
                 struct err *err)
{
    const struct attempt *attempt = &outcome->solo->attempt;
    const struct wire_order order = {
        .token = "",
        .attempt = 1,
        .threads = attempt->threads,
        .job = attempt->job,
        .pipeline = "",
        .input = attempt->input_path,
    };
    const struct runner_calls calls = { on_message, on_end, outcome };
    int r = runner_start(runners, &order, &outcome->solo->limits, &calls, &outcome->runner, err);
    return r < 0 ? r : loop_add_timer(loop, LOOK_MS, LOOK_MS, on_look, outcome, NULL, err);
}

int solo_run(struct solo *solo, struct runner_end *ret_end, char **ret_report, struct err *err)
{
    struct outcome outcome = { .solo = solo, .frame_us = -1 };
    CLEANUP(loop_free) struct loop *loop = NULL;
    int r = loop_new(&loop, err);
    if (r < 0)
        return r;
    crash_prepare();
    const struct runners_rules rules = { .loop = loop, .body = body, .arg = &outcome };
    CLEANUP(runners_free) struct runners *runners = runners_new(&rules);
    r = start(runners, loop, &outcome, err);
    while (r == 0 && !outcome.has_ended)
        r = loop_wait(loop, -1, err);
    runner_free(&outcome.runner);
    if (r < 0)
        return r;
    conclude(&outcome, ret_report);
    *ret_end = outcome.end;
    return 0;
}
