#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/job.h"
#include "worker/worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A .json file is a job unless it has the `steps` of a pipeline. */
static bool is_pipeline(const char *path, const char *text, size_t len)
{
    if (str_has_suffix(path, ".yaml") || str_has_suffix(path, ".yml"))
        return true;
    CLEANUP(json_drop) json_t *value = NULL;
    struct json_mark mark;
    return json_parse(text, len, &value, &mark, NULL) == 1 && json_object_get(value, "steps");
}

/* What files are checked against. */
struct known {
    struct catalog *catalog;
    struct pipelines *pipelines;
    const char *default_pipeline;
};

static bool is_settings(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, CLI_SPOOL_CONFIG) == 0;
}

static int validate_settings(const struct pipelines *pipelines, const char *path, struct err *err)
{
    CLEANUP(settings_free) struct settings *settings = NULL;
    const struct settings_file file = { path, false };
    int r = settings_load(&file, 1, &settings, err);
    return r < 0 ? r : cli_check_default_pipeline(settings, pipelines, err);
}

/* The pipeline that a job names, and its parameters. */
static int validate_use(const struct known *known, const struct job *job, struct err *err)
{
    struct pipelines *pipelines = known->pipelines;
    const char *id = job->pipeline_id ? job->pipeline_id : known->default_pipeline;
    const struct pipeline *pipeline = pipelines_find(pipelines, id);
    if (pipeline)
        return pipeline_check_params(pipelines, pipeline, job->params, err);
    CLEANUP(mem_free_text) char *list = pipelines_list(pipelines);
    return err_set(err, ERR_CONFIG, 0, "pipeline_id: there is no pipeline '%s'; there are: %s", id,
                   list);
}

/* "line L, column C: …" of a job file as FILE:L:C: …, which editors understand. */
static void add_place(struct err *err, const char *path)
{
    int line, column, used = 0;
    if (sscanf(err->text, "line %d, column %d: %n", &line, &column, &used) == 2 && used > 0) {
        memmove(err->text, err->text + used, strlen(err->text + used) + 1);
        err_context(err, "%s:%d:%d", path, line, column);
    } else {
        err_context(err, "%s", path);
    }
}

static int validate_job(const struct known *known, const char *path, const char *text, size_t len,
                        struct err *err)
{
    struct job *job = NULL;
    int r = job_parse(text, len, &job, err);
    if (r == 0)
        r = err_set(err, ERR_CONFIG, 0, "the file is empty or ends too soon");
    if (r > 0)
        r = validate_use(known, job, err);
    job_free(&job);
    if (r < 0)
        add_place(err, path);
    return r;
}

static int validate_file(const struct known *known, const char *path, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len;
    if (is_settings(path))
        return validate_settings(known->pipelines, path, err);
    int r = fs_read_file(AT_FDCWD, path, JOB_FILE_MAX_BYTES, &text, &len, err);
    if (r < 0)
        return r;
    return is_pipeline(path, text, len) ? pipeline_validate_file(path, known->catalog, err)
                                        : validate_job(known, path, text, len, err);
}

/* Jobs go to the spool, if there is one: what it sets is what they will meet. */
static struct settings *settings_of_spool(const struct cli *cli)
{
    struct spool *spool = NULL;
    struct err err = { 0 };
    (void)cli_open_spool(cli, &spool, &err);
    struct settings *settings = cli_try_settings(cli, spool ? spool_path(spool) : NULL);
    spool_close(&spool);
    return settings;
}

struct files {
    char **paths;
    size_t count;
};

static int validate_files(const struct cli *cli, struct catalog *catalog,
                          struct pipelines *pipelines, void *arg)
{
    const struct files *files = arg;
    int status = EXIT_OK;
    CLEANUP(json_drop) json_t *all = json_array();
    CLEANUP(settings_free) struct settings *settings = settings_of_spool(cli);
    const struct known known = { catalog, pipelines,
                                 settings ? settings_values(settings)->default_pipeline
                                          : DEFAULT_PIPELINE };
    for (size_t i = 0; i < files->count; i++) {
        struct err err = { 0 };
        bool valid = validate_file(&known, files->paths[i], &err) >= 0;
        json_t *one = json_object();
        json_set_text(one, "file", files->paths[i]);
        json_set_bool(one, "valid", valid);
        json_set_text(one, "error", valid ? NULL : err.text);
        json_set_text(one, "hint", valid || !err.hint[0] ? NULL : err.hint);
        (void)json_array_append_new(all, one);
        if (!valid) {
            status = EXIT_NOT_SO;
            if (!cli->json)
                cli_line(stdout, "%s", err.text);
            if (!cli->json && err.hint[0])
                cli_line(stdout, "  %s", err.hint);
        } else if (!cli->json) {
            cli_line(stdout, "%s: valid", files->paths[i]);
        }
    }
    if (cli->json)
        cli_print_json(all);
    return status;
}

static int run_validate(struct cli *cli, int argc, char **argv)
{
    int first;
    int status = cli_parse(cli, NULL, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first == argc)
        return cli_usage(cli, "name the job, pipeline or settings files to check");
    struct files files = { argv + first, (size_t)(argc - first) };
    return cli_with_pipelines(cli, validate_files, &files);
}

const struct cli_command cmd_validate = {
    .name = "validate",
    .arguments = "FILE…",
    .summary = "check files of jobs, pipelines and settings (takeup.yaml)",
    .details =
        "Prints FILE:LINE:COLUMN: and what is wrong. Exit status 1 when a file is not valid.",
    .run = run_validate,
};
