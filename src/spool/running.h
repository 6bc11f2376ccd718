/* running.h - all that workers have in hand. */
#ifndef TAKEUP_SPOOL_RUNNING_H
#define TAKEUP_SPOOL_RUNNING_H

#include "spool/layout.h"

#include <stdbool.h>

/* Calls fn for each running/WORKER/TOKEN that holds a job; path is "WORKER/TOKEN" (or a
 * directory in it, while it is being adopted), name X. A
 * directory that goes away meanwhile has none. fn answers true to end it. */
typedef bool running_fn(void *arg, const char *worker, const char *path, const char *name);
void running_each(const struct spool *spool, running_fn *fn, void *arg);

#endif
