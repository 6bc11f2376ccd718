/* worker_hands.c - what a worker claims and adopts, and what became of it. What to claim next is
 * the queue's; what becomes of a claim is the hand's. */
#include "worker/worker_private.h"

#include "base/cores.h"
#include "base/time.h"
#include "spool/claim.h"

#include <string.h>

enum {
    CLAIMS_A_TURN = 16, /* then the loop comes round: a beat must not wait for a list */
    CORES_MS = 1000,
};

void worker_on_fate(void *arg, enum hand_fate fate)
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
        queue_hint_at(worker->queue, PLACE_DEFERRED); /* it may be due at once */
        cancels_hint_deferred(worker->cancels);
        break;
    case FATE_WITHDRAWN:
    case FATE_STUCK:
    case FATE_MOVED:
        break;
    }
}

/* Who cancelled a job knows. */
void worker_on_record(void *arg, enum spool_place place, const char *name, const char *id,
                      const json_t *record)
{
    struct worker *worker = arg;
    if (strcmp(json_get_text(record, "status", ""), "cancelled") != 0)
        notify_ended(worker->notify, place, name, id);
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

void worker_on_end(void *arg, struct hand *hand)
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

void worker_conclude(struct worker *worker)
{
    for (int i = 0; i < worker->ended_count; i++) {
        hand_conclude(worker->ended[i]);
        hand_free(&worker->ended[i]);
    }
    worker->ended_count = 0;
    reload_sweep(&worker->reload, pipelines_are_used, worker);
}

void worker_sync_moved(struct worker *worker)
{
    int64_t due_ms = settle_sync_due_ms(worker->unsettled);
    if (due_ms != INT64_MAX && (worker->busy == 0 || time_mono_ms() >= due_ms))
        settle_sync(&worker->context);
}

/* They may change while it works (cpu.max, taskset), but to look costs as much as a claim. */
static int cores_for_all(struct worker *worker)
{
    if (worker->options->threads > 0)
        return worker->options->threads;
    int64_t now_ms = time_mono_ms();
    if (worker->cores == 0 || now_ms - worker->cores_ms >= CORES_MS) {
        worker->cores = cores_usable();
        worker->cores_ms = now_ms;
    }
    return worker->cores;
}

/* The cores are divided among the jobs that will run at once as far as that is known now: those in
 * hand, this one, and those that wait, at most --jobs, of which one is free. A job keeps what it
 * was given: what else becomes free is the next one's. So one job on an idle machine has all cores,
 * and of many that come together each has the same. */
static int share_of_cores(struct worker *worker)
{
    const struct worker_options *options = worker->options;
    int cores = cores_for_all(worker);
    int64_t sharers = worker->busy + 1 + queue_pending(worker->queue);
    if (sharers > options->jobs)
        sharers = options->jobs;
    return cores / sharers > 1 ? (int)(cores / sharers) : 1;
}

static void take(struct worker *worker, struct claim *claim)
{
    struct hand *hand = NULL;
    worker->context.threads = share_of_cores(worker);
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

void worker_keep_spares(struct worker *worker)
{
    struct err err = { 0 };
    if (!worker->reason[0])
        seat_make_token(worker->seat);
    if (runners_refill(worker->runners, &err) < 0)
        log_warn(LOG_NO_FIELDS, "no spare runner, jobs start later: %s", err.text);
}

void worker_on_cancelled(void *arg, const char *path)
{
    struct worker *worker = arg;
    size_t len = strlen(seat_name(worker->seat));
    if (strncmp(path, seat_name(worker->seat), len) != 0 || path[len] != '/')
        return;
    for (int i = 0; i < worker->hand_count; i++) {
        struct hand *hand = worker->hands[i];
        if (hand && strcmp(claim_token(hand_claim(hand)), path + len + 1) == 0)
            hand_stop(hand, FAILURE_CANCELLED);
    }
}

/* ---- claim ---- */

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

void worker_claim(struct worker *worker)
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
    if (r >= 0 && !worker->has_listed)
        worker->has_listed = worker->beat_wanted = true;
    claim_sync_jobs(worker->seat); /* while their runners begin */
    if (r < 0)
        worker_spool_failed(worker, &err);
}

/* ---- adoption ---- */

static void on_adopted(void *arg, struct claim *claim, const char *dead_worker)
{
    struct worker *worker = arg;
    hand_adopted(&worker->context, claim, dead_worker);
}

void worker_on_adopt(void *arg, uint32_t events)
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

bool worker_has_more_to_adopt(const struct worker *worker)
{
    return !worker->stopping && !worker->reason[0] && adopter_has_more(worker->adopter);
}
