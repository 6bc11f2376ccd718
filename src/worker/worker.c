/* The loop: what comes when, signals, the end. */
#include "worker/worker_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "worker/crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BEAT_MS = 1000,
    CHANGE_MS = 100, /* at most so often a beat for what has changed */
    STATUS_MS = 10 * 1000,
    SPARES = 2,     /* so that one is there while the next is forked */
    STOP_MS = 4000, /* then it ends without the runners that cannot be killed (a dead mount) */
};

void worker_options_default(struct worker_options *ret_options)
{
    *ret_options = (struct worker_options){
        .rules = { .default_pipeline = DEFAULT_PIPELINE,
                   .max_attempts = 3,
                   .stall_ms = 300 * 1000,
                   .settle_ms = 2000,
                   .input_wait_ms = 600 * 1000,
                   .backoff_ms = 10 * 1000,
                   .grace_ms = 2000,
                   .output_bytes = (int64_t)4 << 30 },
        .jobs = 1,
        .lease_ms = 60 * 1000,
        .min_free_bytes = (int64_t)256 << 20,
        .durable = true,
        .sandbox = true,
        .attempt = attempt_run,
    };
}

/* ---- from time to time ---- */

static void look_at_cancels(struct worker *worker)
{
    if (!worker->stopping) /* else the requests are the next worker's */
        cancels_look(worker->cancels, !worker->reason[0]);
}

static void on_beat(void *arg, uint32_t events)
{
    (void)events;
    struct worker *worker = arg;
    if (worker_look_at_spool(worker)) {
        settle_again(&worker->context);
        worker_renew_seat(worker);
        for (int i = 0; i < worker->hand_count; i++)
            if (worker->hands[i]) {
                hand_sync_start(worker->hands[i]);
                hand_check_output(worker->hands[i]);
            }
    }
    look_at_cancels(worker);
    worker_beat(worker);
}

static void on_status(void *arg, uint32_t events)
{
    (void)events;
    struct worker *worker = arg;
    /* With all hands full nobody else looks what has come. */
    if (!worker->stopping && !worker->reason[0])
        (void)queue_look(worker->queue, worker->seat, NULL);
    notice_keep(&worker->notice, worker->spool, seat_name(worker->seat), worker->queue);
}

/* ---- the loop ---- */

static void stop(struct worker *worker, const char *why)
{
    if (worker->stopping)
        return;
    worker->stopping = true;
    worker->stopped_ms = time_mono_ms();
    log_info(LOG_NO_FIELDS, "stopping: %s", why);
    for (int i = 0; i < worker->hand_count; i++)
        if (worker->hands[i])
            hand_stop(worker->hands[i], FAILURE_SHUTDOWN);
    worker_beat(worker);
}

/* Nothing pending, due or running here, and nobody whose jobs may become ours in a moment: as the
 * newest look saw it, so that what came while the last job ran is not left. */
static bool is_drained(const struct worker *worker)
{
    return worker->busy == 0 && !worker->unsettled && worker->uncertain == 0 &&
           !notify_is_busy(worker->notify) && !cancels_is_open(worker->cancels) &&
           queue_is_drained(worker->queue) && drops_is_drained(worker->drops);
}

static int64_t until_next_ms(const struct worker *worker)
{
    if (worker_has_more_to_adopt(worker))
        return 0;
    bool idle = worker->busy < worker->options->jobs && !worker->reason[0] && !worker->stopping;
    int64_t at_ms = idle ? queue_due_ms(worker->queue) : INT64_MAX;
    if (idle && drops_due_ms(worker->drops) < at_ms)
        at_ms = drops_due_ms(worker->drops);
    if (worker->ends_ms < at_ms)
        at_ms = worker->ends_ms;
    if (worker->beat_wanted && worker->beat_ms + CHANGE_MS < at_ms)
        at_ms = worker->beat_ms + CHANGE_MS;
    if (!worker->stopping && cancels_is_wanted(worker->cancels))
        return 0;
    if (settle_sync_due_ms(worker->unsettled) < at_ms)
        at_ms = settle_sync_due_ms(worker->unsettled);
    if (at_ms == INT64_MAX)
        return -1;
    int64_t now_ms = time_mono_ms();
    if (at_ms > now_ms) /* compared first: "now" may be as far back as time goes */
        return at_ms - now_ms;
    return idle || worker->beat_wanted ? 0 : BEAT_MS;
}

/* What the events asked for. False: the worker is to end. */
static bool worker_turn(struct worker *worker)
{
    if (time_mono_ms() >= worker->ends_ms)
        stop(worker, "its time is over (--max-time)");
    if (lease_is_over(worker->lease) && time_mono_ms() - worker->beat_ms >= CHANGE_MS)
        worker_beat(worker);                /* it was stopped for long: that it lives comes first */
    if (cancels_is_wanted(worker->cancels)) /* first, so that nothing is begun that nobody wants */
        look_at_cancels(worker);
    if (!worker->stopping && !worker->reason[0] && worker->busy < worker->options->jobs)
        worker_claim(worker);
    worker_conclude(worker);
    worker_sync_moved(worker);
    if (worker->stopping)
        return (worker->busy > 0 || notify_is_busy(worker->notify)) &&
               time_mono_ms() - worker->stopped_ms < STOP_MS;
    if (worker_has_more_to_adopt(worker))
        worker_on_adopt(worker, 0);
    if (worker->beat_wanted && time_mono_ms() - worker->beat_ms >= CHANGE_MS)
        worker_beat(worker);
    worker_keep_spares(worker);
    if (worker->options->drain && worker->busy == 0 && !is_drained(worker)) {
        queue_drain(worker->queue);
        drops_drain(worker->drops);
    }
    if (worker->options->drain && is_drained(worker)) {
        stop(worker, "drained: nothing is pending, due or running here");
        return false;
    }
    return true;
}

/* ---- signals ---- */

static void on_hangup(struct worker *worker)
{
    /* A worker that nobody sees any more must not run on for ever; nohup(1) says it shall. */
    if (worker->had_terminal && !proc_has_terminal())
        stop(worker, "SIGHUP: its terminal is gone");
    else if (!worker->stopping) {
        worker_tell_reloading(worker);
        worker_reload(worker);
    }
    worker_beat(worker);
}

static void on_signal(void *arg, uint32_t number)
{
    struct worker *worker = arg;
    char why[64];
    if (number == SIGHUP) {
        on_hangup(worker);
        return;
    }
    (void)snprintf(why, sizeof(why), "SIG%s", sigabbrev_np((int)number));
    stop(worker, why);
}

static int begin_signals(struct worker *worker, struct err *err)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    struct sigaction hangup;
    worker->had_terminal = proc_has_terminal() && sigaction(SIGHUP, NULL, &hangup) == 0 &&
                           hangup.sa_handler != SIG_IGN;
    (void)signal(SIGPIPE, SIG_IGN);
    return loop_add_signals(worker->loop, &signals, on_signal, worker, err);
}

/* ---- beginning and end ---- */

static int begin(struct worker *worker, struct err *err)
{
    int r = loop_new(&worker->loop, err);
    if (r == 0)
        r = begin_signals(worker, err);
    if (r == 0)
        r = seat_take(worker->spool, &worker->seat, err);
    if (r == 0)
        r = spool_check_edges(worker->spool, seat_name(worker->seat), err);
    struct adopt_rules rules = { worker->options->lease_ms, STILL_MS };
    if (r == 0)
        r = adopter_new(worker->seat, &rules, &worker->adopter, err);
    if (r == 0)
        r = loop_add_timer(worker->loop, BEAT_MS, BEAT_MS, on_beat, worker, NULL, err);
    if (r == 0)
        r = loop_add_timer(worker->loop, 0, BEAT_MS, worker_on_adopt, worker, NULL, err);
    if (r == 0)
        r = loop_add_timer(worker->loop, 0, STATUS_MS, on_status, worker, NULL, err);
    if (r < 0)
        return r;
    worker_watch(worker);
    return 0;
}

static void end(struct worker *worker)
{
    for (int i = 0; i < worker->hand_count; i++)
        hand_free(&worker->hands[i]);
    for (int i = 0; i < worker->ended_count; i++)
        hand_free(&worker->ended[i]);
    free(worker->hands);
    free(worker->ended);
    runners_free(&worker->runners);
    keeper_free(&worker->keeper);
    lease_free(&worker->lease);
    sandbox_free(&worker->sandbox);
    if (worker->unsettled)
        settle_again(&worker->context); /* what still stays in running/ is the next worker's */
    unsettled_free(&worker->unsettled);
    notify_free(&worker->notify);
    queue_free(&worker->queue);
    drops_free(&worker->drops);
    cancels_free(&worker->cancels);
    watch_free(&worker->watch);
    adopter_free(&worker->adopter);
    loop_free(&worker->loop);
    if (!worker->seat)
        return;
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *name = mem_strdup(seat_name(worker->seat));
    if (seat_leave(&worker->seat, &err) < 0)
        log_warn(LOG_NO_FIELDS, "%s", err.text);
    notice_last(&worker->notice, worker->spool, name);
}

static void log_ready(const struct worker *worker)
{
    char jobs[16], threads[16];
    (void)snprintf(jobs, sizeof(jobs), "%d", worker->options->jobs);
    (void)snprintf(threads, sizeof(threads), "%d", proc_thread_count());
    log_info(LOG_FIELDS("spool", spool_path(worker->spool), "worker", seat_name(worker->seat),
                        "jobs", jobs, "threads", threads, "fs",
                        fs_type_name(spool_root(worker->spool)), "version", TAKEUP_VERSION),
             "ready");
}

int worker_run(struct spool *spool, struct pipelines *pipelines,
               const struct worker_options *options, struct worker_tally *ret_tally,
               struct err *err)
{
    struct worker worker = {
        .options = &worker.reload.options,
        .spool = spool,
        .service = options->service,
        .uncertain = 1, /* until the first look */
        .ends_ms = options->max_time_ms ? time_mono_ms() + options->max_time_ms : INT64_MAX,
    };
    crash_prepare();
    worker_begin_service(&worker);
    reload_init(&worker.reload, options, pipelines);
    worker_make_hands(&worker);
    struct queue_rules rules = worker_queue_rules(options);
    worker.queue = queue_new(spool, &rules);
    worker.drops = drops_new(spool);
    worker.cancels = cancels_new(&worker.context, worker_on_cancelled);
    worker_set_limits(&worker);
    int r = lease_new(options->lease_ms, &worker.lease, err);
    if (r == 0)
        r = sandbox_new(SANDBOX_ABI_ANY, &worker.sandbox, err);
    if (r == 0)
        r = worker_set_sandbox(&worker, err);
    if (r == 0)
        r = begin(&worker, err);
    if (r == 0) {
        struct runners_rules running = { worker.loop, hand_body,    &worker.context,
                                         SPARES,      worker.lease, hand_nursery };
        worker.runners = runners_new(&running);
        worker.context = (struct hand_context){
            .runners = worker.runners,
            .spool = spool,
            .seat = worker.seat,
            .pipelines = worker.reload.pipelines,
            .rules = &worker.options->rules,
            .sandbox = worker.context.sandbox,
            .attempt = options->attempt,
            .unsettled = &worker.unsettled,
            .on_fate = worker_on_fate,
            .on_record = worker_on_record,
            .on_end = worker_on_end,
            .arg = &worker,
        };
        fs_set_durable(worker.options->durable);
        worker.notify = notify_new(worker.loop, spool);
        notify_set(worker.notify, &worker.options->notify);
        log_ready(&worker);
        (void)worker_look_at_spool(&worker);
        worker_beat(&worker);
        worker_keep_spares(
            &worker); /* the nursery holds what we hold now: as yet next to nothing */
        while (worker_turn(&worker) && r == 0)
            r = loop_wait(worker.loop, until_next_ms(&worker), err);
    }
    *ret_tally = worker.tally;
    end(&worker);
    reload_release(&worker.reload);
    return r;
}
