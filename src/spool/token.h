/* token.h - the directory of one job, TOKEN, for those in this room who work in it. */
#ifndef TAKEUP_SPOOL_TOKEN_H
#define TAKEUP_SPOOL_TOKEN_H

#include "base/err.h"
#include "spool/name.h"

/* In a directory that is being adopted: where the job is put together anew (fence.c). */
#define TOKEN_NEXT ".next"

/* Makes an empty one, mode 2775, with a new name inside dir_fd. */
int token_make(int dir_fd, char ret_token[TOKEN_SIZE], struct err *err);

/* Which job lies in it? 1: *ret_name is X of the (first) X.job. 0: none. */
int token_job(int dir_fd, char ret_name[NAME_SIZE], struct err *err);

/* X.job of a file from inbox/ is called ".X.new" until its input lies beside it: before that there
 * is no job yet (claim_inbox.c). */
bool token_is_draft(const char *name);
/* 1: there is one, and *ret_name is X. 0: none. */
int token_draft(int dir_fd, char ret_name[NAME_SIZE], struct err *err);

/* Is `name` out.N, a directory in which a runner writes? */
bool token_is_out(const char *name);
/* Removes all out.N. */
int token_remove_outs(int dir_fd, struct err *err);

/* Removes what is left over: out.N and every file, but never a *.job or a draft of one, nor what
 * `keep` names (ends with NULL). Other directories go only when they are empty. */
int token_clear(int dir_fd, const char *const *keep, struct err *err);

/* Removes what is left of a job that is no longer there: all but *.job, drafts and what lies in
 * input/. */
int token_discard(int dir_fd, struct err *err);

/* Where a record shows that the job had ended before: moves it and what lies beside it into
 * earlier/N, but for X.job, attempts.jsonl and input/. The record goes last, so that it can be
 * done again after a failure. */
int token_set_aside(int dir_fd, struct err *err);

#endif
