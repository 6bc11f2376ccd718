/* survey_job.c - where one job is, as somebody is told who only looks. */
#include "spool/survey.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/attempts.h"
#include "spool/claim.h"
#include "spool/dropped.h"
#include "spool/ended.h"
#include "spool/listing.h"
#include "spool/name.h"
#include "spool/pending.h"
#include "spool/running.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *survey_state_name(enum survey_state state)
{
    static const char *const names[] = {
        [JOB_UNKNOWN] = "unknown", [JOB_INBOX] = "inbox",       [JOB_PENDING] = "pending",
        [JOB_RUNNING] = "running", [JOB_DEFERRED] = "deferred", [JOB_DONE] = "done",
        [JOB_ERROR] = "error",
    };
    return names[state];
}

bool survey_job_is_cancelled(const struct survey_job *job)
{
    return strcmp(json_get_text(job->record, "status", ""), "cancelled") == 0;
}

void survey_job_release(struct survey_job *job)
{
    free(job->path);
    free(job->worker);
    free(job->reason);
    json_decref(job->record);
    json_decref(job->attempts);
    *job = (struct survey_job){ 0 };
}

static void found_at(struct survey_job *job, enum survey_state state, enum spool_place place,
                     const char *name)
{
    job->state = state;
    job->path = mem_printf("%s/%s", spool_place_name(place), name);
}

/* What a live worker says of it: only that one has looked twice. NULL: nothing. */
static char *told_reason(const struct spool *spool, const char *path)
{
    struct heartbeat_seen *beats = NULL;
    size_t count = 0, k;
    char *reason = NULL;
    const json_t *problem;
    (void)heartbeats_read(spool, &beats, &count, NULL);
    for (size_t i = 0; i < count; i++)
        json_array_foreach(json_object_get(beats[i].whole, "problems"), k, problem)
        {
            if (!reason && strcmp(json_get_text(problem, "path", ""), path) == 0)
                reason = mem_strdup(json_get_text(problem, "reason", ""));
        }
    heartbeats_free(&beats, count);
    return reason;
}

/* path: what dropped_find said. */
static bool take_dropped(const struct spool *spool, char *path, const struct survey_how *how,
                         struct survey_job *job)
{
    static const struct survey_how by_clock = { 0 };
    size_t alive = 1;
    if (!path)
        return false;
    job->state = JOB_INBOX;
    job->path = path;
    if (survey_alive(spool, how ? how : &by_clock, &alive, NULL) == 0 && alive == 0)
        job->reason = mem_strdup("there is no live worker");
    else
        job->reason = told_reason(spool, path);
    return true;
}

static bool find_pending(const struct spool *spool, const char *name, struct survey_job *job)
{
    CLEANUP(mem_free_text) char *file = mem_printf("%s.json", name);
    for (size_t i = 0; i < SCAN_LANES; i++) {
        struct pending_look look;
        pending_look(spool_dir(spool, scan_places[i]), file, NULL, &look);
        if (look.state == PENDING_GONE)
            continue;
        if (look.state == PENDING_SHORT || look.state == PENDING_WRONG)
            (void)pending_waits(&look, time_wall_ms(), &claim_rules_default);
        if (look.state != PENDING_WHOLE)
            job->reason = mem_strdup(look.why.text);
        found_at(job, JOB_PENDING, scan_places[i], file);
        return true;
    }
    return false;
}

static void take_attempts(int dir_fd, const char *name, struct survey_job *job)
{
    struct attempts attempts = { 0 };
    CLEANUP(fs_close) int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)attempts_read(fd, &attempts, NULL);
    job->attempts = attempts.lines ? json_incref(attempts.lines) : json_array();
    attempts_release(&attempts);
}

struct wanted {
    const struct spool *spool;
    const char *name;
    struct survey_job *job;
    bool found;
};

static bool take_running(void *arg, const char *worker, const char *path, const char *name)
{
    struct wanted *wanted = arg;
    if (strcmp(name, wanted->name) != 0)
        return false;
    found_at(wanted->job, JOB_RUNNING, PLACE_RUNNING, path);
    wanted->job->worker = mem_strdup(worker);
    take_attempts(spool_dir(wanted->spool, PLACE_RUNNING), path, wanted->job);
    return wanted->found = true;
}

static bool find_running(const struct spool *spool, const char *name, struct survey_job *job)
{
    struct wanted wanted = { spool, name, job, false };
    running_each(spool, take_running, &wanted);
    return wanted.found;
}

static bool find_deferred(const struct spool *spool, const char *name, struct survey_job *job)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    char wanted[NAME_SIZE], found[NAME_SIZE], token[TOKEN_SIZE];
    int64_t due_s;
    name_for_directory(name, wanted);
    (void)listing_read(spool_dir(spool, PLACE_DEFERRED), ".", &listing, NULL);
    for (size_t i = 0; i < listing.count; i++) {
        const char *entry = listing.entries[i].name;
        if (!name_deferred_parse(entry, found, &due_s, token) || strcmp(found, wanted) != 0)
            continue;
        found_at(job, JOB_DEFERRED, PLACE_DEFERRED, entry);
        job->due_s = due_s;
        take_attempts(spool_dir(spool, PLACE_DEFERRED), entry, job);
        return true;
    }
    return false;
}

struct newest {
    const struct spool *spool;
    const char *submission; /* or NULL: any */
    struct survey_job *job;
};

static void take_newer(void *arg, enum spool_place place, const char *id, json_t *record)
{
    const struct newest *newest = arg;
    const char *submission = json_get_text(json_object_get(record, "job"), "submission", "");
    struct survey_job *job = newest->job;
    if (newest->submission && strcmp(submission, newest->submission) != 0)
        return;
    if (job->record && strcmp(ended_at(job->record), ended_at(record)) > 0)
        return;
    survey_job_release(job);
    found_at(job, place == PLACE_DONE ? JOB_DONE : JOB_ERROR, place, id);
    take_attempts(spool_dir(newest->spool, place), id, job);
    job->record = json_incref(record);
}

static bool find_ended(const struct spool *spool, const char *name, const char *submission,
                       struct survey_job *job)
{
    static const enum spool_place places[] = { PLACE_DONE, PLACE_ERROR };
    struct newest newest = { spool, submission, job };
    for (size_t i = 0; i < COUNT(places); i++) {
        ended_each(spool, places[i], name, take_newer, &newest);
        if (job->record) /* what we say of it must still be true after a power cut */
            (void)fsync(spool_dir(spool, places[i]));
    }
    return job->record != NULL;
}

int survey_job(const struct spool *spool, const char *name, const struct survey_how *how,
               struct survey_job *ret_job, struct err *err)
{
    struct survey_job job = { 0 };
    if (!name[0] || strchr(name, '/'))
        return err_set(err, ERR_USAGE, 0, "'%s' cannot be a job's name", name);
    /* In the order in which a job moves, so that none slips by; twice, as one may go back. */
    for (int round = 0; round < 2 && job.state == JOB_UNKNOWN; round++) {
        CLEANUP(mem_free_text) char *dropped = dropped_find(spool, name);
        if (!find_pending(spool, name, &job) && !find_running(spool, name, &job) &&
            !find_deferred(spool, name, &job) && !find_running(spool, name, &job) &&
            !take_dropped(spool, TAKE(dropped), how, &job))
            (void)find_ended(spool, name, NULL, &job);
    }
    *ret_job = job;
    return 0;
}

int survey_submission(const struct spool *spool, const char *name, const char *submission,
                      const struct survey_how *how, struct survey_job *ret_job, struct err *err)
{
    struct survey_job job = { 0 };
    if (find_ended(spool, name, submission, &job)) {
        *ret_job = job;
        return 0;
    }
    int r = survey_job(spool, name, how, &job, err);
    if (r < 0)
        return r;
    struct survey_job ours = { 0 };
    if (job.state == JOB_INBOX) { /* no submission is there */
        survey_job_release(&job);
        job = (struct survey_job){ .state = JOB_UNKNOWN };
    }
    /* It may have ended between the two looks, and an older one of its name have been found. */
    if (job.record) {
        survey_job_release(&job);
        job = (struct survey_job){ .state = JOB_UNKNOWN }; /* an older one is not what was asked */
        if (find_ended(spool, name, submission, &ours))
            job = ours;
    }
    *ret_job = job;
    return 0;
}

json_t *survey_job_json(const char *name, const struct survey_job *job)
{
    json_t *json = json_object();
    json_set_text(json, "name", name);
    json_set_text(json, "state", survey_state_name(job->state));
    json_set_text(json, "path", job->path);
    json_set_text(json, "worker", job->worker);
    json_set(json, "due_s", job->state == JOB_DEFERRED ? json_integer(job->due_s) : NULL);
    json_set_text(json, "reason", job->reason);
    json_set(json, "attempts", job->attempts ? json_deep_copy(job->attempts) : NULL);
    json_set(json, "record", job->record ? json_deep_copy(job->record) : NULL);
    return json;
}
