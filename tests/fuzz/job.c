/* Job files: anybody who may write into pending/ writes them. */
#include "fuzz.h"

#include "base/fs.h"
#include "base/str.h"
#include "spool/job.h"

#include <string.h>

static void check_job(const struct job *job)
{
    MUST(job->input_path && job->input_path[0] && !str_has_prefix(job->input_path, "./"));
    MUST(!job->pipeline_id || job->pipeline_id[0]);
    MUST(!job->submission || job->submission[0]);
    MUST(!job->params || json_is_object(job->params));
    MUST(job->max_attempts >= 0 && job->timeout_s >= 0);
    if (!job->from_inbox)
        return;
    MUST(str_has_prefix(job->input_path, JOB_INPUT_DIR "/"));
    const char *file = job->input_path + strlen(JOB_INPUT_DIR "/");
    MUST(file[0] && !strchr(file, '/') && !fs_is_dots(file));
}

static void try_parse(const char *text, size_t len, bool allows_inbox)
{
    CLEANUP(job_free) struct job *job = NULL;
    struct err err = { 0 };
    int r =
        allows_inbox ? job_parse_inbox(text, len, &job, &err) : job_parse(text, len, &job, &err);
    MUST((r == 1) == (job != NULL));
    if (r < 0)
        MUST(err.kind == ERR_CONFIG && err.text[0]);
    if (job) {
        MUST(allows_inbox || !job->from_inbox);
        check_job(job);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_parse((const char *)data, size, false);
    try_parse((const char *)data, size, true);
    return 0;
}
