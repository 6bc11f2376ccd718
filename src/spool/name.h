/* name.h - the names of jobs, and the names of directories made from them. */
#ifndef TAKEUP_SPOOL_NAME_H
#define TAKEUP_SPOOL_NAME_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NAME_SIZE holds every name of a directory entry, with its NUL. */
enum { NAME_SIZE = 256, TOKEN_SIZE = 17 };

/* Names that are somebody's work in progress or a desktop's litter: never jobs, never complained
 * about. */
bool name_is_ignored(const char *file_name);
/* "clip.json" -> "clip" in out; false when the name does not end in .json or nothing is before it.
 */
bool name_of_job_file(const char *file_name, char out[NAME_SIZE]);
/* "clip.job" -> "clip". */
bool name_of_claimed_file(const char *file_name, char out[NAME_SIZE]);

/* Can `name` be a job's? ERR_USAGE says what is wrong with it (empty, a slash, ignored, too long:
 * NAME.json and NAME.job must fit into 255 bytes). */
int name_check(const char *name, struct err *err);

/* The name of a job's directory: the name itself, or its first 180 bytes (no character is cut),
 * "-" and 8 hex digits of a hash of the whole. */
void name_for_directory(const char *name, char out[NAME_SIZE]);

/* The job's name of a file in inbox/PIPELINE/, by its path there: "trip/day 1/a.mp4" becomes
 * "trip--day 1--a.mp4"; cut like a directory's name where a job could not be called so. */
void name_for_inbox(const char *path, char out[NAME_SIZE]);

/* "X@DUE@TOKEN". parse takes the last two '@'; false when it is none. */
void name_deferred_format(const char *name, int64_t due_s, const char *token, char out[NAME_SIZE]);
bool name_deferred_parse(const char *dir_name, char ret_name[NAME_SIZE], int64_t *ret_due_s,
                         char ret_token[TOKEN_SIZE]);

/* 16 random hex digits. */
void name_token(char out[TOKEN_SIZE]);

/* A name for a new job that sorts by time: 20260131T140310.042Z-STEM-3f9a2c07; of STEM only what is
 * plain, at most 60 bytes. */
void name_for_submission(const char *stem, int64_t wall_ms, char out[NAME_SIZE]);

#endif
