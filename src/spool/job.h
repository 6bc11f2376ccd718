/* job.h - what a job file says.
 *
 *     {"input_path": "media/clip.mp4", "pipeline_id": "ocr_only", "params": {…},
 *      "max_attempts": 3, "timeout_s": 3600}
 *
 * Only input_path is needed. Unknown keys are the user's own and travel into the record. The job of
 * a file that was dropped into inbox/ was written by the worker that took it, and names the file
 * otherwise: {"inbox_file": "clip.mp4", "pipeline_id": "ocr_only"}. */
#ifndef TAKEUP_SPOOL_JOB_H
#define TAKEUP_SPOOL_JOB_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Beside X.job, in a job from the inbox: the directory that holds the one file that was dropped. */
#define JOB_INPUT_DIR "input"

enum { JOB_FILE_MAX_BYTES = 1 << 20 };

struct job {
    char *input_path;     /* absolute, or relative to the spool; never empty */
    bool from_inbox;      /* input_path is relative to the job's own directory: input/NAME */
    char *pipeline_id;    /* NULL: the default one */
    json_t *params;       /* an object; NULL: none */
    int64_t max_attempts; /* 0: the worker's setting */
    int64_t timeout_s;    /* 0: the worker's setting */
    char *submission;     /* of `submit`; NULL */
    json_t *whole;        /* all that the file says */
};

/* 1: *ret_job is yours. 0: the text ends too soon, more may come. < 0: it is wrong: *err names line
 * and column, or the path of the key and what it should be (ERR_CONFIG). */
int job_parse(const char *text, size_t len, struct job **ret_job, struct err *err);
/* The same of an X.job beside which there is an input/: only there is `inbox_file` allowed. */
int job_parse_inbox(const char *text, size_t len, struct job **ret_job, struct err *err);
void job_free(struct job **job);

#endif
