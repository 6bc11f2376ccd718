#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/guard.h"
#include "cli/screen.h"
#include "spool/overview.h"
#include "spool/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_S = 5, WATCH_MS = 2000 };

struct asked {
    const struct cli *cli;
    char **names;
    size_t count;
    bool watch, table, colour;
    const char *colour_word;
};

static void print_times(const json_t *times)
{
    static const char *const keys[] = { "submitted", "claimed", "started", "finished" };
    for (size_t i = 0; i < COUNT(keys); i++) {
        const char *at = json_get_text(times, keys[i], NULL);
        if (at)
            cli_line(stdout, "  %-10s %s", keys[i], at);
    }
}

static void print_attempts(const json_t *attempts)
{
    size_t i;
    const json_t *line;
    json_array_foreach(attempts, i, line)
    {
        const char *failure = json_get_text(line, "class", NULL);
        const char *message = json_get_text(line, "message", NULL);
        json_int_t number = json_get_int(line, "attempt", 0);
        CLEANUP(str_release) struct str told = { 0 };
        if (number > 0)
            str_addf(&told, "attempt %lld ", (long long)number);
        str_add(&told, json_get_text(line, "event", "-"));
        if (failure)
            str_addf(&told, ", %s%s", failure,
                     json_is_false(json_object_get(line, "charged")) ? " (not charged)" : "");
        if (message)
            str_addf(&told, ": %s", message);
        cli_line(stdout, "  %s  %s", json_get_text(line, "at", "-"), str_text(&told));
    }
}

static void print_record(const struct spool *spool, const struct survey_job *job)
{
    const json_t *error = json_object_get(job->record, "error");
    print_times(json_object_get(job->record, "times"));
    if (json_is_object(error)) {
        const char *step = json_get_text(error, "step", NULL);
        const char *hint = json_get_text(error, "hint", NULL);
        cli_line(stdout, "  failed     %s: %s", json_get_text(error, "class", "-"),
                 json_get_text(error, "message", "-"));
        if (step)
            cli_line(stdout, "  in step    %s", step);
        if (hint)
            cli_line(stdout, "  what to do %s", hint);
    }
    size_t i;
    const json_t *warning;
    json_array_foreach(json_object_get(job->record, "warnings"), i, warning) cli_line(
        stdout, "  warning    %s", json_is_string(warning) ? json_string_value(warning) : "-");
    cli_line(stdout, "  lies in    %s/%s", spool_path(spool), job->path);
}

static void print_state(const char *name, const struct survey_job *job)
{
    CLEANUP(str_release) struct str told = { 0 };
    char due[TIME_TEXT_SIZE];
    str_add(&told, survey_job_is_cancelled(job) ? "cancelled" : survey_state_name(job->state));
    if (job->state == JOB_DEFERRED)
        str_addf(&told, ", due %s",
                 job->due_s * 1000 <= time_wall_ms() ? "now" : time_format(job->due_s * 1000, due));
    if (job->worker)
        str_addf(&told, ", worker %s", job->worker);
    cli_line(stdout, "%s: %s", name, str_text(&told));
}

static void print_job(const struct spool *spool, const char *name, const struct survey_job *job)
{
    print_state(name, job);
    if (job->state == JOB_UNKNOWN) {
        cli_line(stdout,
                 "  it is neither in inbox, pending, running, deferred, done nor error of %s",
                 spool_path(spool));
        return;
    }
    if (job->reason)
        cli_line(stdout, "  not taken  %s", job->reason);
    else if (job->state == JOB_INBOX)
        cli_line(stdout,
                 "  not taken  yet: when it has held still for the settle time and a worker "
                 "is free");
    print_attempts(job->attempts);
    if (job->record)
        print_record(spool, job);
    else
        cli_line(stdout, "  lies in    %s/%s", spool_path(spool), job->path);
}

static int status_jobs(const struct asked *asked, const struct spool *spool)
{
    struct err err = { 0 };
    int status = EXIT_OK;
    CLEANUP(json_drop) json_t *all = json_array();
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .pulse = &pulse, .may_wait = true };
    /* What is told must not be taken back by a power cut. */
    (void)fs_sync_dir(spool_dir(spool, PLACE_DONE), "done", NULL);
    (void)fs_sync_dir(spool_dir(spool, PLACE_ERROR), "error", NULL);
    for (size_t i = 0; i < asked->count; i++) {
        struct survey_job job = { 0 };
        if (survey_job(spool, asked->names[i], &how, &job, &err) < 0)
            return cli_fail(EXIT_UNUSABLE, &err);
        if (job.state == JOB_UNKNOWN || job.state == JOB_ERROR)
            status = EXIT_NOT_SO;
        if (asked->cli->json)
            (void)json_array_append_new(all, survey_job_json(asked->names[i], &job));
        else
            print_job(spool, asked->names[i], &job);
        survey_job_release(&job);
    }
    if (asked->cli->json)
        cli_print_json(all);
    return status;
}

/* Whole lines into a pipe or a file, whatever their length: programs read them, and grep. */
static bool is_table(const struct asked *asked)
{
    return asked->table || screen_is_there();
}

static void print_table(const struct asked *asked, const struct spool *spool,
                        const struct survey *survey)
{
    CLEANUP(overview_release) struct overview overview = { 0 };
    struct overview_look see = { .coloured = asked->colour };
    overview_take(spool, &overview);
    screen_size(&see.columns, &see.rows);
    /* A terminal scrolls; what is watched leaves the last line to the cursor. */
    see.rows = asked->watch && see.rows > 0 ? see.rows - 1 : 0;
    CLEANUP(mem_free_text)
    char *text = overview_text(spool_path(spool), survey, &overview, &see);
    if (asked->watch && screen_is_there())
        screen_draw(text);
    else
        screen_print(text);
}

static int status_spool(const struct asked *asked, const struct spool *spool)
{
    struct err err = { 0 };
    struct survey survey;
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .pulse = &pulse, .may_wait = true };
    if (survey_take(spool, &how, &survey, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    if (asked->cli->json) {
        CLEANUP(json_drop) json_t *json = survey_json(spool, &survey);
        cli_print_json(json);
    } else if (is_table(asked)) {
        print_table(asked, spool, &survey);
    } else {
        CLEANUP(mem_free_text) char *text = survey_text(spool, &survey);
        cli_lines(stdout, text);
    }
    survey_release(&survey);
    return EXIT_OK;
}

/* In a child: nothing here may keep the caller from an answer. */
static int look(void *arg)
{
    const struct asked *asked = arg;
    struct err err = { 0 };
    struct spool *spool = NULL;
    if (cli_open_spool(asked->cli, &spool, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    int status = asked->count > 0 ? status_jobs(asked, spool) : status_spool(asked, spool);
    spool_close(&spool);
    return status;
}

/* Until somebody has seen enough, which is no failure. */
static int watch(struct asked *asked, const struct cli *cli)
{
    bool is_drawn = screen_is_there() && !cli->json;
    int status;
    screen_catch_signals();
    if (is_drawn)
        screen_begin();
    do {
        if (is_drawn && asked->count > 0)
            screen_begin(); /* the story of jobs has lines of any length */
        status = guard_run(look, asked, ANSWER_S, cli_spool_dir(cli));
        (void)fflush(stdout);
    } while (status != EXIT_UNUSABLE && screen_wait(WATCH_MS));
    if (is_drawn)
        screen_end();
    return status == EXIT_UNUSABLE ? status : EXIT_OK;
}

static int run_status(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { .cli = cli };
    const struct cli_option table[] = {
        { "watch", 'w', CLI_FLAG, &asked.watch, NULL, "again every 2 s, until interrupted" },
        { "table", 't', CLI_FLAG, &asked.table, NULL,
          "as on a terminal, also into a pipe or a file" },
        { "color", 0, CLI_TEXT, &asked.colour_word, "WHEN",
          "auto, always or never (auto: on a terminal, unless NO_COLOR is set)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse(cli, table, argc, argv, &first);
    if (status >= 0)
        return status;
    if (!screen_wants_colour(asked.colour_word, &asked.colour))
        return cli_usage(cli, "--color: '%s' is none of auto, always, never", asked.colour_word);
    asked.names = argv + first;
    asked.count = (size_t)(argc - first);
    return asked.watch ? watch(&asked, cli) : guard_run(look, &asked, ANSWER_S, cli_spool_dir(cli));
}

const struct cli_command cmd_status = {
    .name = "status",
    .arguments = "[X…]",
    .summary = "the spool at a glance, or the whole story of jobs",
    .details = "On a terminal the spool is a table that fits it; a pipe or a file gets what "
               "STATUS.txt has.\n"
               "Of jobs: exit status 1 when one failed or is not known.",
    .run = run_status,
};
