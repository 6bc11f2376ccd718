/* worker_private.h - the worker as its files share it: worker.c (the loop), worker_spool.c (is the
 * spool there, and are we still somebody in it), worker_beat.c (what it tells of itself),
 * worker_hands.c (what it claims, and what became of that), worker_settings.c (what it goes by). */
#ifndef TAKEUP_WORKER_WORKER_PRIVATE_H
#define TAKEUP_WORKER_WORKER_PRIVATE_H

#include "spool/adopt.h"
#include "worker/cancels.h"
#include "worker/drops.h"
#include "worker/keeper.h"
#include "worker/limits.h"
#include "worker/notice.h"
#include "worker/queue.h"
#include "worker/reload.h"
#include "worker/settle.h"
#include "worker/watch.h"
#include "worker/worker.h"

enum {
    STILL_MS = 3000, /* so long a dead worker's beat has to stand still */
    SERVICE_WATCHDOG_LEAST_MS = 10 * 1000,
};

struct worker {
    const struct worker_options *options;
    struct spool *spool;
    struct reload reload; /* holds the options and the pipelines in force */
    struct loop *loop;
    struct seat *seat;
    struct adopter *adopter;
    struct watch *watch;
    struct hand_context context;
    struct lease *lease;
    struct sandbox *sandbox;
    struct runners *runners;
    struct hand **hands; /* NULL: free */
    struct hand **ended; /* their runners have ended; hand_count at most */
    int hand_count;      /* at least options->jobs; more while fewer were set meanwhile */
    int busy, ended_count;
    int cores;        /* that this process may use; 0: nobody has asked yet */
    int64_t cores_ms; /* monotonic: as it was then */
    int64_t beat_ms;  /* monotonic: when the newest was */

    struct queue *queue;
    struct drops *drops;
    struct cancels *cancels;
    struct limits limits;
    struct notice notice;
    struct notify *notify;
    struct service *service;     /* of the options; NULL: no service manager */
    struct keeper *keeper;       /* NULL: none is needed */
    struct unsettled *unsettled; /* jobs that the spool would not let go yet */

    struct worker_tally tally;
    int64_t stopped_ms; /* monotonic: when `stopping` began */
    int64_t ends_ms;    /* monotonic; INT64_MAX: no end */
    int uncertain;      /* workers that look dead but are not certain yet */
    bool stopping;
    bool had_terminal; /* and SIGHUP was not ignored */
    bool beat_wanted;  /* something has changed */
    bool has_listed;   /* what waits, once at least */
    bool drops_turn;   /* queue and drops take turns */
    bool reopens;      /* the spool was opened anew, and what is held inside it not yet */
    char beat_trouble[ERR_TEXT_SIZE]; /* told once, not every second; "": none */
    char reason[ERR_TEXT_SIZE];       /* why it is paused; "": it is not */
};

/* ---- worker_spool.c ---- */

/* Watches the spool; without events it is looked at from time to time. */
void worker_watch(struct worker *worker);
/* Is the spool there, and is there room for results? Else the worker is paused, and says why. */
bool worker_look_at_spool(struct worker *worker);
/* A worker whose directory is gone (somebody removed it, or adopted it) takes another name, as soon
 * as nothing is in hand that was claimed under the old one. */
void worker_renew_seat(struct worker *worker);
/* A call to it failed as none of a single name does. */
void worker_spool_failed(struct worker *worker, const struct err *err);

/* ---- worker_beat.c ---- */

void worker_beat(struct worker *worker);

/* ---- worker_service.c ---- */

/* Before the loop: what speaks for a worker that cannot. */
void worker_begin_service(struct worker *worker);
/* After each beat, written or not. */
void worker_tell_beat(struct worker *worker, bool beaten);
/* Before what SIGHUP asks for; the next beat says that it is over. */
void worker_tell_reloading(struct worker *worker);

/* ---- worker_hands.c ---- */

/* Claims until all hands are full or nothing is left. */
void worker_claim(struct worker *worker);
/* What has ended: comes after the claims of the same turn, so that the syncs of a job that is over
 * wait for the disk while the next one runs. */
void worker_conclude(struct worker *worker);
/* The sync of done/ at once when there is nothing else to do; else a little later, and one does for
 * many. */
void worker_sync_moved(struct worker *worker);
/* What the next job needs. One fork a turn, so that what comes meanwhile does not wait for two. */
void worker_keep_spares(struct worker *worker);
/* Looks for dead workers. A look ends early so that beats and signals are not kept waiting; then
 * the next one follows. */
void worker_on_adopt(void *arg, uint32_t events);
bool worker_has_more_to_adopt(const struct worker *worker);
/* Of the hands and the requests: see hand.h and cancels.h. */
void worker_on_fate(void *arg, enum hand_fate fate);
void worker_on_record(void *arg, enum spool_place place, const char *name, const char *id,
                      const json_t *record);
void worker_on_end(void *arg, struct hand *hand);
void worker_on_cancelled(void *arg, const char *path);

/* ---- worker_settings.c ---- */

void worker_make_hands(struct worker *worker);
/* What the next runners are caged with, as the options say. < 0: the kernel lacks a part of it, and
 * they ask for the whole. */
int worker_set_sandbox(struct worker *worker, struct err *err);
struct queue_rules worker_queue_rules(const struct worker_options *options);
void worker_set_limits(struct worker *worker);
/* Settings and pipelines anew; they stay as they were when something is wrong with them. */
void worker_reload(struct worker *worker);

#endif
