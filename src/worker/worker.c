/* The loop, and what belongs to no other file of this room: the beat, pausing, signals, the end.
 *
 * What to claim next is the queue's; what becomes of a claim is the hand's. A spool that fails does
 * not end the worker: it is `paused`, says why, and tries again. */
#include "worker/worker.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "spool/adopt.h"
#include "spool/survey.h"
#include "worker/cancels.h"
#include "worker/drops.h"
#include "worker/limits.h"
#include "worker/notice.h"
#include "worker/queue.h"
#include "worker/reload.h"
#include "worker/settle.h"
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
    CHANGE_MS = 100, /* at most so often a beat for what has changed */
    STATUS_MS = 10 * 1000,
    STILL_MS = 3000,
    SPARES_MAX = 2,
    CLAIMS_A_TURN =
        16,         /* then the loop comes round: a beat and a signal must not wait for a list */
    STOP_MS = 4000, /* then it ends without the runners that cannot be killed (a dead mount) */
};

struct worker {
    const struct worker_options *options;
    struct spool *spool;
    struct reload reload; /* holds the options and the pipelines in force */
    struct loop *loop;
    struct seat *seat;
    struct adopter *adopter;
    struct watch *watch;
    struct hand_context context;
    struct lease *lease;
    struct runners *runners;
    struct hand **hands; /* NULL: free */
    struct hand **ended; /* their runners have ended; hand_count at most */
    int hand_count;      /* at least options->jobs; more while fewer were set meanwhile */
    int busy, ended_count;
    int64_t beat_ms; /* monotonic: when the newest was */

    struct queue *queue;
    struct drops *drops;
    struct cancels *cancels;
    struct limits limits;
    struct notice notice;
    struct unsettled *unsettled; /* jobs that the spool would not let go yet */

    struct worker_tally tally;
    int64_t stopped_ms; /* monotonic: when `stopping` began */
    int64_t ends_ms;    /* monotonic; INT64_MAX: no end */
    int uncertain;      /* workers that look dead but are not certain yet */
    bool stopping;
    bool had_terminal; /* and SIGHUP was not ignored */
    bool beat_wanted;  /* something has changed */
    bool drops_turn;   /* queue and drops take turns */
    bool reopens;      /* the spool was opened anew, and what is held inside it not yet */
    char beat_trouble[ERR_TEXT_SIZE]; /* told once, not every second; "": none */
    char reason[ERR_TEXT_SIZE];       /* why it is paused; "": it is not */
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
        .durable = true,
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

static void on_hint(void *arg, enum spool_place place)
{
    struct worker *worker = arg;
    if (place == PLACE_CANCEL)
        cancels_hint(worker->cancels);
    else if (place == PLACE_INBOX)
        drops_hint(worker->drops);
    else
        queue_hint(worker->queue);
    if (place == PLACE_DEFERRED)
        cancels_hint_deferred(worker->cancels);
}

static void unpause(struct worker *worker)
{
    if (!worker->reason[0])
        return;
    log_info(LOG_NO_FIELDS, "goes on: no longer so: %s", worker->reason);
    worker->reason[0] = '\0';
    queue_hint(worker->queue);
    drops_hint(worker->drops);
    cancels_hint(worker->cancels);
}

/* ---- the spool: is it there? ---- */

static void watch_begin(struct worker *worker)
{
    struct err why = { 0 };
    if (watch_new(worker->loop, worker->spool, on_hint, worker, &worker->watch, &why) < 0)
        log_warn(LOG_FIELDS("hint", why.hint), "no events, looks from time to time: %s", why.text);
    drops_begin(worker->drops, worker->watch);
}

/* The mount went away and came back, or a directory was replaced: all that is held inside is of
 * what was there before. */
static int reopen(struct worker *worker, struct err *err)
{
    int r = seat_reopen(worker->seat, err); /* gone: renew_seat sees to that */
    if (r < 0)
        return r;
    for (int i = 0; i < worker->hand_count; i++)
        if (worker->hands[i])
            hand_refresh(worker->hands[i]);
    for (int i = 0; i < worker->ended_count; i++)
        hand_refresh(worker->ended[i]);
    runners_drop_spares(worker->runners);
    settle_refresh(&worker->context);
    watch_free(&worker->watch);
    watch_begin(worker);
    queue_hint(worker->queue);
    log_warn(LOG_FIELDS("fs", fs_type_name(spool_root(worker->spool))),
             "the spool's directories were replaced or mounted again: all were opened anew");
    return 0;
}

static bool is_there(struct worker *worker, struct err *err)
{
    int r = spool_refresh(worker->spool, err);
    if (r == 1)
        worker->reopens = true;
    if (r >= 0 && worker->reopens)
        r = reopen(worker, err);
    if (r < 0)
        return false;
    worker->reopens = false;
    return true;
}

/* Is the spool there, and is there room for results? */
static bool look_at_spool(struct worker *worker)
{
    struct err err = { 0 };
    if (!is_there(worker, &err)) {
        pause_for(worker, err.text);
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
    if (worker->beat_trouble[0] && lease_is_over(worker->lease)) {
        pause_for(worker, worker->beat_trouble);
        return false;
    }
    unpause(worker);
    return true;
}

/* ---- heartbeat and STATUS.txt ---- */

static void add_problems(struct heartbeat_problem *problems, size_t *count,
                         const struct untaken *untaken)
{
    memcpy(problems + *count, untaken->problems, untaken->count * sizeof(problems[0]));
    *count += untaken->count;
}

static void beat(struct worker *worker)
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
}

/* Others have the jobs of all hands: what is still made here can be published by nobody. */
static void stop_lost_hands(struct worker *worker)
{
    for (int i = 0; i < worker->hand_count; i++)
        if (worker->hands[i])
            hand_stop(worker->hands[i], FAILURE_SHUTDOWN);
}

/* A worker whose directory is gone (somebody removed it, or adopted it) takes another name, as soon
 * as nothing is in hand that was claimed under the old one. */
static void renew_seat(struct worker *worker)
{
    if (seat_is_there(worker->seat, NULL) != 0)
        return;
    stop_lost_hands(worker);
    if (worker->busy > 0 || worker->ended_count > 0 || worker->unsettled)
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
    runners_drop_spares(worker->runners);
    worker->adopter = adopter;
}

static void look_at_cancels(struct worker *worker)
{
    if (!worker->stopping) /* else the requests are the next worker's */
        cancels_look(worker->cancels, !worker->reason[0]);
}

static void on_beat(void *arg, uint32_t events)
{
    (void)events;
    struct worker *worker = arg;
    if (look_at_spool(worker)) {
        settle_again(&worker->context);
        renew_seat(worker);
        for (int i = 0; i < worker->hand_count; i++)
            if (worker->hands[i])
                hand_sync_start(worker->hands[i]);
    }
    look_at_cancels(worker);
    beat(worker);
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
        queue_hint(worker->queue); /* it may be due at once */
        cancels_hint_deferred(worker->cancels);
        break;
    case FATE_WITHDRAWN:
    case FATE_STUCK:
    case FATE_MOVED:
        break;
    }
}

static bool pipelines_are_used(void *arg, const struct pipelines *pipelines)
{
    const struct worker *worker = arg;
    for (int i = 0; i < worker->hand_count; i++)
        if (worker->hands[i] && hand_pipelines(worker->hands[i]) == pipelines)
            return true;
    for (int i = 0; i < worker->ended_count; i++)
        if (hand_pipelines(worker->ended[i]) == pipelines)
            return true;
    return false;
}

static void on_end(void *arg, struct hand *hand)
{
    struct worker *worker = arg;
    for (int i = 0; i < worker->hand_count; i++)
        if (worker->hands[i] == hand) {
            worker->hands[i] = NULL;
            worker->busy--;
            worker->ended[worker->ended_count++] = hand;
            worker->beat_wanted = true;
            return;
        }
}

/* Comes after the claims of the same turn: the syncs of a job that is over wait for the disk while
 * the next one runs. */
static void conclude_ended(struct worker *worker)
{
    for (int i = 0; i < worker->ended_count; i++) {
        hand_conclude(worker->ended[i]);
        hand_free(&worker->ended[i]);
    }
    worker->ended_count = 0;
    reload_sweep(&worker->reload, pipelines_are_used, worker);
}

/* At once when there is nothing else to do; else a little later, and one sync does for many. */
static void sync_moved(struct worker *worker)
{
    int64_t due_ms = settle_sync_due_ms(worker->unsettled);
    if (due_ms != INT64_MAX && (worker->busy == 0 || time_mono_ms() >= due_ms))
        settle_sync(&worker->context);
}

static void take(struct worker *worker, struct claim *claim)
{
    struct hand *hand = NULL;
    if (hand_take(&worker->context, claim, &hand) == 0)
        return;
    for (int i = 0; i < worker->hand_count; i++)
        if (!worker->hands[i]) {
            worker->hands[i] = hand;
            worker->busy++;
            break;
        }
    worker->beat_wanted = true;
}

/* What the next job needs. One fork a turn, so that what comes meanwhile does not wait for two. */
static void keep_spares(struct worker *worker)
{
    struct err err = { 0 };
    if (!worker->reason[0])
        seat_make_token(worker->seat);
    if (runners_refill(worker->runners, &err) < 0)
        log_warn(LOG_NO_FIELDS, "no spare runner, jobs start later: %s", err.text);
}

static void on_cancelled(void *arg, const char *path)
{
    struct worker *worker = arg;
    size_t len = strlen(seat_name(worker->seat));
    if (strncmp(path, seat_name(worker->seat), len) != 0 || path[len] != '/')
        return;
    for (int i = 0; i < worker->options->jobs; i++) {
        struct hand *hand = worker->hands[i];
        if (hand && strcmp(claim_token(hand_claim(hand)), path + len + 1) == 0)
            hand_stop(hand, FAILURE_CANCELLED);
    }
}

/* ---- claim ---- */

static void spool_failed(struct worker *worker, const struct err *err)
{
    pause_for(worker, err->text);
    renew_seat(worker);
}

/* Of what waits in pending and deferred, and of what was dropped into inbox/, in turn: a hundred
 * thousand of one do not hold up the other. 0: neither has anything. */
static int next(struct worker *worker, struct claim **ret_claim, struct err *err)
{
    int r = 0;
    for (int i = 0; i < 2 && r == 0; i++) {
        worker->drops_turn = !worker->drops_turn;
        r = worker->drops_turn ? drops_next(worker->drops, worker->seat, ret_claim, err)
                               : queue_next(worker->queue, worker->seat, ret_claim, err);
    }
    return r;
}

static void claim_all(struct worker *worker)
{
    struct err err = { 0 };
    int r = queue_look(worker->queue, worker->seat, &err);
    if (r >= 0)
        r = drops_look(worker->drops, &err);
    r = r < 0 ? r : 1;
    for (int i = 0; i < CLAIMS_A_TURN && worker->busy < worker->options->jobs && r > 0; i++) {
        struct claim *claim = NULL;
        r = next(worker, &claim, &err);
        if (claim)
            take(worker, claim);
    }
    if (r < 0)
        spool_failed(worker, &err);
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
    struct backlog_share share = adopter_share(worker->adopter);
    queue_set_share(worker->queue, &share);
    drops_set_share(worker->drops, &share);
}

/* A look ends early so that beats and signals are not kept waiting; then the next one follows. */
static bool has_more_to_adopt(const struct worker *worker)
{
    return !worker->stopping && !worker->reason[0] && adopter_has_more(worker->adopter);
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
    beat(worker);
}

/* Nothing pending, due or running here, and nobody whose jobs may become ours in a moment: as the
 * newest look saw it, so that what came while the last job ran is not left. */
static bool is_drained(const struct worker *worker)
{
    return worker->busy == 0 && !worker->unsettled && worker->uncertain == 0 &&
           !cancels_is_open(worker->cancels) && queue_is_drained(worker->queue) &&
           drops_is_drained(worker->drops);
}

static int64_t until_next_ms(const struct worker *worker)
{
    if (has_more_to_adopt(worker))
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
        beat(worker);                       /* it was stopped for long: that it lives comes first */
    if (cancels_is_wanted(worker->cancels)) /* first, so that nothing is begun that nobody wants */
        look_at_cancels(worker);
    if (!worker->stopping && !worker->reason[0] && worker->busy < worker->options->jobs)
        claim_all(worker);
    conclude_ended(worker);
    sync_moved(worker);
    if (worker->stopping)
        return worker->busy > 0 && time_mono_ms() - worker->stopped_ms < STOP_MS;
    if (has_more_to_adopt(worker))
        on_adopt(worker, 0);
    if (worker->beat_wanted && time_mono_ms() - worker->beat_ms >= CHANGE_MS)
        beat(worker);
    keep_spares(worker);
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

/* ---- settings and pipelines anew ---- */

static void make_hands(struct worker *worker)
{
    int count = worker->options->jobs;
    if (count <= worker->hand_count)
        return;
    worker->hands = mem_resize(worker->hands, (size_t)count, sizeof(struct hand *));
    worker->ended = mem_resize(worker->ended, (size_t)count, sizeof(struct hand *));
    for (int i = worker->hand_count; i < count; i++)
        worker->hands[i] = NULL;
    worker->hand_count = count;
}

static struct queue_rules queue_rules_of(const struct worker_options *options)
{
    return (struct queue_rules){ .claim = { .settle_ms = options->rules.settle_ms,
                                            .input_wait_ms = options->rules.input_wait_ms },
                                 .rescan_ms = options->rescan_ms };
}

static void set_limits(struct worker *worker)
{
    worker->limits =
        (struct limits){ worker->reload.pipelines, worker->options->rules.default_pipeline,
                         worker->hands, worker->hand_count };
    struct queue_limits limits = limits_of(&worker->limits);
    queue_set_limits(worker->queue, &limits);
    struct queue_rules rules = queue_rules_of(worker->options);
    drops_set(worker->drops, &rules.claim, rules.rescan_ms, &worker->limits);
}

static int spares_of(const struct worker_options *options)
{
    return options->jobs < SPARES_MAX ? options->jobs : SPARES_MAX;
}

static void reload(struct worker *worker)
{
    struct err err = { 0 };
    if (reload_try(&worker->reload, &err) < 0) {
        log_error(LOG_FIELDS("hint", err.hint[0] ? err.hint : NULL),
                  "settings and pipelines stay as they were: %s", err.text);
        return;
    }
    struct queue_rules rules = queue_rules_of(worker->options);
    make_hands(worker);
    fs_set_durable(worker->options->durable);
    worker->context.pipelines = worker->reload.pipelines;
    runners_drop_spares(worker->runners); /* they know the old ones only */
    runners_set_spares(worker->runners, spares_of(worker->options));
    queue_set_rules(worker->queue, &rules);
    set_limits(worker);
    adopter_set_lease(worker->adopter, worker->options->lease_ms);
    lease_set(worker->lease, worker->options->lease_ms);
    log_info(LOG_NO_FIELDS, "settings and pipelines were read anew");
}

static void on_hangup(struct worker *worker)
{
    /* A worker that nobody sees any more must not run on for ever; nohup(1) says it shall. */
    if (worker->had_terminal && !proc_has_terminal())
        stop(worker, "SIGHUP: its terminal is gone");
    else if (!worker->stopping)
        reload(worker);
    beat(worker);
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
    watch_begin(worker);
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
    lease_free(&worker->lease);
    if (worker->unsettled)
        settle_again(&worker->context); /* what still stays in running/ is the next worker's */
    unsettled_free(&worker->unsettled);
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
    notice_last(worker->spool, name);
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
        .uncertain = 1, /* until the first look */
        .ends_ms = options->max_time_ms ? time_mono_ms() + options->max_time_ms : INT64_MAX,
    };
    reload_init(&worker.reload, options, pipelines);
    make_hands(&worker);
    struct queue_rules rules = queue_rules_of(options);
    worker.queue = queue_new(spool, &rules);
    worker.drops = drops_new(spool);
    worker.cancels = cancels_new(&worker.context, on_cancelled);
    set_limits(&worker);
    int r = lease_new(options->lease_ms, &worker.lease, err);
    if (r == 0)
        r = begin(&worker, err);
    if (r == 0) {
        struct runners_rules running = { worker.loop,        hand_body,    &worker.context,
                                         spares_of(options), worker.lease, hand_nursery };
        worker.runners = runners_new(&running);
        worker.context = (struct hand_context){
            .runners = worker.runners,
            .spool = spool,
            .seat = worker.seat,
            .pipelines = worker.reload.pipelines,
            .rules = &worker.options->rules,
            .attempt = options->attempt,
            .unsettled = &worker.unsettled,
            .on_fate = on_fate,
            .on_end = on_end,
            .arg = &worker,
        };
        fs_set_durable(worker.options->durable);
        log_ready(&worker);
        (void)look_at_spool(&worker);
        beat(&worker);
        while (worker_turn(&worker) && r == 0)
            r = loop_wait(worker.loop, until_next_ms(&worker), err);
    }
    *ret_tally = worker.tally;
    end(&worker);
    reload_release(&worker.reload);
    return r;
}
