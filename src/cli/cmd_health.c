#include "cli/commands.h"

#include "cli/guard.h"
#include "spool/health.h"

#include <stdio.h>

enum { ANSWER_S = 5 };

struct asked {
    const struct cli *cli;
    int64_t within_ms;
};

static void print_health(const struct cli *cli, const struct spool *spool,
                         const struct survey *survey, const struct health *health)
{
    if (cli->json) {
        CLEANUP(json_drop) json_t *json = health_json(spool, survey, health);
        cli_print_json(json);
    } else if (health->working) {
        cli_line(stdout, "healthy: %zu live worker%s, the last beat %.1f s ago; spool %s",
                 survey->alive_count, survey->alive_count == 1 ? "" : "s", health->worker->age_s,
                 spool_path(spool));
    } else {
        cli_line(stdout, "not healthy: %s", health->reason);
        cli_line(stdout, "  %s", health->mend);
    }
}

static int look(void *arg)
{
    const struct asked *asked = arg;
    struct err err = { 0 };
    struct spool *spool = NULL;
    struct survey survey = { 0 };
    struct pulse pulse = { 0 };
    const struct survey_how how = { .within_s = (double)asked->within_ms / 1000,
                                    .pulse = &pulse,
                                    .may_wait = true,
                                    .without_ended = true };
    int r = cli_open_spool(asked->cli, &spool, &err);
    if (r == 0)
        r = survey_take(spool, &how, &survey, &err);
    pulse_release(&pulse);
    if (r < 0) {
        spool_close(&spool);
        return cli_fail(EXIT_UNUSABLE, &err);
    }
    struct health health;
    health_judge(spool, &survey, &health);
    print_health(asked->cli, spool, &survey, &health);
    int status = health.working ? EXIT_OK : EXIT_NOT_SO;
    health_release(&health);
    survey_release(&survey);
    spool_close(&spool);
    return status;
}

static int run_health(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { .cli = cli };
    const struct cli_option table[] = {
        { "within", 0, CLI_SECONDS, &asked.within_ms, "TIME",
          "how old the last beat may be (5s; 30s on a network filesystem)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, 0, NULL, &first);
    if (status >= 0)
        return status;
    return guard_run(look, &asked, ANSWER_S, cli_spool_dir(cli));
}

const struct cli_command cmd_health = {
    .name = "health",
    .arguments = "",
    .summary = "is there a live worker that works? for monitoring",
    .details =
        "Exit status 0: a live worker has beaten in time and is not paused. 1: not so, and the\n"
        "output says why and how to mend it. 3: the spool cannot be used.",
    .run = run_health,
};
