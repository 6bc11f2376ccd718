/* What may go wrong here is mostly that something is not noticed. So:
 *
 * - inotify, a free runner, a due time, the rescan timer only set `look_wanted`. A look lists
 *   everything anew; what it found is then claimed in order, and a name that is gone meanwhile is
 *   no error.
 * - A name that is there but cannot be taken yet (half written, unreadable) makes the next look
 *   come sooner, since time, and no event, may be what it waits for. */
#include "worker/queue.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/scan.h"

#include <stdlib.h>
#include <string.h>

enum {
    RESCAN_LOCAL_MS = 10 * 1000,
    RESCAN_REMOTE_MS = 1000,
    RETRY_FIRST_MS = 500, /* after a name that could not be taken; doubles */
    RETRY_MAX_MS = 2000,
    LANES = COUNT(((struct scan *)0)->lane),
    LOWER_EVERY = 8, /* one claim in so many goes to the next lower lane, so that none starves */
};

struct queue {
    struct spool *spool;
    struct queue_rules rules;

    bool look_wanted;
    int64_t look_at_ms; /* by the monotonic clock: the latest time of the next look */
    int64_t retry_ms;
    struct scan scan; /* what was found, and how far it is claimed: */
    size_t lane_at[LANES], due_at;
    unsigned claims;
    bool looked;        /* at least once, whole */
    int taken, waiting; /* of the newest look: claimed; not whole yet */
    int64_t pending;    /* as last listed */
    struct untaken untaken;
};

struct queue *queue_new(struct spool *spool, const struct queue_rules *rules)
{
    struct queue *queue = MEM_NEW(struct queue);
    queue->spool = spool;
    queue->rules = *rules;
    queue->look_wanted = true;
    queue->retry_ms = RETRY_FIRST_MS;
    return queue;
}

void queue_set_rules(struct queue *queue, const struct queue_rules *rules)
{
    queue->rules = *rules;
    queue->look_wanted = true;
}

void queue_free(struct queue **queue)
{
    if (!*queue)
        return;
    scan_release(&(*queue)->scan);
    untaken_release(&(*queue)->untaken);
    free(*queue);
    *queue = NULL;
}

void queue_hint(struct queue *queue)
{
    queue->look_wanted = true;
}

/* ---- look ---- */

static void forget_list(struct queue *queue)
{
    scan_release(&queue->scan);
    memset(queue->lane_at, 0, sizeof(queue->lane_at));
    queue->due_at = 0;
}

static void look_by(struct queue *queue, int64_t at_ms)
{
    if (at_ms < queue->look_at_ms)
        queue->look_at_ms = at_ms;
}

static int list(struct queue *queue, struct seat *seat, struct err *err)
{
    int64_t now_ms;
    forget_list(queue);
    queue->taken = queue->waiting = 0;
    untaken_scan_begins(&queue->untaken);
    queue->looked = false;
    int64_t rescan_ms = queue->rules.rescan_ms                   ? queue->rules.rescan_ms
                        : fs_is_remote(spool_root(queue->spool)) ? RESCAN_REMOTE_MS
                                                                 : RESCAN_LOCAL_MS;
    queue->look_at_ms = time_mono_ms() + rescan_ms;
    queue->look_wanted = false;
    int r = spool_now_ms(queue->spool, seat_name(seat), &now_ms, err);
    if (r == 0)
        r = scan_spool(queue->spool, now_ms / 1000, &queue->scan, err);
    if (r < 0) {
        queue->look_at_ms = time_mono_ms() + RESCAN_REMOTE_MS;
        return r;
    }
    queue->looked = true;
    queue->pending = 0;
    for (size_t i = 0; i < LANES; i++)
        queue->pending += (int64_t)queue->scan.lane[i].count;
    if (queue->scan.next_due_s != INT64_MAX)
        look_by(queue, time_mono_ms() + queue->scan.next_due_s * 1000 - now_ms);
    return 0;
}

int queue_look(struct queue *queue, struct seat *seat, struct err *err)
{
    bool over_time = time_mono_ms() >= queue->look_at_ms;
    if (!queue->look_wanted && !over_time)
        return 0;
    if (over_time && queue->retry_ms < RETRY_MAX_MS)
        queue->retry_ms *= 2;
    return list(queue, seat, err);
}

/* ---- claim ---- */

/* The lane whose turn it is: the highest that has names, but now and then the one below it. */
static int pick_lane(const struct queue *queue)
{
    int first = -1;
    for (int i = 0; i < (int)LANES; i++) {
        if (queue->lane_at[i] >= queue->scan.lane[i].count)
            continue;
        if (first >= 0)
            return i;
        first = i;
        if ((queue->claims + 1) % LOWER_EVERY != 0)
            return first;
    }
    return first;
}

static bool is_spent(const struct queue *queue)
{
    return queue->due_at >= queue->scan.due.count && pick_lane(queue) < 0;
}

/* A name that is there and stays: told, and tried again soon. One that the system refuses (ERR_IO)
 * is nothing to wait for; one that is not whole yet is. */
static void leave(struct queue *queue, enum spool_place place, const char *name,
                  const struct err *why)
{
    untaken_note(&queue->untaken, place, name, why->text);
    queue->waiting += why->kind != ERR_IO;
    look_by(queue, time_mono_ms() + queue->retry_ms);
}

static int claim_next(struct queue *queue, struct seat *seat, struct claim **ret_claim,
                      struct err *err)
{
    int lane = pick_lane(queue), r;
    bool has_due = queue->due_at < queue->scan.due.count;
    if (!has_due && lane < 0)
        return 0;
    /* Due ones and new ones in turn, so that many jobs without input do not hold up the rest. */
    bool takes_due = has_due && (lane < 0 || queue->claims % 2 == 0);
    const char *name = takes_due ? queue->scan.due.names[queue->due_at++]
                                 : queue->scan.lane[lane].names[queue->lane_at[lane]++];
    enum spool_place place = takes_due ? PLACE_DEFERRED : scan_lanes[lane];
    r = takes_due ? claim_deferred(seat, name, ret_claim, err)
                  : claim_pending(seat, place, name, &queue->rules.claim, ret_claim, err);
    queue->claims++;
    if (r < 0)
        return r;
    if (r == 0 && err->kind != ERR_NONE)
        leave(queue, place, name, err);
    else
        queue->pending -= !takes_due; /* ours now, or somebody else's */
    if (r > 0) {
        queue->retry_ms = RETRY_FIRST_MS;
        queue->taken++;
    }
    return 1;
}

int queue_next(struct queue *queue, struct seat *seat, struct claim **ret_claim, struct err *err)
{
    *ret_claim = NULL;
    int r = claim_next(queue, seat, ret_claim, err);
    if (r == 0)
        untaken_list_spent(&queue->untaken);
    if (r < 0) {
        queue->look_at_ms = time_mono_ms() + RESCAN_REMOTE_MS;
        forget_list(queue);
    }
    return r;
}

/* ---- what others ask ---- */

int64_t queue_due_ms(const struct queue *queue)
{
    return queue->look_wanted || !is_spent(queue) ? 0 : queue->look_at_ms;
}

bool queue_is_drained(const struct queue *queue)
{
    return queue->looked && !queue->look_wanted && is_spent(queue) && queue->taken == 0 &&
           queue->waiting == 0;
}

void queue_drain(struct queue *queue)
{
    if (is_spent(queue) && !queue_is_drained(queue))
        look_by(queue, time_mono_ms() + (queue->taken > 0 ? 0 : queue->retry_ms));
}

int64_t queue_pending(const struct queue *queue)
{
    return queue->pending;
}

const struct untaken *queue_untaken(const struct queue *queue)
{
    return &queue->untaken;
}
