/* keeper_rules.h - what is said for a worker that is silent, apart from the processes in it. */
#ifndef TAKEUP_WORKER_KEEPER_RULES_H
#define TAKEUP_WORKER_KEEPER_RULES_H

#include <stdbool.h>

/* How the last look at the spool went. */
enum keeper_sight {
    SIGHT_NONE,    /* as yet: it was begun, and has its time */
    SIGHT_WELL,    /* the spool answers, and a beat could be written */
    SIGHT_TROUBLE, /* it answers with an error: what went away, what is read-only */
    SIGHT_SILENT,  /* it does not answer */
    SIGHT_DIED,    /* who looked died over it */
    SIGHT_BLIND,   /* nobody could be made to look */
    SIGHT_COUNT
};

/* Why the worker is to be waited for, in words for the service manager; NULL: there is no reason
 * that we know, so it is not spoken for. problem: of SIGHT_TROUBLE and SIGHT_BLIND. The caller
 * frees it. */
char *keeper_excuse(enum keeper_sight sight, bool is_in_a_call, const char *problem);

#endif
