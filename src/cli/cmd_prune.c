#include "cli/commands.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/prune.h"

#include <stdio.h>

enum { HELD_MS = 60000 };

struct told {
    const struct cli *cli;
    bool dry_run;
    json_t *jobs;
};

static void tell_job(void *arg, enum spool_place place, const char *id, int64_t ended_ms)
{
    const struct told *told = arg;
    char time[TIME_TEXT_SIZE];
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), id);
    (void)time_format(ended_ms, time);
    if (told->cli->json) {
        json_t *job = json_object();
        json_set_text(job, "path", path);
        json_set_text(job, "ended", time);
        (void)json_array_append_new(told->jobs, job);
    } else if (told->dry_run) {
        cli_line(stdout, "%s  %s", time, path);
    }
}

static void print_tally(const struct told *told, const struct prune_tally *tally)
{
    if (!told->cli->json) {
        cli_line(stdout, "%lld job%s %s, %lld bytes %s", (long long)tally->jobs,
                 tally->jobs == 1 ? "" : "s", told->dry_run ? "would be removed" : "removed",
                 (long long)tally->bytes, told->dry_run ? "would be freed" : "freed");
        return;
    }
    CLEANUP(json_drop) json_t *json = json_object();
    json_set_bool(json, "dry_run", told->dry_run);
    json_set_int(json, "jobs", tally->jobs);
    json_set_int(json, "bytes", tally->bytes);
    json_set_int(json, "failed", tally->failed);
    json_set(json, "removed", json_incref(told->jobs));
    cli_print_json(json);
}

static int prune(const struct cli *cli, const struct prune_rules *rules)
{
    struct err err = { 0 };
    struct spool *spool = NULL;
    if (cli_open_spool_to_change(cli, &spool, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    CLEANUP(json_drop) json_t *jobs = json_array();
    struct told told = { cli, rules->dry_run, jobs };
    struct prune_tally tally = { 0 };
    int r = prune_run(spool, rules, tell_job, &told, &tally, &err);
    spool_close(&spool);
    print_tally(&told, &tally);
    if (r == 0)
        return EXIT_OK;
    if (tally.failed > 1)
        err_context(&err, "%lld could not be removed, the first", (long long)tally.failed);
    return cli_fail(tally.failed ? EXIT_NOT_SO : EXIT_UNUSABLE, &err);
}

static int run_prune(struct cli *cli, int argc, char **argv)
{
    struct prune_rules rules = { .older_ms = -1, .held_ms = HELD_MS };
    const struct cli_option table[] = {
        { "older-than", 0, CLI_SECONDS, &rules.older_ms, "TIME",
          "those that ended longer ago: 30d, 12h, 90m, 45s; must be given" },
        { "done", 0, CLI_FLAG, &rules.done, NULL, "only those in done/" },
        { "error", 0, CLI_FLAG, &rules.error, NULL, "only those in error/" },
        { "keep-last", 0, CLI_COUNT, &rules.keep_last, "N",
          "keep the N newest of each place, however old" },
        { "dry-run", 'n', CLI_FLAG, &rules.dry_run, NULL, "only say which, and remove nothing" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse(cli, table, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first < argc)
        return cli_usage(cli, "takes no argument, but was given '%s'", argv[first]);
    if (rules.older_ms < 0)
        return cli_usage(cli, "say how old a job must be to go, for example --older-than 30d");
    if (!rules.done && !rules.error)
        rules.done = rules.error = true;
    return prune(cli, &rules);
}

const struct cli_command cmd_prune = {
    .name = "prune",
    .arguments = "",
    .summary = "remove jobs that ended long ago",
    .details = "With them go the media that came through the inbox; a video that a job only names "
               "stays.\n"
               "Exit status 1 when something could not be removed.",
    .run = run_prune,
};
