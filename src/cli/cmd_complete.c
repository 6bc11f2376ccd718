/* cmd_complete.c - "takeup complete -- WORD…": for the shells (contrib/completions), not for
 * people.
 *
 * The first line says what follows: "words", "files" or "dirs", and "nospace" where what is offered
 * is only the beginning of a word. Then a candidate a line: WORD, a tab, what it is. Names that no
 * line can hold, or that a shell would show otherwise than they are, are not offered. */
#include "cli/commands.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/complete.h"
#include "cli/guard.h"
#include "spool/listing.h"
#include "spool/name.h"
#include "spool/running.h"
#include "spool/scan.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_S = 2, NAMES_MAX = 1000 };

struct offer {
    const struct cli *cli;
    struct complete line;
    const struct spool *spool;
    int names;
};

static bool is_seen_as_it_is(const char *text)
{
    CLEANUP(mem_free_text) char *shown = str_printable(text);
    return strcmp(shown, text) == 0;
}

static void offer(struct offer *all, const char *word, const char *help)
{
    if (strncmp(word, all->line.prefix, strlen(all->line.prefix)) != 0 || !is_seen_as_it_is(word))
        return;
    CLEANUP(str_release) struct str line = { 0 };
    str_add_bytes(&line, all->line.front, all->line.front_len);
    str_addf(&line, "%s\t%s\n", word, help ? help : "");
    cli_lines(stdout, str_text(&line));
}

/* ---- from the tables ---- */

static void offer_commands(struct offer *all)
{
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        if ((*at)->summary)
            offer(all, (*at)->name, (*at)->summary);
    offer(all, "--help", "print this");
    offer(all, "--version", "print the version");
}

static void offer_each_option(void *arg, const struct cli_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(mem_free_text) char *word = mem_printf("--%s", options[i].name);
        offer(arg, word, options[i].help);
    }
}

static void offer_words(struct offer *all)
{
    CLEANUP(mem_free_text) char *words = mem_strdup(all->line.words);
    for (char *rest = words, *word; (word = strsep(&rest, " "));)
        offer(all, word, NULL);
}

/* ---- from the pipelines ---- */

static void offer_pipelines(struct offer *all, const struct pipelines *pipelines)
{
    const struct pipeline *pipeline;
    for (size_t i = 0; (pipeline = pipelines_at(pipelines, i)); i++)
        if (!pipeline->broken)
            offer(all, pipeline->id, pipeline->description);
}

static void offer_params_of(struct offer *all, const struct catalog *catalog, const char *id,
                            const char *step_name)
{
    const struct takeup_step *step;
    for (size_t i = 0; (step = catalog_step_at(catalog, i)); i++) {
        if (strcmp(step->name, step_name) != 0)
            continue;
        for (const struct takeup_param *param = step->params; param && param->name; param++) {
            CLEANUP(mem_free_text) char *word = mem_printf("%s.%s=", id, param->name);
            offer(all, word, param->help);
        }
    }
}

/* The graph's nodes are the steps: "ID" [label="ID\nSTEP"]. */
static void offer_params(struct offer *all, const struct catalog *catalog,
                         struct pipelines *pipelines)
{
    const struct pipeline *pipeline =
        pipelines_find(pipelines, all->line.pipeline ? all->line.pipeline : "ocr_only");
    CLEANUP(mem_free_text) char *dot = NULL;
    if (!pipeline || pipeline_dot(pipelines, pipeline, &dot, NULL) < 0)
        return;
    for (char *rest = dot, *line; (line = strsep(&rest, "\n"));) {
        char id[64], step[64];
        if (sscanf(line, " \"%63[^\"]\" [label=\"%*[^\\]\\n%63[^\"]\"]", id, step) == 2)
            offer_params_of(all, catalog, id, step);
    }
}

static int offer_of_pipelines(const struct cli *cli, struct catalog *catalog,
                              struct pipelines *pipelines, void *arg)
{
    (void)cli;
    struct offer *all = arg;
    if (all->line.kind == COMPLETE_PIPELINES)
        offer_pipelines(all, pipelines);
    else
        offer_params(all, catalog, pipelines);
    return EXIT_OK;
}

/* ---- from the spool ---- */

static void offer_job(struct offer *all, const char *name)
{
    if (all->names < NAMES_MAX && strncmp(name, all->line.prefix, strlen(all->line.prefix)) == 0) {
        all->names++;
        offer(all, name, NULL);
    }
}

static void on_ended(void *arg, const char *name, unsigned char type)
{
    if (type == DT_DIR && name[0] != '.')
        offer_job(arg, name);
}

static bool on_running(void *arg, const char *worker, const char *path, const char *name)
{
    (void)worker, (void)path;
    offer_job(arg, name);
    return false;
}

static void offer_open_jobs(struct offer *all)
{
    for (size_t i = 0; i < SCAN_PLACES; i++) {
        CLEANUP(scan_release) struct scan scan = { 0 };
        if (scan_place(all->spool, scan_places[i], &scan, NULL) < 0)
            continue;
        for (size_t k = 0; k < scan.names.count && all->names < NAMES_MAX; k++) {
            const char *file = names_get(&scan.names, k);
            char name[NAME_SIZE], token[TOKEN_SIZE];
            int64_t due_s;
            if (name_deferred_parse(file, name, &due_s, token) || name_of_job_file(file, name))
                offer_job(all, name);
        }
    }
    running_each(all->spool, on_running, all);
}

static void offer_jobs(struct offer *all)
{
    const char *command = all->line.command->name;
    struct spool *spool = NULL;
    struct err err = { 0 };
    if (cli_open_spool(all->cli, &spool, &err) < 0)
        return;
    all->spool = spool;
    if (strcmp(command, "retry") != 0)
        offer_open_jobs(all);
    if (strcmp(command, "cancel") != 0)
        (void)listing_each(spool_dir(spool, PLACE_ERROR), ".", on_ended, all, NULL);
    if (strcmp(command, "status") == 0 || strcmp(command, "wait") == 0)
        (void)listing_each(spool_dir(spool, PLACE_DONE), ".", on_ended, all, NULL);
    spool_close(&spool);
}

/* ---- all of it ---- */

static int look(void *arg)
{
    struct offer *all = arg;
    enum complete_kind kind = all->line.kind;
    cli_line(stdout, "%s",
             kind == COMPLETE_FILES    ? "files"
             : kind == COMPLETE_DIRS   ? "dirs"
             : kind == COMPLETE_PARAMS ? "words nospace"
                                       : "words");
    if (kind == COMPLETE_COMMANDS)
        offer_commands(all);
    if (kind == COMPLETE_OPTIONS || all->line.also_options)
        complete_each_option(all->line.command, offer_each_option, all);
    if (kind == COMPLETE_WORDS && all->line.words)
        offer_words(all);
    if (kind == COMPLETE_PIPELINES || kind == COMPLETE_PARAMS)
        (void)cli_with_pipelines(all->cli, offer_of_pipelines, all);
    if (kind == COMPLETE_JOBS)
        offer_jobs(all);
    return EXIT_OK;
}

static int run_complete(struct cli *cli, int argc, char **argv)
{
    int first;
    int status =
        cli_parse_args(cli, NULL, argc, argv, CLI_SOME, "takeup complete -- WORD…", &first);
    if (status >= 0)
        return status;
    struct offer all = { .cli = cli };
    complete_line(argv + first, (size_t)(argc - first), &all.line);
    cli->spool = all.line.spool ? all.line.spool : cli->spool;
    cli->pipelines = all.line.pipelines ? all.line.pipelines : cli->pipelines;
    cli->plugins = all.line.plugins ? all.line.plugins : cli->plugins;
    cli->config = all.line.config ? all.line.config : cli->config;
    return guard_run(look, &all, ANSWER_S, cli_spool_dir(cli));
}

const struct cli_command cmd_complete = {
    .name = "complete",
    .arguments = "-- WORD…",
    .run = run_complete,
};
