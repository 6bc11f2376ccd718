#include "cli/commands.h"

#include "cli/waiting.h"

static int run_wait(struct cli *cli, int argc, char **argv)
{
    int64_t timeout_ms = 0;
    const struct cli_option table[] = {
        { "timeout", 0, CLI_SECONDS, &timeout_ms, "TIME", "give up then (exit 1)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, CLI_SOME,
                                "name the job, or jobs, to wait for", &first);
    if (status >= 0)
        return status;
    struct err err = { 0 };
    struct spool *spool = NULL;
    if (cli_open_spool(cli, &spool, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    status = EXIT_OK;
    for (int i = first; i < argc; i++) {
        int one = waiting_for(cli, spool, argv[i], NULL, timeout_ms);
        status = one > status ? one : status;
    }
    spool_close(&spool);
    return status;
}

const struct cli_command cmd_wait = {
    .name = "wait",
    .arguments = "X…",
    .summary = "wait until jobs have ended, and print their text",
    .details = "Exit status 0 when all are done, 1 when one failed or is not known.",
    .run = run_wait,
};
