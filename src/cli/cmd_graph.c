#include "cli/commands.h"

#include "base/mem.h"

#include <stdio.h>

static int print_graph(const struct cli *cli, struct pipelines *pipelines, const char *id)
{
    struct err err = { 0 };
    const struct pipeline *pipeline = pipelines_find(pipelines, id);
    if (!pipeline) {
        CLEANUP(mem_free_text) char *list = pipelines_list(pipelines);
        (void)err_set(&err, ERR_CONFIG, 0, "there is no pipeline '%s'; there are: %s", id, list);
        return cli_fail(EXIT_NOT_SO, &err);
    }
    CLEANUP(mem_free_text) char *dot = NULL;
    if (pipeline_dot(pipelines, pipeline, &dot, &err) < 0)
        return cli_fail(EXIT_NOT_SO, &err);
    if (!cli->json) {
        (void)fputs(dot, stdout);
        return EXIT_OK;
    }
    CLEANUP(json_drop) json_t *json = json_object();
    json_set_text(json, "id", pipeline->id);
    json_set_text(json, "dot", dot);
    cli_print_json(json);
    return EXIT_OK;
}

static int run_graph(struct cli *cli, int argc, char **argv)
{
    int first;
    int status = cli_parse(cli, NULL, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first != 1)
        return cli_usage(cli, "name the one pipeline to draw");
    struct err err = { 0 };
    struct catalog *catalog = NULL;
    struct pipelines *pipelines = NULL;
    if (cli_open_catalog(cli, &catalog, &err) < 0 ||
        cli_open_pipelines(cli, catalog, &pipelines, &err) < 0)
        status = cli_fail(EXIT_UNUSABLE, &err);
    else
        status = print_graph(cli, pipelines, argv[first]);
    pipelines_free(&pipelines);
    catalog_free(&catalog);
    return status;
}

const struct cli_command cmd_graph = {
    .name = "graph",
    .arguments = "ID",
    .summary = "a pipeline as a graph, in DOT",
    .details = "For example: takeup graph ocr_only | dot -Tsvg >ocr_only.svg",
    .run = run_graph,
};
