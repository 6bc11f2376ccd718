/* state.c - one look at a spool for people who watch it all day.
 *
 * The same survey as `takeup status` takes, and beside it what needs a memory: the times of what
 * ended, the pipelines of what waits, the last records. */
#include "serve/state.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "serve/endings.h"
#include "serve/history.h"
#include "serve/waiting.h"
#include "spool/health.h"
#include "spool/running.h"
#include "spool/survey.h"
#include "spool/watchdogs.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1, ENDED_PLACES = 2 };
static const enum spool_place ended_places[ENDED_PLACES] = { PLACE_DONE, PLACE_ERROR };
static const char *const ended_keys[ENDED_PLACES] = { "done", "error" };

struct state_memory {
    int64_t budget_us;
    struct pulse pulse;
    struct waiting *waiting;
    struct history *history[ENDED_PLACES];
    struct endings *endings[ENDED_PLACES];
};

struct state_memory *state_memory_new(const struct spool *spool, int64_t budget_ms)
{
    struct state_memory *memory = MEM_NEW(struct state_memory);
    memory->budget_us = budget_ms * 1000;
    memory->waiting = waiting_new(spool);
    for (size_t i = 0; i < ENDED_PLACES; i++) {
        memory->history[i] = history_new(spool, ended_places[i]);
        memory->endings[i] = endings_new(spool, ended_places[i]);
    }
    return memory;
}

void state_memory_free(struct state_memory **memory)
{
    if (!*memory)
        return;
    pulse_release(&(*memory)->pulse);
    waiting_free(&(*memory)->waiting);
    for (size_t i = 0; i < ENDED_PLACES; i++) {
        history_free(&(*memory)->history[i]);
        endings_free(&(*memory)->endings[i]);
    }
    free(*memory);
    *memory = NULL;
}

/* ---- workers and what they have in hand ---- */

static json_t *worker_json(const struct survey_worker *worker)
{
    const json_t *whole = worker->beat->whole;
    json_t *json = json_object();
    json_set_text(json, "worker", worker->beat->worker);
    json_set_text(json, "host", worker->beat->who.host);
    json_set_int(json, "pid", worker->beat->who.pid);
    json_set_text(json, "state", worker->beat->state);
    json_set_bool(json, "alive", survey_is_up(worker));
    json_set_real(json, "age_s", worker->age_s);
    json_set_text(json, "beat", worker->beat->beat);
    json_set_text(json, "started", worker->beat->started);
    json_set_text(json, "reason", worker->beat->reason);
    json_set_int(json, "done", json_get_int(whole, "done", 0));
    json_set_int(json, "error", json_get_int(whole, "error", 0));
    return json;
}

/* Those that live first; of the dead ones there may be many. */
static json_t *workers_json(const struct survey *survey)
{
    json_t *list = json_array();
    for (int alive = 1; alive >= 0; alive--)
        for (size_t i = 0; i < survey->beat_count && json_array_size(list) < STATE_LISTED; i++)
            if (survey_is_up(&survey->workers[i]) == alive)
                (void)json_array_append_new(list, worker_json(&survey->workers[i]));
    return list;
}

static json_t *watchdogs_json(const struct survey *survey)
{
    size_t i;
    const json_t *note;
    json_t *list = json_array();
    json_array_foreach(survey->watchdogs, i, note)
    {
        CLEANUP(mem_free_text) char *text = watchdog_note_text(note, survey->now_ms);
        CLEANUP(mem_free_text)
        char *whole = mem_printf("watchdog %s.%lld %s", json_get_text(note, "host", "?"),
                                 (long long)json_get_int(note, "pid", 0), text);
        (void)json_array_append_new(list, json_string(whole));
    }
    return list;
}

struct in_hand {
    const struct survey *survey;
    json_t *list;
};

static const struct survey_worker *worker_of(const struct survey *survey, const char *name)
{
    for (size_t i = 0; i < survey->beat_count; i++)
        if (strcmp(survey->workers[i].beat->worker, name) == 0)
            return &survey->workers[i];
    return NULL;
}

/* What a worker says of a job it has in hand; NULL: nothing. */
static const json_t *told_of(const struct survey_worker *worker, const char *name)
{
    size_t i;
    const json_t *job;
    json_array_foreach(json_object_get(worker ? worker->beat->whole : NULL, "jobs"), i, job)
    {
        if (strcmp(json_get_text(job, "name", ""), name) == 0)
            return job;
    }
    return NULL;
}

static bool add_running(void *arg, const char *worker_name, const char *path, const char *name)
{
    const struct in_hand *in_hand = arg;
    const struct survey_worker *worker = worker_of(in_hand->survey, worker_name);
    const json_t *told = told_of(worker, name);
    (void)path;
    json_t *json = json_object();
    json_set_text(json, "name", name);
    json_set_text(json, "pipeline", json_get_text(told, "pipeline", NULL));
    json_set_text(json, "step", json_get_text(told, "step", NULL));
    json_set_real(json, "progress", json_get_real(told, "progress", -1));
    json_set_real(json, "eta_s", json_get_real(told, "eta_s", -1));
    json_set_text(json, "worker", worker_name);
    json_set_text(json, "host", worker ? worker->beat->who.host : NULL);
    json_set_bool(json, "orphan", !survey_is_up(worker));
    (void)json_array_append_new(in_hand->list, json);
    return json_array_size(in_hand->list) >= STATE_LISTED;
}

static json_t *running_json(const struct spool *spool, const struct survey *survey)
{
    struct in_hand in_hand = { survey, json_array() };
    running_each(spool, add_running, &in_hand);
    return in_hand.list;
}

/* ---- numbers ---- */

static json_t *counts_json(const struct survey *survey, const struct state_memory *memory)
{
    json_t *json = json_object();
    json_set_int(json, "inbox", survey->inbox);
    json_set_bool(json, "inbox_more", survey->inbox_more);
    json_set_int(json, "pending", survey->pending);
    json_set_int(json, "deferred", survey->deferred);
    json_set_int(json, "running", survey->running);
    for (size_t i = 0; i < ENDED_PLACES; i++)
        json_set_int(json, ended_keys[i], (json_int_t)history_count(memory->history[i]));
    return json;
}

static json_t *problems_json(const struct survey *survey)
{
    json_t *list = json_array();
    for (size_t i = 0; i < survey->problems.kept && i < STATE_LISTED; i++) {
        json_t *one = json_object();
        json_set_text(one, "path", survey->problems.items[i].path);
        json_set_text(one, "reason", survey->problems.items[i].reason);
        (void)json_array_append_new(list, one);
    }
    return list;
}

static json_t *hours_json(const struct history *history, int64_t now_ms)
{
    int64_t hours[STATE_HOURS] = { 0 };
    json_t *list = json_array();
    history_hours(history, now_ms, hours, STATE_HOURS);
    for (size_t i = 0; i < STATE_HOURS; i++)
        (void)json_array_append_new(list, json_integer(hours[i]));
    return list;
}

static json_t *throughput_json(const struct state_memory *memory, int64_t now_ms)
{
    static const int64_t hour_ms = INT64_C(3600) * 1000;
    char from[TIME_TEXT_SIZE];
    size_t known = 0, total = 0;
    json_t *json = json_object(), *last_hour = json_object();
    json_set_text(json, "from", time_format((now_ms / hour_ms - STATE_HOURS + 1) * hour_ms, from));
    for (size_t i = 0; i < ENDED_PLACES; i++) {
        const struct history *history = memory->history[i];
        known += history_known(history);
        total += history_count(history);
        json_set(json, ended_keys[i], hours_json(history, now_ms));
        json_set_int(last_hour, ended_keys[i], history_since(history, now_ms - hour_ms));
    }
    json_set(json, "last_hour", last_hour);
    json_set_int(json, "known", (json_int_t)known);
    json_set_int(json, "total", (json_int_t)total);
    return json;
}

/* ---- all of it ---- */

static json_t *state_json(const struct spool *spool, const struct state_memory *memory,
                          const struct survey *survey, int64_t deadline_us)
{
    char at[TIME_TEXT_SIZE];
    CLEANUP(health_release) struct health health = { 0 };
    health_judge(spool, survey, &health);
    json_t *json = json_object();
    json_set_int(json, "format", FORMAT);
    json_set_text(json, "version", TAKEUP_VERSION);
    json_set_text(json, "spool", spool_path(spool));
    json_set_text(json, "at", time_format(survey->now_ms, at));
    json_set(json, "health", health_json(spool, survey, &health));
    json_set_int(json, "alive", (json_int_t)survey->alive_count);
    json_set(json, "counts", counts_json(survey, memory));
    json_set_real(json, "oldest_pending_s", (double)survey->oldest_pending_ms / 1000);
    json_set_real(json, "oldest_inbox_s", (double)survey->oldest_inbox_ms / 1000);
    json_set_int(json, "free_bytes", survey->free_bytes);
    json_set_bool(json, "remote", survey->remote);
    json_set(json, "workers", workers_json(survey));
    json_set(json, "watchdogs", watchdogs_json(survey));
    json_set(json, "running", running_json(spool, survey));
    waiting_tell(memory->waiting, deadline_us, json);
    json_set(json, "recent", endings_tell(memory->endings[0], memory->history[0]));
    json_set(json, "errors", endings_tell(memory->endings[1], memory->history[1]));
    json_set(json, "throughput", throughput_json(memory, survey->now_ms));
    json_set(json, "problems", problems_json(survey));
    json_set_int(json, "problem_count", (json_int_t)survey->problems.count);
    return json;
}

int state_take(const struct spool *spool, struct state_memory *memory, json_t **ret_state,
               struct err *err)
{
    CLEANUP(survey_release) struct survey survey = { 0 };
    int64_t deadline_us = time_mono_us() + memory->budget_us;
    const struct survey_how how = { .known = waiting_scans(memory->waiting),
                                    .pulse = &memory->pulse,
                                    .may_wait = true,
                                    .without_ended = true };
    int r = waiting_look(memory->waiting, err);
    if (r == 0)
        r = survey_take(spool, &how, &survey, err);
    /* Errors first: of these every one counts, and they are few. */
    for (size_t i = ENDED_PLACES; r == 0 && i > 0; i--)
        r = history_look(memory->history[i - 1], deadline_us, err);
    if (r == 0)
        *ret_state = state_json(spool, memory, &survey, deadline_us);
    return r;
}
