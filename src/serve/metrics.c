#include "serve/metrics.h"

#include "serve/prom.h"

#include <string.h>

static const char *const lane_names[SCAN_LANES] = { "high", "normal", "low" };

static void add_gauge(struct str *text, const char *name, const char *help, double value)
{
    prom_family(text, name, PROM_GAUGE, help);
    prom_sample(text, name, NULL, value);
}

static void add_jobs(struct str *text, const struct survey *survey, const size_t lanes[SCAN_LANES])
{
    const struct {
        const char *state;
        int64_t count; /* below 0: it cannot be told */
    } states[] = {
        { "inbox", survey->inbox },       { "pending", survey->pending },
        { "deferred", survey->deferred }, { "running", survey->running },
        { "done", survey->done },         { "error", survey->error },
    };
    prom_family(text, "takeup_jobs", PROM_GAUGE,
                "Jobs by state; inbox: files that will become jobs.");
    for (size_t i = 0; i < COUNT(states); i++)
        if (states[i].count >= 0)
            prom_sample(text, "takeup_jobs", PROM_LABELS("state", states[i].state),
                        (double)states[i].count);
    prom_family(text, "takeup_pending_jobs", PROM_GAUGE, "Pending jobs by lane.");
    for (size_t i = 0; i < SCAN_LANES; i++)
        prom_sample(text, "takeup_pending_jobs", PROM_LABELS("lane", lane_names[i]),
                    (double)lanes[i]);
    add_gauge(text, "takeup_oldest_pending_age_seconds",
              "Age of the oldest of the first pending jobs; 0 when none is.",
              (double)survey->oldest_pending_ms / 1000);
    add_gauge(text, "takeup_oldest_inbox_age_seconds",
              "Age of the oldest of the first files in inbox; 0 when none is.",
              (double)survey->oldest_inbox_ms / 1000);
    add_gauge(text, "takeup_problems", "Names that are there and cannot be taken.",
              (double)survey->problems.count);
}

static const char *state_of(const struct survey_worker *worker)
{
    return worker->beat->state;
}

static void add_worker_states(struct str *text, const struct survey *survey)
{
    static const char *const states[] = { "idle", "busy", "paused", "stopping" };
    add_gauge(text, "takeup_workers_alive", "Workers that have beaten in time and are not stopped.",
              (double)survey->alive_count);
    prom_family(text, "takeup_workers", PROM_GAUGE, "Live workers by state.");
    for (size_t i = 0; i < COUNT(states); i++) {
        double count = 0;
        for (size_t k = 0; k < survey->beat_count; k++)
            count +=
                survey->workers[k].alive && strcmp(state_of(&survey->workers[k]), states[i]) == 0;
        prom_sample(text, "takeup_workers", PROM_LABELS("state", states[i]), count);
    }
}

/* What a worker says of itself by a number in its heartbeat. */
static void add_told(struct str *text, const struct survey *survey, const char *key,
                     const char *name, enum prom_type type, const char *help)
{
    prom_family(text, name, type, help);
    for (size_t i = 0; i < survey->beat_count; i++) {
        const struct heartbeat_seen *beat = survey->workers[i].beat;
        const json_t *value = json_object_get(beat->whole, key);
        if (json_is_number(value))
            prom_sample(text, name, PROM_LABELS("worker", beat->worker), json_number_value(value));
    }
}

static void add_workers(struct str *text, const struct survey *survey)
{
    prom_family(text, "takeup_worker_up", PROM_GAUGE, "1 for a live worker, 0 for one that was.");
    for (size_t i = 0; i < survey->beat_count; i++) {
        const struct survey_worker *worker = &survey->workers[i];
        prom_sample(text, "takeup_worker_up", PROM_LABELS("worker", worker->beat->worker),
                    survey_is_up(worker));
    }
    prom_family(text, "takeup_worker_heartbeat_age_seconds", PROM_GAUGE,
                "Time since the worker's last beat.");
    for (size_t i = 0; i < survey->beat_count; i++)
        prom_sample(text, "takeup_worker_heartbeat_age_seconds",
                    PROM_LABELS("worker", survey->workers[i].beat->worker),
                    survey->workers[i].age_s);
    prom_family(text, "takeup_worker_running_jobs", PROM_GAUGE,
                "Jobs that the worker has in hand.");
    for (size_t i = 0; i < survey->beat_count; i++) {
        const struct heartbeat_seen *beat = survey->workers[i].beat;
        prom_sample(text, "takeup_worker_running_jobs", PROM_LABELS("worker", beat->worker),
                    (double)json_array_size(json_object_get(beat->whole, "jobs")));
    }
    add_told(text, survey, "done", "takeup_worker_jobs_done_total", PROM_COUNTER,
             "Jobs that the worker published in done, since it started.");
    add_told(text, survey, "error", "takeup_worker_jobs_error_total", PROM_COUNTER,
             "Jobs that the worker published in error, since it started.");
    add_told(text, survey, "claims", "takeup_worker_claims_total", PROM_COUNTER,
             "Jobs that the worker took, since it started.");
    add_told(text, survey, "missed", "takeup_worker_claims_missed_total", PROM_COUNTER,
             "Jobs that others had taken when the worker tried, since it started.");
}

void metrics_add_spool(struct str *text, const struct survey *survey,
                       const size_t lanes[SCAN_LANES])
{
    prom_family(text, "takeup_build_info", PROM_GAUGE, "1; the version is in the label.");
    prom_sample(text, "takeup_build_info", PROM_LABELS("version", TAKEUP_VERSION), 1);
    add_jobs(text, survey, lanes);
    add_worker_states(text, survey);
    add_workers(text, survey);
    add_gauge(text, "takeup_spool_free_bytes",
              "What may still be written to the spool's filesystem.", (double)survey->free_bytes);
    add_gauge(text, "takeup_spool_remote", "1 when the spool is on a network filesystem.",
              survey->remote);
}

int metrics_take(const struct spool *spool, char **ret_text, struct err *err)
{
    struct scan scans[SCAN_PLACES] = { 0 };
    const struct scan *known[SCAN_PLACES];
    size_t lanes[SCAN_LANES];
    CLEANUP(survey_release) struct survey survey = { 0 };
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .known = known, .pulse = &pulse, .may_wait = true };
    int r = 0;
    for (size_t i = 0; r == 0 && i < SCAN_PLACES; i++) {
        known[i] = &scans[i];
        r = scan_place(spool, scan_places[i], &scans[i], err);
        if (i < SCAN_LANES)
            lanes[i] = names_left(&scans[i].names);
    }
    if (r == 0)
        r = survey_take(spool, &how, &survey, err);
    for (size_t i = 0; i < SCAN_PLACES; i++)
        scan_release(&scans[i]);
    if (r < 0)
        return r;
    struct str text = { 0 };
    metrics_add_spool(&text, &survey, lanes);
    *ret_text = str_take(&text);
    return 0;
}
