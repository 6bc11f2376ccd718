#include "cli/commands.h"

#include "base/mem.h"
#include "worker/watchdog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The --spool of the worker's own command line; NULL. getopt takes "--sp" for it as well. */
static const char *spool_of(char *const *arguments)
{
    for (; *arguments && strcmp(*arguments, "--") != 0; arguments++) {
        size_t len = strcspn(*arguments, "=");
        if (len < strlen("--sp") || strncmp(*arguments, "--spool", len) != 0)
            continue;
        return (*arguments)[len] ? *arguments + len + 1 : arguments[1];
    }
    return NULL;
}

/* What this process was started from: should it be replaced, the next worker is the new version.
 * The caller frees it. */
static char *own_program(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    return mem_strdup(len > 0 && access(path, X_OK) == 0 ? path : "/proc/self/exe");
}

static int watch(struct cli *cli, const struct dog_rules *rules, char **arguments)
{
    const char *spool = spool_of(arguments + 1);
    CLEANUP(mem_free_text) char *program = own_program();
    if (!spool && cli->spool)
        (void)setenv("TAKEUP_SPOOL", cli->spool, 1);
    struct err err = { 0 };
    struct service *service = NULL; /* ours: the worker gets no socket */
    if (service_new(&service, &err) < 0)
        log_warn(LOG_NO_FIELDS, "watchdog: %s", err.text);
    static char name[] = "takeup";
    arguments[-1] = name; /* where "--" stood, or the watchdog's own name */
    const struct watchdog_options options = {
        .rules = *rules,
        .spool_dir = spool ? spool : cli_spool_dir(cli),
        .program = program,
        .arguments = arguments - 1,
        .service = service,
    };
    struct watchdog_end end;
    int r = watchdog_run(&options, &end, &err);
    service_free(&service);
    if (r < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    if (end.gave_up)
        return end.status == EXIT_UNUSABLE ? EXIT_UNUSABLE : EXIT_NOT_SO;
    return end.status < 0 ? EXIT_NOT_SO : end.status;
}

static int run_watchdog(struct cli *cli, int argc, char **argv)
{
    struct dog_rules rules;
    watchdog_rules_default(&rules);
    const struct cli_option table[] = {
        { "max-restarts", 0, CLI_COUNT, &rules.max_restarts, "N",
          "give up after so many restarts (10) …" },
        { "within", 0, CLI_SECONDS, &rules.within_ms, "TIME", "… in this time (10m)" },
        { "stale", 0, CLI_SECONDS, &rules.stale_ms, "TIME",
          "restart a worker whose heartbeat has stood still for so long (30s)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, CLI_SOME,
                                "say what to watch: takeup watchdog -- worker …", &first);
    if (status >= 0)
        return status;
    if (strcmp(argv[first], "worker") != 0)
        return cli_usage(cli, "only a worker can be watched: takeup watchdog -- worker …");
    return watch(cli, &rules, argv + first);
}

const struct cli_command cmd_watchdog = {
    .name = "watchdog",
    .arguments = "-- worker …",
    .summary = "keep a worker alive: start it anew when it dies or hangs",
    .details =
        "What follows -- is the worker's command line. It ends when the worker ends by itself "
        "(its\n"
        "status is the worker's), and on SIGTERM and SIGINT, which go to the worker like SIGHUP.\n"
        "Exit status 1, or 3 when the spool could not be used: too many restarts. A spool that\n"
        "does not answer is waited for. Under systemd none is needed; in a container one is.",
    .run = run_watchdog,
};
