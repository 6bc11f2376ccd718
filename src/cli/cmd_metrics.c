#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cli/guard.h"
#include "cli/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_S = 5 };

struct asked {
    const struct cli *cli;
    const char *output; /* NULL: stdout */
};

/* By rename: the node exporter reads the directory whenever it likes, and takes *.prom only. */
static int write_output(const char *path, const char *text, struct err *err)
{
    CLEANUP(mem_free_text) char *half = mem_printf("%s.%d", path, (int)getpid());
    int r = fs_write_file(AT_FDCWD, half, text, strlen(text), 0, err);
    if (r == 0 && rename(half, path) < 0)
        r = err_set(err, ERR_IO, errno, "rename '%s' to '%s'", half, path);
    if (r < 0)
        (void)unlink(half);
    return r;
}

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
        r = write_output(asked->output, text, &err);
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
