#include "cli/commands.h"

#include "spool/inbox.h"
#include "worker/worker.h"

#include <stdio.h>

static int run_init(struct cli *cli, int argc, char **argv)
{
    int first;
    int status = cli_parse_args(cli, NULL, argc, argv, 1,
                                "name the one directory that is to be a spool", &first);
    if (status >= 0)
        return status;
    struct err err = { 0 };
    struct spool *spool = NULL;
    if (spool_init(argv[first], &err) < 0 || spool_open(argv[first], &spool, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    /* So that people see where to drop; a worker makes those of the other pipelines. */
    if (inbox_make(spool, DEFAULT_PIPELINE, &err) < 0) {
        spool_close(&spool);
        return cli_fail(EXIT_UNUSABLE, &err);
    }
    if (cli->json) {
        CLEANUP(json_drop) json_t *made = json_object();
        json_set_text(made, "spool", spool_path(spool));
        json_set_text(made, "id", spool_id(spool));
        cli_print_json(made);
    } else {
        const char *path = spool_path(spool);
        cli_line(stdout, "spool %s is ready", path);
        cli_line(stdout, "  start a worker:  takeup worker --spool %s", path);
        cli_line(stdout, "  give it a video: takeup submit --spool %s FILE", path);
        cli_line(stdout, "  or drop one into: %s/inbox/" DEFAULT_PIPELINE "/", path);
    }
    spool_close(&spool);
    return EXIT_OK;
}

const struct cli_command cmd_init = {
    .name = "init",
    .arguments = "DIR",
    .summary = "make a spool, or complete one that lacks a directory",
    .details = "No other command makes a spool.",
    .run = run_init,
};
