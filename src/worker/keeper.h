/* keeper.h - speaks to the service manager's watchdog while the worker cannot.
 *
 *     keeper_new -> keeper_fed, whenever the worker speaks … -> keeper_free
 *
 * A spool that does not answer (its server is gone, its disk hangs) holds the worker in a call, and
 * then nobody feeds the watchdog of the manager. To end the worker for that is wrong: what it has
 * in hand goes on when the spool answers again, and another would only hang beside it. That is what
 * `takeup watchdog` goes by as well (watchdog.h). So a child, which touches no file, looks at the
 * worker when it is silent, and feeds the watchdog as long as the worker is in a call that cannot
 * be interrupted, or a child of its own has no answer of the spool within 5 s, or an error. It says
 * which. In all other silence it does nothing, and the manager ends the worker: keeper_rules.c. A
 * worker that is paused speaks for itself, and better.
 *
 * The manager takes only the main process's word unless the unit says NotifyAccess=all. */
#ifndef TAKEUP_WORKER_KEEPER_H
#define TAKEUP_WORKER_KEEPER_H

#include "base/err.h"
#include "base/service.h"

struct keeper;

/* Forks it: early, while this process holds next to nothing. The service stays the caller's. */
int keeper_new(struct service *service, const char *spool_dir, struct keeper **ret_keeper,
               struct err *err);
/* The worker has told the manager that it is alive. Accepts NULL. */
void keeper_fed(struct keeper *keeper);
/* Ends it. NULL afterwards; accepts NULL. */
void keeper_free(struct keeper **keeper);

#endif
