/* queue.h - what a worker claims next, and when it looks again.
 *
 *     queue_new -> (queue_look -> queue_next …) … -> queue_free
 *
 * A hint only requests a look; the directory is the truth. The queue claims; what becomes of a
 * claim is its caller's. Nothing here waits. */
#ifndef TAKEUP_WORKER_QUEUE_H
#define TAKEUP_WORKER_QUEUE_H

#include "spool/backlog.h"
#include "spool/claim.h"
#include "worker/untaken.h"

#include <stdbool.h>
#include <stdint.h>

struct queue;

struct queue_rules {
    struct claim_rules claim; /* `hold` is the queue's own: see limits */
    int64_t rescan_ms; /* the longest time between two looks; 0: 10 s, 1 s on a remote filesystem */
};

/* Groups of jobs (those of one pipeline) of which only so many are run at a time. A job whose group
 * is full is not claimed, and stops none behind it. */
struct queue_limits {
    size_t groups; /* at most BACKLOG_GROUPS */
    /* Negative: none. */
    int (*group_of)(void *arg, const struct job *job);
    bool (*is_full)(void *arg, size_t group);
    void *arg;
};

struct queue_counts {
    int64_t claims; /* jobs taken */
    int64_t missed; /* names that were gone when their turn came: others had taken them */
};

/* The spool is borrowed and outlives it. */
struct queue *queue_new(struct spool *spool, const struct queue_rules *rules);
void queue_free(struct queue **queue);
/* In force from now on; the next look is at once. */
void queue_set_rules(struct queue *queue, const struct queue_rules *rules);
/* Borrowed: arg. The groups may be others than before. */
void queue_set_limits(struct queue *queue, const struct queue_limits *limits);
/* Which names it is to take first, as long as others do so too. */
void queue_set_share(struct queue *queue, const struct backlog_share *share);

/* Something may have come. */
void queue_hint(struct queue *queue);
/* The same for one place only; PLACE_DEFERRED, or a lane. */
void queue_hint_at(struct queue *queue, enum spool_place place);

/* The same, and it is this file, as far as is known. A hint all the same, and a listing follows;
 * but where nothing waits the file need not wait for that. */
void queue_hint_file(struct queue *queue, enum spool_place place, const char *file_name);

/* Lists what may have changed, if a look is wanted or due. Negative: the spool failed; the next
 * look is due in a second. */
int queue_look(struct queue *queue, struct seat *seat, struct err *err);

/* Tries the next name. 1: *ret_claim is yours, or NULL: that one could not be had, the next one may
 * be. 0: all names are spent. Negative: the spool failed. */
int queue_next(struct queue *queue, struct seat *seat, struct claim **ret_claim, struct err *err);

/* By the monotonic clock: when there is something to be done here. In the past: now. */
int64_t queue_due_ms(struct queue *queue);

/* Nothing was there as of the newest look, nor is there anything to wait for. What the system does
 * not let us take is no reason to stay: it is told, and a later run may have better luck. */
bool queue_is_drained(struct queue *queue);
/* For who ends when it is drained: once all names are spent, another look tells whether that was
 * all, at once if something was taken, a little later if something waits. */
void queue_drain(struct queue *queue);

int64_t queue_pending(const struct queue *queue); /* as last listed */
struct queue_counts queue_counts(const struct queue *queue);
/* Borrowed until the next call. */
const struct untaken *queue_untaken(const struct queue *queue);
/* What is listed, in the order of scan_places; borrowed until the next look. */
void queue_scans(const struct queue *queue, const struct scan *ret_scans[SCAN_PLACES]);

#endif
