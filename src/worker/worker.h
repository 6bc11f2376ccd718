/* worker.h - the long-running process that claims jobs.
 *
 * One thread around one epoll. Events only request things (a scan, the end); the loop does them in
 * one place, worker_turn. The worker never opens an input: runners do. */
#ifndef TAKEUP_WORKER_WORKER_H
#define TAKEUP_WORKER_WORKER_H

#include "base/service.h"
#include "worker/hand.h"
#include "worker/notify.h"

#include <stdbool.h>

#define DEFAULT_PIPELINE "ocr_only" /* of a job that names none */

struct worker_options;

/* Reads settings and pipelines anew. 0: *ret_options is whole, and *ret_pipelines the worker's;
 * what they point to lives until the next 0. Negative: nothing has changed. */
typedef int worker_reload_fn(void *arg, struct worker_options *ret_options,
                             struct pipelines **ret_pipelines, struct err *err);

struct worker_options {
    struct hand_rules rules;
    int jobs;            /* runners at a time, at least 1 */
    int threads;         /* cores for all of them; 0: those that this process may use */
    bool drain;          /* end when nothing is pending, due or running here */
    int64_t max_time_ms; /* claim nothing after that, and end; 0: no end */
    int64_t lease_ms;    /* 60 s */
    int64_t rescan_ms;   /* 0: 10 s, 1 s on a remote filesystem */
    int64_t min_free_bytes;
    bool durable;         /* sync what was accepted or published; true */
    bool sandbox;         /* cage the runners; true */
    bool require_sandbox; /* do not begin where the kernel lacks a part of it */
    attempt_fn *attempt;
    struct service *service; /* the manager to tell, borrowed; NULL: none. As it was first set */
    struct notify_rules notify;
    worker_reload_fn *reload; /* what SIGHUP asks for; NULL: nothing */
    void *reload_arg;
};

/* Rules of the contract: docs/spool.md. */
void worker_options_default(struct worker_options *ret_options);

struct worker_tally {
    int64_t done, error, deferred;
};

/* Runs until it is asked to end (SIGTERM, SIGINT, SIGHUP when its terminal is gone), drained, or
 * out of time; jobs in hand are then given back. 0, or negative when it cannot begin. Takes the
 * pipelines over; the spool stays its caller's. */
int worker_run(struct spool *spool, struct pipelines *pipelines,
               const struct worker_options *options, struct worker_tally *ret_tally,
               struct err *err);

#endif
