/* watch.h - hints from the filesystem that something changed in the spool.
 *
 * inotify sees no event from another host, may overflow and may be refused: a hint only. Whoever
 * uses it also looks at the directories from time to time. */
#ifndef TAKEUP_WORKER_WATCH_H
#define TAKEUP_WORKER_WATCH_H

#include "base/loop.h"
#include "spool/layout.h"

struct watch;

/* Calls fn when something may have come into a place: pending/, its lanes, deferred/, cancel/, the
 * inbox; or a file there was closed after writing. file_name: which one, if it is one file that
 * came whole; else NULL. */
typedef void watch_fn(void *arg, enum spool_place place, const char *file_name);
int watch_new(struct loop *loop, const struct spool *spool, watch_fn *fn, void *arg,
              struct watch **ret_watch, struct err *err);
/* The same for a folder below inbox/ ("": for itself). One that cannot be watched is looked at from
 * time to time. */
void watch_inbox(struct watch *watch, const struct spool *spool, const char *path);
void watch_free(struct watch **watch);

#endif
