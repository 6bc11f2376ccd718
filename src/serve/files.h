/* files.h - the files of a job that has ended, handed out. */
#ifndef TAKEUP_SERVE_FILES_H
#define TAKEUP_SERVE_FILES_H

#include "serve/answer.h"
#include "spool/layout.h"

#include <stdbool.h>

/* A file that the job's record names, and no other: a regular one, in the job's own directory. Its
 * bytes come out of a pipe, from a child of this process, which ends with them; without_bytes: only
 * what there is to say of it. Never NULL. */
struct answer *files_answer(const struct spool *spool, const char *job, const char *file,
                            bool without_bytes);

#endif
