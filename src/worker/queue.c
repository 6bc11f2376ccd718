/* What may go wrong here is mostly that something is not noticed. So:
 *
 * - inotify, a free runner, a due time, the rescan timer only request a look. A look lists what may
 *   have changed (spool/backlog.h); what it found is then claimed in order, and a name that is gone
 *   meanwhile is no error.
 * - A name that is there but cannot be taken yet (half written, unreadable) is tried again soon,
 *   since time, and no event, may be what it waits for. */
#include "worker/queue.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/pending.h"

#include <stdlib.h>
#include <string.h>

enum {
    RESCAN_LOCAL_MS = 10 * 1000,
    RESCAN_REMOTE_MS = 1000,
    RETRY_FIRST_MS = 500, /* after a name that could not be taken; doubles */
    RETRY_MAX_MS = 2000,
    RETRY_AT_ONCE = 64,   /* no more than these are tried again at each event */
    CLOCK_MS = 60 * 1000, /* how long the spool's clock is taken to run like ours */
    LOWER_EVERY = 8,      /* one claim in so many goes to a lower lane, so that none starves */
    MISSES = 16,          /* so many names gone in a row: the list is worth nothing */
};

struct queue {
    struct spool *spool;
    struct queue_rules rules;
    struct queue_limits limits;
    struct backlog backlogs[SCAN_PLACES];
    struct backlog_share share;

    bool hinted; /* at some of the places: */
    bool hinted_at[SCAN_PLACES];
    bool offered; /* what was hinted at is one file, and that is in its backlog */
    bool looked;  /* at all, and nothing was put off */
    int64_t look_at_ms, retry_at_ms; /* by the monotonic clock */
    int64_t retried_ms, retry_ms;
    int64_t clock_ms, ahead_ms; /* the spool's clock: when read, and by how much ahead of ours */

    unsigned lane_turn[SCAN_LANES], due_turn;
    int held;   /* the group for which the newest name was held; negative: it was not */
    int taken;  /* since the newest look at everything */
    int misses; /* in a row */
    struct queue_counts counts;
    struct untaken untaken;
};

struct pick {
    size_t place, i;
};

static bool hold(void *arg, const struct job *job)
{
    struct queue *queue = arg;
    queue->held = queue->limits.group_of(queue->limits.arg, job);
    if (queue->held >= 0 && !queue->limits.is_full(queue->limits.arg, (size_t)queue->held))
        queue->held = -1;
    return queue->held >= 0;
}

struct queue *queue_new(struct spool *spool, const struct queue_rules *rules)
{
    struct queue *queue = MEM_NEW(struct queue);
    queue->spool = spool;
    queue->rules = *rules;
    queue_hint(queue);
    queue->retry_ms = RETRY_FIRST_MS;
    queue->held = -1;
    for (size_t i = 0; i < SCAN_PLACES; i++)
        backlog_init(&queue->backlogs[i], spool, scan_places[i]);
    return queue;
}

void queue_set_rules(struct queue *queue, const struct queue_rules *rules)
{
    struct claim_rules claim = queue->rules.claim;
    queue->rules = *rules;
    queue->rules.claim.hold = claim.hold;
    queue->rules.claim.arg = claim.arg;
    queue_hint(queue);
}

void queue_free(struct queue **queue)
{
    if (!*queue)
        return;
    for (size_t i = 0; i < SCAN_PLACES; i++)
        backlog_release(&(*queue)->backlogs[i]);
    untaken_release(&(*queue)->untaken);
    free(*queue);
    *queue = NULL;
}

void queue_set_limits(struct queue *queue, const struct queue_limits *limits)
{
    queue->limits = *limits;
    if (queue->limits.groups > BACKLOG_GROUPS)
        queue->limits.groups = BACKLOG_GROUPS;
    queue->rules.claim.hold = limits->groups ? hold : NULL;
    queue->rules.claim.arg = queue;
    for (size_t i = 0; i < SCAN_PLACES; i++)
        backlog_let_go(&queue->backlogs[i]);
}

void queue_set_share(struct queue *queue, const struct backlog_share *share)
{
    queue->share = *share;
}

void queue_hint(struct queue *queue)
{
    for (size_t i = 0; i < SCAN_PLACES; i++)
        queue_hint_at(queue, scan_places[i]);
}

void queue_hint_at(struct queue *queue, enum spool_place place)
{
    for (size_t i = 0; i < SCAN_PLACES; i++)
        queue->hinted_at[i] |= scan_places[i] == place;
    queue->hinted = true;
    queue->offered = false;
}

void queue_hint_file(struct queue *queue, enum spool_place place, const char *file_name)
{
    bool first = !queue->hinted;
    queue_hint_at(queue, place);
    /* Not the lowest lane, which must not overtake what a look would find in those above it. */
    for (size_t i = 0; first && i < SCAN_LANES - 1; i++)
        if (scan_places[i] == place)
            queue->offered = backlog_offer(&queue->backlogs[i], file_name);
}

/* ---- look ---- */

static void look_by(struct queue *queue, int64_t at_ms)
{
    if (at_ms < queue->look_at_ms)
        queue->look_at_ms = at_ms;
}

/* Reading the spool's clock makes a file, so it is only done where something is deferred, and not
 * often. */
static int read_clock(struct queue *queue, struct seat *seat, struct err *err)
{
    int64_t now_ms = time_mono_ms(), spool_ms;
    if (names_left(&queue->backlogs[SCAN_DEFERRED].scan.names) == 0 ||
        (queue->clock_ms && now_ms - queue->clock_ms < CLOCK_MS))
        return 0;
    int r = spool_now_ms(queue->spool, seat_name(seat), &spool_ms, err);
    if (r == 0) {
        queue->clock_ms = now_ms;
        queue->ahead_ms = spool_ms - now_ms;
    }
    return r;
}

static uint64_t due_key(const struct queue *queue)
{
    int64_t now_s = (time_mono_ms() + queue->ahead_ms) / 1000;
    return now_s < 0 ? 0 : (uint64_t)now_s;
}

static size_t untaken_count(const struct queue *queue)
{
    size_t count = 0;
    for (size_t i = 0; i < SCAN_PLACES; i++)
        count += queue->backlogs[i].left + queue->backlogs[i].refused;
    return count;
}

/* Names that could not be had get another try. */
static void retry(struct queue *queue, int64_t now_ms)
{
    size_t count = untaken_count(queue);
    bool over_time = now_ms >= queue->retry_at_ms;
    bool at_once =
        queue->hinted && (count <= RETRY_AT_ONCE || now_ms - queue->retried_ms >= RETRY_MAX_MS);
    if (!over_time && !at_once)
        return;
    if (over_time && count > 0 && queue->retry_ms < RETRY_MAX_MS)
        queue->retry_ms *= 2;
    untaken_scan_begins(&queue->untaken);
    for (size_t i = 0; i < SCAN_PLACES; i++)
        backlog_retry(&queue->backlogs[i]);
    queue->retried_ms = now_ms;
    queue->retry_at_ms = INT64_MAX;
}

/* Of a place of which nothing was heard it is enough that its mtime says nothing either. */
static int look_at_all(struct queue *queue, bool over_time, struct err *err)
{
    queue->looked = true;
    for (size_t i = 0; i < SCAN_PLACES; i++) {
        queue->looked = queue->looked && (over_time || queue->hinted_at[i]);
        enum backlog_cause cause = queue->hinted_at[i] ? BACKLOG_EVENT
                                   : over_time         ? BACKLOG_RESCAN
                                                       : BACKLOG_CLAIM;
        int r = backlog_look(&queue->backlogs[i], cause, time_mono_us(), err);
        if (r < 0)
            return r;
        queue->looked = queue->looked && !queue->backlogs[i].stale;
        queue->hinted_at[i] = false;
    }
    return 0;
}

static int64_t list_due_ms(const struct queue *queue)
{
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; i < SCAN_PLACES; i++)
        if (backlog_due_us(&queue->backlogs[i]) < due_us)
            due_us = backlog_due_us(&queue->backlogs[i]);
    return due_us == INT64_MAX ? due_us : due_us / 1000 + 1;
}

int queue_look(struct queue *queue, struct seat *seat, struct err *err)
{
    int64_t now_ms = time_mono_ms();
    bool over_time = now_ms >= queue->look_at_ms;
    if (queue->offered && !over_time) {
        queue->offered = queue->looked = false; /* the list comes the next time */
        return 0;
    }
    queue->offered = false;
    retry(queue, now_ms);
    if (!queue->hinted && !over_time && now_ms < list_due_ms(queue))
        return 0;
    if (over_time)
        queue->taken = 0;
    int r = look_at_all(queue, over_time, err);
    if (r == 0)
        r = read_clock(queue, seat, err);
    queue->hinted = false;
    if (r == 0 && !over_time) /* it was not a look at everything */
        return 0;
    int64_t rescan_ms = r < 0                       ? RESCAN_REMOTE_MS
                        : queue->rules.rescan_ms    ? queue->rules.rescan_ms
                        : queue->backlogs[0].remote ? RESCAN_REMOTE_MS
                                                    : RESCAN_LOCAL_MS;
    queue->look_at_ms = time_mono_ms() + rescan_ms;
    if (r < 0)
        queue->looked = false;
    return r;
}

/* ---- which is next ---- */

static ssize_t peek_held(struct queue *queue, struct backlog *backlog)
{
    for (size_t group = 0; backlog->held_count > 0 && group < queue->limits.groups; group++)
        if (backlog->held[group] > 0 && !queue->limits.is_full(queue->limits.arg, group))
            return backlog_peek_held(backlog, group);
    return -1;
}

static bool peek(struct queue *queue, size_t place, struct pick *ret_pick)
{
    struct backlog *backlog = &queue->backlogs[place];
    uint64_t max_key = place == SCAN_DEFERRED ? due_key(queue) : UINT64_MAX;
    ssize_t i = peek_held(queue, backlog); /* they were before all that waits */
    if (i < 0)
        i = backlog_peek(backlog, &queue->share, max_key);
    if (i >= 0 && !backlog->rest_listed && backlog_is_of_rest(backlog, (size_t)i)) {
        (void)backlog_look(backlog, BACKLOG_SPENT, time_mono_us(), NULL);
        backlog->rest_listed = true;
        i = backlog_peek(backlog, &queue->share, max_key);
    }
    *ret_pick = (struct pick){ place, (size_t)i };
    return i >= 0;
}

/* The highest lane that has names, but now and then one below it. */
static bool pick_lane(struct queue *queue, size_t lane, struct pick *ret_pick)
{
    struct pick lower;
    if (lane == SCAN_LANES)
        return false;
    if (!peek(queue, lane, ret_pick))
        return pick_lane(queue, lane + 1, ret_pick);
    if (++queue->lane_turn[lane] % LOWER_EVERY == 0 && pick_lane(queue, lane + 1, &lower))
        *ret_pick = lower;
    return true;
}

/* Due ones and new ones in turn, so that neither holds up the other. */
static bool pick_next(struct queue *queue, struct pick *ret_pick)
{
    struct pick due;
    bool has_due = peek(queue, SCAN_DEFERRED, &due);
    if (has_due && ++queue->due_turn % 2 == 0) {
        *ret_pick = due;
        return true;
    }
    if (pick_lane(queue, 0, ret_pick))
        return true;
    *ret_pick = due;
    return has_due;
}

static bool is_spent(struct queue *queue)
{
    struct pick pick;
    for (size_t i = 0; i < SCAN_PLACES; i++)
        if (peek(queue, i, &pick))
            return false;
    return true;
}

/* ---- claim ---- */

static bool is_any_full(const struct queue *queue)
{
    for (size_t i = 0; i < queue->limits.groups; i++)
        if (queue->limits.is_full(queue->limits.arg, i))
            return true;
    return false;
}

static int try_claim(struct queue *queue, struct seat *seat, const struct pick *pick,
                     struct claim **ret_claim, struct err *err)
{
    const char *name = backlog_name(&queue->backlogs[pick->place], pick->i);
    queue->held = -1;
    if (pick->place != SCAN_DEFERRED)
        return claim_pending(seat, scan_places[pick->place], name, &queue->rules.claim, ret_claim,
                             err);
    if (is_any_full(queue)) {
        CLEANUP(job_free) struct job *job = NULL;
        *err = (struct err){ 0 };
        if (pending_deferred_job(spool_dir(queue->spool, PLACE_DEFERRED), name, &job) == 1 &&
            hold(queue, job))
            return 0;
    }
    return claim_deferred(seat, name, ret_claim, err);
}

static void put_off(struct queue *queue, const struct pick *pick, unsigned mark)
{
    backlog_mark(&queue->backlogs[pick->place], pick->i, mark);
    int64_t again_ms = time_mono_ms() + queue->retry_ms;
    if (again_ms < queue->retry_at_ms)
        queue->retry_at_ms = again_ms;
}

/* A name that is there and stays: told, and tried again soon. One that the system refuses (ERR_IO)
 * is nothing to wait for; one that is not whole yet is. */
static void leave(struct queue *queue, const struct pick *pick, const struct err *why)
{
    const struct backlog *backlog = &queue->backlogs[pick->place];
    untaken_note(&queue->untaken, backlog->place, backlog_name(backlog, pick->i), why->text);
    put_off(queue, pick, why->kind == ERR_IO ? BACKLOG_REFUSED : BACKLOG_LEFT);
}

static void spend(struct queue *queue, const struct pick *pick)
{
    struct backlog *backlog = &queue->backlogs[pick->place];
    untaken_gone(&queue->untaken, backlog->place, backlog_name(backlog, pick->i));
    backlog_mark(backlog, pick->i, NAMES_SPENT);
}

static void miss(struct queue *queue, const struct pick *pick)
{
    struct backlog *backlog = &queue->backlogs[pick->place];
    queue->counts.missed++;
    spend(queue, pick);
    if (++queue->misses % MISSES == 0)
        (void)backlog_look(backlog, BACKLOG_SPENT, time_mono_us(), NULL);
}

static void took(struct queue *queue, const struct pick *pick)
{
    spend(queue, pick);
    queue->counts.claims++;
    queue->taken++;
    queue->misses = 0;
    queue->retry_ms = RETRY_FIRST_MS;
}

int queue_next(struct queue *queue, struct seat *seat, struct claim **ret_claim, struct err *err)
{
    struct pick pick;
    *ret_claim = NULL;
    /* high/ may have got something since; that costs one fstat. */
    int r = backlog_look(&queue->backlogs[0], BACKLOG_CLAIM, time_mono_us(), err);
    if (r < 0)
        return r;
    if (!pick_next(queue, &pick)) {
        untaken_list_spent(&queue->untaken);
        return 0;
    }
    r = try_claim(queue, seat, &pick, ret_claim, err);
    if (r > 0)
        took(queue, &pick);
    else if (r < 0)
        put_off(queue, &pick, BACKLOG_LEFT); /* or it would be the first again, for ever */
    else if (queue->held >= 0)
        backlog_mark(&queue->backlogs[pick.place], pick.i, BACKLOG_HELD + (unsigned)queue->held);
    else if (err->kind != ERR_NONE)
        leave(queue, &pick, err);
    else
        miss(queue, &pick);
    return r < 0 ? r : 1;
}

/* ---- what others ask ---- */

/* By our clock: when the first of the deferred is due. */
static int64_t deferred_due_ms(struct queue *queue)
{
    uint64_t key = backlog_first_key(&queue->backlogs[SCAN_DEFERRED]);
    return key > INT64_MAX / 2000 ? INT64_MAX : (int64_t)key * 1000 - queue->ahead_ms;
}

int64_t queue_due_ms(struct queue *queue)
{
    if (queue->hinted || !is_spent(queue))
        return 0;
    int64_t due_ms = queue->look_at_ms;
    const int64_t others[] = { queue->retry_at_ms, deferred_due_ms(queue), list_due_ms(queue) };
    for (size_t i = 0; i < COUNT(others); i++)
        if (others[i] < due_ms)
            due_ms = others[i];
    return due_ms;
}

bool queue_is_drained(struct queue *queue)
{
    for (size_t i = 0; i < SCAN_PLACES; i++)
        if (queue->backlogs[i].left + queue->backlogs[i].held_count > 0)
            return false;
    return queue->looked && !queue->hinted && queue->taken == 0 && is_spent(queue);
}

void queue_drain(struct queue *queue)
{
    if (is_spent(queue) && !queue_is_drained(queue))
        look_by(queue, time_mono_ms() + (queue->taken > 0 ? 0 : queue->retry_ms));
}

int64_t queue_pending(const struct queue *queue)
{
    int64_t pending = 0;
    for (size_t i = 0; i < SCAN_LANES; i++)
        pending += (int64_t)names_left(&queue->backlogs[i].scan.names);
    return pending;
}

struct queue_counts queue_counts(const struct queue *queue)
{
    return queue->counts;
}

const struct untaken *queue_untaken(const struct queue *queue)
{
    return &queue->untaken;
}

void queue_scans(const struct queue *queue, const struct scan *ret_scans[SCAN_PLACES])
{
    for (size_t i = 0; i < SCAN_PLACES; i++)
        ret_scans[i] = &queue->backlogs[i].scan;
}
