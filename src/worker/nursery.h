/* nursery.h - a process that forks the runners in the worker's stead.
 *
 *     nursery_new -> nursery_ask -> (its descriptor is readable) nursery_take -> … -> nursery_free
 *
 * After a fork each page that either side writes to is copied at the first touch, and the page
 * tables of all it holds before: a worker that forks pays that again for each job, and pays more
 * the more names it holds. The nursery is forked once, does nothing but fork, and so touches next
 * to nothing. What it gives birth to is the worker's own child, as if the worker had forked it: the
 * worker reaps it, and it dies with the worker (CLONE_PARENT).
 *
 * Its runners see what the worker had when the nursery was made: when that changes, free it. */
#ifndef TAKEUP_WORKER_NURSERY_H
#define TAKEUP_WORKER_NURSERY_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct nursery;

/* In the nursery, before its first birth. */
typedef void nursery_begin_fn(void *arg);
/* In the new process; must not return. The descriptors are its ends of the two pipes. */
typedef void nursery_child_fn(void *arg, int order_fd, int wire_fd, pid_t worker);

struct birth {
    pid_t pid;
    int wire_fd, order_fd, pid_fd; /* the receiver's: to read from, to write to, to wait on */
};

/* < 0: it could not be forked. A kernel that cannot do what it needs is told by nursery_take. */
int nursery_new(nursery_begin_fn *begin, nursery_child_fn *child, void *arg,
                struct nursery **ret_nursery, struct err *err);
/* Ends it; its runners live on. NULL afterwards; accepts NULL. */
void nursery_free(struct nursery **nursery);

/* Readable when there is something to take, or when it has died. */
int nursery_fd(const struct nursery *nursery);
/* One more runner, please. At most one request is on its way: 0 also when one is already. */
int nursery_ask(struct nursery *nursery, struct err *err);
bool nursery_is_asked(const struct nursery *nursery);
/* Waits for at most wait_ms. 1: *ret_birth is yours. 0: not yet. < 0: it failed or is dead, free
 * it; -ENOSYS: nothing like it can ever work here. */
int nursery_take(struct nursery *nursery, int64_t wait_ms, struct birth *ret_birth,
                 struct err *err);

#endif
