#include "cli/waiting.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_FIRST_MS = 20, LOOK_MAX_MS = 500, WARN_AFTER_MS = 5000 };

/* The text of an ended job: inline, or in the file that the record names. */
static void print_text(const struct spool *spool, const struct survey_job *job)
{
    const json_t *result = json_object_get(job->record, "result");
    const char *text = json_get_text(result, "text", NULL);
    const char *file = json_get_text(result, "text_file", NULL);
    if (text)
        cli_reading(text);
    else if (file)
        cli_line(stdout, "%s/%s/%s", spool_path(spool), job->path, file);
}

static int report(const struct cli *cli, const struct spool *spool, const char *name,
                  const struct survey_job *job)
{
    bool done = job->state == JOB_DONE;
    if (cli->json) {
        CLEANUP(json_drop) json_t *story = survey_job_json(name, job);
        cli_print_json(story);
        return done ? EXIT_OK : EXIT_NOT_SO;
    }
    if (done) {
        print_text(spool, job);
        return EXIT_OK;
    }
    if (survey_job_is_cancelled(job)) {
        cli_line(stderr, "takeup: job '%s' was cancelled; see %s/%s", name, spool_path(spool),
                 job->path);
        return EXIT_NOT_SO;
    }
    const json_t *error = json_object_get(job->record, "error");
    const char *hint = json_get_text(error, "hint", NULL);
    cli_line(stderr, "takeup: job '%s' failed: %s", name,
             json_get_text(error, "message", "no reason is recorded"));
    if (hint)
        cli_line(stderr, "  %s", hint);
    cli_line(stderr, "  see %s/%s", spool_path(spool), job->path);
    return EXIT_NOT_SO;
}

void waiting_warn_unattended(const struct spool *spool)
{
    size_t alive;
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .pulse = &pulse, .may_wait = true };
    if (survey_alive(spool, &how, &alive, NULL) == 0 && alive == 0)
        cli_line(stderr,
                 "takeup: no live worker is there; start one with: takeup worker --spool %s",
                 spool_path(spool));
}

static int look(const struct spool *spool, const char *name, const char *submission,
                const struct survey_how *how, struct survey_job *ret_job, struct err *err)
{
    return submission ? survey_submission(spool, name, submission, how, ret_job, err)
                      : survey_job(spool, name, how, ret_job, err);
}

void waiting_sleep_ms(int64_t ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
    (void)nanosleep(&pause, NULL);
}

/* An answer is given only of what a power cut cannot take back. */
static void sync_ends(const struct spool *spool)
{
    (void)fs_sync_dir(spool_dir(spool, PLACE_DONE), "done", NULL);
    (void)fs_sync_dir(spool_dir(spool, PLACE_ERROR), "error", NULL);
}

int waiting_for(const struct cli *cli, const struct spool *spool, const char *name,
                const char *submission, int64_t timeout_ms)
{
    struct err err = { 0 };
    int64_t start_ms = time_mono_ms(), look_ms = LOOK_FIRST_MS;
    bool warned = false;
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .pulse = &pulse }; /* it looks often: no look waits */
    for (;;) {
        struct survey_job job = { 0 };
        if (look(spool, name, submission, &how, &job, &err) < 0)
            return cli_fail(EXIT_UNUSABLE, &err);
        int64_t waited_ms = time_mono_ms() - start_ms;
        bool late = timeout_ms > 0 && waited_ms >= timeout_ms;
        int status = -1;
        if (job.state == JOB_DONE || job.state == JOB_ERROR) {
            sync_ends(spool);
            status = report(cli, spool, name, &job);
        } else if (job.state == JOB_UNKNOWN) {
            (void)err_set(&err, ERR_MISSING, 0, "there is no job '%s' in %s", name,
                          spool_path(spool));
            status = cli_fail(EXIT_NOT_SO, &err);
        } else if (late) {
            (void)err_set(&err, ERR_STOPPED, 0, "job '%s' has not ended in time: it is in %s", name,
                          job.path);
            if (!warned)
                waiting_warn_unattended(spool);
            status = cli_fail(EXIT_NOT_SO, &err);
        }
        survey_job_release(&job);
        if (status >= 0)
            return status;
        if (!warned && waited_ms > WARN_AFTER_MS) {
            waiting_warn_unattended(spool);
            warned = true;
        }
        waiting_sleep_ms(look_ms);
        look_ms = look_ms * 2 > LOOK_MAX_MS ? LOOK_MAX_MS : look_ms * 2;
    }
}
