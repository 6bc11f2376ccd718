/* survey.c - one look at a spool, by somebody who may only read it. */
#include "spool/survey.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/dropped.h"
#include "spool/listing.h"
#include "spool/pending.h"
#include "spool/running.h"
#include "spool/watchdogs.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILES_LOOKED_INTO = 100, WATCH_STEP_MS = 250 };

static const double fresh_s = 5, fresh_remote_s = 30;

/* The smaller of what two clocks say: the file's time is the server's, what is written inside the
 * worker's, and either may be off; a touched heartbeat has only the first. */
static double age_of(const struct heartbeat_seen *beat, int64_t now_ms)
{
    int64_t beat_ms;
    double age_s = fabs((double)(now_ms - beat->mtime_ms) / 1000);
    if (time_parse(beat->beat, &beat_ms))
        age_s = fmin(age_s, fabs((double)(now_ms - beat_ms) / 1000));
    return age_s;
}

bool survey_is_up(const struct survey_worker *worker)
{
    return worker && worker->alive && !heartbeat_has_stopped(worker->beat);
}

static void take_workers(struct survey *survey, double within_s)
{
    survey->workers = mem_zero(survey->beat_count, sizeof(survey->workers[0]));
    for (size_t i = 0; i < survey->beat_count; i++) {
        const struct heartbeat_seen *beat = &survey->beats[i];
        struct survey_worker *worker = &survey->workers[i];
        worker->beat = beat;
        worker->life = beat->whole ? proc_life(&beat->who) : PROC_GONE;
        worker->age_s = age_of(beat, survey->now_ms);
        /* One that is there but does not beat hangs, and that is no life. */
        worker->alive = worker->life != PROC_GONE && worker->age_s <= within_s;
        survey->alive_count += survey_is_up(worker);
    }
}

/* ---- whom our clock calls dead ---- */

static bool may_live(const struct survey_worker *worker)
{
    return !worker->alive && worker->life != PROC_GONE && !heartbeat_has_stopped(worker->beat);
}

/* For how long there is still to be watched whether one lives; 0: that is known. */
static int64_t watch_left_ms(const struct survey *survey, const struct pulse *pulse,
                             double within_s)
{
    int64_t left_ms = 0;
    for (size_t i = 0; i < survey->beat_count && survey->alive_count == 0; i++) {
        const char *worker = survey->beats[i].worker;
        if (!may_live(&survey->workers[i]))
            continue;
        if (pulse_age_s(pulse, worker) <= within_s)
            return 0;
        int64_t one_ms = pulse_left_ms(pulse, worker);
        left_ms = one_ms > left_ms ? one_ms : left_ms;
    }
    return left_ms;
}

/* Until one is seen to live: it beats each second. */
static int watch(const struct spool *spool, const struct survey *survey, struct pulse *pulse,
                 double within_s, struct err *err)
{
    int64_t left_ms;
    while ((left_ms = watch_left_ms(survey, pulse, within_s)) > 0) {
        struct heartbeat_seen *beats;
        size_t count;
        int64_t step_ms = left_ms < WATCH_STEP_MS ? left_ms : WATCH_STEP_MS;
        (void)usleep((useconds_t)step_ms * 1000);
        int r = heartbeats_read(spool, &beats, &count, err);
        if (r < 0)
            return r;
        pulse_note(pulse, beats, count, INFINITY); /* the watch goes on, however late we come */
        heartbeats_free(&beats, count);
    }
    return 0;
}

/* The beats have been noted when they were read. */
static int feel_pulse(const struct spool *spool, const struct survey_how *how,
                      struct survey *survey, double within_s, struct err *err)
{
    struct pulse *pulse = how->pulse;
    if (!pulse)
        return 0;
    int r = how->may_wait ? watch(spool, survey, pulse, within_s, err) : 0;
    for (size_t i = 0; r == 0 && i < survey->beat_count; i++) {
        struct survey_worker *worker = &survey->workers[i];
        double age_s = pulse_age_s(pulse, worker->beat->worker);
        if (!may_live(worker) || age_s > within_s)
            continue;
        worker->alive = true;
        worker->age_s = age_s;
        survey->alive_count++;
    }
    return r;
}

static double within_s_of(const struct spool *spool, const struct survey_how *how)
{
    if (how->within_s > 0)
        return how->within_s;
    return fs_is_remote(spool_root(spool)) ? fresh_remote_s : fresh_s;
}

static int read_beats(const struct spool *spool, const struct survey_how *how,
                      struct survey *survey, double within_s, struct err *err)
{
    int r = heartbeats_read(spool, &survey->beats, &survey->beat_count, err);
    if (r == 0 && how->pulse)
        pulse_note(how->pulse, survey->beats, survey->beat_count, within_s);
    return r;
}

int survey_alive(const struct spool *spool, const struct survey_how *how, size_t *ret_count,
                 struct err *err)
{
    CLEANUP(survey_release) struct survey survey = { .now_ms = time_wall_ms() };
    double within_s = within_s_of(spool, how);
    int r = read_beats(spool, how, &survey, within_s, err);
    if (r < 0)
        return r;
    take_workers(&survey, within_s);
    r = feel_pulse(spool, how, &survey, within_s, err);
    *ret_count = survey.alive_count;
    return r;
}

/* ---- what waits ---- */

/* Looks into the first files only: of a hundred thousand the rest are as good as these. */
static void look_into_lane(const struct spool *spool, enum spool_place lane,
                           const struct names *names, size_t *looked, struct survey *survey)
{
    for (size_t i = 0; i < names->count && *looked < FILES_LOOKED_INTO; i++) {
        struct pending_look look;
        if (names->entries[i].mark == NAMES_SPENT)
            continue;
        ++*looked;
        pending_look(spool_dir(spool, lane), names_get(names, i), NULL, &look);
        int64_t age_ms = survey->now_ms - look.changed_ms;
        if (look.changed_ms && age_ms > survey->oldest_pending_ms)
            survey->oldest_pending_ms = age_ms;
        if (look.state == PENDING_WHOLE || look.state == PENDING_GONE)
            continue;
        if (look.state != PENDING_UNTAKABLE)
            (void)pending_waits(&look, survey->now_ms, &claim_rules_default);
        problems_add_at(&survey->problems, lane, names_get(names, i), look.why.text);
    }
}

static void take_waiting(const struct spool *spool, const struct scan *const *scans,
                         struct survey *survey)
{
    size_t looked = 0;
    for (size_t i = 0; i < SCAN_PLACES; i++)
        problems_add_all(&survey->problems, &scans[i]->problems);
    for (size_t i = 0; i < SCAN_LANES; i++) {
        survey->lanes[i] = (int64_t)names_left(&scans[i]->names);
        survey->pending += survey->lanes[i];
        look_into_lane(spool, scan_places[i], &scans[i]->names, &looked, survey);
    }
    survey->deferred = (int64_t)names_left(&scans[SCAN_DEFERRED]->names);
}

/* Lists what nobody has listed. */
static int list_waiting(const struct spool *spool, struct survey *survey, struct err *err)
{
    struct scan scans[SCAN_PLACES] = { 0 };
    const struct scan *list[SCAN_PLACES];
    int r = 0;
    for (size_t i = 0; i < SCAN_PLACES && r == 0; i++) {
        list[i] = &scans[i];
        r = scan_place(spool, scan_places[i], &scans[i], err);
    }
    if (r == 0)
        take_waiting(spool, list, survey);
    for (size_t i = 0; i < SCAN_PLACES; i++)
        scan_release(&scans[i]);
    return r;
}

static void count_dir(void *arg, const char *name, unsigned char type)
{
    *(int64_t *)arg += type == DT_DIR && name[0] != '.';
}

static int64_t count_ended(const struct spool *spool, enum spool_place place)
{
    int64_t count = fs_count_subdirs(spool_dir(spool, place));
    if (count >= 0)
        return count;
    count = 0;
    return listing_each(spool_dir(spool, place), ".", count_dir, &count, NULL) < 0 ? -1 : count;
}

static bool count_one(void *arg, const char *worker, const char *path, const char *name)
{
    (void)worker, (void)path, (void)name;
    ++*(int64_t *)arg;
    return false;
}

/* What live workers tried and could not do: only the try shows it. */
static void merge_told(struct survey *survey)
{
    for (size_t i = 0; i < survey->beat_count; i++) {
        size_t j;
        const json_t *problem;
        if (!survey->workers[i].alive)
            continue;
        json_array_foreach(json_object_get(survey->beats[i].whole, "problems"), j, problem)
        {
            const char *path = json_get_text(problem, "path", "");
            if (path[0] && !problems_has(&survey->problems, path))
                problems_add(&survey->problems, path, json_get_text(problem, "reason", ""));
        }
    }
}

int survey_take(const struct spool *spool, const struct survey_how *how, struct survey *ret_survey,
                struct err *err)
{
    double within_s = within_s_of(spool, how);
    CLEANUP(survey_release) struct survey survey = { .now_ms = time_wall_ms() };
    survey.remote = fs_is_remote(spool_root(spool));
    survey.free_bytes = fs_free_bytes(spool_root(spool));
    int r = read_beats(spool, how, &survey, within_s, err);
    if (r == 0 && how->known)
        take_waiting(spool, how->known, &survey);
    else if (r == 0)
        r = list_waiting(spool, &survey, err);
    if (r < 0)
        return r;
    take_workers(&survey, within_s);
    r = feel_pulse(spool, how, &survey, within_s, err);
    if (r < 0)
        return r;
    running_each(spool, count_one, &survey.running);
    survey.done = how->without_ended ? -1 : count_ended(spool, PLACE_DONE);
    survey.error = how->without_ended ? -1 : count_ended(spool, PLACE_ERROR);
    struct dropped dropped;
    dropped_count(spool, survey.now_ms, &dropped);
    survey.inbox = dropped.count;
    survey.inbox_more = dropped.more;
    survey.oldest_inbox_ms = dropped.oldest_ms;
    survey.watchdogs = watchdog_notes_read(spool);
    merge_told(&survey);
    *ret_survey = survey;
    survey = (struct survey){ 0 };
    return 0;
}

void survey_release(struct survey *survey)
{
    heartbeats_free(&survey->beats, survey->beat_count);
    free(survey->workers);
    problems_release(&survey->problems);
    json_decref(survey->watchdogs);
    *survey = (struct survey){ 0 };
}

/* ---- as JSON ---- */

static json_t *worker_json(const struct survey_worker *worker)
{
    json_t *json = worker->beat->whole ? json_deep_copy(worker->beat->whole) : json_object();
    json_set_text(json, "worker", worker->beat->worker);
    json_set_bool(json, "alive", worker->alive);
    json_set_real(json, "age_s", worker->age_s);
    json_set_bool(json, "readable", worker->beat->whole != NULL);
    return json;
}

json_t *survey_json(const struct spool *spool, const struct survey *survey)
{
    char time[TIME_TEXT_SIZE];
    json_t *json = json_object(), *workers = json_array(), *problems = json_array();
    for (size_t i = 0; i < survey->beat_count; i++)
        (void)json_array_append_new(workers, worker_json(&survey->workers[i]));
    for (size_t i = 0; i < survey->problems.kept; i++) {
        json_t *problem = json_object();
        json_set_text(problem, "path", survey->problems.items[i].path);
        json_set_text(problem, "reason", survey->problems.items[i].reason);
        (void)json_array_append_new(problems, problem);
    }
    json_set_text(json, "spool", spool_path(spool));
    json_set_text(json, "at", time_format(survey->now_ms, time));
    json_set_int(json, "alive", (json_int_t)survey->alive_count);
    json_set(json, "workers", workers);
    json_set(json, "watchdogs", json_incref(survey->watchdogs));
    json_set_int(json, "inbox", survey->inbox);
    json_set_bool(json, "inbox_more", survey->inbox_more);
    json_set_int(json, "pending", survey->pending);
    json_set_int(json, "deferred", survey->deferred);
    json_set_int(json, "running", survey->running);
    json_set_int(json, "done", survey->done);
    json_set_int(json, "error", survey->error);
    json_set_real(json, "oldest_pending_s", (double)survey->oldest_pending_ms / 1000);
    json_set_real(json, "oldest_inbox_s", (double)survey->oldest_inbox_ms / 1000);
    json_set_int(json, "free_bytes", survey->free_bytes);
    json_set_bool(json, "remote", survey->remote);
    json_set(json, "problems", problems);
    return json;
}
