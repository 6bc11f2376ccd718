#include "cli/commands.h"

#include "base/mem.h"

#include <stdio.h>

static json_t *pipeline_json(const struct pipeline *pipeline)
{
    json_t *json = json_object();
    json_set_text(json, "id", pipeline->id);
    json_set_text(json, "description", pipeline->description);
    json_set_text(json, "path", pipeline->path);
    json_set_text(json, "hash", pipeline->hash);
    json_set_text(json, "error", pipeline->broken ? pipeline->broken->text : NULL);
    return json;
}

static int print_pipelines(const struct cli *cli, const struct pipelines *pipelines)
{
    CLEANUP(json_drop) json_t *all = json_array();
    int status = EXIT_OK;
    const struct pipeline *pipeline;
    for (size_t i = 0; (pipeline = pipelines_at(pipelines, i)); i++) {
        (void)json_array_append_new(all, pipeline_json(pipeline));
        if (pipeline->broken)
            status = EXIT_NOT_SO;
        if (cli->json)
            continue;
        if (pipeline->broken)
            printf("%-16s CANNOT BE USED: %s\n", pipeline->id, pipeline->broken->text);
        else
            printf("%-16s %s\n%-16s %s\n", pipeline->id, pipeline->description, "", pipeline->path);
    }
    if (cli->json)
        cli_print_json(all);
    return status;
}

static int run_pipelines(struct cli *cli, int argc, char **argv)
{
    int first;
    int status = cli_parse(cli, NULL, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first < argc)
        return cli_usage(cli, "takes no argument, but was given '%s'", argv[first]);
    struct err err = { 0 };
    struct catalog *catalog = NULL;
    struct pipelines *pipelines = NULL;
    if (cli_open_catalog(cli, &catalog, &err) < 0 ||
        cli_open_pipelines(cli, catalog, &pipelines, &err) < 0)
        status = cli_fail(EXIT_UNUSABLE, &err);
    else
        status = print_pipelines(cli, pipelines);
    pipelines_free(&pipelines);
    catalog_free(&catalog);
    return status;
}

const struct cli_command cmd_pipelines = {
    .name = "pipelines",
    .arguments = "",
    .summary = "which pipelines there are",
    .details = "Exit status 1 when a pipeline file is wrong.",
    .run = run_pipelines,
};
