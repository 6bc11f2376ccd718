/* route.h - which paths there are, and what may be done with each. */
#ifndef TAKEUP_SERVE_ROUTE_H
#define TAKEUP_SERVE_ROUTE_H

#include "serve/target.h"

enum route_kind {
    ROUTE_NONE, /* there is no such path */
    ROUTE_PAGE,
    ROUTE_DASHBOARD,
    ROUTE_HEALTH,
    ROUTE_METRICS,
    ROUTE_JOBS,
    ROUTE_JOB,
    ROUTE_FILE,
    ROUTE_SUBMIT,
    ROUTE_CANCEL,
    ROUTE_RETRY,
};

struct route {
    enum route_kind kind;   /* ROUTE_NONE with an `allow`: the path is there, the method not */
    const char *allow;      /* the methods of the path: "GET, HEAD"; NULL: there is none */
    const char *job, *file; /* as the path names them; NULL; the target's */
};

/* HEAD is as GET. */
struct route route_find(const char *method, const struct target *target);
/* Does it change something in the spool? */
bool route_is_write(enum route_kind kind);

/* Of the query of a route: a key that it does not know; NULL: none. */
const char *route_unknown_key(enum route_kind kind, const struct target *target);

#endif
