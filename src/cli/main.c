#include "cli/cli.h"

#include "base/mem.h"
#include "cli/commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_command *const cli_commands[] = {
    &cmd_run,   &cmd_init,      &cmd_worker,  &cmd_submit,   &cmd_status,   &cmd_wait,
    &cmd_retry, &cmd_cancel,    &cmd_health,  &cmd_check,    &cmd_validate, &cmd_pipelines,
    &cmd_graph, &cmd_steps,     &cmd_fsck,    &cmd_config,   &cmd_prune,    &cmd_watchdog,
    &cmd_serve, &cmd_dashboard, &cmd_metrics, &cmd_complete, NULL,
};

/* OpenMP would start a thread for each core in every runner, which made reading four times slower
 * (27.9 against 6.9 s of CPU, measured), and a child forked from a process with such threads hangs.
 * libgomp reads the limit when it is loaded. This binary does not link it: it comes with
 * takeup-steps.so or with a plugin, later than this. */
static void limit_threads(void)
{
    (void)setenv("OMP_THREAD_LIMIT", "1", 1);
}

/* Languages that came along (a bundle has its own), unless somebody says where others are. Runners
 * may read where this variable points. */
static void find_languages(void)
{
    CLEANUP(mem_free_text) char *bin = cli_binary_dir();
    CLEANUP(mem_free_text) char *own = mem_printf("%s/../share/takeup/tessdata", bin);
    if (access(own, X_OK) == 0)
        (void)setenv("TESSDATA_PREFIX", own, 0);
}

static int print_usage(FILE *out, int status)
{
    cli_lines(out, "usage: takeup COMMAND [option…] [argument…]\n\n"
                   "Reads video that is dropped into a directory, and writes down the text that it "
                   "shows.\n\n");
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        if ((*at)->summary)
            cli_line(out, "  %-10s %s", (*at)->name, (*at)->summary);
    cli_lines(out, "\ntakeup --version prints the version. 'takeup COMMAND --help' tells a "
                   "command's options; see also takeup(1), takeup-spool(5).\n");
    return status;
}

static const struct cli_command *find_command(const char *name)
{
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

static int run_command(int argc, char **argv)
{
    if (argc < 2)
        return print_usage(stderr, EXIT_USAGE);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return print_usage(stdout, EXIT_OK);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        cli_line(stdout, "takeup %s", TAKEUP_VERSION);
        return EXIT_OK;
    }
    struct cli cli = { .command = find_command(name) };
    if (!cli.command) {
        cli_line(stderr, "takeup: there is no command '%s'", name);
        cli_line(stderr, "  see: takeup --help");
        return EXIT_USAGE;
    }
    return cli.command->run(&cli, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    limit_threads();
    find_languages();
    (void)signal(SIGCHLD,
                 SIG_DFL); /* "ignored" is inherited, and then no child can be waited for */
    return cli_flush(run_command(argc, argv));
}
