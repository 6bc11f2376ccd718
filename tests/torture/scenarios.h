/* scenarios.h - what a process does with a spool while it is tortured. */
#ifndef TAKEUP_TORTURE_SCENARIOS_H
#define TAKEUP_TORTURE_SCENARIOS_H

#include "world.h"

struct stage {
    struct world *world;
    struct spool *spool; /* NULL: act opens it */
    struct seat *seat;
};

struct scenario {
    const char *name;
    void (*make)(struct world *world); /* in the parent, where nothing fails; NULL */
    void (*act)(struct stage *stage);  /* in the child */
    bool alone;                        /* it takes no seat, and the spool is not opened for it */
    bool no_spool;
    long stride; /* of a quick run */
    bool binary; /* the real worker acts; only when asked for by name */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;
const struct scenario *scenario_find(const char *name);

/* Opens the spool and takes a seat. */
void stage_open(struct stage *stage);
/* What a worker does from second to second: jobs that it lost sight of come back to it. */
void stage_settle(struct stage *stage);
void stage_close(struct stage *stage);

#endif
