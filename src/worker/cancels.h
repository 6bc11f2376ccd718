/* cancels.h - a worker's part in what somebody asks to be cancelled.
 *
 *     cancels_new -> cancels_look at each beat, and whenever cancels_is_wanted -> cancels_free
 *
 * What waits is claimed and published; what this worker runs is stopped; what another one has is
 * that one's to stop, and the request stays until it has. */
#ifndef TAKEUP_WORKER_CANCELS_H
#define TAKEUP_WORKER_CANCELS_H

#include "worker/hand.h"

#include <stdbool.h>

struct cancels;

/* Stops the job in running/PATH ("WORKER/TOKEN"), if it is one of ours. */
typedef void cancels_stop_fn(void *arg, const char *path);

/* The context is borrowed, and its seat may change. stop is called with context->arg. */
struct cancels *cancels_new(const struct hand_context *context, cancels_stop_fn *stop);
void cancels_free(struct cancels **cancels);

/* Something came into cancel/. */
void cancels_hint(struct cancels *cancels);
/* A job went to deferred/: should it be one that is asked for, it must not be taken up again. */
void cancels_hint_deferred(struct cancels *cancels);
bool cancels_is_wanted(const struct cancels *cancels);

/* One look, if there may be anything to see: cheap when cancel/ is empty and stays so. may_claim
 * false: the worker is paused, and only what runs here is stopped. */
void cancels_look(struct cancels *cancels, bool may_claim);

/* Are there requests that are not served yet? */
bool cancels_is_open(const struct cancels *cancels);

#endif
