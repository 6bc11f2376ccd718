/* token.h - the directory of one job, TOKEN, for those in this room who work in it. */
#ifndef TAKEUP_SPOOL_TOKEN_H
#define TAKEUP_SPOOL_TOKEN_H

#include "base/err.h"
#include "spool/name.h"

/* Makes an empty one, mode 2775, with a new name inside dir_fd. */
int token_make(int dir_fd, char ret_token[TOKEN_SIZE], struct err *err);

/* Which job lies in it? 1: *ret_name is X of the (first) X.job. 0: none. */
int token_job(int dir_fd, char ret_name[NAME_SIZE], struct err *err);

/* Is `name` out.N, a directory in which a runner writes? */
bool token_is_out(const char *name);
/* Removes all out.N, but for the one named `keep` (NULL: none is kept). */
int token_remove_outs(int dir_fd, const char *keep, struct err *err);

/* Removes what is left over: out.N and every file, but never a *.job, nor what `keep` names (ends
 * with NULL). Other directories go only when they are empty. */
int token_clear(int dir_fd, const char *const *keep, struct err *err);

#endif
