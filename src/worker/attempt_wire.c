#include "worker/attempt_wire.h"

#include "base/time.h"
#include "worker/crash.h"

#include <stdio.h>

enum { PROGRESS_EVERY_MS = 100 };

struct view {
    int wire_fd;
    int64_t progress_ms; /* when progress was told last */
};

static void view_log(void *arg, enum log_level level, const char *step, const char *text)
{
    const struct view *view = arg;
    struct wire_message message = { .kind = WIRE_LOG, .level = level };
    (void)snprintf(message.step, sizeof(message.step), "%s", step ? step : "");
    (void)snprintf(message.text, sizeof(message.text), "%s", text);
    (void)wire_send(view->wire_fd, &message);
}

static void view_progress(void *arg, const char *step, int64_t done_us, int64_t total_us)
{
    struct view *view = arg;
    int64_t now = time_mono_ms();
    if (now - view->progress_ms < PROGRESS_EVERY_MS)
        return;
    view->progress_ms = now;
    struct wire_message message = { .kind = WIRE_PROGRESS,
                                    .done_us = done_us,
                                    .total_us = total_us };
    (void)snprintf(message.step, sizeof(message.step), "%s", step ? step : "");
    (void)wire_send(view->wire_fd, &message);
}

static void send_outcome(int wire_fd, const struct attempt_result *result)
{
    struct wire_message outcome = {
        .kind = WIRE_OUTCOME,
        .failure = result->failure,
        .waiting = result->waiting,
        .print = result->print,
    };
    (void)snprintf(outcome.step, sizeof(outcome.step), "%s", result->step);
    (void)snprintf(outcome.text, sizeof(outcome.text), "%s", result->err.text);
    (void)snprintf(outcome.hint, sizeof(outcome.hint), "%s", result->err.hint);
    (void)wire_send(wire_fd, &outcome);
}

void attempt_tell(const struct attempt *attempt, attempt_fn *run, int wire_fd)
{
    struct view view = { .wire_fd = wire_fd };
    struct attempt told = *attempt;
    struct attempt_result result = { 0 };
    told.log = view_log;
    told.progress = view_progress;
    told.arg = &view;
    told.cage.wire_fd = wire_fd;
    crash_watch(told.output_dir);
    run(&told, &result);
    send_outcome(wire_fd, &result);
}
