/* fsck.h - every state of a spool that the protocol does not allow, found and explained.
 *
 *     fsck_open -> fsck_run -> (fsck_repair) -> fsck_findings_release, spool_close
 *
 * Safe beside live workers: what a live one has in running/ is its own, and what may be on its way
 * is called wrong only after two looks. Reading takes one pass over all entries; in memory are what
 * waits (a path each) and 8 bytes for each job that has ended. */
#ifndef TAKEUP_SPOOL_FSCK_H
#define TAKEUP_SPOOL_FSCK_H

#include "base/err.h"
#include "spool/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Their names, meaning and repair are one table in fsck.c; docs/spool.md has it too. */
enum fsck_code {
    FSCK_MARK_DAMAGED,
    FSCK_PLACE_MISSING,
    FSCK_PLACE_MODE,
    FSCK_EDGE,
    FSCK_FUTURE,
    FSCK_LITTER,
    FSCK_STRANGE,
    FSCK_PENDING_STRANGE,
    FSCK_PENDING_UNREADABLE,
    FSCK_TWICE,
    FSCK_WORKER_NO_BEAT,
    FSCK_WORKER_DEAD,
    FSCK_JOB_OF_DEAD,
    FSCK_DEBRIS,
    FSCK_INPUT_ALONE,
    FSCK_TWO_JOBS,
    FSCK_BEAT_DAMAGED,
    FSCK_BEAT_OF_NOBODY,
    FSCK_BEAT_DEAD,
    FSCK_BEAT_FUTURE,
    FSCK_DEFERRED_NAME,
    FSCK_DEFERRED_OUT,
    FSCK_DEFERRED_DUE,
    FSCK_DEFERRED_NO_JOB,
    FSCK_ENDED_NO_JOB,
    FSCK_RECORD_MISSING,
    FSCK_RECORD_DAMAGED,
    FSCK_RECORD_STATUS,
    FSCK_RECORD_ID,
    FSCK_RECORD_NAME,
    FSCK_RECORD_TOKEN,
    FSCK_ARTIFACT_MISSING,
    FSCK_ARTIFACT_SIZE,
    FSCK_TMP_LEFT,
    FSCK_PRUNE_HELD,
    FSCK_CANCEL_OLD,
    FSCK_INBOX_STRAY,
    FSCK_COUNT
};

const char *fsck_name(enum fsck_code code);    /* "job-of-dead" */
const char *fsck_meaning(enum fsck_code code); /* what it is, and how it can have come about */
const char *fsck_mend(enum fsck_code code);    /* what repair does, or what a person should */
bool fsck_can_repair(enum fsck_code code);

struct fsck_finding {
    enum fsck_code code;
    char *path;      /* relative to the spool */
    char *text;      /* what is special about this one; may be "" */
    bool repairable; /* of the code */
    bool repaired;   /* after fsck_repair */
};

/* Zero-initialise. */
struct fsck_findings {
    struct fsck_finding *list;
    size_t count, size;
};
void fsck_findings_release(struct fsck_findings *findings);
size_t fsck_unrepaired(const struct fsck_findings *findings);

struct fsck_rules {
    int64_t lease_ms; /* 60000: an older heartbeat is of a dead worker */
    int64_t still_ms; /* 3000: between two looks */
    int64_t old_ms;   /* 1 h: what nobody has touched for so long is left over (tmp/, cancel/) */
};
extern const struct fsck_rules fsck_rules_default;

/* Opens a spool that may be damaged: .takeup and missing directories, which spool_open refuses, are
 * findings here and, if repair is set, made anew. 1: *ret_spool is open. 0: it cannot be opened as
 * it is, the findings say why. < 0: there is no spool at all, or it cannot be read. */
int fsck_open(const char *dir, bool repair, struct spool **ret_spool,
              struct fsck_findings *findings, struct err *err);

/* Adds to findings. */
int fsck_run(struct spool *spool, const struct fsck_rules *rules, struct fsck_findings *findings,
             struct err *err);

/* Repairs what can be: never removes a job or its media. Takes a seat, so it is a worker for the
 * others while it lasts. Each finding then says whether it was repaired. */
int fsck_repair(struct spool *spool, const struct fsck_rules *rules, struct fsck_findings *findings,
                struct err *err);

#endif
