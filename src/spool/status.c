/* status.c - the survey in words, for people who see only the share. */
#include "spool/survey.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/name.h"
#include "spool/watchdogs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROBLEMS_SHOWN = 50 };

const struct survey_worker *survey_paused_worker(const struct survey *survey)
{
    const struct survey_worker *paused = NULL;
    for (size_t i = 0; i < survey->beat_count; i++) {
        const struct survey_worker *worker = &survey->workers[i];
        if (!survey_is_up(worker))
            continue;
        if (strcmp(worker->beat->state, "paused") != 0)
            return NULL;
        paused = worker;
    }
    return paused;
}

static void add_dropped(struct str *text, const struct survey *survey)
{
    if (survey->inbox == 0)
        return;
    str_addf(text, ", %lld%s file%s in inbox (the oldest for %lld s)", (long long)survey->inbox,
             survey->inbox_more ? "+" : "", survey->inbox == 1 ? "" : "s",
             (long long)survey->oldest_inbox_ms / 1000);
}

char *survey_head(const char *spool_path, const struct survey *survey)
{
    struct str head = { 0 };
    const struct survey_worker *paused = survey_paused_worker(survey);
    CLEANUP(mem_free_text) char *word = str_shell_word(spool_path);
    if (survey->alive_count == 0)
        str_add(&head, "takeup: NO LIVE WORKER, ");
    else if (paused)
        str_addf(&head, "takeup: PAUSED (%s), ",
                 paused->beat->reason[0] ? paused->beat->reason : "no reason told");
    else
        str_add(&head, survey->running ? "takeup: working, " : "takeup: ready, ");
    str_addf(&head, "%lld job%s pending", (long long)survey->pending,
             survey->pending == 1 ? "" : "s");
    add_dropped(&head, survey);
    str_addf(&head, ", %lld running", (long long)survey->running);
    if (survey->deferred)
        str_addf(&head, ", %lld deferred", (long long)survey->deferred);
    if (survey->problems.count)
        str_addf(&head, ", %zu that cannot be taken (see below)", survey->problems.count);
    if (survey->alive_count == 0)
        str_addf(&head, "; start one with: takeup worker --spool %s", word);
    return str_take(&head);
}

static void add_worker_jobs(struct str *text, const json_t *jobs)
{
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        const json_t *job = json_array_get(jobs, i);
        double progress = json_get_real(job, "progress", -1),
               eta_s = json_get_real(job, "eta_s", -1);
        CLEANUP(str_release) struct str so_far = { 0 };
        if (progress >= 0)
            str_addf(&so_far, ", %.0f %%", progress * 100);
        if (eta_s >= 0)
            str_addf(&so_far, ", %.0f s to go", eta_s);
        str_add_line(text, "    %s: pipeline %s, step %s%s", json_get_text(job, "name", "?"),
                     json_get_text(job, "pipeline", "?"), json_get_text(job, "step", "-"),
                     str_text(&so_far));
    }
}

static void add_workers(struct str *text, const struct survey *survey)
{
    str_add(text, "\nWorkers\n");
    if (survey->beat_count == 0)
        str_add(text, "  none has ever beaten here\n");
    for (size_t i = 0; i < survey->beat_count; i++) {
        const struct survey_worker *worker = &survey->workers[i];
        const struct heartbeat_seen *beat = worker->beat;
        const char *state = beat->state[0] ? beat->state : "state unknown";
        if (!worker->alive && !heartbeat_has_stopped(beat))
            state = "dead";
        str_add_line(text, "  %s: %s, last beat %.1f s ago%s%s", beat->worker, state, worker->age_s,
                     beat->reason[0] ? ", " : "", beat->reason);
        if (worker->alive)
            add_worker_jobs(text, json_object_get(beat->whole, "jobs"));
    }
}

static void add_watchdogs(struct str *text, const struct survey *survey)
{
    size_t i;
    const json_t *note;
    json_array_foreach(survey->watchdogs, i, note)
    {
        if (survey->alive_count > 0 && watchdog_has_given_up(note))
            continue; /* somebody has started another worker since */
        CLEANUP(mem_free_text) char *told = watchdog_note_text(note, survey->now_ms);
        str_add_line(text, "  watchdog %s.%d: %s", json_get_text(note, "host", "?"),
                     (int)json_get_int(note, "pid", 0), told);
    }
}

static void add_places(struct str *text, const struct survey *survey)
{
    const struct {
        const char *name;
        int64_t count;
        const char *purpose;
    } places[] = {
        { "inbox/", survey->inbox,
          "drop videos into the folder of a pipeline here; no job file is needed" },
        { "media/", -1, "a place for videos that come with a job file; never touched" },
        { "pending/", survey->pending, "drop job files (.json) here; high/ goes first, low/ last" },
        { "running/", survey->running, "jobs that a worker has" },
        { "deferred/", survey->deferred, "jobs between two attempts, or waiting for their input" },
        { "done/", survey->done, "results: a directory for each job, with result.json" },
        { "error/", survey->error, "jobs that failed; result.json says why" },
        { "cancel/", -1, "put an empty file here, named like a job, to cancel that job" },
        { "heartbeat/", -1, "what the workers say of themselves" },
        { "tmp/", -1, "files being written; leave it alone" },
    };
    str_add(text, "\nDirectories\n");
    for (size_t i = 0; i < COUNT(places); i++) {
        char count[24] = "";
        if (places[i].count >= 0)
            (void)snprintf(count, sizeof(count), "%lld", (long long)places[i].count);
        str_addf(text, "  %-10s %7s  %s\n", places[i].name, count, places[i].purpose);
    }
    if (survey->free_bytes >= 0)
        str_addf(text, "  %lld MiB free on the disk\n", (long long)(survey->free_bytes >> 20));
}

static void add_problems(struct str *text, const struct survey *survey)
{
    size_t count = survey->problems.count, kept = survey->problems.kept;
    if (count)
        str_add(text, "\nProblems\n");
    for (size_t i = 0; i < kept && i < PROBLEMS_SHOWN; i++) {
        const struct problem *problem = &survey->problems.items[i];
        str_add_line(text, "  %s: %s", problem->path, problem->reason);
    }
    if (count > PROBLEMS_SHOWN)
        str_addf(text, "  and %zu more\n", count - PROBLEMS_SHOWN);
}

char *survey_text(const struct spool *spool, const struct survey *survey)
{
    struct str text = { 0 };
    char time[TIME_TEXT_SIZE];
    CLEANUP(mem_free_text) char *head = survey_head(spool_path(spool), survey);
    str_add_line(&text, "%s", head);
    str_add_line(&text, "written %s (UTC), spool %s", time_format(survey->now_ms, time),
                 spool_path(spool));
    add_workers(&text, survey);
    add_watchdogs(&text, survey);
    add_places(&text, survey);
    add_problems(&text, survey);
    return str_take(&text);
}

int survey_write_status(const struct spool *spool, const char *owner, const struct survey *survey,
                        struct err *err)
{
    CLEANUP(mem_free_text) char *text = survey_text(spool, survey);
    int tmp = spool_dir(spool, PLACE_TMP);
    char file[NAME_SIZE];
    (void)snprintf(file, sizeof(file), "%.240s.status", owner);
    int r = fs_write_file(tmp, file, text, strlen(text), 0, err);
    if (r == 0 && renameat(tmp, file, spool_root(spool), "STATUS.txt") < 0)
        r = err_set(err, ERR_IO, errno, "replace '%s/STATUS.txt'", spool_path(spool));
    if (r < 0)
        (void)unlinkat(tmp, file, 0);
    return r;
}
