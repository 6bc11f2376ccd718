/* What may go wrong here is mostly that something is not noticed. So:
 *
 * - inotify, a free runner, a due time, the rescan timer only set `scan_wanted`. A scan lists
 *   everything anew; what it found is then claimed in order, and a name that is gone meanwhile is
 *   no error.
 * - A name that is there but cannot be taken yet (half written, unreadable) makes the next scan
 *   come sooner, since time, and no event, may be what it waits for.
 * - A spool that fails does not end the worker: it is `paused`, says why, and tries again. */
#include "worker/worker.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "spool/adopt.h"
#include "spool/scan.h"
#include "spool/survey.h"
#include "worker/settle.h"
#include "worker/untaken.h"
#include "worker/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BEAT_MS = 1000,
    STATUS_MS = 10 * 1000,
    RESCAN_LOCAL_MS = 10 * 1000,
    RESCAN_REMOTE_MS = 1000,
    RETRY_FIRST_MS = 500, /* after a name that could not be taken; doubles */
    RETRY_MAX_MS = 2000,
    STILL_MS = 3000,
    LANES = COUNT(((struct scan *)0)->lane),
    CLAIMS_A_TURN =
        16,          /* then the loop comes round: a beat and a signal must not wait for a list */
    STOP_MS = 4000,  /* then it ends without the runners that cannot be killed (a dead mount) */
    LOWER_EVERY = 8, /* one claim in so many goes to the next lower lane, so that none starves */
};

struct worker {
    const struct worker_options *options;
    struct spool *spool;
    struct pipelines *pipelines;
    struct loop *loop;
    struct seat *seat;
    struct adopter *adopter;
    struct watch *watch;
    struct hand_context context;
    struct hand **hands; /* options->jobs of them; NULL: free */
    int busy;

    bool scan_wanted;
    int64_t scan_at_ms; /* by the monotonic clock: the latest time of the next scan */
    int64_t retry_ms;
    struct scan scan; /* what was found, and how far it is claimed: */
    size_t lane_at[LANES], due_at;
    unsigned claims;
    bool scanned;       /* at least once, whole */
    int taken, waiting; /* of the newest scan: claimed; not whole yet */
    struct untaken untaken;
    struct unsettled *unsettled; /* jobs that the spool would not let go yet */

    bool stopping;
    int64_t stopped_ms; /* monotonic: when that began */
    int64_t ends_ms;    /* monotonic; INT64_MAX: no end */
    int uncertain;      /* workers that look dead but are not certain yet */
    int64_t pending;    /* as last listed */
    struct worker_tally tally;
    char reason[ERR_TEXT_SIZE]; /* why it is paused; "": it is not */
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
                   .grace_ms = 2000 },
        .jobs = 1,
        .lease_ms = 60 * 1000,
        .min_free_bytes = (int64_t)256 << 20,
        .attempt = attempt_run,
    };
}

/* ---- paused or not ---- */

static void pause_for(struct worker *worker, const char *reason)
{
    if (strcmp(worker->reason, reason) == 0)
        return;
    (void)snprintf(worker->reason, sizeof(worker->reason), "%s", reason);
    log_error(LOG_NO_FIELDS, "paused, nothing is claimed: %s", reason);
}

static void unpause(struct worker *worker)
{
    if (!worker->reason[0])
        return;
    log_info(LOG_NO_FIELDS, "goes on: no longer so: %s", worker->reason);
    worker->reason[0] = '\0';
    worker->scan_wanted = true;
}

/* Is the spool there, and is there room for results? */
static bool look_at_spool(struct worker *worker)
{
    struct err err = { 0 };
    int there = spool_is_there(worker->spool, &err);
    if (there <= 0) {
        pause_for(worker, err.text[0] ? err.text : "the spool is no longer where it was");
        return false;
    }
    int64_t free_bytes = fs_free_bytes(spool_root(worker->spool));
    if (free_bytes >= 0 && free_bytes < worker->options->min_free_bytes) {
        char reason[128];
        (void)snprintf(reason, sizeof(reason),
                       "the disk is nearly full: fewer than %lld MiB are free",
                       (long long)(worker->options->min_free_bytes >> 20));
        pause_for(worker, reason);
        return false;
    }
    unpause(worker);
    return true;
}

/* ---- heartbeat and STATUS.txt ---- */

static void beat(struct worker *worker)
{
    struct heartbeat_job *jobs = mem_zero((size_t)worker->options->jobs, sizeof(*jobs));
    struct heartbeat_problem problems[UNTAKEN_MAX + 8];
    size_t problem_count = worker->untaken.count;
    memcpy(problems, worker->untaken.problems, problem_count * sizeof(problems[0]));
    const char *name, *reason;
    for (size_t i = 0;
         problem_count < COUNT(problems) && settle_problem(worker->unsettled, i, &name, &reason);
         i++)
        problems[problem_count++] =
            (struct heartbeat_problem){ (char *)(uintptr_t)name, (char *)(uintptr_t)reason };
    struct heartbeat now = {
        .state = worker->stopping    ? BEAT_STOPPING
                 : worker->reason[0] ? BEAT_PAUSED
                 : worker->busy      ? BEAT_BUSY
                                     : BEAT_IDLE,
        .reason = worker->reason[0] ? worker->reason : NULL,
        .jobs = jobs,
        .problems = problems,
        .problem_count = problem_count,
        .pending = worker->pending,
        .done = worker->tally.done,
        .error = worker->tally.error,
    };
    for (int i = 0; i < worker->options->jobs; i++)
        if (worker->hands[i])
            jobs[now.job_count++] = hand_beat(worker->hands[i]);
    struct err err = { 0 };
    if (seat_beat(worker->seat, &now, &err) < 0)
        log_warn(LOG_NO_FIELDS, "heartbeat: %s", err.text);
    free(jobs);
}

/* A worker whose directory is gone (somebody removed it, or adopted it) takes another name. */
static void renew_seat(struct worker *worker)
{
    if (worker->busy > 0 || worker->unsettled || seat_is_there(worker->seat, NULL) != 0)
        return;
    struct seat *seat = NULL;
    struct adopter *adopter = NULL;
    struct err err = { 0 };
    struct adopt_rules rules = { worker->options->lease_ms, STILL_MS };
    if (seat_take(worker->spool, &seat, &err) < 0 ||
        adopter_new(seat, &rules, &adopter, &err) < 0) {
        seat_free(&seat);
        pause_for(worker, err.text);
        return;
    }
    log_warn(LOG_FIELDS("was", seat_name(worker->seat), "is", seat_name(seat)),
             "running/%s is gone: takes a new name", seat_name(worker->seat));
    adopter_free(&worker->adopter);
    seat_free(&worker->seat);
    worker->seat = worker->context.seat = seat;
    worker->adopter = adopter;
}

static void on_beat(void *arg, uint32_t events)
{
    (void)events;
    struct worker *worker = arg;
    if (look_at_spool(worker)) {
        settle_again(&worker->context);
        renew_seat(worker);
    }
    beat(worker);
}

static void write_status(const struct spool *spool, const char *owner)
{
    struct survey survey;
    struct err err = { 0 };
    int r = survey_take(spool, 0, &survey, &err);
    if (r == 0) {
        r = survey_write_status(spool, owner, &survey, &err);
        survey_release(&survey);
    }
    if (r < 0)
        log_warn(LOG_NO_FIELDS, "STATUS.txt: %s", err.text);
}

static void on_status(void *arg, uint32_t events)
{
    (void)events;
    struct worker *worker = arg;
    write_status(worker->spool, seat_name(worker->seat));
}

/* ---- hands ---- */

static void on_fate(void *arg, enum hand_fate fate)
{
    struct worker *worker = arg;
    switch (fate) {
    case FATE_DONE:
        worker->tally.done++;
        break;
    case FATE_ERROR:
        worker->tally.error++;
        break;
    case FATE_DEFERRED:
        worker->tally.deferred++;
        worker->scan_wanted = true; /* it may be due at once */
        break;
    case FATE_WITHDRAWN:
    case FATE_STUCK:
        break;
    }
}

static void on_free(void *arg, struct hand *hand)
{
    struct worker *worker = arg;
    for (int i = 0; i < worker->options->jobs; i++)
        if (worker->hands[i] == hand) {
            hand_free(&worker->hands[i]);
            worker->busy--;
            beat(worker);
            return;
        }
}

static void take(struct worker *worker, struct claim *claim)
{
    struct hand *hand = NULL;
    if (hand_take(&worker->context, claim, &hand) == 0)
        return;
    for (int i = 0; i < worker->options->jobs; i++)
        if (!worker->hands[i]) {
            worker->hands[i] = hand;
            worker->busy++;
            break;
        }
    beat(worker);
}

/* ---- scan and claim ---- */

static void scan(struct worker *worker)
{
    struct err err = { 0 };
    int64_t now_ms;
    scan_release(&worker->scan);
    memset(worker->lane_at, 0, sizeof(worker->lane_at));
    worker->due_at = 0;
    worker->taken = worker->waiting = 0;
    untaken_scan_begins(&worker->untaken);
    worker->scanned = false;
    int64_t rescan_ms = worker->options->rescan_ms                ? worker->options->rescan_ms
                        : fs_is_remote(spool_root(worker->spool)) ? RESCAN_REMOTE_MS
                                                                  : RESCAN_LOCAL_MS;
    worker->scan_at_ms = time_mono_ms() + rescan_ms;
    worker->scan_wanted = false;
    int r = spool_now_ms(worker->spool, seat_name(worker->seat), &now_ms, &err);
    if (r == 0)
        r = scan_spool(worker->spool, now_ms / 1000, &worker->scan, &err);
    if (r < 0) {
        pause_for(worker, err.text);
        worker->scan_at_ms = time_mono_ms() + RESCAN_REMOTE_MS;
        return;
    }
    worker->scanned = true;
    worker->pending = 0;
    for (size_t i = 0; i < LANES; i++)
        worker->pending += (int64_t)worker->scan.lane[i].count;
    if (worker->scan.next_due_s != INT64_MAX) {
        int64_t due_ms = time_mono_ms() + worker->scan.next_due_s * 1000 - now_ms;
        if (due_ms < worker->scan_at_ms)
            worker->scan_at_ms = due_ms;
    }
}

/* The lane whose turn it is: the highest that has names, but now and then the one below it. */
static int pick_lane(const struct worker *worker)
{
    int first = -1;
    for (int i = 0; i < (int)LANES; i++) {
        if (worker->lane_at[i] >= worker->scan.lane[i].count)
            continue;
        if (first >= 0)
            return i;
        first = i;
        if ((worker->claims + 1) % LOWER_EVERY != 0)
            return first;
    }
    return first;
}

/* A name that is there and stays: told, and tried again soon. One that the system refuses (ERR_IO)
 * is nothing to wait for; one that is not whole yet is. */
static void leave(struct worker *worker, enum spool_place place, const char *name,
                  const struct err *why)
{
    untaken_note(&worker->untaken, place, name, why->text);
    worker->waiting += why->kind != ERR_IO;
    int64_t again_ms = time_mono_ms() + worker->retry_ms;
    if (again_ms < worker->scan_at_ms)
        worker->scan_at_ms = again_ms;
}

/* One claim, or try of one. 1: there may be more. 0: the list is spent. < 0: the spool failed. */
static int claim_next(struct worker *worker, struct err *err)
{
    struct claim *claim = NULL;
    struct claim_rules rules = { worker->options->rules.settle_ms,
                                 worker->options->rules.input_wait_ms };
    int lane = pick_lane(worker), r;
    bool has_due = worker->due_at < worker->scan.due.count;
    if (!has_due && lane < 0)
        return 0;
    /* Due ones and new ones in turn, so that many jobs without input do not hold up the rest. */
    bool takes_due = has_due && (lane < 0 || worker->claims % 2 == 0);
    const char *name = takes_due ? worker->scan.due.names[worker->due_at++]
                                 : worker->scan.lane[lane].names[worker->lane_at[lane]++];
    enum spool_place place = takes_due ? PLACE_DEFERRED : scan_lanes[lane];
    r = takes_due ? claim_deferred(worker->seat, name, &claim, err)
                  : claim_pending(worker->seat, place, name, &rules, &claim, err);
    worker->claims++;
    if (r < 0)
        return r;
    if (r == 0 && err->kind != ERR_NONE)
        leave(worker, place, name, err);
    else
        worker->pending -= !takes_due; /* ours now, or somebody else's */
    if (r > 0) {
        worker->retry_ms = RETRY_FIRST_MS;
        worker->taken++;
        take(worker, claim);
    }
    return 1;
}

static void claim_all(struct worker *worker)
{
    struct err err = { 0 };
    int r = 1;
    for (int i = 0; i < CLAIMS_A_TURN && worker->busy < worker->options->jobs && r > 0; i++)
        r = claim_next(worker, &err);
    if (r == 0)
        untaken_list_spent(&worker->untaken);
    if (r < 0) {
        pause_for(worker, err.text);
        worker->scan_at_ms = time_mono_ms() + RESCAN_REMOTE_MS;
        scan_release(&worker->scan);
        renew_seat(worker);
    }
}

static bool list_is_spent(const struct worker *worker)
{
    return worker->due_at >= worker->scan.due.count && pick_lane(worker) < 0;
}

/* ---- adoption ---- */

static void on_adopted(void *arg, struct claim *claim, const char *dead_worker)
{
    struct worker *worker = arg;
    hand_adopted(&worker->context, claim, dead_worker);
}

static void on_adopt(void *arg, uint32_t events)
{
    (void)events;
    struct worker *worker = arg;
    struct err err = { 0 };
    if (worker->stopping || worker->reason[0])
        return;
    int r = adopter_look(worker->adopter, on_adopted, worker, &err);
    if (r < 0)
        log_warn(LOG_NO_FIELDS, "look for dead workers: %s", err.text);
    worker->uncertain = r < 0 ? 1 : r;
}

/* ---- the loop ---- */

static void on_hint(void *arg)
{
    struct worker *worker = arg;
    worker->scan_wanted = true;
}

static void stop(struct worker *worker, const char *why)
{
    if (worker->stopping)
        return;
    worker->stopping = true;
    worker->stopped_ms = time_mono_ms();
    log_info(LOG_NO_FIELDS, "stopping: %s", why);
    for (int i = 0; i < worker->options->jobs; i++)
        if (worker->hands[i])
            hand_stop(worker->hands[i]);
    beat(worker);
}

static void on_signal(void *arg, uint32_t number)
{
    struct worker *worker = arg;
    char why[64];
    (void)snprintf(why, sizeof(why), "SIG%s", sigabbrev_np((int)number));
    stop(worker, why);
}

/* Nothing pending, due or running here, and nobody whose jobs may become ours in a moment: as the
 * newest scan saw it, so that what came while the last job ran is not left. What the system does
 * not let us take is no reason to stay: it is told, and a later run may have better luck. */
static bool is_drained(const struct worker *worker)
{
    return worker->scanned && !worker->scan_wanted && worker->busy == 0 && !worker->unsettled &&
           worker->uncertain == 0 && list_is_spent(worker) && worker->taken == 0 &&
           worker->waiting == 0;
}

/* Once the list is spent, another look tells whether that was all: at once if something was taken,
 * a little later if something waits. */
static void drain_on(struct worker *worker)
{
    if (worker->busy > 0 || !list_is_spent(worker) || is_drained(worker))
        return;
    int64_t at_ms = time_mono_ms() + (worker->taken > 0 ? 0 : worker->retry_ms);
    if (at_ms < worker->scan_at_ms)
        worker->scan_at_ms = at_ms;
}

static int64_t until_next_ms(const struct worker *worker)
{
    int64_t at_ms = worker->scan_at_ms < worker->ends_ms ? worker->scan_at_ms : worker->ends_ms;
    int64_t wait_ms = at_ms - time_mono_ms();
    bool idle = worker->busy < worker->options->jobs && !worker->reason[0] && !worker->stopping;
    if (!idle)
        return worker->ends_ms == INT64_MAX ? -1 : wait_ms < 0 ? BEAT_MS : wait_ms;
    return worker->scan_wanted || wait_ms < 0 || !list_is_spent(worker) ? 0 : wait_ms;
}

/* What the events asked for. False: the worker is to end. */
static bool worker_turn(struct worker *worker)
{
    if (worker->stopping)
        return worker->busy > 0 && time_mono_ms() - worker->stopped_ms < STOP_MS;
    if (time_mono_ms() >= worker->ends_ms) {
        stop(worker, "its time is over (--max-time)");
        return worker->busy > 0;
    }
    if (worker->reason[0] || worker->busy >= worker->options->jobs)
        return true;
    bool over_time = time_mono_ms() >= worker->scan_at_ms;
    if (worker->scan_wanted || over_time) {
        if (over_time && worker->retry_ms < RETRY_MAX_MS)
            worker->retry_ms *= 2;
        scan(worker);
    }
    claim_all(worker);
    if (worker->options->drain)
        drain_on(worker);
    if (worker->options->drain && is_drained(worker)) {
        stop(worker, "drained: nothing is pending, due or running here");
        return false;
    }
    return true;
}

static int begin_signals(struct worker *worker, struct err *err)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    return loop_add_signals(worker->loop, &signals, on_signal, worker, err);
}

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
        r = loop_add_timer(worker->loop, 0, BEAT_MS, on_adopt, worker, NULL, err);
    if (r == 0)
        r = loop_add_timer(worker->loop, 0, STATUS_MS, on_status, worker, NULL, err);
    if (r < 0)
        return r;
    struct err why = { 0 };
    if (watch_new(worker->loop, worker->spool, on_hint, worker, &worker->watch, &why) < 0)
        log_warn(LOG_FIELDS("hint", why.hint), "no events, looks from time to time: %s", why.text);
    return 0;
}

static void end(struct worker *worker)
{
    for (int i = 0; i < worker->options->jobs; i++)
        hand_free(&worker->hands[i]);
    free(worker->hands);
    if (worker->unsettled)
        settle_again(&worker->context); /* what still stays in running/ is the next worker's */
    unsettled_free(&worker->unsettled);
    untaken_release(&worker->untaken);
    scan_release(&worker->scan);
    watch_free(&worker->watch);
    adopter_free(&worker->adopter);
    loop_free(&worker->loop);
    if (!worker->seat)
        return;
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *name = mem_strdup(seat_name(worker->seat));
    if (seat_leave(&worker->seat, &err) < 0)
        log_warn(LOG_NO_FIELDS, "%s", err.text);
    write_status(worker->spool, name); /* nobody may read there that a worker still works */
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
        .options = options,
        .spool = spool,
        .pipelines = pipelines,
        .scan_wanted = true,
        .uncertain = 1, /* until the first look */
        .retry_ms = RETRY_FIRST_MS,
        .ends_ms = options->max_time_ms ? time_mono_ms() + options->max_time_ms : INT64_MAX,
    };
    worker.hands = mem_zero((size_t)options->jobs, sizeof(struct hand *));
    int r = begin(&worker, err);
    if (r == 0) {
        worker.context = (struct hand_context){
            .loop = worker.loop,
            .spool = spool,
            .seat = worker.seat,
            .pipelines = pipelines,
            .rules = &options->rules,
            .attempt = options->attempt,
            .unsettled = &worker.unsettled,
            .on_fate = on_fate,
            .on_free = on_free,
            .arg = &worker,
        };
        log_ready(&worker);
        (void)look_at_spool(&worker);
        beat(&worker);
        while (worker_turn(&worker) && r == 0)
            r = loop_wait(worker.loop, until_next_ms(&worker), err);
    }
    *ret_tally = worker.tally;
    end(&worker);
    return r;
}
