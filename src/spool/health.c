#include "spool/health.h"

#include "base/mem.h"
#include "base/str.h"
#include "spool/watchdogs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct survey_worker *best_worker(const struct survey *survey)
{
    const struct survey_worker *best = NULL;
    for (size_t i = 0; i < survey->beat_count; i++) {
        const struct survey_worker *one = &survey->workers[i];
        if (!best || (survey_is_up(one) && !survey_is_up(best)) ||
            (survey_is_up(one) == survey_is_up(best) && one->age_s < best->age_s))
            best = one;
    }
    return best;
}

static bool has_working(const struct survey *survey)
{
    for (size_t i = 0; i < survey->beat_count; i++)
        if (survey_is_up(&survey->workers[i]) &&
            strcmp(survey->workers[i].beat->state, "paused") != 0)
            return true;
    return false;
}

/* ", and watchdog HOST.PID gave up at …"; "" when none did. The caller frees it. */
static char *given_up(const struct survey *survey)
{
    size_t i;
    const json_t *note;
    json_array_foreach(survey->watchdogs, i, note)
    {
        if (!watchdog_has_given_up(note))
            continue;
        CLEANUP(mem_free_text) char *text = watchdog_note_text(note, survey->now_ms);
        return mem_printf("; watchdog %s.%lld %s", json_get_text(note, "host", "?"),
                          (long long)json_get_int(note, "pid", 0), text);
    }
    return mem_strdup("");
}

/* ", and 3 jobs are pending, and 1 file is in inbox"; "" when nothing is. The caller frees it. */
static char *what_waits(const struct survey *survey)
{
    struct str text = { 0 };
    if (survey->pending > 0)
        str_addf(&text, ", and %lld %s pending", (long long)survey->pending,
                 survey->pending == 1 ? "job is" : "jobs are");
    if (survey->inbox > 0)
        str_addf(&text, ", and %lld%s %s in inbox", (long long)survey->inbox,
                 survey->inbox_more ? "+" : "", survey->inbox == 1 ? "file is" : "files are");
    return str_take(&text);
}

static void explain(const struct spool *spool, const struct survey *survey, struct health *health)
{
    const struct survey_worker *worker = health->worker;
    CLEANUP(mem_free_text) char *waiting = what_waits(survey);
    CLEANUP(mem_free_text) char *dog = given_up(survey);
    health->mend = mem_printf("start one: takeup worker --spool %s", spool_path(spool));
    if (!worker) {
        health->reason = mem_printf("no worker has ever run on this spool%s%s", waiting, dog);
    } else if (health->alive) {
        health->reason =
            mem_printf("the worker %s is paused: %s", worker->beat->worker, worker->beat->reason);
        mem_free_text(&health->mend);
        health->mend = mem_strdup("mend what it says, and it goes on by itself");
    } else if (heartbeat_has_stopped(worker->beat)) {
        health->reason = mem_printf("no live worker: the last one, %s, was stopped %.0f s ago%s%s",
                                    worker->beat->worker, worker->age_s, waiting, dog);
    } else if (worker->life == PROC_ALIVE) {
        health->reason =
            mem_printf("the worker %s hangs: its process %d is there, but its last "
                       "beat was %.0f s ago%s",
                       worker->beat->worker, (int)worker->beat->who.pid, worker->age_s, waiting);
        mem_free_text(&health->mend);
        health->mend = mem_printf("end it (kill -KILL %d) and start one: takeup worker --spool %s",
                                  (int)worker->beat->who.pid, spool_path(spool));
    } else {
        health->reason = mem_printf("no live worker: the last beat, of %s, was %.0f s ago%s%s",
                                    worker->beat->worker, worker->age_s, waiting, dog);
    }
}

void health_judge(const struct spool *spool, const struct survey *survey, struct health *ret_health)
{
    struct health health = { .worker = best_worker(survey) };
    health.alive = survey->alive_count > 0;
    health.working = has_working(survey);
    if (!health.working)
        explain(spool, survey, &health);
    *ret_health = health;
}

void health_release(struct health *health)
{
    free(health->reason);
    free(health->mend);
    *health = (struct health){ 0 };
}

json_t *health_json(const struct spool *spool, const struct survey *survey,
                    const struct health *health)
{
    json_t *json = json_object();
    json_set_bool(json, "healthy", health->working);
    json_set_bool(json, "alive", health->alive);
    json_set_text(json, "last_heartbeat", health->worker ? health->worker->beat->beat : NULL);
    json_set_real(json, "last_heartbeat_age_s", health->worker ? health->worker->age_s : NAN);
    json_set_text(json, "spool", spool_path(spool));
    json_set_text(json, "reason", health->reason);
    json_set_text(json, "mend", health->mend);
    json_set_int(json, "inbox", survey->inbox);
    json_set_int(json, "pending", survey->pending);
    json_t *workers = json_array();
    for (size_t i = 0; i < survey->beat_count; i++) {
        const struct survey_worker *one = &survey->workers[i];
        json_t *worker = json_object();
        json_set_text(worker, "worker", one->beat->worker);
        json_set_bool(worker, "alive", one->alive);
        json_set_text(worker, "state", one->beat->state);
        json_set_text(worker, "reason", one->beat->reason[0] ? one->beat->reason : NULL);
        json_set_text(worker, "last_heartbeat", one->beat->beat);
        json_set_real(worker, "age_s", one->age_s);
        (void)json_array_append_new(workers, worker);
    }
    json_set(json, "workers", workers);
    return json;
}
