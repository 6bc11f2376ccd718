#include "spool/job.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* A key that is not there and one that is null mean the same. */
static const json_t *given(const json_t *whole, const char *key)
{
    const json_t *value = json_object_get(whole, key);
    return json_is_null(value) ? NULL : value;
}

static int wrong_type(struct err *err, const char *key, const char *should, const json_t *value)
{
    return err_set(err, ERR_CONFIG, 0, "'%s' should be %s, but is %s", key, should,
                   json_type_name(value));
}

static int take_text(const json_t *whole, const char *key, char **ret_text, struct err *err)
{
    const json_t *value = given(whole, key);
    if (!value)
        return 0;
    if (!json_is_string(value))
        return wrong_type(err, key, "a string", value);
    if (json_string_length(value) == 0)
        return err_set(err, ERR_CONFIG, 0, "'%s' is empty", key);
    *ret_text = mem_strdup(json_string_value(value));
    return 0;
}

static int take_count(const json_t *whole, const char *key, int64_t *ret_count, struct err *err)
{
    const json_t *value = given(whole, key);
    if (!value)
        return 0;
    if (!json_is_integer(value))
        return wrong_type(err, key, "an integer", value);
    if (json_integer_value(value) < 1)
        return err_set(err, ERR_CONFIG, 0, "'%s' should be at least 1, but is %lld", key,
                       (long long)json_integer_value(value));
    *ret_count = json_integer_value(value);
    return 0;
}

static int take_input_path(struct job *job, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    int r = take_text(job->whole, "input_path", &text, err);
    if (r < 0)
        return r;
    if (!text)
        return err_set(err, ERR_CONFIG, 0,
                       "'input_path' is missing: the path of the file to work on");
    const char *path = text;
    while (str_has_prefix(path, "./")) /* means nothing, as paths are relative to the spool */
        for (path += 2; *path == '/'; path++)
            ;
    if (!*path)
        return err_set(err, ERR_CONFIG, 0, "'input_path' names no file: '%s'", text);
    job->input_path = mem_strdup(path);
    return 0;
}

/* One name, of a file in input/. */
static int take_inbox_file(struct job *job, struct err *err)
{
    CLEANUP(mem_free_text) char *file = NULL;
    int r = take_text(job->whole, "inbox_file", &file, err);
    if (r < 0)
        return r;
    if (!file || strchr(file, '/') || fs_is_dots(file))
        return err_set(err, ERR_CONFIG, 0, "'inbox_file' names no file in " JOB_INPUT_DIR "/");
    job->input_path = mem_printf(JOB_INPUT_DIR "/%s", file);
    job->from_inbox = true;
    return 0;
}

static int take_params(struct job *job, struct err *err)
{
    const json_t *params = given(job->whole, "params");
    if (!params)
        return 0;
    if (!json_is_object(params))
        return wrong_type(err, "params", "an object", params);
    job->params = json_incref(json_object_get(job->whole, "params"));
    return 0;
}

static int take_all(struct job *job, bool allows_inbox, struct err *err)
{
    if (!json_is_object(job->whole))
        return err_set(err, ERR_CONFIG, 0, "line 1, column 1: a job should be an object, but is %s",
                       json_type_name(job->whole));
    /* The worker's own word for a file that lies beside the job; from outside it would be a way
     * to name files in a directory of the worker. */
    bool has_inbox = json_object_get(job->whole, "inbox_file");
    if (has_inbox && !allows_inbox)
        return err_set(err, ERR_CONFIG, 0, "'inbox_file' is not allowed in a job file");
    int r = has_inbox ? take_inbox_file(job, err) : take_input_path(job, err);
    if (r == 0)
        r = take_text(job->whole, "pipeline_id", &job->pipeline_id, err);
    if (r == 0)
        r = take_params(job, err);
    if (r == 0)
        r = take_count(job->whole, "max_attempts", &job->max_attempts, err);
    if (r == 0)
        r = take_count(job->whole, "timeout_s", &job->timeout_s, err);
    if (r == 0)
        r = take_text(job->whole, "submission", &job->submission, err);
    return r;
}

static int parse(const char *text, size_t len, bool allows_inbox, struct job **ret_job,
                 struct err *err)
{
    CLEANUP(job_free) struct job *job = MEM_NEW(struct job);
    struct json_mark mark;
    int r = json_parse_within(text, len, JSON_DEPTH_PART, &job->whole, &mark, err);
    if (r <= 0)
        return r;
    r = take_all(job, allows_inbox, err);
    if (r < 0)
        return r;
    *ret_job = TAKE(job);
    return 1;
}

int job_parse(const char *text, size_t len, struct job **ret_job, struct err *err)
{
    return parse(text, len, false, ret_job, err);
}

int job_parse_inbox(const char *text, size_t len, struct job **ret_job, struct err *err)
{
    return parse(text, len, true, ret_job, err);
}

void job_free(struct job **job)
{
    if (!*job)
        return;
    free((*job)->input_path);
    free((*job)->pipeline_id);
    free((*job)->submission);
    json_decref((*job)->params);
    json_decref((*job)->whole);
    free(*job);
    *job = NULL;
}
