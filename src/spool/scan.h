/* scan.h - what is there to be claimed.
 *
 * A scan lists names and opens nothing. Jobs come in the order in which they are to be taken: lane,
 * then name. What can never be taken is told with the reason. */
#ifndef TAKEUP_SPOOL_SCAN_H
#define TAKEUP_SPOOL_SCAN_H

#include "spool/layout.h"

#include <stddef.h>
#include <stdint.h>

struct scan_names {
    char **names; /* file names, sorted by byte */
    size_t count, size;
};

struct scan_problem {
    char *path; /* relative to the spool */
    char *reason;
};

struct scan {
    struct scan_names lane[3]; /* high, pending, low */
    struct scan_names due;     /* directory names in deferred/ that are due */
    int64_t next_due_s;        /* of those that are not; INT64_MAX: none */
    size_t deferred_count;     /* all */
    struct scan_problem *problems;
    size_t problem_count;
};

extern const enum spool_place scan_lanes[3]; /* in the order of scan.lane */

/* Lists pending/ (with its lanes) and deferred/. `now_s` by the spool's clock. */
int scan_spool(const struct spool *spool, int64_t now_s, struct scan *ret_scan, struct err *err);
void scan_release(struct scan *scan);
/* Adds what somebody found who looked into a file. */
void scan_problem_add(struct scan *scan, enum spool_place place, const char *name,
                      const char *reason);
/* The same for a path that is relative to the spool. */
void scan_problem_add_path(struct scan *scan, const char *path, const char *reason);

#endif
