#include "cli/commands.h"

#include "base/mem.h"

#include <stdio.h>

static int print_graph(const struct cli *cli, struct catalog *catalog, struct pipelines *pipelines,
                       void *arg)
{
    (void)catalog;
    const char *id = arg;
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
        cli_lines(stdout, dot);
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
    int status = cli_parse_args(cli, NULL, argc, argv, 1, "name the one pipeline to draw", &first);
    return status >= 0 ? status : cli_with_pipelines(cli, print_graph, argv[first]);
}

const struct cli_command cmd_graph = {
    .name = "graph",
    .arguments = "ID",
    .summary = "a pipeline as a graph, in DOT",
    .details = "For example: takeup graph ocr_only | dot -Tsvg >ocr_only.svg",
    .run = run_graph,
};
