#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cli/guard.h"
#include "cli/serve.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_S = 5 };

#define LISTEN_DEFAULT "127.0.0.1:8350"

struct asked {
    struct cli *cli;
    const char *listen, *token_file;
    struct cli_list hosts;
    bool allow_write;
};

/* In a child: is there a spool at all? */
static int look(void *arg)
{
    const struct asked *asked = arg;
    struct spool *spool = NULL;
    struct err err = { 0 };
    int r = cli_open_spool(asked->cli, &spool, &err);
    spool_close(&spool);
    return r < 0 ? cli_fail(EXIT_UNUSABLE, &err) : EXIT_OK;
}

static int serve(const struct asked *asked, const struct settings *settings)
{
    const struct serve_library *library;
    struct serve_options options = {
        .spool = cli_spool_dir(asked->cli),
        .listen = asked->listen,
        .hosts = asked->hosts.items,
        .host_count = asked->hosts.count,
        .may_write = asked->allow_write,
        .token_file = asked->token_file,
    };
    struct err err = { 0 };
    if (settings) {
        fs_set_durable(strcmp(settings_values(settings)->durability, "full") == 0);
        options.input_roots = settings_values(settings)->input_roots.items;
        options.input_root_count = settings_values(settings)->input_roots.count;
    }
    int r = cli_load_serve(&library, &err);
    if (r == 0)
        r = library->serve(&options, &err);
    return r < 0 ? cli_fail(cli_status_of(&err), &err) : EXIT_OK;
}

/* Where inputs of jobs may lie, they say: without them nobody is let write. Who reads does not need
 * them. They are read once, at the start. */
static int serve_with_settings(const struct asked *asked)
{
    struct cli *cli = asked->cli;
    CLEANUP(settings_free) struct settings *settings = NULL;
    struct err err = { 0 };
    if (!asked->allow_write)
        settings = cli_try_settings(cli, cli_spool_dir(cli));
    else if (cli_load_settings(cli, cli_spool_dir(cli), &settings, &err) < 0)
        return cli_fail(cli_status_of(&err), &err);
    return serve(asked, settings);
}

static int run_serve(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { .cli = cli, .listen = LISTEN_DEFAULT };
    const struct cli_option table[] = {
        { "listen", 0, CLI_TEXT, &asked.listen, "ADDR:PORT",
          "where (" LISTEN_DEFAULT "; port 0: any that is free)" },
        { "host", 0, CLI_LIST, &asked.hosts, "NAME",
          "a name that it is asked by, beside addresses and localhost" },
        { "allow-write", 0, CLI_FLAG, &asked.allow_write, NULL,
          "jobs may be submitted, cancelled, retried by who has the token" },
        { "token-file", 0, CLI_TEXT, &asked.token_file, "FILE",
          "its first line is the token; nobody else may read it" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, 0, NULL, &first);
    if (status >= 0)
        return status;
    if (asked.allow_write != (asked.token_file != NULL))
        return cli_usage(cli, "--allow-write and --token-file FILE belong together");
    status = guard_run(look, &asked, ANSWER_S, cli_spool_dir(cli));
    if (status == EXIT_OK)
        status = serve_with_settings(&asked);
    free(asked.hosts.items);
    return status;
}

const struct cli_command cmd_serve = {
    .name = "serve",
    .arguments = "",
    .summary = "health, jobs, metrics and the dashboard over HTTP",
    .details =
        "Until SIGTERM or SIGINT. It only reads, unless --allow-write lets who has the token do\n"
        "more. It speaks no TLS: beyond this machine it belongs behind a server that does.",
    .run = run_serve,
};
