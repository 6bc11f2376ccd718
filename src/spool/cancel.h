/* cancel.h - what somebody asks to be cancelled.
 *
 *     cancel_ask                                                       whoever asks
 *     cancel_read -> cancel_find -> cancel_claim … -> cancel_remove    whoever does it
 *
 * A file cancel/X, whatever it holds, asks for every job X that is there when somebody looks: in
 * pending, deferred and running. A whole job that was dropped after the request is another one and
 * stays. */
#ifndef TAKEUP_SPOOL_CANCEL_H
#define TAKEUP_SPOOL_CANCEL_H

#include "spool/claim.h"

#include <stddef.h>
#include <stdint.h>

struct cancel_request {
    char name[NAME_SIZE];     /* X */
    char dir_name[NAME_SIZE]; /* as directories are named after it */
    int64_t asked_ms;         /* by the spool's clock */
};

struct cancel_requests {
    struct cancel_request *all; /* sorted by dir_name */
    size_t count;
};

/* Writes cancel/X, anew if it is there; it survives a power cut. ERR_USAGE: X can be no job. */
int cancel_ask(const struct spool *spool, const char *name, struct err *err);

/* All that is in cancel/. On failure *ret_requests is empty. */
int cancel_read(const struct spool *spool, struct cancel_requests *ret_requests, struct err *err);
/* Cleanup handler. */
void cancel_release(struct cancel_requests *requests);

/* Calls fn for each job that a request is for. place and path: a lane and a file in it;
 * PLACE_DEFERRED and a directory in it; PLACE_RUNNING and "WORKER/TOKEN". fn answers true to end
 * it. Opens nothing but what has the right name: a million others cost nothing. */
typedef bool cancel_fn(void *arg, const struct cancel_request *request, enum spool_place place,
                       const char *path);
int cancel_find(const struct spool *spool, const struct cancel_requests *requests, cancel_fn *fn,
                void *arg, struct err *err);

/* Takes what was found in a lane or in deferred, as it is: as claim_pending and claim_deferred. */
int cancel_claim(struct seat *seat, enum spool_place place, const char *path,
                 struct claim **ret_claim, struct err *err);

/* The request has been served, or there is nothing to serve. 0 also when it is gone. */
int cancel_remove(const struct spool *spool, const struct cancel_request *request, struct err *err);

#endif
