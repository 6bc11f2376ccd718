#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/waiting.h"
#include "spool/name.h"
#include "spool/submit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
    const char *pipeline, *name, *lane;
    struct cli_list params;
    bool wait;
    int64_t timeout_ms;
};

/* One job that was submitted. */
struct submitted {
    char name[NAME_SIZE];
    char submission[33];
};

static int parse_lane(const char *word, enum spool_place *ret_lane, struct err *err)
{
    static const struct {
        const char *word;
        enum spool_place lane;
    } lanes[] = { { "high", PLACE_PENDING_HIGH },
                  { "normal", PLACE_PENDING },
                  { "low", PLACE_PENDING_LOW } };
    for (size_t i = 0; i < COUNT(lanes); i++)
        if (!word || strcmp(lanes[i].word, word) == 0) {
            *ret_lane = word ? lanes[i].lane : PLACE_PENDING;
            return 0;
        }
    return err_set(err, ERR_USAGE, 0, "--lane: '%s' is none of high, normal, low", word);
}

/* What the file's name is without its folder and ending; the caller frees it. */
static char *stem_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return mem_strndup(base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

static json_t *make_job(const struct asked *asked, const char *input_path, json_t *params,
                        const char *submission)
{
    json_t *job = json_object();
    json_set_text(job, "input_path", input_path);
    if (asked->pipeline)
        json_set_text(job, "pipeline_id", asked->pipeline);
    if (params)
        json_set(job, "params", json_incref(params));
    json_set_text(job, "submission", submission);
    return job;
}

static int add_file(const struct spool *spool, struct submit *submit, const struct asked *asked,
                    const char *file, json_t *params, struct submitted *ret_job, struct err *err)
{
    CLEANUP(mem_free_text) char *input_path = NULL;
    int r = submit_input_path(spool, file, &input_path, err);
    if (r < 0)
        return r;
    if (input_path[0] == '/' && fs_is_remote(spool_root(spool)))
        log_warn(
            LOG_FIELDS("input", input_path),
            "the spool is on a network filesystem, and this path may mean nothing to workers on "
            "other hosts; put the file into media/");
    if (asked->name) {
        (void)snprintf(ret_job->name, sizeof(ret_job->name), "%s", asked->name);
    } else {
        CLEANUP(mem_free_text) char *stem = stem_of(file);
        name_for_submission(stem, time_wall_ms(), ret_job->name);
    }
    str_random_hex(ret_job->submission, 16);
    CLEANUP(json_drop) json_t *job = make_job(asked, input_path, params, ret_job->submission);
    return submit_add(submit, ret_job->name, job, err);
}

static int submit_files(struct spool *spool, const struct asked *asked, char **files, size_t count,
                        struct submitted *jobs, struct err *err)
{
    enum spool_place lane = PLACE_PENDING;
    struct submit *submit = NULL;
    CLEANUP(json_drop) json_t *params = NULL;
    int r = parse_lane(asked->lane, &lane, err);
    for (size_t i = 0; i < asked->params.count && r == 0; i++)
        r = cli_add_param(&params, asked->params.items[i], err);
    if (r == 0 && asked->name)
        r = name_check(asked->name, err);
    if (r == 0)
        r = submit_begin(spool, lane, &submit, err);
    for (size_t i = 0; i < count && r == 0; i++)
        r = add_file(spool, submit, asked, files[i], params, &jobs[i], err);
    if (r == 0)
        r = submit_end(submit, err);
    submit_free(&submit);
    return r;
}

static void print_names(const struct cli *cli, const struct submitted *jobs, size_t count)
{
    CLEANUP(json_drop) json_t *names = json_array();
    for (size_t i = 0; i < count; i++) {
        if (!cli->json)
            cli_line(stdout, "%s", jobs[i].name);
        (void)json_array_append_new(names, json_string(jobs[i].name));
    }
    if (cli->json)
        cli_print_json(names);
    (void)fflush(stdout);
}

static int submit_and_wait(const struct cli *cli, struct spool *spool, const struct asked *asked,
                           char **files, size_t count)
{
    struct err err = { 0 };
    struct submitted *jobs = mem_zero(count, sizeof(*jobs));
    int status = EXIT_OK;
    if (submit_files(spool, asked, files, count, jobs, &err) < 0)
        status = cli_fail(err.kind == ERR_CONFIG || err.kind == ERR_MISSING || err.kind == ERR_INPUT
                              ? EXIT_NOT_SO
                              : cli_status_of(&err),
                          &err);
    else if (!asked->wait || !cli->json)
        print_names(cli, jobs, count);
    for (size_t i = 0; i < count && asked->wait && (status == EXIT_OK || status == EXIT_NOT_SO);
         i++) {
        int one = waiting_for(cli, spool, jobs[i].name, jobs[i].submission, asked->timeout_ms);
        status = one > status ? one : status;
    }
    free(jobs);
    return status;
}

static int run_submit(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { 0 };
    const struct cli_option table[] = {
        { "pipeline", 'p', CLI_TEXT, &asked.pipeline, "ID",
          "the pipeline to run (the worker's default)" },
        { "name", 'n', CLI_TEXT, &asked.name, "X",
          "the job's name (made from the time and the file)" },
        { "lane", 0, CLI_TEXT, &asked.lane, "LANE", "high, normal or low" },
        { "param", 0, CLI_LIST, &asked.params, "S.P=VALUE",
          "set parameter P of step S, e.g. text.languages='[\"deu\"]'" },
        { "wait", 'w', CLI_FLAG, &asked.wait, NULL,
          "wait until they are done, and print the text" },
        { "timeout", 0, CLI_SECONDS, &asked.timeout_ms, "TIME", "with --wait: give up then" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, CLI_SOME,
                                "name the video, or videos, to be read", &first);
    if (status >= 0)
        return status;
    if (asked.name && argc - first > 1)
        return cli_usage(cli, "--name is for one file, but there are %d", argc - first);
    struct err err = { 0 };
    struct spool *spool = NULL;
    if (cli_open_spool_to_change(cli, &spool, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    status = submit_and_wait(cli, spool, &asked, argv + first, (size_t)(argc - first));
    spool_close(&spool);
    free(asked.params.items);
    return status;
}

const struct cli_command cmd_submit = {
    .name = "submit",
    .arguments = "FILE…",
    .summary = "put a job for each video into the spool",
    .details =
        "Prints the jobs' names. When it returns, the jobs are on disk. The video is named by its\n"
        "place, relative to the spool when it lies in it; it is not copied.",
    .run = run_submit,
};
