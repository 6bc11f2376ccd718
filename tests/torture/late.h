/* late.h - a claim that lands late, in the directory that an adopter has already fenced.
 *
 * A worker is stopped before the rename of a claim. Another takes it for dead and is itself
 * stopped, at its 1st, 2nd, 3rd … call. Then the first one goes on, and its rename goes through a
 * descriptor that was kept when TOKEN was made, as an NFS client's name cache does it (measured).
 */
#ifndef TAKEUP_TORTURE_LATE_H
#define TAKEUP_TORTURE_LATE_H

#include "world.h"

/* 1: the adopter was stopped at its call `at`, and all went on. 0: there is no such call. < 0. */
int late_point(struct world *world, long at, struct err *err);

#endif
