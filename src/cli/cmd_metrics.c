#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cli/guard.h"
#include "cli/serve.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_S = 5 };

struct asked {
    const struct cli *cli;
    const char *output; /* NULL: stdout */
};

static int look(void *arg)
{
    const struct asked *asked = arg;
    const struct serve_library *library;
    CLEANUP(mem_free_text) char *text = NULL;
    struct spool *spool = NULL;
    struct err err = { 0 };
    int r = cli_load_serve(&library, &err);
    if (r == 0)
        r = cli_open_spool(asked->cli, &spool, &err);
    if (r == 0)
        r = library->metrics(spool, &text, &err);
    spool_close(&spool);
    if (r == 0 && asked->output)
        r = fs_replace_file(asked->output, text, strlen(text), 0, &err);
    else if (r == 0)
        cli_lines(stdout, text);
    return r < 0 ? cli_fail(EXIT_UNUSABLE, &err) : EXIT_OK;
}

static int run_metrics(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { .cli = cli };
    const struct cli_option table[] = {
        { "output", 'o', CLI_TEXT, &asked.output, "FILE",
          "into this file, which is replaced as a whole" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, 0, NULL, &first);
    if (status >= 0)
        return status;
    return guard_run(look, &asked, ANSWER_S, cli_spool_dir(cli));
}

const struct cli_command cmd_metrics = {
    .name = "metrics",
    .arguments = "",
    .summary = "what there is to measure in the spool, for Prometheus",
    .details = "With -o for the directory of the node exporter's textfile collector.",
    .run = run_metrics,
};
