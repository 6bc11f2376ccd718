/* reload.h - the settings and pipelines in force, and those that jobs in hand still run with.
 *
 *     reload_init -> (reload_try … reload_sweep) … -> reload_release */
#ifndef TAKEUP_WORKER_RELOAD_H
#define TAKEUP_WORKER_RELOAD_H

#include "worker/worker.h"

struct reload {
    struct worker_options options; /* in force */
    struct pipelines *pipelines;   /* in force */
    struct pipelines **old;        /* replaced, not freed yet */
    size_t old_count;
    char problem[ERR_TEXT_SIZE]; /* why the newest try changed nothing; "": it did */
};

/* Takes the pipelines over. */
void reload_init(struct reload *reload, const struct worker_options *options,
                 struct pipelines *pipelines);
/* Reads everything anew. Negative: what was in force still is, and *err and `problem` say why. */
int reload_try(struct reload *reload, struct err *err);
/* Frees the old pipelines that nobody uses any more. */
void reload_sweep(struct reload *reload,
                  bool (*is_used)(void *arg, const struct pipelines *pipelines), void *arg);
void reload_release(struct reload *reload);

#endif
