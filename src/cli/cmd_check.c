/* Pre-flight: everything that would keep a job from being done, looked for before there is one.
 * Each check is a function that adds rows; a row that is not fine says how to mend it. */
#include "cli/check.h"
#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/guard.h"
#include "cli/steps.h"
#include "spool/survey.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_S = 60 }; /* warming models takes seconds on a slow machine */

static const char *const grade_names[] = { [FINE] = "ok", [WARN] = "warn", [FAIL] = "FAIL" };

void check_row(struct report *report, enum grade grade, const char *what, const char *text,
               const char *mend)
{
    report->failed = report->failed || grade == FAIL;
    json_t *row = json_object();
    json_set_text(row, "check", what);
    json_set_text(row, "grade", grade == FAIL ? "fail" : grade_names[grade]);
    json_set_text(row, "text", text);
    json_set_text(row, "mend", mend && mend[0] ? mend : NULL);
    (void)json_array_append_new(report->rows, row);
    if (report->cli->json)
        return;
    cli_line(stdout, "%-4s  %-12s %s", grade_names[grade], what, text);
    if (grade != FINE && mend && mend[0])
        cli_line(stdout, "%-4s  %-12s   mend: %s", "", "", mend);
}

static void add_err(struct report *report, const char *what, const struct err *err)
{
    check_row(report, FAIL, what, err->text, err->hint);
}

/* ---- settings ---- */

static void check_settings(struct report *report)
{
    struct spool *spool = NULL;
    struct err err = { 0 };
    (void)cli_open_spool(report->cli, &spool, &err); /* without one, what the machine says */
    if (cli_load_settings(report->cli, spool ? spool_path(spool) : NULL, &report->settings, &err) <
        0)
        add_err(report, "settings", &err);
    else
        check_row(report, FINE, "settings", "takeup config shows them", NULL);
    spool_close(&spool);
}

/* ---- the spool ---- */

static void check_disk(struct report *report, const struct spool *spool)
{
    int64_t free_bytes = fs_free_bytes(spool_root(spool));
    CLEANUP(mem_free_text)
    char *text = mem_printf("%lld MiB are free on the spool's filesystem (%s)",
                            (long long)(free_bytes / (1 << 20)), fs_type_name(spool_root(spool)));
    int64_t least = report->settings ? settings_values(report->settings)->min_free_bytes : 0;
    CLEANUP(mem_free_text)
    char *mend = mem_printf("make room, for example in done/: below %lld MiB (min_free) a worker "
                            "claims nothing",
                            (long long)(least >> 20));
    bool full = free_bytes >= 0 && free_bytes < least;
    check_row(report, full ? FAIL : FINE, "disk", text, full ? mend : NULL);
}

static void check_worker(struct report *report, const struct spool *spool)
{
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .pulse = &pulse, .may_wait = true, .without_ended = true };
    struct survey survey;
    struct err err = { 0 };
    if (survey_take(spool, &how, &survey, &err) < 0) {
        add_err(report, "worker", &err);
        return;
    }
    CLEANUP(mem_free_text)
    char *mend = mem_printf("takeup worker --spool %s", spool_path(spool));
    CLEANUP(mem_free_text)
    char *text =
        mem_printf("%zu live, %lld jobs pending", survey.alive_count, (long long)survey.pending);
    check_row(report, survey.alive_count > 0 ? FINE : WARN, "worker", text, mend);
    for (size_t i = 0; i < survey.problems.kept; i++) {
        CLEANUP(mem_free_text)
        char *problem = mem_printf("%s will not be taken: %s", survey.problems.items[i].path,
                                   survey.problems.items[i].reason);
        check_row(report, WARN, "pending", problem, NULL);
    }
    survey_release(&survey);
}

static void check_spool(struct report *report)
{
    struct spool *spool = NULL;
    struct err err = { 0 };
    if (cli_open_spool(report->cli, &spool, &err) < 0) {
        add_err(report, "spool", &err);
        return;
    }
    check_row(report, FINE, "spool", spool_path(spool), NULL);
    char owner[64];
    char random[9];
    str_random_hex(random, 4); /* two containers may have one pid */
    (void)snprintf(owner, sizeof(owner), "check.%d.%s", (int)getpid(), random);
    if (spool_check_edges(spool, owner, &err) < 0) {
        if (!err.hint[0])
            err_hint(&err,
                     "the user who runs the worker must be able to write in every directory of "
                     "the spool, and all must be on one filesystem: ls -ld %s/*",
                     spool_path(spool));
        add_err(report, "rename", &err);
    } else {
        check_row(report, FINE, "rename", "a file and a directory can be renamed along every edge",
                  NULL);
    }
    check_modes(report, spool);
    check_disk(report, spool);
    check_worker(report, spool);
    spool_close(&spool);
}

/* ---- pipelines, plugins, models, codecs ---- */

static void on_cold(void *arg, const struct pipeline *pipeline, const struct err *err)
{
    CLEANUP(mem_free_text) char *text = mem_printf("%s: %s", pipeline->id, err->text);
    check_row(arg, FAIL, "models", text, err->hint);
}

static void check_plugins(struct report *report, const struct catalog *catalog)
{
    const struct catalog_plugin *plugin;
    if (!catalog_plugin_at(catalog, 0)) {
        CLEANUP(mem_free_text) char *none = mem_printf("none in %s", catalog_plugin_dir(catalog));
        check_row(report, FINE, "plugin", none, NULL);
    }
    for (size_t i = 0; (plugin = catalog_plugin_at(catalog, i)); i++) {
        CLEANUP(mem_free_text)
        char *text = plugin->off
                         ? mem_printf("%s is off: %s", plugin->path, plugin->off)
                         : mem_printf("%s %s, %s", plugin->name, plugin->version, plugin->path);
        check_row(report, plugin->off ? FAIL : FINE, "plugin", text,
                  "remove the file, or put a version there that works");
    }
}

static void check_default_pipeline(struct report *report, const struct pipelines *pipelines)
{
    const char *id = settings_values(report->settings)->default_pipeline;
    struct err err = { 0 };
    if (cli_check_default_pipeline(report->settings, pipelines, &err) < 0) {
        add_err(report, "settings", &err);
    } else if (!pipelines_find(pipelines, id)) {
        CLEANUP(mem_free_text) char *dir = cli_pipelines_dir(report->cli);
        CLEANUP(mem_free_text)
        char *text = mem_printf("the default pipeline '%s' is not in %s", id, dir);
        check_row(
            report, FAIL, "pipeline", text,
            "name the directory that holds ocr_only.yaml by --pipelines DIR or $TAKEUP_PIPELINES");
    }
}

static void check_pipelines(struct report *report)
{
    struct catalog *catalog = NULL;
    struct pipelines *pipelines = NULL;
    struct err err = { 0 };
    if (cli_open_catalog(report->cli, &catalog, &err) < 0 ||
        cli_open_pipelines(report->cli, catalog, &pipelines, &err) < 0) {
        add_err(report, "pipelines", &err);
        catalog_free(&catalog);
        return;
    }
    check_plugins(report, catalog);
    const struct pipeline *pipeline;
    for (size_t i = 0; (pipeline = pipelines_at(pipelines, i)); i++) {
        CLEANUP(mem_free_text) char *text = mem_printf("%s, %s", pipeline->id, pipeline->path);
        if (pipeline->broken)
            add_err(report, "pipeline", pipeline->broken);
        else
            check_row(report, FINE, "pipeline", text, NULL);
    }
    if (report->settings)
        check_default_pipeline(report, pipelines);
    size_t before = json_array_size(report->rows);
    pipelines_warm(pipelines, on_cold, report);
    if (json_array_size(report->rows) == before)
        check_row(report, FINE, "models", "every pipeline's models are there", NULL);
    pipelines_free(&pipelines);
    catalog_free(&catalog);
}

static void check_sandbox(struct report *report)
{
    static const char mend[] =
        "a kernel that has it, or a container that allows it; until then what "
        "takes a decoder over can do more (docs/operations.md)";
    struct sandbox *sandbox = NULL;
    struct err err = { 0 };
    const struct settings_values *set = report->settings ? settings_values(report->settings) : NULL;
    if (sandbox_new(SANDBOX_ABI_ANY, &sandbox, &err) < 0) {
        add_err(report, "sandbox", &err);
        return;
    }
    const char *lacks = sandbox_lacks(sandbox);
    CLEANUP(mem_free_text)
    char *text = lacks ? mem_printf("%s; this kernel lacks %s", sandbox_holds(sandbox), lacks)
                       : mem_strdup(sandbox_holds(sandbox));
    if (set && strcmp(set->sandbox, "none") == 0)
        check_row(report, set->require_sandbox ? FAIL : WARN, "sandbox",
                  "none (sandbox: none): who can take a decoder over can do what the worker can",
                  "leave the setting out of takeup.yaml");
    else
        check_row(report,
                  !lacks                        ? FINE
                  : set && set->require_sandbox ? FAIL
                                                : WARN,
                  "sandbox", text, lacks ? mend : NULL);
    sandbox_free(&sandbox);
}

static void check_codecs(struct report *report)
{
    static const char *const codecs[] = { "h264",       "hevc",  "vp8",    "vp9",  "av1",
                                          "mpeg2video", "mpeg4", "prores", "mjpeg" };
    CLEANUP(str_release) struct str missing = { 0 };
    const struct steps_library *library = NULL;
    struct err err = { 0 };
    if (cli_load_steps(&library, &err) < 0) {
        add_err(report, "steps", &err);
        return;
    }
    for (size_t i = 0; i < COUNT(codecs); i++)
        if (!library->has_decoder(codecs[i]))
            str_addf(&missing, " %s", codecs[i]);
    if (missing.len == 0) {
        check_row(report, FINE, "codecs", "the usual video codecs can be decoded", NULL);
        return;
    }
    CLEANUP(mem_free_text) char *text = mem_printf("cannot be decoded:%s", str_text(&missing));
    check_row(report, WARN, "codecs", text, "install a full libavcodec (Debian: libavcodec-extra)");
}

static int look(void *arg)
{
    struct report report = { .cli = arg, .rows = json_array() };
    check_settings(&report);
    check_spool(&report);
    check_pipelines(&report);
    check_codecs(&report);
    check_sandbox(&report);
    check_notify(&report);
    if (report.cli->json) {
        CLEANUP(json_drop) json_t *all = json_object();
        json_set_bool(all, "ok", !report.failed);
        json_set(all, "checks", TAKE(report.rows));
        cli_print_json(all);
    } else {
        cli_line(stdout, "%s", report.failed ? "not ready: see FAIL above" : "ready");
    }
    json_drop(&report.rows);
    settings_free(&report.settings);
    return report.failed ? EXIT_NOT_SO : EXIT_OK;
}

static int run_check(struct cli *cli, int argc, char **argv)
{
    int first;
    int status = cli_parse_args(cli, NULL, argc, argv, 0, NULL, &first);
    if (status >= 0)
        return status;
    return guard_run(look, cli, ANSWER_S, cli_spool_dir(cli));
}

const struct cli_command cmd_check = {
    .name = "check",
    .arguments = "",
    .summary = "can jobs be done here? looked at before there is one",
    .details = "Tries the spool (renames along every edge), disk, modes, settings, pipelines, "
               "plugins, OCR "
               "models, codecs\n"
               "and sandbox. Exit status 1 when something would keep jobs from being done.",
    .run = run_check,
};
