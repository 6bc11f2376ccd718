/* scan.h - what is there to be claimed in one directory.
 *
 * A scan lists names and opens nothing. Jobs come in the order in which they are to be taken. What
 * can never be taken is told with the reason. */
#ifndef TAKEUP_SPOOL_SCAN_H
#define TAKEUP_SPOOL_SCAN_H

#include "spool/layout.h"
#include "spool/names.h"
#include "spool/problems.h"

#include <stdbool.h>

/* Where jobs wait: the lanes, highest first, then deferred/. */
enum { SCAN_LANES = 3, SCAN_DEFERRED = SCAN_LANES, SCAN_PLACES };
extern const enum spool_place scan_places[SCAN_PLACES];

/* Zero-initialise. */
struct scan {
    struct names names; /* of a lane: files, by name; of deferred/: directories, by due time, which
                         * is the key (seconds by the spool's clock), then by name */
    struct problems problems;
};

/* Lists one of scan_places. On failure *ret_scan is empty. */
int scan_place(const struct spool *spool, enum spool_place place, struct scan *ret_scan,
               struct err *err);
/* Could a file of that name in a lane be a job? */
bool scan_is_job_file(const char *file_name);
/* Cleanup handler. */
void scan_release(struct scan *scan);

#endif
