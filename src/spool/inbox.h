/* inbox.h - files that people drop without a job file, and when each has settled.
 *
 *     inbox_new -> (inbox_turn … -> inbox_next -> claim_inbox -> inbox_answer) … -> inbox_free
 *
 * inbox/PIPELINE/ and its subfolders are listed only when they changed. A file has settled when two
 * looks, each with open and fstat and at least settle_ms apart by this object's clock, found the
 * same size, mtime and inode; on a local disk one look does for a file whose last change (ctime) is
 * older than that, and nothing does for one that somebody has open for writing. A close after
 * writing says nothing: `cat more >>file` closes after each piece.
 *
 * now_ms is the caller's monotonic clock throughout; it does not go back. */
#ifndef TAKEUP_SPOOL_INBOX_H
#define TAKEUP_SPOOL_INBOX_H

#include "base/err.h"
#include "spool/backlog.h"
#include "spool/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inbox;

struct inbox_rules {
    int64_t settle_ms;     /* 2 s */
    int64_t input_wait_ms; /* 10 min: how long an empty file waits for its content */
    int64_t rescan_ms;     /* the longest time between two rounds */
    /* Is there a pipeline of this id, and can it be used? Called at each round. */
    bool (*is_pipeline)(void *arg, const char *id);
    /* Runs it as many jobs as it may? Then none of its files is handed out; or NULL. */
    bool (*is_full)(void *arg, const char *id);
    /* A folder that was not known before, relative to inbox/ ("" for itself); or NULL. */
    void (*on_folder)(void *arg, const char *path);
    void *arg;
};

/* Makes inbox/ID if it is not there, mode 2775. */
int inbox_make(const struct spool *spool, const char *id, struct err *err);
/* Opens a folder below inbox/; no link is followed on the way. -ENOENT: it is gone. */
int inbox_open_folder(const struct spool *spool, const char *path, int *ret_fd, struct err *err);

/* The spool is borrowed and outlives it. */
struct inbox *inbox_new(const struct spool *spool, const struct inbox_rules *rules);
void inbox_free(struct inbox **inbox);

/* Which files are looked at first, when several workers share a spool; the others' last, from the
 * end of their list, which their owners begin at the other. */
void inbox_set_share(struct inbox *inbox, const struct backlog_share *share);

/* Something may have come: a round begins at the next turn. */
void inbox_hint(struct inbox *inbox);
/* A bounded piece of work: folders, then looks at files. 1: there is more to do now. 0: not before
 * inbox_due_ms. < 0: inbox/ itself cannot be read. */
int inbox_turn(struct inbox *inbox, int64_t now_ms, struct err *err);
int64_t inbox_due_ms(const struct inbox *inbox);

/* The next one that has settled, looked at once more; NULL: none now. Relative to inbox/, borrowed
 * until the next call. It is to be answered: */
const char *inbox_next(struct inbox *inbox, int64_t now_ms);
/* taken, or gone from there (`why` NULL or ERR_NONE); else it stays and is tried again later. */
void inbox_answer(struct inbox *inbox, int64_t now_ms, const struct err *why);

size_t inbox_ready(const struct inbox *inbox); /* of these: may be taken now */
/* Will become jobs by themselves, sooner or later: not those that are refused. */
size_t inbox_coming(const struct inbox *inbox);
/* Has a whole round been made since the last hint? */
bool inbox_is_known(const struct inbox *inbox);

/* What is there and cannot be taken (yet), with the reason; `path` is relative to inbox/. `waits`:
 * time will mend it. fn answers false to end it. */
typedef bool inbox_tell_fn(void *arg, const char *path, const char *reason, bool waits);
void inbox_tell(const struct inbox *inbox, inbox_tell_fn *fn, void *arg);

#endif
