/* fence.h - one directory that was renamed from a dead worker's into our own. For adopt.c. */
#ifndef TAKEUP_SPOOL_FENCE_H
#define TAKEUP_SPOOL_FENCE_H

#include "spool/adopt.h"

struct adoption {
    struct seat *seat;
    const char *dead; /* whose it was */
    adopt_fn *fn;
    void *arg;
};

/* Takes over each job in running/ME/FENCE, also one whose X.job somebody took away if its input is
 * there, and removes the rest. 0 also when it is gone. < 0: call it again later. */
int fence_empty(const struct adoption *adoption, const char *fence, struct err *err);

#endif
