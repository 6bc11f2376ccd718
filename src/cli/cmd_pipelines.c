#include "cli/commands.h"

#include "base/mem.h"

#include <stdio.h>

static json_t *pipeline_json(const struct pipeline *pipeline)
{
    json_t *json = json_object();
    json_set_text(json, "id", pipeline->id);
    json_set_text(json, "description", pipeline->description);
    if (pipeline->max_parallel > 0)
        json_set_int(json, "max_parallel", pipeline->max_parallel);
    else
        json_set(json, "max_parallel", NULL);
    json_set_text(json, "path", pipeline->path);
    json_set_text(json, "hash", pipeline->hash);
    json_set_text(json, "error", pipeline->broken ? pipeline->broken->text : NULL);
    return json;
}

static int print_pipelines(const struct cli *cli, struct catalog *catalog,
                           struct pipelines *pipelines, void *arg)
{
    (void)catalog, (void)arg;
    CLEANUP(json_drop) json_t *all = json_array();
    int status = EXIT_OK;
    const struct pipeline *pipeline;
    for (size_t i = 0; (pipeline = pipelines_at(pipelines, i)); i++) {
        (void)json_array_append_new(all, pipeline_json(pipeline));
        if (pipeline->broken)
            status = EXIT_NOT_SO;
        if (cli->json)
            continue;
        char limit[32] = "";
        if (pipeline->max_parallel > 0)
            (void)snprintf(limit, sizeof(limit), " (max_parallel %d)", pipeline->max_parallel);
        if (pipeline->broken)
            cli_line(stdout, "%-16s CANNOT BE USED: %s", pipeline->id, pipeline->broken->text);
        if (pipeline->broken)
            continue;
        cli_line(stdout, "%-16s %s%s", pipeline->id, pipeline->description, limit);
        cli_line(stdout, "%-16s %s", "", pipeline->path);
    }
    if (cli->json)
        cli_print_json(all);
    return status;
}

static int run_pipelines(struct cli *cli, int argc, char **argv)
{
    int first;
    int status = cli_parse_args(cli, NULL, argc, argv, 0, NULL, &first);
    return status >= 0 ? status : cli_with_pipelines(cli, print_pipelines, NULL);
}

const struct cli_command cmd_pipelines = {
    .name = "pipelines",
    .arguments = "",
    .summary = "which pipelines there are",
    .details = "Exit status 1 when a pipeline file is wrong.",
    .run = run_pipelines,
};
