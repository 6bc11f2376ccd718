/* pending.h - one look at a job file that waits: is it whole, and how long may it yet wait?
 *
 * For claim and survey, so that both say the same. */
#ifndef TAKEUP_SPOOL_PENDING_H
#define TAKEUP_SPOOL_PENDING_H

#include "base/err.h"
#include "spool/claim.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum pending_state {
    PENDING_GONE,      /* somebody took it */
    PENDING_WHOLE,     /* a job that can be run */
    PENDING_SHORT,     /* ends too soon: the rest may come */
    PENDING_WRONG,     /* wrong before its end */
    PENDING_UNTAKABLE, /* a link, a FIFO, unreadable … */
};

struct pending_look {
    enum pending_state state;
    int64_t changed_ms; /* by the spool's clock */
    bool being_written; /* somebody has it open for writing */
    struct err why;     /* unless it is whole or gone */
};

/* ret_job: NULL, or where the job goes when it is whole (else NULL goes there). */
void pending_look(int lane_fd, const char *file_name, struct job **ret_job,
                  struct pending_look *ret_look);

/* The job of a directory in deferred/. 1: *ret_job is the caller's. 0: there is none to be read. */
int pending_deferred_job(int deferred_fd, const char *dir_name, struct job **ret_job);

/* Is a file that is short or wrong to wait still? Then look->why says so, with the time left. */
bool pending_waits(struct pending_look *look, int64_t now_ms, const struct claim_rules *rules);

/* The time of the last write, unless somebody set it to the future: then of the last change of
 * anything, which nobody can set. */
int64_t pending_changed_ms(const struct stat *st);

#endif
