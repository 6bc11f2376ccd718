/* drops.h - files that are dropped into inbox/PIPELINE/, for the worker: looked at, claimed, told.
 *
 *     drops_new -> (drops_look -> drops_next …) … -> drops_free
 *
 * Like queue.h, for the other source of jobs. */
#ifndef TAKEUP_WORKER_DROPS_H
#define TAKEUP_WORKER_DROPS_H

#include "spool/backlog.h"
#include "spool/claim.h"
#include "worker/limits.h"
#include "worker/queue.h"
#include "worker/untaken.h"
#include "worker/watch.h"

#include <stdbool.h>
#include <stdint.h>

struct drops;

/* The spool is borrowed and outlives it. drops_set comes next. */
struct drops *drops_new(struct spool *spool);
void drops_free(struct drops **drops);
/* In force from now on: makes inbox/ID for each pipeline that can be used (one that cannot be made
 * is logged), and looks at all anew. limits, and what is in them, stay the caller's. rescan_ms 0:
 * 10 s, 1 s on a remote filesystem. */
void drops_set(struct drops *drops, const struct claim_rules *rules, int64_t rescan_ms,
               struct limits *limits);
/* Watches all folders with this watch (borrowed; or NULL) from now on, and looks at all anew: at
 * the start, and when the spool was opened anew. */
void drops_begin(struct drops *drops, struct watch *watch);

/* Something may have come. */
void drops_hint(struct drops *drops);
/* A piece of the work that is due. Negative: the spool failed. */
int drops_look(struct drops *drops, struct err *err);
/* As queue_next. */
int drops_next(struct drops *drops, struct seat *seat, struct claim **ret_claim, struct err *err);
/* As queue_set_share, for as long as nothing else is said. */
void drops_set_share(struct drops *drops, const struct backlog_share *share);
int64_t drops_due_ms(const struct drops *drops);
/* Nothing that time would bring is there, as of a look at all after the last claim. */
bool drops_is_drained(const struct drops *drops);
/* For who ends when it is drained: asks for that look. */
void drops_drain(struct drops *drops);
/* What there was to take and was taken, or was gone. */
struct queue_counts drops_counts(const struct drops *drops);
/* Borrowed until the next call. */
const struct untaken *drops_untaken(const struct drops *drops);

#endif
