/* submit.h - put a job into pending/, so that it is there after a power cut.
 *
 *     submit_begin -> submit_add, submit_add, … -> submit_end
 *
 * Each file is written and synced in tmp/ and linked into pending/: a link, never a rename, since
 * that would replace a waiting job. This is done for many at once, and one sync of pending/ in
 * submit_end serves them all: only then are they accepted. After a failure those before the one
 * that failed may be there. */
#ifndef TAKEUP_SPOOL_SUBMIT_H
#define TAKEUP_SPOOL_SUBMIT_H

#include "base/json.h"
#include "spool/layout.h"

struct submit;

int submit_begin(struct spool *spool, enum spool_place lane, struct submit **ret_submit,
                 struct err *err);
/* -EEXIST (ERR_CONFIG): a job of that name is waiting in that lane already; submit_end may still
 * find that out. An error of the spool here or there may be of a job that was added before. */
int submit_add(struct submit *submit, const char *name, const json_t *job, struct err *err);
int submit_end(struct submit *submit, struct err *err);
void submit_free(struct submit **submit);

/* How a file given on the command line is to be named in a job: relative when it lies in the spool,
 * else absolute; resolved, so that it must exist. The caller frees it. */
int submit_input_path(const struct spool *spool, const char *path, char **ret_path,
                      struct err *err);

#endif
