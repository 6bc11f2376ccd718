#include "serve/eye.h"

#include "base/mem.h"
#include "base/time.h"
#include "serve/files.h"
#include "serve/jobs.h"
#include "serve/metrics.h"
#include "serve/prom.h"
#include "serve/shelf.h"
#include "serve/state.h"
#include "serve/writes.h"
#include "spool/backlog.h"
#include "spool/health.h"

#include <stdlib.h>
#include <string.h>

/* Of a look for the dashboard: it may take a part of what a visitor waits. */
enum { STATE_BUDGET_MS = 1500 };

enum { ENDED_DONE, ENDED_ERROR, ENDED_PLACES };
static const enum shelf_kind ended_kinds[ENDED_PLACES] = { SHELF_DONE, SHELF_ERROR };

struct eye {
    const struct serve_options *options;
    struct spool *spool; /* NULL: not open */
    struct backlog waiting[SCAN_PLACES];
    struct shelf ended[ENDED_PLACES]; /* for metrics: how many there are */
    struct pulse pulse;
    struct jobs *jobs;
    struct state_memory *memory; /* of the dashboard; NULL until it is asked for */
};

struct eye *eye_new(const struct serve_options *options)
{
    struct eye *eye = MEM_NEW(struct eye);
    eye->options = options;
    return eye;
}

/* ---- the spool, and what is kept of it ---- */

static void forget(struct eye *eye)
{
    for (size_t i = 0; i < SCAN_PLACES; i++)
        backlog_release(&eye->waiting[i]);
    for (size_t i = 0; i < ENDED_PLACES; i++)
        shelf_release(&eye->ended[i]);
    pulse_release(&eye->pulse);
    jobs_free(&eye->jobs);
    state_memory_free(&eye->memory);
}

static void begin_anew(struct eye *eye)
{
    for (size_t i = 0; i < SCAN_PLACES; i++)
        backlog_init(&eye->waiting[i], eye->spool, scan_places[i]);
    for (size_t i = 0; i < ENDED_PLACES; i++)
        shelf_init(&eye->ended[i], eye->spool, ended_kinds[i]);
    eye->jobs = jobs_new(eye->spool);
}

void eye_free(struct eye **at)
{
    struct eye *eye = TAKE(*at);
    if (!eye)
        return;
    if (eye->spool)
        forget(eye);
    spool_close(&eye->spool);
    free(eye);
}

static int open_spool(struct eye *eye, struct err *err)
{
    if (!eye->spool) {
        int r = spool_open(eye->options->spool, &eye->spool, err);
        if (r == 0)
            begin_anew(eye);
        return r;
    }
    int r = spool_refresh(eye->spool, err);
    if (r > 0) {
        forget(eye);
        begin_anew(eye);
    }
    return r < 0 ? r : 0;
}

/* A survey that lists only what may have changed. Whom our clock calls dead is watched first: this
 * is what is asked for to know who lives. No other question waits for that, since somebody may wait
 * behind it; it has what was seen of the beats before. */
static int look(struct eye *eye, size_t lanes[SCAN_LANES], struct survey *survey, struct err *err)
{
    const struct scan *known[SCAN_PLACES];
    for (size_t i = 0; i < SCAN_PLACES; i++) {
        if (backlog_look(&eye->waiting[i], BACKLOG_RESCAN, time_mono_us(), err) < 0)
            return -1;
        known[i] = &eye->waiting[i].scan;
        if (i < SCAN_LANES)
            lanes[i] = names_left(&known[i]->names);
    }
    const struct survey_how how = {
        .known = known, .pulse = &eye->pulse, .may_wait = true, .without_ended = true
    };
    return survey_take(eye->spool, &how, survey, err);
}

/* ---- questions ---- */

static struct answer *answer_health(struct eye *eye)
{
    CLEANUP(survey_release) struct survey survey = { 0 };
    struct err err = { 0 };
    struct health health;
    size_t lanes[SCAN_LANES];
    if (look(eye, lanes, &survey, &err) < 0)
        return answer_err(&err);
    health_judge(eye->spool, &survey, &health);
    struct answer *answer =
        answer_json(health.working ? 200 : 503, health_json(eye->spool, &survey, &health));
    health_release(&health);
    return answer;
}

/* Below 0: it cannot be told. */
static int64_t count_ended(struct shelf *shelf)
{
    return shelf_look(shelf, time_mono_us(), NULL) < 0 ? -1 : (int64_t)shelf->names.count;
}

static struct answer *answer_metrics(struct eye *eye)
{
    CLEANUP(survey_release) struct survey survey = { 0 };
    struct str text = { 0 };
    struct err err = { 0 };
    size_t lanes[SCAN_LANES];
    if (look(eye, lanes, &survey, &err) < 0)
        return answer_err(&err);
    survey.done = count_ended(&eye->ended[ENDED_DONE]);
    survey.error = count_ended(&eye->ended[ENDED_ERROR]);
    metrics_add_spool(&text, &survey, lanes);
    return answer_text(200, PROM_CONTENT_TYPE, str_take(&text));
}

static struct answer *answer_dashboard(struct eye *eye)
{
    json_t *state = NULL;
    struct err err = { 0 };
    if (!eye->memory)
        eye->memory = state_memory_new(eye->spool, STATE_BUDGET_MS);
    if (state_take(eye->spool, eye->memory, &state, &err) < 0)
        return answer_err(&err);
    return answer_json(200, state);
}

static struct answer *answer_jobs(struct eye *eye, const json_t *asked)
{
    CLEANUP(jobs_query_release) struct jobs_query query = { 0 };
    json_t *page = NULL;
    struct err err = { 0 };
    if (jobs_query_parse(asked, &query, &err) < 0 || jobs_page(eye->jobs, &query, &page, &err) < 0)
        return answer_err(&err);
    return answer_json(200, page);
}

static struct answer *answer_job(struct eye *eye, const char *name)
{
    const struct survey_how how = { .pulse = &eye->pulse };
    struct survey_job job = { 0 };
    struct err err = { 0 };
    if (survey_job(eye->spool, name, &how, &job, &err) < 0)
        return answer_err(&err);
    struct answer *answer =
        job.state == JOB_UNKNOWN
            ? answer_error(404, "there is no job of that name",
                           "it is neither in inbox, pending, running, deferred, done nor error")
            : answer_json(200, survey_job_json(name, &job));
    survey_job_release(&job);
    return answer;
}

static struct answer *answer_submit(const struct eye *eye, const json_t *query, const char *body,
                                    size_t body_len)
{
    const struct input_bounds bounds = {
        .root_fd = spool_root(eye->spool),
        .root_path = spool_path(eye->spool),
        .roots = eye->options->input_roots,
        .root_count = eye->options->input_root_count,
    };
    return writes_submit(eye->spool, &bounds, query, body, body_len);
}

struct answer *eye_answer(struct eye *eye, const json_t *question, const char *body,
                          size_t body_len)
{
    const char *what = json_get_text(question, "do", "");
    const char *job = json_get_text(question, "job", "");
    const json_t *query = json_object_get(question, "query");
    struct err err = { 0 };
    if (open_spool(eye, &err) < 0)
        return answer_err(&err);
    if (strcmp(what, "health") == 0)
        return answer_health(eye);
    if (strcmp(what, "metrics") == 0)
        return answer_metrics(eye);
    if (strcmp(what, "dashboard") == 0)
        return answer_dashboard(eye);
    if (strcmp(what, "jobs") == 0)
        return answer_jobs(eye, query);
    if (strcmp(what, "job") == 0)
        return answer_job(eye, job);
    if (strcmp(what, "file") == 0)
        return files_answer(eye->spool, job, json_get_text(question, "file", ""),
                            json_is_true(json_object_get(question, "head")));
    if (strcmp(what, "submit") == 0)
        return answer_submit(eye, query, body, body_len);
    if (strcmp(what, "cancel") == 0)
        return writes_cancel(eye->spool, &eye->pulse, job);
    if (strcmp(what, "retry") == 0)
        return writes_retry(eye->spool, job);
    return answer_error(500, "a question that nobody can answer", NULL);
}
