/* retry.h - a job that ended in error/ goes back, to be tried anew.
 *
 *     retry_find -> retry_job, retry_job, … -> retry_sync
 *
 * A `retried` line in attempts.jsonl, then one rename: error/ID -> deferred/X@0@TOKEN, due at once.
 * Whoever claims it puts the old record into earlier/N. */
#ifndef TAKEUP_SPOOL_RETRY_H
#define TAKEUP_SPOOL_RETRY_H

#include "spool/layout.h"
#include "spool/name.h"

#include <stddef.h>

/* Which directory of error/ is meant: "error/ID" is just that one; X is, of all that ended as job X
 * or are called so, the one that ended last. *ret_others: how many more there are.
 * None is: -EEXIST, and *err says where job X is instead; -ENOENT: it is nowhere. */
int retry_find(const struct spool *spool, const char *name, char ret_id[NAME_SIZE],
               size_t *ret_others, struct err *err);

/* Sends error/ID back. *ret_dir is its name in deferred/. After a failure the job is where it was;
 * -ENOENT: it is no longer there, since somebody else retried or removed it. */
int retry_job(const struct spool *spool, const char *id, char ret_dir[NAME_SIZE], struct err *err);

/* After the last one: only now they survive a power cut. */
int retry_sync(const struct spool *spool, struct err *err);

#endif
