/* worker_spool.c - is the spool there, and are we still somebody in it? A spool that fails does not
 * end the worker: it is `paused`, says why, and tries again. */
#include "worker/worker_private.h"

#include "base/fs.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

/* ---- paused or not ---- */

static void pause_for(struct worker *worker, const char *reason)
{
    if (strcmp(worker->reason, reason) == 0)
        return;
    (void)snprintf(worker->reason, sizeof(worker->reason), "%s", reason);
    log_error(LOG_NO_FIELDS, "paused, nothing is claimed: %s", reason);
}

static void on_hint(void *arg, enum spool_place place, const char *file_name)
{
    struct worker *worker = arg;
    if (place == PLACE_CANCEL)
        cancels_hint(worker->cancels);
    else if (place == PLACE_INBOX)
        drops_hint(worker->drops);
    else if (file_name)
        queue_hint_file(worker->queue, place, file_name);
    else
        queue_hint_at(worker->queue, place);
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

void worker_watch(struct worker *worker)
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
    worker_watch(worker);
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

bool worker_look_at_spool(struct worker *worker)
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

/* Others have the jobs of all hands: what is still made here can be published by nobody. */
static void stop_lost_hands(struct worker *worker)
{
    for (int i = 0; i < worker->hand_count; i++)
        if (worker->hands[i])
            hand_stop(worker->hands[i], FAILURE_SHUTDOWN);
}

void worker_renew_seat(struct worker *worker)
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

void worker_spool_failed(struct worker *worker, const struct err *err)
{
    pause_for(worker, err->text);
    worker_renew_seat(worker);
}
