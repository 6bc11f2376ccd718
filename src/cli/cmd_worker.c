#include "cli/commands.h"

#include "base/proc.h"
#include "cli/rules.h"
#include "worker/worker.h"

#include <stdio.h>
#include <string.h>

/* The command line, which wins over all settings; below 0: not given. */
struct given {
    int jobs, threads, max_attempts;
    int64_t settle_ms, input_wait_ms, stall_ms, timeout_ms, backoff_ms, lease_ms, rescan_ms;
};

struct asked {
    struct cli *cli;
    struct given given;
    bool drain, fail;
    int64_t max_time_ms;

    struct service *service; /* NULL: no service manager asks */
    struct spool *spool;
    struct catalog *catalog;
    struct settings *settings; /* those in force */
};

/* ---- settings ---- */

static int64_t in_force_ms(int64_t given_ms, double set_s)
{
    return given_ms >= 0 ? given_ms : (int64_t)(set_s * 1000);
}

static void fill_options(const struct asked *asked, const struct settings_values *set,
                         struct worker_options *options)
{
    const struct given *given = &asked->given;
    worker_options_default(options);
    options->jobs = given->jobs > 0 ? given->jobs : (int)set->jobs;
    cli_fill_rules(set, options->jobs, options);
    options->rules.settle_ms = in_force_ms(given->settle_ms, set->settle_s);
    options->rules.input_wait_ms = in_force_ms(given->input_wait_ms, set->input_wait_s);
    if (given->stall_ms >= 0)
        options->rules.stall_ms = given->stall_ms;
    options->rules.timeout_ms = in_force_ms(given->timeout_ms, set->timeout_s);
    options->rules.backoff_ms = in_force_ms(given->backoff_ms, set->backoff_s);
    options->rules.max_attempts =
        given->max_attempts > 0 ? given->max_attempts : (int)set->max_attempts;
    options->rules.default_pipeline = set->default_pipeline;
    options->lease_ms = in_force_ms(given->lease_ms, set->lease_s);
    options->rescan_ms = in_force_ms(given->rescan_ms, set->rescan_s);
    options->min_free_bytes = set->min_free_bytes;
    options->threads = given->threads > 0 ? given->threads : (int)set->threads;
    options->rules.input_roots = set->input_roots.items;
    options->rules.input_root_count = set->input_roots.count;
    options->durable = strcmp(set->durability, "full") == 0;
    options->drain = asked->drain;
    options->max_time_ms = asked->max_time_ms;
    options->notify = (struct notify_rules){
        .on_done = { set->on_done.items, set->on_done.count },
        .on_error = { set->on_error.items, set->on_error.count },
        .timeout_ms = (int64_t)(set->notify_timeout_s * 1000),
    };
    options->service = asked->service;
}

static void on_cold(void *arg, const struct pipeline *pipeline, const struct err *err)
{
    (void)arg;
    log_warn(LOG_FIELDS("pipeline", pipeline->id, "hint", err->hint[0] ? err->hint : NULL),
             "jobs of this pipeline will fail: %s", err->text);
}

static void log_plugins(const struct catalog *catalog)
{
    const struct catalog_plugin *plugin;
    for (size_t i = 0; (plugin = catalog_plugin_at(catalog, i)); i++) {
        if (plugin->off)
            log_warn(LOG_FIELDS("plugin", plugin->name, "path", plugin->path), "plugin is off: %s",
                     plugin->off);
        else
            log_info(LOG_FIELDS("plugin", plugin->name, "version", plugin->version),
                     "plugin loaded");
    }
}

/* Those that a pipeline needs; a plugin's are loaded by the nursery of its runners. */
static void log_steps(const struct catalog *catalog)
{
    const struct takeup_step *step;
    for (size_t i = 0; (step = catalog_step_at(catalog, i)); i++)
        log_info(LOG_FIELDS("step", step->name), "step loaded");
}

static void log_pipelines(const struct pipelines *pipelines)
{
    const struct pipeline *pipeline;
    for (size_t i = 0; (pipeline = pipelines_at(pipelines, i)); i++) {
        if (pipeline->broken)
            log_warn(LOG_FIELDS("pipeline", pipeline->id), "pipeline cannot be used: %s",
                     pipeline->broken->text);
        else
            log_info(LOG_FIELDS("pipeline", pipeline->id, "hash", pipeline->hash, "path",
                                pipeline->path),
                     "pipeline loaded");
    }
}

/* Reads settings and pipelines, at the start and on SIGHUP. Only when all are fine is anything
 * changed; what the options point to lives until the next success. */
static int load(void *arg, struct worker_options *options, struct pipelines **ret_pipelines,
                struct err *err)
{
    struct asked *asked = arg;
    struct settings *settings = NULL;
    struct pipelines *pipelines = NULL;
    int r = cli_load_settings(asked->cli, spool_path(asked->spool), &settings, err);
    if (r == 0)
        r = cli_trust_notify(settings, err);
    if (r == 0)
        r = cli_open_pipelines(asked->cli, asked->catalog, &pipelines, err);
    if (r == 0)
        r = cli_check_default_pipeline(settings, pipelines, err);
    if (r < 0) {
        pipelines_free(&pipelines);
        settings_free(&settings);
        return r;
    }
    fill_options(asked, settings_values(settings), options);
    options->reload = load;
    options->reload_arg = asked;
    settings_free(&asked->settings);
    asked->settings = settings;
    log_pipelines(pipelines);
    pipelines_warm(pipelines, on_cold, NULL);
    *ret_pipelines = pipelines;
    return 0;
}

static int work(struct asked *asked, struct worker_tally *ret_tally, struct err *err)
{
    struct worker_options options;
    struct pipelines *pipelines = NULL;
    int r = cli_open_spool(asked->cli, &asked->spool, err);
    if (r < 0)
        return r;
    log_info(LOG_FIELDS("spool", spool_path(asked->spool), "version", TAKEUP_VERSION), "starting");
    r = cli_open_catalog(asked->cli, &asked->catalog, err);
    if (r < 0)
        return r;
    log_plugins(asked->catalog);
    r = load(asked, &options, &pipelines, err);
    if (r < 0)
        return r;
    log_steps(asked->catalog);
    if (proc_thread_count() > 1)
        log_error(LOG_NO_FIELDS, "there is more than one thread, so runners may hang");
    return worker_run(asked->spool, pipelines, &options, ret_tally, err);
}

static int work_and_end(struct asked *asked)
{
    struct err err = { 0 };
    struct worker_tally tally = { 0 };
    if (service_new(&asked->service, &err) < 0)
        log_warn(LOG_NO_FIELDS, "%s", err.text);
    int r = work(asked, &tally, &err);
    catalog_free(&asked->catalog);
    settings_free(&asked->settings);
    spool_close(&asked->spool);
    service_free(&asked->service);
    if (r < 0) {
        log_error(LOG_FIELDS("hint", err.hint[0] ? err.hint : NULL), "%s", err.text);
        return cli_status_of(&err);
    }
    return asked->fail && tally.error > 0 ? EXIT_NOT_SO : EXIT_OK;
}

static int run_worker(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { .cli = cli, .given = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 } };
    struct given *given = &asked.given;
    const struct cli_option table[] = {
        { "jobs", 'j', CLI_COUNT, &given->jobs, "N", "how many jobs at a time (1)" },
        { "threads", 0, CLI_COUNT, &given->threads, "N",
          "how many cores to divide among them (all that it may use)" },
        { "drain", 0, CLI_FLAG, &asked.drain, NULL,
          "end when nothing is pending, due or running here" },
        { "fail", 0, CLI_FLAG, &asked.fail, NULL, "with --drain: exit 1 if a job ended in error/" },
        { "max-time", 0, CLI_SECONDS, &asked.max_time_ms, "TIME", "give jobs back and end then" },
        { "settle", 0, CLI_SECONDS, &given->settle_ms, "TIME",
          "how long a file must hold still to count as whole (2s)" },
        { "input-wait", 0, CLI_SECONDS, &given->input_wait_ms, "TIME",
          "how long a job waits for its input (10m)" },
        { "stall", 0, CLI_SECONDS, &given->stall_ms, "TIME",
          "end an attempt that makes no progress for so long (300s)" },
        { "timeout", 0, CLI_SECONDS, &given->timeout_ms, "TIME",
          "end an attempt that takes longer (no limit; timeout_s in a job)" },
        { "max-attempts", 0, CLI_COUNT, &given->max_attempts, "N",
          "attempts before a job ends in error/ (3; max_attempts in a job)" },
        { "backoff", 0, CLI_SECONDS, &given->backoff_ms, "TIME",
          "wait before a second attempt, doubled for each more (10s)" },
        { "lease", 0, CLI_SECONDS, &given->lease_ms, "TIME",
          "a worker whose heartbeat is older is dead (60s)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, 0, NULL, &first);
    if (status >= 0)
        return status;
    return work_and_end(&asked);
}

const struct cli_command cmd_worker = {
    .name = "worker",
    .arguments = "",
    .summary = "take jobs from the spool and run them, until told to end",
    .details =
        "What is in brackets holds unless takeup.yaml says otherwise: see takeup config.\n"
        "SIGTERM and SIGINT: jobs in hand are given back, uncharged, and the worker exits 0.\n"
        "SIGHUP: settings and pipelines are read anew; when the worker's terminal has gone away,\n"
        "it ends as on SIGTERM. It logs to standard error.",
    .run = run_worker,
};
