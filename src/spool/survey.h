/* survey.h - what is in the spool, who is alive, is it well: one model for status, health, wait.
 *
 * Reads only; needs no write access, takes no claim. A worker is `alive` when its beat is fresh and
 * its process is not known to be gone. */
#ifndef TAKEUP_SPOOL_SURVEY_H
#define TAKEUP_SPOOL_SURVEY_H

#include "base/json.h"
#include "spool/heartbeat.h"
#include "spool/layout.h"
#include "spool/pulse.h"
#include "spool/scan.h"

#include <stdbool.h>
#include <stdint.h>

struct survey_worker {
    const struct heartbeat_seen *beat;
    enum proc_life life;
    bool alive;
    double age_s; /* since its last beat, by the better of the two clocks we have; never below 0 */
};

struct survey {
    struct heartbeat_seen *beats;
    size_t beat_count;
    struct survey_worker *workers; /* one for each of beats */
    size_t alive_count;            /* alive and not stopped */
    struct problems problems;      /* names that cannot be taken, and why */
    json_t *watchdogs;             /* an array: watchdogs.h */
    int64_t inbox;                 /* files; inbox_more: and more, which nobody counted */
    bool inbox_more;
    int64_t pending, deferred, running;
    int64_t done, error;                        /* below 0: not counted */
    int64_t lanes[SCAN_LANES];                  /* of pending, in the order of scan_places */
    int64_t oldest_inbox_ms, oldest_pending_ms; /* age; 0 when there is none */
    int64_t free_bytes;
    bool remote;
    int64_t now_ms; /* by this machine's wall clock */
};

/* All may be left out. */
struct survey_how {
    double
        within_s; /* how fresh a beat must be to count as life; 0: 5 s, 30 s where it is remote */
    /* Of one who has listed what waits: SCAN_PLACES of them, in the order of scan_places. */
    const struct scan *const *known;
    /* Of one whose clock may be wrong. */
    struct pulse *pulse;
    /* When no worker seems to be alive, and one may be, it is watched for PULSE_WATCH_MS first,
     * unless the pulse has been watched for so long. */
    bool may_wait;
    /* For a verdict, or of one who has listed it: what ended is not counted. There may be a hundred
     * thousand, and not every filesystem knows how many without listing them. */
    bool without_ended;
};
int survey_take(const struct spool *spool, const struct survey_how *how, struct survey *ret_survey,
                struct err *err);
void survey_release(struct survey *survey);
/* Only how many workers are alive and not stopped: looks at heartbeats, and lists nothing else.
 * how: all but `known`. */
int survey_alive(const struct spool *spool, const struct survey_how *how, size_t *ret_count,
                 struct err *err);
/* Alive, and does not say that it has stopped: it takes jobs. Of NULL: no. */
bool survey_is_up(const struct survey_worker *worker);
json_t *survey_json(const struct spool *spool, const struct survey *survey);

/* Where job X is. Looked for in the order inbox, pending, running, deferred, running, done, error,
 * and once more, before it is `unknown`. When there are several of that name: one that is a job and
 * has not ended, else the file that was dropped, else the newest that ended. */
enum survey_state {
    JOB_UNKNOWN,
    JOB_INBOX, /* a file that was dropped and will be called so */
    JOB_PENDING,
    JOB_RUNNING,
    JOB_DEFERRED,
    JOB_DONE,
    JOB_ERROR,
};
struct survey_job {
    enum survey_state state;
    char *path;       /* relative to the spool; NULL when unknown */
    char *worker;     /* running: whose; else NULL */
    int64_t due_s;    /* deferred */
    json_t *record;   /* done, error: result.json; else NULL */
    json_t *attempts; /* an array, may be empty; NULL in inbox and pending */
    char *reason;     /* inbox, pending: why it is not taken, as far as one look tells; else NULL */
};
/* X is a job's name or the name of a directory in done/ or error/ ("clip.2"). Of several that
 * ended, the newest. how, as in survey_alive: whether anybody lives to take what was dropped; NULL:
 * as the clocks say. */
int survey_job(const struct spool *spool, const char *name, const struct survey_how *how,
               struct survey_job *ret_job, struct err *err);
/* The ended job whose record's job has this `submission`; else what survey_job says of one that has
 * not ended. JOB_UNKNOWN: it was withdrawn. */
int survey_submission(const struct spool *spool, const char *name, const char *submission,
                      const struct survey_how *how, struct survey_job *ret_job, struct err *err);
/* Did it end because somebody cancelled it? */
bool survey_job_is_cancelled(const struct survey_job *job);
void survey_job_release(struct survey_job *job);
json_t *survey_job_json(const char *name, const struct survey_job *job);
const char *survey_state_name(enum survey_state state);

/* What STATUS.txt says, for people: the first line tells whether all is well. The caller frees it.
 */
char *survey_text(const struct spool *spool, const struct survey *survey);
/* Its first line, without the newline and not escaped. The caller frees it. */
char *survey_head(const char *spool_path, const struct survey *survey);
/* One that is paused, when all that live are; borrowed, NULL: none is. */
const struct survey_worker *survey_paused_worker(const struct survey *survey);
/* Writes STATUS.txt, through tmp/. `owner` names the file there. */
int survey_write_status(const struct spool *spool, const char *owner, const struct survey *survey,
                        struct err *err);

#endif
