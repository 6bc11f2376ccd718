/* watchdog.h - keeps a worker alive: starts it anew when it dies, and when its heartbeat stops.
 *
 * It reads the spool only in a child, which it gives up after 5 s: a spool that does not answer
 * stops the worker's heartbeat as well, and a new worker would only hang beside the old one. So it
 * acts on a heartbeat only while the spool answers, and else waits and says so.
 *
 * The worker dies with its watchdog, however that dies. */
#ifndef TAKEUP_WORKER_WATCHDOG_H
#define TAKEUP_WORKER_WATCHDOG_H

#include "base/err.h"
#include "base/service.h"
#include "worker/watchdog_rules.h"

struct watchdog_options {
    struct dog_rules rules;
    const char *spool_dir;   /* of the worker */
    const char *program;     /* what is executed, */
    char *const *arguments;  /* from "takeup" on, NULL at the end */
    struct service *service; /* the manager to tell, borrowed; NULL: none */
};

void watchdog_rules_default(struct dog_rules *ret_rules);

struct watchdog_end {
    bool gave_up; /* there were too many restarts */
    int status;   /* of the last worker; -1: a signal ended it */
};

/* Until the worker ends by itself, or as TERM or INT asked for, or there were too many restarts.
 * HUP, USR1 and USR2 go to the worker. Negative: it could not begin. */
int watchdog_run(const struct watchdog_options *options, struct watchdog_end *ret_end,
                 struct err *err);

#endif
