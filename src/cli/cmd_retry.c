#include "cli/commands.h"

#include "base/mem.h"
#include "cli/waiting.h"
#include "spool/ended.h"
#include "spool/listing.h"
#include "spool/record.h"
#include "spool/retry.h"

#include <stdio.h>
#include <string.h>

struct asked {
    bool all;
    const char *failure; /* a class; NULL: any but cancelled */
};

struct retrying {
    const struct cli *cli;
    struct spool *spool;
    json_t *retried; /* for --json */
    int status;
};

static void failed(struct retrying *retrying, const struct err *err)
{
    int status = cli_fail(err->kind == ERR_MISSING || err->kind == ERR_CONFIG ? EXIT_NOT_SO
                                                                              : cli_status_of(err),
                          err);
    retrying->status = status > retrying->status ? status : retrying->status;
}

static void retry(struct retrying *retrying, const char *id)
{
    struct err err = { 0 };
    char dir[NAME_SIZE];
    if (retry_job(retrying->spool, id, dir, &err) < 0) {
        failed(retrying, &err);
        return;
    }
    json_t *one = json_object();
    json_set_text(one, "id", id);
    CLEANUP(mem_free_text) char *path = mem_printf("deferred/%s", dir);
    json_set_text(one, "path", path);
    (void)json_array_append_new(retrying->retried, one);
    if (!retrying->cli->json)
        cli_line(stdout, "%s is tried again: %s", id, path);
}

static void retry_named(struct retrying *retrying, const char *name)
{
    struct err err = { 0 };
    char id[NAME_SIZE];
    size_t others;
    if (retry_find(retrying->spool, name, id, &others, &err) < 0) {
        failed(retrying, &err);
        return;
    }
    retry(retrying, id);
    if (others > 0)
        cli_line(stderr,
                 "takeup: '%s' is the newest of that name in error/, and %zu more %s there; name "
                 "the others as error/DIRECTORY",
                 id, others, others == 1 ? "is" : "are");
}

/* Whoever cancelled a job does not want it back with all that failed: only if asked for. */
static bool is_wanted(const struct retrying *retrying, const char *id, const char *failure)
{
    CLEANUP(json_drop) json_t *record = ended_record(retrying->spool, PLACE_ERROR, id);
    const char *class = json_get_text(json_object_get(record, "error"), "class", "");
    if (failure)
        return strcmp(class, failure) == 0;
    return strcmp(class, failure_name(FAILURE_CANCELLED)) != 0;
}

static void retry_all(struct retrying *retrying, const char *failure)
{
    struct err err = { 0 };
    CLEANUP(listing_release) struct listing listing = { 0 };
    if (listing_read(spool_dir(retrying->spool, PLACE_ERROR), ".", &listing, &err) < 0) {
        failed(retrying, &err);
        return;
    }
    for (size_t i = 0; i < listing.count; i++) {
        const struct listing_entry *entry = &listing.entries[i];
        if (entry->type == DT_DIR && entry->name[0] != '.' &&
            is_wanted(retrying, entry->name, failure))
            retry(retrying, entry->name);
    }
    if (json_array_size(retrying->retried) == 0 && retrying->status == EXIT_OK &&
        !retrying->cli->json)
        cli_line(stdout, "there is nothing to retry in %s/error", spool_path(retrying->spool));
}

static int retry_asked(const struct cli *cli, const struct asked *asked, char **names, int count)
{
    struct err err = { 0 };
    CLEANUP(json_drop) json_t *retried = json_array();
    struct retrying retrying = { .cli = cli, .retried = retried };
    if (cli_open_spool_to_change(cli, &retrying.spool, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    for (int i = 0; i < count; i++)
        retry_named(&retrying, names[i]);
    if (asked->all)
        retry_all(&retrying, asked->failure);
    if (json_array_size(retried) > 0) {
        if (retry_sync(retrying.spool, &err) < 0)
            failed(&retrying, &err);
        waiting_warn_unattended(retrying.spool);
    }
    if (cli->json)
        cli_print_json(retried);
    spool_close(&retrying.spool);
    return retrying.status;
}

static int run_retry(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { 0 };
    const struct cli_option table[] = {
        { "all", 'a', CLI_FLAG, &asked.all, NULL, "all in error/, but for cancelled ones" },
        { "class", 0, CLI_TEXT, &asked.failure, "CLASS",
          "with --all: only those that failed so (crash, timeout, cancelled …)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse(cli, table, argc, argv, &first);
    if (status >= 0)
        return status;
    if (asked.all ? first < argc : first == argc)
        return cli_usage(cli, "name the job, or jobs, to be tried again, or --all");
    if (asked.failure && !asked.all)
        return cli_usage(cli, "--class is for --all");
    if (asked.failure && failure_parse(asked.failure) == FAILURE_COUNT)
        return cli_usage(cli, "there is no class '%s'; see takeup-spool(5)", asked.failure);
    return retry_asked(cli, &asked, argv + first, argc - first);
}

const struct cli_command cmd_retry = {
    .name = "retry",
    .arguments = "X…",
    .summary = "try jobs again that ended in error/",
    .details =
        "X is a job's name, and then of several that failed the one that ended last, or names one\n"
        "directory: error/clip.2. A job that is retried has all its attempts again.\n"
        "Exit status 1 when one is not in error/.",
    .run = run_retry,
};
