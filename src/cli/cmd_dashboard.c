/* cmd_dashboard.c - the dashboard as one file, for people who only see the share.
 *
 * Once, it looks in a child that is given up when the spool does not answer. With --every it looks
 * itself, since what was learnt at one look makes the next one cheap: a spool that does not answer
 * makes it wait, and the page says to its readers that nobody writes it any more. */
#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cli/guard.h"
#include "cli/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BUDGET_MS = 4000, ANSWER_S = 15, EVERY_MIN_MS = 1000 };

struct asked {
    const struct cli *cli;
    const char *output; /* "-": stdout */
    int64_t every_ms;   /* 0: once */
};

/* What is open between two looks. */
struct looking {
    const struct serve_library *library;
    struct spool *spool;
    struct state_memory *memory;
};

static int looking_open(const struct asked *asked, struct looking *looking, struct err *err)
{
    *looking = (struct looking){ 0 };
    int r = cli_load_serve(&looking->library, err);
    if (r == 0)
        r = cli_open_spool(asked->cli, &looking->spool, err);
    if (r == 0)
        looking->memory = looking->library->state_memory_new(looking->spool, BUDGET_MS);
    return r;
}

static void looking_close(struct looking *looking)
{
    if (looking->library)
        looking->library->state_memory_free(&looking->memory);
    spool_close(&looking->spool);
}

static int write_once(const struct asked *asked, const struct looking *looking, struct err *err)
{
    CLEANUP(json_drop) json_t *state = NULL;
    CLEANUP(mem_free_text) char *text = NULL;
    int r = looking->library->state_take(looking->spool, looking->memory, &state, err);
    if (r < 0)
        return r;
    text = asked->cli->json ? json_pretty(state)
                            : looking->library->page_static(state, (double)asked->every_ms / 1000);
    if (strcmp(asked->output, "-") != 0)
        return fs_replace_file(asked->output, text, strlen(text), FS_SYNC, err);
    cli_lines(stdout, text);
    return 0;
}

static int look(void *arg)
{
    const struct asked *asked = arg;
    struct looking looking;
    struct err err = { 0 };
    int r = looking_open(asked, &looking, &err);
    if (r == 0)
        r = write_once(asked, &looking, &err);
    looking_close(&looking);
    return r < 0 ? cli_fail(EXIT_UNUSABLE, &err) : EXIT_OK;
}

/* One that cannot be written now is tried again: a share comes back. Each failure is told once. */
static void write_again(const struct asked *asked, const struct looking *looking, char **told)
{
    struct err err = { 0 };
    int r = spool_refresh(looking->spool, &err);
    if (r >= 0)
        r = write_once(asked, looking, &err);
    if (r >= 0) {
        mem_free_text(told);
    } else if (!*told || strcmp(*told, err.text) != 0) {
        (void)cli_fail(EXIT_UNUSABLE, &err);
        mem_free_text(told);
        *told = mem_strdup(err.text);
    }
}

/* The signals that end it wait until the file is whole. */
static int keep_writing(const struct asked *asked)
{
    struct looking looking;
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *told = NULL;
    struct timespec every = { .tv_sec = asked->every_ms / 1000,
                              .tv_nsec = asked->every_ms % 1000 * 1000000 };
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    int r = looking_open(asked, &looking, &err);
    if (r == 0)
        r = write_once(asked, &looking, &err);
    while (r == 0 && sigtimedwait(&ends, NULL, &every) < 0)
        if (errno == EAGAIN)
            write_again(asked, &looking, &told);
    looking_close(&looking);
    return r < 0 ? cli_fail(EXIT_UNUSABLE, &err) : EXIT_OK;
}

static int run_dashboard(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { .cli = cli };
    const struct cli_option table[] = {
        { "output", 'o', CLI_TEXT, &asked.output, "FILE",
          "into this file, which is replaced as a whole; '-' for stdout" },
        { "every", 0, CLI_SECONDS, &asked.every_ms, "TIME",
          "write it anew again and again, until interrupted" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, 0, NULL, &first);
    if (status >= 0)
        return status;
    if (!asked.output)
        return cli_usage(cli, "say where to, for example -o dashboard.html");
    if (asked.every_ms == 0)
        return guard_run(look, &asked, ANSWER_S, cli_spool_dir(cli));
    if (asked.every_ms < EVERY_MIN_MS || strcmp(asked.output, "-") == 0)
        return cli_usage(cli, "--every wants a file, and at least 1s");
    return keep_writing(&asked);
}

const struct cli_command cmd_dashboard = {
    .name = "dashboard",
    .arguments = "",
    .summary = "write the dashboard into one HTML file that needs no server",
    .details =
        "For people who only see the share: takeup dashboard -o SPOOL/dashboard.html --every "
        "10s\n"
        "With --json it writes what the page shows. 'takeup serve' shows it live.",
    .run = run_dashboard,
};
