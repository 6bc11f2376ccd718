/* world.h - a spool for one try, what must have become of its jobs, and whether it has.
 *
 *     world_make -> world_drop …, then a child acts and says what it did in jobs[] -> world_finish
 *     -> world_check -> world_remove
 *
 * The struct lies in memory that parent and child share, so that what a child got done is known
 * after it was killed. */
#ifndef TAKEUP_TORTURE_WORLD_H
#define TAKEUP_TORTURE_WORLD_H

#include "faults.h"

#include "base/err.h"
#include "spool/claim.h"
#include "spool/layout.h"
#include "spool/seat.h"

#include <stdbool.h>

#define WORLD_PIPELINE "ocr_only" /* of which there is an inbox */

enum { WORLD_JOBS = 8, WORLD_NAME_SIZE = 32, WORLD_TRIES = 80 };

struct world_job {
    char name[WORLD_NAME_SIZE];
    int least, most;               /* how often it may be there */
    int starts_least, starts_most; /* `start` lines */
    int charged_least, charged_most;
    int finished; /* of these, by world_finish */
};

struct world {
    char dir[256];
    struct fault_seen seen;
    struct world_job jobs[WORLD_JOBS];
    int job_count;
    long variant; /* of a scenario that has several */
    bool strict;  /* one fault and no more: nothing else can go wrong */
    bool late;    /* the child woke up after others took its jobs: it counts nothing */
    char kept[WORLD_NAME_SIZE * 2];    /* a file that must be there in the end; "": none */
    char or_kept[WORLD_NAME_SIZE * 2]; /* or here */
    char stuck[ERR_TEXT_SIZE];         /* what did not end well in WORLD_TRIES tries; "": nothing */
};

/* For the life of the process; ends the process when there is no memory. */
struct world *world_new(void);
/* A new directory with a new spool in it (spool: false: only the directory is to be made). */
void world_make(struct world *world, bool spool);
void world_remove(struct world *world);

/* Expects the job; for a child that submits it, or one that lies there otherwise. */
struct world_job *world_expect(struct world *world, const char *name, int least, int most);
/* A file in pending/, and expects it once. */
struct world_job *world_drop(struct world *world, const char *name);
struct world_job *world_job(struct world *world, const char *name);

/* Tries again as a worker does, and notes what will not end well. */
#define INSIST(world, err, call)                                                                   \
    ({                                                                                             \
        int insist_r = -1;                                                                         \
        for (int tries = 0; tries < WORLD_TRIES && insist_r < 0; tries++)                          \
            insist_r = (call);                                                                     \
        if (insist_r < 0)                                                                          \
            world_stuck(world, #call, err);                                                        \
        insist_r;                                                                                  \
    })
void world_stuck(struct world *world, const char *call, const struct err *err);

/* claim_start and claim_ended, with what is to be expected then. */
int world_start(struct world *world, struct claim *claim, int *ret_out_fd, struct err *err);
int world_ended(struct world *world, struct claim *claim, bool charged, struct err *err);
/* Publishes in done/ with a record that says little. */
int world_publish(struct claim *claim, struct err *err);

/* Jobs in running/ME. */
int world_in_hand(struct seat *seat);

/* Another worker, to which all others are dead: adopts, claims what there is, ends it all. */
int world_finish(struct world *world, struct err *err);
/* fsck --repair: nothing that it finds may stay. */
int world_repair(const struct world *world, struct err *err);
/* 0, or < 0 and *err says what is not as it must be. */
int world_check(struct world *world, struct err *err);

#endif
