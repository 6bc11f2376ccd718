/* backlog.h - the jobs that wait in one directory: listed when they may have changed, taken in
 * order.
 *
 *     backlog_init -> (backlog_look -> backlog_peek -> backlog_mark …) … -> backlog_release
 *
 * Listing a million names takes a second, so it is done seldom: docs/spool.md, "inotify is a hint".
 * What was found out about a name (held, left) outlives the next listing. Times are microseconds of
 * the monotonic clock, given by the caller. */
#ifndef TAKEUP_SPOOL_BACKLOG_H
#define TAKEUP_SPOOL_BACKLOG_H

#include "spool/scan.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Marks beyond those of names.h. */
enum {
    BACKLOG_LEFT = NAMES_SPENT + 1, /* not to be had now; time may help */
    BACKLOG_REFUSED,                /* the system does not let us */
    BACKLOG_HELD,                   /* + group: nothing is wrong, its group is at its limit */
    BACKLOG_GROUPS = NAMES_MARK_MAX - BACKLOG_HELD,
};

/* Which names are to be taken first, when several workers share a spool. */
struct backlog_share {
    uint32_t rank, workers; /* rank < workers; of fewer than 2 workers: all names */
};
bool backlog_share_has(const struct backlog_share *share, const char *name);

struct backlog {
    const struct spool *spool;
    enum spool_place place;
    struct scan scan;
    bool remote;

    struct backlog_stamp {
        struct timespec mtime;
        uint64_t inode;
    } seen, listed;                   /* the directory: at the last look, when listed */
    int64_t seen_us;                  /* since when it has been seen so */
    int64_t listed_us, cost_us;       /* when it was listed, and how long that took; 0: never */
    int64_t fresh_us;                 /* when all marks were last forgotten */
    bool stale;                       /* it may have changed since it was listed */
    bool rest_listed;                 /* listed since the own share was spent */
    struct backlog_share share;       /* by which the two walk: */
    size_t own_at, rest_at;           /* none before these is waiting */
    size_t left, refused, held_count; /* how many are marked so */
    uint32_t held[BACKLOG_GROUPS];    /* the same for each group, */
    size_t held_at[BACKLOG_GROUPS];   /* and none of it is before this */
};

void backlog_init(struct backlog *backlog, const struct spool *spool, enum spool_place place);
void backlog_release(struct backlog *backlog);

/* Why is it looked at? */
enum backlog_cause {
    BACKLOG_CLAIM,  /* before a claim: did the directory change? */
    BACKLOG_RESCAN, /* from time to time */
    BACKLOG_EVENT,  /* something happened there */
    BACKLOG_SPENT,  /* what was listed is spent, or gone */
};
/* Lists it if it may have changed, but never so often that listing takes more than some percent of
 * the time while names are left. 1: listed. 0: not. Negative: as scan_place; what was listed stays.
 */
int backlog_look(struct backlog *backlog, enum backlog_cause cause, int64_t now_us,
                 struct err *err);
/* It is said that a file has come into this lane. True: nothing else waits here as far as we can
 * know, so that is what there is to take, and the list is stale. False: nothing was changed. Across
 * a share others drop files of which nothing is said, so there it is always false. */
bool backlog_offer(struct backlog *backlog, const char *file_name);
/* When a stale one may be listed; INT64_MAX: it is not stale. */
int64_t backlog_due_us(const struct backlog *backlog);

/* The next name to try, of those whose key is at most max_key (of a lane: UINT64_MAX): first the
 * own share in order, then the rest. Negative: none. */
ssize_t backlog_peek(struct backlog *backlog, const struct backlog_share *share, uint64_t max_key);
/* Is this one in another worker's share? */
bool backlog_is_of_rest(const struct backlog *backlog, size_t i);
/* The first that is held for a group. Negative: none. */
ssize_t backlog_peek_held(struct backlog *backlog, size_t group);
/* Borrowed until the next look. */
const char *backlog_name(const struct backlog *backlog, size_t i);
void backlog_mark(struct backlog *backlog, size_t i, unsigned mark);
/* Those that are left or refused are waiting again. */
void backlog_retry(struct backlog *backlog);
/* The same for those that are held. */
void backlog_let_go(struct backlog *backlog);
/* The lowest key of those that wait; UINT64_MAX: none does. */
uint64_t backlog_first_key(struct backlog *backlog);

#endif
