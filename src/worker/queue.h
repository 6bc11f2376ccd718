/* queue.h - what a worker claims next, and when it looks again.
 *
 *     queue_new -> (queue_look -> queue_next …) … -> queue_free
 *
 * A hint only requests a look; the directory is the truth. The queue claims; what becomes of a
 * claim is its caller's. Nothing here waits. */
#ifndef TAKEUP_WORKER_QUEUE_H
#define TAKEUP_WORKER_QUEUE_H

#include "spool/claim.h"
#include "worker/untaken.h"

#include <stdbool.h>
#include <stdint.h>

struct queue;

struct queue_rules {
    struct claim_rules claim;
    int64_t rescan_ms; /* the longest time between two looks; 0: 10 s, 1 s on a remote filesystem */
};

/* The spool is borrowed and outlives it. */
struct queue *queue_new(struct spool *spool, const struct queue_rules *rules);
void queue_free(struct queue **queue);
/* In force from now on; the next look is at once. */
void queue_set_rules(struct queue *queue, const struct queue_rules *rules);

/* Something may have come. */
void queue_hint(struct queue *queue);

/* Lists if that is wanted or due. Negative: the spool failed; the next look is due in a second. */
int queue_look(struct queue *queue, struct seat *seat, struct err *err);

/* Tries the next name. 1: *ret_claim is yours, or NULL: that one could not be had, the next one may
 * be. 0: all names are spent. Negative: the spool failed, and what was listed is forgotten. */
int queue_next(struct queue *queue, struct seat *seat, struct claim **ret_claim, struct err *err);

/* By the monotonic clock: when there is something to be done here. In the past: now. */
int64_t queue_due_ms(const struct queue *queue);

/* Nothing was there as of the newest look, nor is there anything to wait for. What the system does
 * not let us take is no reason to stay: it is told, and a later run may have better luck. */
bool queue_is_drained(const struct queue *queue);
/* For who ends when it is drained: once all names are spent, another look tells whether that was
 * all, at once if something was taken, a little later if something waits. */
void queue_drain(struct queue *queue);

int64_t queue_pending(const struct queue *queue); /* as last listed */
/* Borrowed until the next call. */
const struct untaken *queue_untaken(const struct queue *queue);

#endif
