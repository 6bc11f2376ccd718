#include "cli/cli.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cli/steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *named(const char *option, const char *variable)
{
    const char *value = option ? option : getenv(variable);
    return value && value[0] ? value : NULL;
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *cli_spool_dir(const struct cli *cli)
{
    const char *dir = named(cli->spool, "TAKEUP_SPOOL");
    return dir ? dir : "spool";
}

int cli_open_spool(const struct cli *cli, struct spool **ret_spool, struct err *err)
{
    int r = spool_open(cli_spool_dir(cli), ret_spool, err);
    if (r < 0 && err->kind == ERR_MISSING && !named(cli->spool, "TAKEUP_SPOOL"))
        err_context(err, "no --spool, no $TAKEUP_SPOOL");
    return r;
}

const char *cli_config_file(const struct cli *cli)
{
    const char *file = named(cli->config, "TAKEUP_CONFIG");
    return file ? file : "/etc/takeup/takeup.yaml";
}

int cli_load_settings(const struct cli *cli, const char *spool_path, struct settings **ret_settings,
                      struct err *err)
{
    bool is_named = named(cli->config, "TAKEUP_CONFIG");
    CLEANUP(mem_free_text) char *of_spool = NULL;
    struct settings_file files[2] = { { cli_config_file(cli), !is_named } };
    size_t count = 1;
    if (spool_path) {
        of_spool = mem_printf("%s/" CLI_SPOOL_CONFIG, spool_path);
        files[count++] = (struct settings_file){ of_spool, true };
    }
    int r = settings_load(files, count, ret_settings, err);
    if (r < 0 && err->kind == ERR_CONFIG)
        err_hint(err, "mend that line; takeup config --help tells what can be set");
    if (r < 0 && (err->kind == ERR_CONFIG || err->kind == ERR_MISSING))
        err->kind = ERR_USAGE;
    return r;
}

struct settings *cli_try_settings(const struct cli *cli, const char *spool_path)
{
    struct settings *settings = NULL;
    struct err err = { 0 };
    if (cli_load_settings(cli, spool_path, &settings, &err) < 0)
        log_warn(LOG_NO_FIELDS, "settings are not heeded: %s", err.text);
    return settings;
}

struct input_bounds cli_input_bounds(const struct spool *spool, const struct settings *settings)
{
    struct input_bounds bounds = { .root_fd = spool_root(spool), .root_path = spool_path(spool) };
    if (settings) {
        const struct key_strings *roots = &settings_values(settings)->input_roots;
        bounds.roots = roots->items;
        bounds.root_count = roots->count;
    }
    return bounds;
}

int cli_open_spool_to_change(const struct cli *cli, struct spool **ret_spool, struct err *err)
{
    int r = cli_open_spool(cli, ret_spool, err);
    if (r < 0)
        return r;
    CLEANUP(settings_free)
    struct settings *settings = cli_try_settings(cli, spool_path(*ret_spool));
    if (settings)
        fs_set_durable(strcmp(settings_values(settings)->durability, "full") == 0);
    return r;
}

int cli_check_default_pipeline(const struct settings *settings, const struct pipelines *pipelines,
                               struct err *err)
{
    const char *id = settings_values(settings)->default_pipeline;
    if (!settings_origin(settings, "default_pipeline") || pipelines_find(pipelines, id))
        return 0;
    CLEANUP(mem_free_text) char *list = pipelines_list(pipelines);
    int r = settings_fail(settings, "default_pipeline", err,
                          "there is no pipeline '%s'; there are: %s", id, list);
    err->kind = ERR_USAGE;
    return r;
}

char *cli_binary_dir(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return mem_strdup(path);
}

/* The first of these below the binary's directory that is there, else the one fixed at build. */
static char *installed(const char *const *below, const char *fixed)
{
    CLEANUP(mem_free_text) char *bin = cli_binary_dir();
    for (; *below; below++) {
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", bin, *below);
        char *real = is_dir(path) ? realpath(path, NULL) : NULL;
        if (real)
            return real;
    }
    return mem_strdup(fixed);
}

char *cli_pipelines_dir(const struct cli *cli)
{
    static const char *const below[] = { "../share/takeup/pipelines", "../../pipelines", NULL };
    const char *dir = named(cli->pipelines, "TAKEUP_PIPELINES");
    if (dir)
        return mem_strdup(dir);
    char *here = is_dir("pipelines") ? realpath("pipelines", NULL) : NULL;
    return here ? here : installed(below, TAKEUP_DATADIR "/pipelines");
}

char *cli_plugins_dir(const struct cli *cli)
{
    static const char *const below[] = { "../lib/takeup/plugins", NULL };
    const char *dir = named(cli->plugins, "TAKEUP_PLUGINS");
    return dir ? mem_strdup(dir) : installed(below, TAKEUP_LIBDIR "/plugins");
}

int cli_open_catalog(const struct cli *cli, struct catalog **ret_catalog, struct err *err)
{
    CLEANUP(mem_free_text) char *dir = cli_plugins_dir(cli);
    if (named(cli->plugins, "TAKEUP_PLUGINS") && !is_dir(dir))
        return err_set(err, ERR_MISSING, ENOENT, "plugin directory '%s'", dir);
    return catalog_new_late(&cli_late_steps, dir, ret_catalog, err);
}

int cli_open_pipelines(const struct cli *cli, struct catalog *catalog,
                       struct pipelines **ret_pipelines, struct err *err)
{
    CLEANUP(mem_free_text) char *dir = cli_pipelines_dir(cli);
    int r = pipelines_load(dir, catalog, ret_pipelines, err);
    if (r < 0)
        err_hint(err, "name the directory that holds ocr_only.yaml by --pipelines DIR or "
                      "$TAKEUP_PIPELINES");
    return r;
}

int cli_with_pipelines(const struct cli *cli, cli_pipelines_fn *fn, void *arg)
{
    struct err err = { 0 };
    struct catalog *catalog = NULL;
    struct pipelines *pipelines = NULL;
    int r = cli_open_catalog(cli, &catalog, &err);
    if (r == 0)
        r = cli_open_pipelines(cli, catalog, &pipelines, &err);
    int status = r < 0 ? cli_fail(EXIT_UNUSABLE, &err) : fn(cli, catalog, pipelines, arg);
    pipelines_free(&pipelines);
    catalog_free(&catalog);
    return status;
}
