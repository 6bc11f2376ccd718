#include "cli/commands.h"

#include "base/proc.h"
#include "worker/worker.h"

#include <limits.h>
#include <stdio.h>

struct asked {
    struct worker_options options;
    bool fail;
    int64_t lease_ms;
};

static void on_cold(void *arg, const struct pipeline *pipeline, const struct err *err)
{
    (void)arg;
    log_warn(LOG_FIELDS("pipeline", pipeline->id, "hint", err->hint[0] ? err->hint : NULL),
             "jobs of this pipeline will fail: %s", err->text);
}

static void log_catalog(const struct catalog *catalog, const struct pipelines *pipelines)
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
    const struct takeup_step *step;
    for (size_t i = 0; (step = catalog_step_at(catalog, i)); i++)
        log_info(LOG_FIELDS("step", step->name), "step loaded");
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

static int work(const struct cli *cli, const struct asked *asked)
{
    struct err err = { 0 };
    struct spool *spool = NULL;
    struct catalog *catalog = NULL;
    struct pipelines *pipelines = NULL;
    int r = cli_open_spool(cli, &spool, &err);
    if (r == 0) {
        log_info(LOG_FIELDS("spool", spool_path(spool), "version", TAKEUP_VERSION), "starting");
        r = cli_open_catalog(cli, &catalog, &err);
    }
    if (r == 0)
        r = cli_open_pipelines(cli, catalog, &pipelines, &err);
    struct worker_tally tally = { 0 };
    if (r == 0) {
        log_catalog(catalog, pipelines);
        pipelines_warm(pipelines, on_cold, NULL);
        if (proc_thread_count() > 1)
            log_error(LOG_NO_FIELDS, "there is more than one thread, so runners may hang");
        r = worker_run(spool, pipelines, &asked->options, &tally, &err);
    }
    pipelines_free(&pipelines);
    catalog_free(&catalog);
    spool_close(&spool);
    if (r < 0) {
        log_error(LOG_FIELDS("hint", err.hint[0] ? err.hint : NULL), "%s", err.text);
        return EXIT_UNUSABLE;
    }
    return asked->fail && tally.error > 0 ? EXIT_NOT_SO : EXIT_OK;
}

static int run_worker(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { 0 };
    struct worker_options *options = &asked.options;
    struct hand_rules *rules = &options->rules;
    worker_options_default(options);
    const struct cli_option table[] = {
        { "jobs", 'j', CLI_COUNT, &options->jobs, "N", "how many jobs at a time (1)" },
        { "drain", 0, CLI_FLAG, &options->drain, NULL,
          "end when nothing is pending, due or running here" },
        { "fail", 0, CLI_FLAG, &asked.fail, NULL, "with --drain: exit 1 if a job ended in error/" },
        { "max-time", 0, CLI_SECONDS, &options->max_time_ms, "TIME",
          "give jobs back and end then" },
        { "settle", 0, CLI_SECONDS, &rules->settle_ms, "TIME",
          "how long a file must hold still to count as whole (2s)" },
        { "input-wait", 0, CLI_SECONDS, &rules->input_wait_ms, "TIME",
          "how long a job waits for its input (10m)" },
        { "stall", 0, CLI_SECONDS, &rules->stall_ms, "TIME",
          "end an attempt that makes no progress for so long (300s)" },
        { "timeout", 0, CLI_SECONDS, &rules->timeout_ms, "TIME",
          "end an attempt that takes longer (no limit; timeout_s in a job)" },
        { "max-attempts", 0, CLI_COUNT, &rules->max_attempts, "N",
          "attempts before a job ends in error/ (3; max_attempts in a job)" },
        { "backoff", 0, CLI_SECONDS, &rules->backoff_ms, "TIME",
          "wait before a second attempt, doubled for each more (10s)" },
        { "lease", 0, CLI_SECONDS, &options->lease_ms, "TIME",
          "a worker whose heartbeat is older is dead (60s)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, 0, NULL, &first);
    if (status >= 0)
        return status;
    return work(cli, &asked);
}

const struct cli_command cmd_worker = {
    .name = "worker",
    .arguments = "",
    .summary = "take jobs from the spool and run them, until told to end",
    .details =
        "SIGTERM, SIGINT and SIGHUP: jobs in hand are given back, uncharged, and the worker exits "
        "0.\nIt logs to standard error.",
    .run = run_worker,
};
