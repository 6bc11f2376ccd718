#include "cli/commands.h"

#include "base/mem.h"
#include "cli/guard.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_S = 5 };

static json_t *file_json(const char *path)
{
    json_t *json = json_object();
    json_set_text(json, "path", path);
    json_set_bool(json, "there", access(path, F_OK) == 0);
    return json;
}

/* The files that were looked for, the weakest first. */
static json_t *files_json(const struct cli *cli, const char *spool_path)
{
    json_t *files = json_array();
    (void)json_array_append_new(files, file_json(cli_config_file(cli)));
    if (spool_path) {
        CLEANUP(mem_free_text) char *path = mem_printf("%s/" CLI_SPOOL_CONFIG, spool_path);
        (void)json_array_append_new(files, file_json(path));
    }
    return files;
}

static json_t *setting_json(const struct settings *settings, const struct key *key)
{
    const char *origin = settings_origin(settings, key->name);
    json_t *json = json_object();
    json_set_text(json, "name", key->name);
    json_set(json, "value", settings_json(settings, key));
    json_set_text(json, "from", origin ? origin : "default");
    json_set_text(json, "help", key->help);
    return json;
}

/* The value as a person would write it; the caller frees it. */
static char *value_text(const json_t *value)
{
    if (json_is_string(value))
        return mem_strdup(json_string_value(value));
    if (json_is_boolean(value))
        return mem_strdup(json_is_true(value) ? "true" : "false");
    if (!json_is_array(value))
        return mem_printf("%.15g", json_number_value(value));
    return json_array_size(value) > 0 ? json_line(value) : mem_strdup("none");
}

static void print_text(const json_t *all)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(all, "settings"), i, one)
    {
        const json_t *value = json_object_get(one, "value");
        CLEANUP(mem_free_text) char *text = value_text(value);
        cli_line(stdout, "%-17s %-12s %s", json_get_text(one, "name", ""), text,
                 json_get_text(one, "from", ""));
    }
    cli_line(stdout, "%s", "");
    json_array_foreach(json_object_get(all, "files"), i, one)
    {
        bool there = json_is_true(json_object_get(one, "there"));
        cli_line(stdout, "%-17s %s", there ? "read" : "not there", json_get_text(one, "path", ""));
    }
    const char *spool = json_get_text(all, "spool", NULL);
    cli_line(stdout, "%-17s %s", "spool", spool ? spool : "none was found, so none has a say");
}

static int show(void *arg)
{
    const struct cli *cli = arg;
    struct err err = { 0 };
    CLEANUP(settings_free) struct settings *settings = NULL;
    struct spool *spool = NULL;
    /* Without a spool there is still what the machine says; but one that was named must be there.
     */
    int r = cli_open_spool(cli, &spool, &err);
    if (r < 0 && (err.kind != ERR_MISSING || cli->spool))
        return cli_fail(EXIT_UNUSABLE, &err);
    const char *path = spool ? spool_path(spool) : NULL;
    err = (struct err){ 0 };
    r = cli_load_settings(cli, path, &settings, &err);
    if (r < 0) {
        spool_close(&spool);
        return cli_fail(cli_status_of(&err), &err);
    }
    CLEANUP(json_drop) json_t *all = json_object();
    json_t *list = json_array();
    for (const struct key *key = settings_keys(); key->name; key++)
        (void)json_array_append_new(list, setting_json(settings, key));
    json_set_text(all, "spool", path);
    json_set(all, "files", files_json(cli, path));
    json_set(all, "settings", list);
    if (cli->json)
        cli_print_json(all);
    else
        print_text(all);
    spool_close(&spool);
    return EXIT_OK;
}

static int run_config(struct cli *cli, int argc, char **argv)
{
    int first;
    int status = cli_parse_args(cli, NULL, argc, argv, 0, NULL, &first);
    return status >= 0 ? status : guard_run(show, cli, ANSWER_S, cli_spool_dir(cli));
}

const struct cli_command cmd_config = {
    .name = "config",
    .arguments = "",
    .summary = "the settings in force, and where each comes from",
    .details =
        "Settings stand in takeup.yaml, in /etc/takeup/ for the machine and in the spool for all\n"
        "who work on it. The spool's win, key by key; options of a command win over both:\n\n"
        "  lease_s, settle_s, input_wait_s, min_free, max_attempts, timeout_s, stall_s, "
        "backoff_s,\n"
        "  rescan_s, jobs, threads, max_memory, max_output, sandbox, require_sandbox,\n"
        "  durability, default_pipeline, input_roots, on_done, on_error, notify_timeout_s\n\n"
        "takeup.yaml(5) explains each. A worker reads them when it starts and on SIGHUP.",
    .run = run_config,
};
