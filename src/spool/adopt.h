/* adopt.h - take over what dead workers left.
 *
 *     adopter_new -> adopter_look every second or so -> adopter_free
 *
 * Death is told from heartbeats, as docs/spool.md, 5 says; an adopter remembers which beats it has
 * seen, and when, by its own clock. */
#ifndef TAKEUP_SPOOL_ADOPT_H
#define TAKEUP_SPOOL_ADOPT_H

#include "spool/backlog.h"
#include "spool/claim.h"

struct adopter;

struct adopt_rules {
    int64_t lease_ms; /* 60000 */
    int64_t still_ms; /* 3000: how long the beat must have been seen unchanged */
};

int adopter_new(struct seat *seat, const struct adopt_rules *rules, struct adopter **ret_adopter,
                struct err *err);
void adopter_set_lease(struct adopter *adopter, int64_t lease_ms);
void adopter_free(struct adopter **adopter);

/* One job taken over: it lies in running/ME as a claim that has a `lost` line in attempts.jsonl if
 * a runner had been started. The callee owns the claim, and defers or publishes it. */
typedef void adopt_fn(void *arg, struct claim *claim, const char *dead_worker);

/* Looks at all heartbeats and directories in running/. Calls fn for each job adopted: those of the
 * dead, and with this worker's own name those that it lost sight of (seat_doubt). Removes the
 * debris of the dead, and their heartbeats but for the newest. Returns how many workers and
 * directories there are that look like work to come (look again soon), or negative. */
int adopter_look(struct adopter *adopter, adopt_fn *fn, void *arg, struct err *err);
/* Did the last look end before all was taken over, so that the worker can beat? Then look again at
 * once. */
bool adopter_has_more(const struct adopter *adopter);

/* The rank of this worker among those that were seen to claim, or to be able to. One whose hands
 * are full is none of them, or the jobs in its share would wait for it behind all others. */
struct backlog_share adopter_share(const struct adopter *adopter);

#endif
