/* claim.h - take a job, and give it up again.
 *
 *     claim_pending / claim_deferred / claim_inbox -> claim_start … -> claim_publish or claim_defer
 * -> claim_free
 *
 * The claim is one rename into a directory of this worker; if the worker dies, spool/adopt.h takes
 * the job over. What was dropped lies there as X.job and is never rewritten. */
#ifndef TAKEUP_SPOOL_CLAIM_H
#define TAKEUP_SPOOL_CLAIM_H

#include "base/fs.h"
#include "spool/attempts.h"
#include "spool/job.h"
#include "spool/seat.h"

struct claim; /* one job in running/WORKER/TOKEN */

/* 1: *ret_claim is yours. 0: there is nothing to take under that name (any more), or it is not to
 * be taken yet: then *err may say why (incomplete, unreadable …), else its kind is ERR_NONE.
 * < 0: the spool failed. A file that ends too soon is not claimed before `input_wait_ms` have
 * passed since its last change; one that is wrong not before `settle_ms`; after that they are
 * claimed and claim_job() says what is wrong. rules NULL: as it is, at once. */
struct claim_rules {
    int64_t settle_ms;     /* 2000 */
    int64_t input_wait_ms; /* 600000 */
    /* May a job that is whole not be taken now, though nothing is wrong with it? NULL: it may. */
    bool (*hold)(void *arg, const struct job *job);
    void *arg;
};
extern const struct claim_rules claim_rules_default;
int claim_pending(struct seat *seat, enum spool_place lane, const char *file_name,
                  const struct claim_rules *rules, struct claim **ret_claim, struct err *err);
/* A directory of deferred/. If the job had ended before (somebody retries it), what that left is
 * in earlier/N afterwards. */
int claim_deferred(struct seat *seat, const char *dir_name, struct claim **ret_claim,
                   struct err *err);
/* A file of inbox/, by its path there, PIPELINE/…/NAME. It has settled: spool/inbox.h. */
int claim_inbox(struct seat *seat, const char *path, struct claim **ret_claim, struct err *err);
/* Before any other sync: X.job of each job that this worker has in hand. btrfs, told to sync the
 * directory that another job of ours was moved to, may log where that came from, running/WORKER,
 * with all that is new in it; and an X.job that nobody has synced then keeps its old name in
 * pending as well (9 of 116 power cuts). What cannot be synced is told when its own job ends. All
 * that ends a claim does this by itself; sooner is better, since others sync done/ and error/ too.
 */
void claim_sync_jobs(struct seat *seat);
/* NULL afterwards. On disk nothing changes: a claim that is neither published nor deferred stays.
 */
void claim_free(struct claim **claim);

const char *claim_name(const struct claim *claim); /* X */
const char *claim_token(const struct claim *claim);
int claim_dir(const struct claim *claim);              /* descriptor of TOKEN */
int64_t claim_submitted_ms(const struct claim *claim); /* time of X.job: when it was dropped */
int64_t claim_claimed_ms(const struct claim *claim);   /* wall clock */

/* After spool_refresh said 1 and seat_reopen: opens TOKEN again. That it cannot be opened shows
 * when it is needed. */
void claim_refresh(struct claim *claim);
/* Has TOKEN gone from running/WORKER without us? 1: another worker took this one for dead and
 * adopted the job: what was made here has to be dropped, and nothing can publish it. 0 or < 0. */
int claim_is_lost(const struct claim *claim, struct err *err);

/* The job as read after the claim; borrowed. NULL: it cannot be read, *err says why. */
const struct job *claim_job(const struct claim *claim, struct err *err);
const struct attempts *claim_attempts(const struct claim *claim);

/* Before a runner starts: a `start` line in attempts.jsonl, and a new directory out.N for it, whose
 * descriptor is the caller's. N is the number of the start. The line is written, not synced: a
 * power cut in the next moment leaves an attempt that is charged nothing. claim_sync_start, for
 * attempts that take longer, makes sure that a job which takes the machine down is charged for it.
 */
int claim_start(struct claim *claim, int *ret_number, int *ret_out_fd, struct err *err);
/* What can be done while the runner begins: attempts.jsonl gets room for the lines to come, as a
 * disk may fill up. That the room cannot be had keeps no job from being run. */
void claim_started(struct claim *claim);
int claim_sync_start(struct claim *claim, struct err *err);
/* After it ended: its line. A line that cannot be written keeps no job from going on. */
int claim_ended(struct claim *claim, const struct attempt_end *end, struct err *err);

/* Gives it back, due at due_s by the spool's clock. The directories out.N are removed. One whose
 * X.job is gone ends as in claim_publish. */
int claim_defer(struct claim *claim, int64_t due_s, struct err *err);

/* Ends the job. place: PLACE_DONE or PLACE_ERROR. For done the regular files of out.N (but
 * result.json) move up beside the record and are listed in its `artifacts`; for error none. The
 * record gets id, name, token, worker, artifacts, attempts and, if the bytes of X.job are no longer
 * those that were run, job_changed. Syncs and rename in the order of docs/spool.md, 4.
 * The record stays the caller's. After a failure it may be called again, with the same place.
 * 1: published; ret_id is the directory's name. 0: X.job is gone: withdrawn by hand, nothing is
 * published and the rest removed; but if a video of the inbox is there, it is in error/, cancelled.
 */
int claim_publish(struct claim *claim, enum spool_place place, json_t *record,
                  char ret_id[NAME_SIZE], struct err *err);
/* The same in two halves, so that several jobs share the last sync: claim_move is all but that, and
 * claim_sync that alone, of the place where the claim went, and so of all that went there before.
 * After claim_move said 1 the job has ended, but a power cut may bring it back. */
int claim_move(struct claim *claim, enum spool_place place, json_t *record, char ret_id[NAME_SIZE],
               struct err *err);
int claim_sync(const struct claim *claim, struct err *err);

#endif
