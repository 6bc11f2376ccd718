/* loop.h - one thread around one epoll.
 *
 *     loop_new -> loop_add / loop_add_timer / loop_add_signals -> loop_wait … -> loop_free
 *
 * Callbacks run inside loop_wait, one after the other; they may add and remove. What is removed in
 * a callback is not called again, not even when its event was already there. */
#ifndef TAKEUP_BASE_LOOP_H
#define TAKEUP_BASE_LOOP_H

#include "base/err.h"

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_watch;

typedef void loop_fn(void *arg, uint32_t events);

int loop_new(struct loop **ret_loop, struct err *err);
/* Removes all watches, and closes the descriptors that the loop made. */
void loop_free(struct loop **loop);

/* Watches fd, which stays the caller's; EPOLLIN, EPOLLOUT … */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *arg,
             struct loop_watch **ret_watch, struct err *err);
/* Calls fn every period_ms, the first time after first_ms (0: at the next wait). */
int loop_add_timer(struct loop *loop, int64_t first_ms, int64_t period_ms, loop_fn *fn, void *arg,
                   struct loop_watch **ret_watch, struct err *err);
/* Blocks the signals and calls fn(arg, signal number) for each that arrives. */
int loop_add_signals(struct loop *loop, const sigset_t *signals, loop_fn *fn, void *arg,
                     struct err *err);
/* NULL afterwards; accepts NULL. */
void loop_remove(struct loop *loop, struct loop_watch **watch);

/* Waits for at most timeout_ms (-1: no end) and calls what is due. 0, or negative. */
int loop_wait(struct loop *loop, int64_t timeout_ms, struct err *err);

/* In a child after fork: forgets the loop without touching what the parent watches. */
void loop_forget(struct loop **loop);

#endif
