/* service.h - tells the service manager that started this process how it is: sd_notify(3).
 *
 *     service_new -> service_tell … -> service_free
 *
 * Where nobody asked to be told ($NOTIFY_SOCKET is not set) there is no service: NULL, which all
 * functions accept. Nothing here blocks, and no descriptor is held between two calls. */
#ifndef TAKEUP_BASE_SERVICE_H
#define TAKEUP_BASE_SERVICE_H

#include "base/err.h"

#include <stdint.h>

struct service;

enum service_news {
    SERVICE_READY = 1 << 0, /* the start is over, or a reload is */
    SERVICE_ALIVE = 1 << 1, /* it does what it is there for: feeds the manager's watchdog */
    SERVICE_RELOADING = 1 << 2,
    SERVICE_STOPPING = 1 << 3,
};

/* Takes $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID out of the environment, so that no child
 * speaks in our name; once in the life of a process. 0: *ret_service is yours, and NULL where
 * nobody asked. < 0: the address is none that can be written to. */
int service_new(struct service **ret_service, struct err *err);
void service_free(struct service **service);

/* news: any of service_news. status: one line, whatever bytes are in it; NULL: as it was. What the
 * manager knows already is not told again (a status only with SERVICE_ALIVE), and what its socket
 * has no room for now is told by the next call. < 0: it could not be told, for the first time or
 * for another reason than before. */
int service_tell(struct service *service, unsigned news, const char *status, struct err *err);

/* After so long without SERVICE_ALIVE the manager ends this process; 0: it does not. */
int64_t service_watchdog_ms(const struct service *service);

#endif
