#include "serve/writes.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "serve/target.h"
#include "spool/cancel.h"
#include "spool/job.h"
#include "spool/name.h"
#include "spool/retry.h"
#include "spool/submit.h"
#include "spool/survey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct answer *accepted(int status, json_t *json, const char *name)
{
    CLEANUP(mem_free_text) char *encoded = target_encode(name);
    struct answer *answer = answer_json(status, json);
    answer->location = mem_printf("/v1/jobs/%s", encoded);
    return answer;
}

/* ---- submit ---- */

static int parse_lane(const char *word, enum spool_place *ret_lane, struct err *err)
{
    if (strcmp(word, "high") == 0)
        *ret_lane = PLACE_PENDING_HIGH;
    else if (strcmp(word, "normal") == 0)
        *ret_lane = PLACE_PENDING;
    else if (strcmp(word, "low") == 0)
        *ret_lane = PLACE_PENDING_LOW;
    else
        return err_set(err, ERR_USAGE, 0, "lane: '%s' is none of high, normal, low", word);
    return 0;
}

/* From the file's name without its folder and ending. */
static void make_name(const struct job *job, char out[NAME_SIZE])
{
    const char *slash = strrchr(job->input_path, '/');
    const char *base = slash ? slash + 1 : job->input_path;
    const char *dot = strrchr(base, '.');
    CLEANUP(mem_free_text)
    char *stem = mem_strndup(base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
    name_for_submission(stem, time_wall_ms(), out);
}

static int parse_body(const char *body, size_t body_len, struct job **ret_job, struct err *err)
{
    int r = job_parse(body, body_len, ret_job, err);
    if (r == 0)
        return err_set(err, ERR_CONFIG, 0, "the job ends too soon");
    return r < 0 ? r : 0;
}

static int put(struct spool *spool, enum spool_place lane, const char *name, const json_t *job,
               struct err *err)
{
    struct submit *submit = NULL;
    int r = submit_begin(spool, lane, &submit, err);
    if (r == 0)
        r = submit_add(submit, name, job, err);
    if (r == 0)
        r = submit_end(submit, err);
    submit_free(&submit);
    return r;
}

struct answer *writes_submit(struct spool *spool, const struct input_bounds *bounds,
                             const json_t *query, const char *body, size_t body_len)
{
    CLEANUP(job_free) struct job *job = NULL;
    enum spool_place lane = PLACE_PENDING;
    char name[NAME_SIZE], submission[33];
    const char *wanted = json_get_text(query, "name", NULL);
    const char *lane_name = json_get_text(query, "lane", "normal");
    struct err err = { 0 };
    int r = parse_lane(lane_name, &lane, &err);
    if (r == 0 && wanted)
        r = name_check(wanted, &err);
    if (r == 0)
        r = parse_body(body, body_len, &job, &err);
    if (r == 0)
        r = input_check(bounds, job->input_path, &err);
    if (r < 0 || !job)
        return answer_err(&err);
    if (wanted)
        (void)snprintf(name, sizeof(name), "%s", wanted);
    else
        make_name(job, name);
    str_random_hex(submission, 16);
    if (job->submission)
        (void)snprintf(submission, sizeof(submission), "%s", job->submission);
    json_set_text(job->whole, "submission", job->submission ? job->submission : submission);
    r = put(spool, lane, name, job->whole, &err);
    if (r < 0)
        return answer_err(&err);
    json_t *json = json_object();
    json_set_text(json, "name", name);
    json_set_text(json, "lane", lane_name);
    json_set_text(json, "submission", json_get_text(job->whole, "submission", NULL));
    return accepted(201, json, name);
}

/* ---- cancel, retry ---- */

/* Such a request would lie there until a job of that name comes. NULL: it can be cancelled. */
static struct answer *not_to_be_cancelled(const struct spool *spool, const char *name,
                                          const struct survey_job *job)
{
    CLEANUP(mem_free_text) char *error = NULL, *hint = NULL;
    switch (job->state) {
    case JOB_UNKNOWN:
        return answer_error(404, "there is no job of that name", "see /v1/jobs");
    case JOB_DONE:
    case JOB_ERROR:
        return answer_error(409, "the job has ended", "only what waits or runs can be cancelled");
    case JOB_INBOX:
        error = mem_printf("'%s' is no job yet", name);
        hint = mem_printf("to withdraw it, remove %s/%s", spool_path(spool), job->path);
        return answer_error(409, error, hint);
    default:
        return NULL;
    }
}

struct answer *writes_cancel(const struct spool *spool, struct pulse *pulse, const char *name)
{
    const struct survey_how how = { .pulse = pulse };
    struct survey_job job = { 0 };
    struct err err = { 0 };
    size_t alive = 0;
    int r = survey_job(spool, name, &how, &job, &err);
    enum survey_state state = job.state;
    struct answer *answer = r < 0 ? answer_err(&err) : not_to_be_cancelled(spool, name, &job);
    survey_job_release(&job);
    if (answer)
        return answer;
    if (cancel_ask(spool, name, &err) < 0 || survey_alive(spool, &how, &alive, &err) < 0)
        return answer_err(&err);
    json_t *json = json_object();
    json_set_text(json, "name", name);
    json_set_text(json, "state", survey_state_name(state));
    json_set_text(json, "hint", alive > 0 ? NULL : "no worker is alive: the next one will do it");
    return accepted(202, json, name);
}

struct answer *writes_retry(const struct spool *spool, const char *name)
{
    char id[NAME_SIZE], dir[NAME_SIZE];
    size_t others;
    struct err err = { 0 };
    int r = retry_find(spool, name, id, &others, &err);
    if (r == 0)
        r = retry_job(spool, id, dir, &err);
    if (r == -ENOENT || r == -EEXIST)
        return answer_error(r == -ENOENT ? 404 : 409, err.text, err.hint);
    if (r == 0)
        r = retry_sync(spool, &err);
    if (r < 0)
        return answer_err(&err);
    CLEANUP(mem_free_text) char *path = mem_printf("deferred/%s", dir);
    json_t *json = json_object();
    json_set_text(json, "id", id);
    json_set_text(json, "path", path);
    return accepted(202, json, id);
}
