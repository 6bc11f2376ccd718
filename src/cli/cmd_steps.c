#include "cli/commands.h"

#include "base/str.h"

static const char *const port_names[TAKEUP_PORT_COUNT] = {
    [TAKEUP_PORT_NONE] = "nothing", [TAKEUP_PORT_FRAME] = "frame",
    [TAKEUP_PORT_CROP] = "crop",    [TAKEUP_PORT_BOXES] = "boxes",
    [TAKEUP_PORT_LINES] = "lines",  [TAKEUP_PORT_SEGMENTS] = "segments",
};

static const char *const type_names[] = {
    [TAKEUP_TYPE_BOOL] = "true or false",
    [TAKEUP_TYPE_INT] = "whole number",
    [TAKEUP_TYPE_REAL] = "number",
    [TAKEUP_TYPE_TEXT] = "text",
    [TAKEUP_TYPE_STRINGS] = "list of texts",
    [TAKEUP_TYPE_FILE] = "path of a file",
    [TAKEUP_TYPE_TIME] = "seconds or H:MM:SS",
};

static json_t *params_json(const struct takeup_param *param)
{
    json_t *all = json_array();
    for (; param && param->name; param++) {
        json_t *one = json_object();
        json_set_text(one, "name", param->name);
        json_set_text(one, "type", type_names[param->type]);
        json_set_text(one, "default", param->otherwise);
        if (param->min != 0 || param->max != 0) {
            json_set_real(one, "min", param->min);
            json_set_real(one, "max", param->max);
        }
        json_set_text(one, "choices", param->choices);
        json_set_text(one, "help", param->help);
        (void)json_array_append_new(all, one);
    }
    return all;
}

static json_t *step_json(const struct takeup_step *step)
{
    json_t *json = json_object();
    json_set_text(json, "name", step->name);
    json_set_text(json, "help", step->help);
    json_set_text(json, "takes", port_names[step->takes]);
    json_set_text(json, "gives", port_names[step->gives]);
    json_set_bool(json, "parallel", step->flags & TAKEUP_PARALLEL);
    json_set(json, "params", params_json(step->params));
    return json;
}

static void print_param(const struct takeup_param *param)
{
    CLEANUP(str_release) struct str values = { 0 };
    bool is_time = param->type == TAKEUP_TYPE_TIME; /* no bound that anybody meets */
    if (!is_time && (param->min != 0 || param->max != 0))
        str_addf(&values, ", %g to %g", param->min, param->max);
    if (param->choices)
        str_addf(&values, ", of %s", param->choices);
    cli_line(stdout, "  %-16s %s; %s%s; default %s", param->name, param->help,
             type_names[param->type], str_text(&values), param->otherwise);
}

static void print_step(const struct takeup_step *step)
{
    cli_line(stdout, "%s: %s", step->name, step->help);
    cli_line(stdout, "  takes %s, gives %s%s", port_names[step->takes], port_names[step->gives],
             step->flags & TAKEUP_PARALLEL ? ", parallel" : "");
    for (const struct takeup_param *param = step->params; param && param->name; param++)
        print_param(param);
    cli_line(stdout, "%s", "");
}

static void print_steps(const struct cli *cli, const struct catalog *catalog)
{
    CLEANUP(json_drop) json_t *all = json_array();
    const struct takeup_step *step;
    for (size_t i = 0; (step = catalog_step_at(catalog, i)); i++) {
        (void)json_array_append_new(all, step_json(step));
        if (!cli->json)
            print_step(step);
    }
    if (cli->json) {
        cli_print_json(all);
        return;
    }
    const struct catalog_plugin *plugin;
    for (size_t i = 0; (plugin = catalog_plugin_at(catalog, i)); i++)
        if (plugin->off)
            cli_line(stdout, "plugin %s is off: %s (%s)", plugin->name, plugin->off, plugin->path);
}

static int run_steps(struct cli *cli, int argc, char **argv)
{
    int first;
    int status = cli_parse_args(cli, NULL, argc, argv, 0, NULL, &first);
    if (status >= 0)
        return status;
    struct err err = { 0 };
    struct catalog *catalog = NULL;
    if (cli_open_catalog(cli, &catalog, &err) < 0 || catalog_load_builtins(catalog, &err) < 0 ||
        catalog_load_plugins(catalog, &err) < 0)
        status = cli_fail(EXIT_UNUSABLE, &err);
    else
        print_steps(cli, catalog);
    catalog_free(&catalog);
    return status >= 0 ? status : EXIT_OK;
}

const struct cli_command cmd_steps = {
    .name = "steps",
    .arguments = "",
    .summary = "every step there is, with its parameters",
    .run = run_steps,
};
