/* binary.h - the real worker, hurt through a preloaded library. */
#ifndef TAKEUP_TORTURE_BINARY_H
#define TAKEUP_TORTURE_BINARY_H

#include "world.h"

/* Jobs for it: two that do nothing, and one whose pipeline is not there. */
void binary_make(struct world *world);
/* In the child: becomes `takeup worker --drain` with that plan. Needs $BUILD. */
void binary_run(const struct world *world, const struct fault_plan *plan) __attribute__((noreturn));
/* What became of the plan, into world->seen. Removes what binary_make made beside the spool. */
void binary_end(struct world *world);

#endif
