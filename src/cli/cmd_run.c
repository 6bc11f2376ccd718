#include "cli/commands.h"

#include "base/cores.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/rules.h"
#include "worker/solo.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BODY_MAX_BYTES = 8 << 20, BAR_WIDTH = 30, BAR_EVERY_MS = 100 };

struct asked {
    const struct cli *cli;
    const char *pipeline, *file, *out;
    json_t *params;
    int threads; /* 0: not given */
    bool bar;    /* stderr is a terminal */
    int64_t bar_ms;
};

struct run_with {
    struct settings *settings;
    struct sandbox *sandbox;
    struct worker_options options;
    struct catalog *catalog;
    struct pipelines *pipelines;
};

static void show_progress(struct asked *asked, const char *step, int64_t done_us, int64_t total_us)
{
    int64_t now = time_mono_ms();
    if (!asked->bar || now - asked->bar_ms < BAR_EVERY_MS)
        return;
    asked->bar_ms = now;
    if (total_us <= 0) {
        cli_bar("%s: %.1f s", step, (double)done_us / 1e6);
        return;
    }
    double part = (double)done_us / (double)total_us;
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    int full = (int)(part * BAR_WIDTH);
    cli_bar("[%.*s%*s] %3.0f %%  %.1f of %.1f s", full, "##############################",
            BAR_WIDTH - full, "", part * 100, (double)done_us / 1e6, (double)total_us / 1e6);
}

static void on_message(void *arg, const struct wire_message *message)
{
    struct asked *asked = arg;
    if (message->kind == WIRE_PROGRESS) {
        show_progress(asked, message->step, message->done_us, message->total_us);
        return;
    }
    cli_bar_clear();
    log_write(message->level, LOG_FIELDS("step", message->step[0] ? message->step : NULL), "%s",
              message->text);
}

/* Where the files go: the directory that was asked for, or one that is removed afterwards. */
static int open_out(const struct asked *asked, char **ret_path, int *ret_fd, struct err *err)
{
    CLEANUP(mem_free_text) char *path = NULL;
    if (asked->out) {
        path = mem_strdup(asked->out);
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return err_set(err, ERR_IO, errno, "make directory '%s'", path);
    } else {
        const char *tmp = getenv("TMPDIR");
        path = mem_printf("%s/takeup-run-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
        if (!mkdtemp(path))
            return err_set(err, ERR_IO, errno, "make directory '%s'", path);
    }
    *ret_path = TAKE(path);
    *ret_fd = open(*ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0)
        return err_set(err, ERR_IO, errno, "open directory '%s'", *ret_path);
    return 0;
}

static int must_be_empty(int fd, const char *path, struct err *err)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    int r = fs_open_dir(fd, ".", &dir, err);
    const struct dirent *entry;
    while (r == 0 && (entry = readdir(dir)))
        if (!fs_is_dots(entry->d_name)) {
            r = err_set(err, ERR_USAGE, 0, "directory '%s' is not empty: it holds '%s'", path,
                        entry->d_name);
            err_hint(err, "name a new or an empty directory by -o; nothing is ever overwritten");
        }
    return r;
}

static int print_body(const struct asked *asked, int out_fd, const char *out, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *body = NULL;
    size_t len;
    struct json_mark mark;
    int r = fs_read_file(out_fd, RECORD_FILE, BODY_MAX_BYTES, &text, &len, err);
    if (r == 0 && json_parse(text, len, &body, &mark, err) != 1)
        r = -EINVAL;
    if (r < 0)
        return r;
    const char *shown = json_get_text(body, "text", NULL);
    if (asked->cli->json)
        cli_print_json(body);
    else if (shown)
        cli_reading(shown);
    else
        cli_line(stdout, "%s/%s", out, json_get_text(body, "text_file", "text.txt"));
    return 0;
}

static int status_of(enum failure failure)
{
    switch (failure) {
    case FAILURE_NONE:
        return EXIT_OK;
    case FAILURE_PIPELINE:
    case FAILURE_MISSING:
        return EXIT_UNUSABLE;
    default:
        return EXIT_NOT_SO;
    }
}

/* ---- the attempt ---- */

static int fail(const struct runner_end *end)
{
    struct err err = { .kind = ERR_INPUT };
    (void)snprintf(err.text, sizeof(err.text), "%s", end->text);
    (void)snprintf(err.hint, sizeof(err.hint), "%s", end->hint);
    return cli_fail(status_of(end->failure), &err);
}

/* In a runner, as a worker does it: the video is as hostile here. */
static int attempt_file(struct asked *asked, struct solo *solo, const char *out)
{
    struct err err = { 0 };
    struct runner_end end;
    CLEANUP(mem_free_text) char *report = NULL;
    int out_fd = solo->attempt.output_dir;
    int r = solo_run(solo, &end, &report, &err);
    cli_bar_clear();
    if (r < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    if (report && asked->out)
        (void)fs_write_file(out_fd, "crash.txt", report, strlen(report), 0, NULL);
    if (end.failure != FAILURE_NONE)
        return fail(&end);
    if (print_body(asked, out_fd, out, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    return EXIT_OK;
}

static int run_file(struct asked *asked, const struct run_with *with, int out_fd, const char *out)
{
    struct err err = { 0 };
    const struct pipeline *pipeline = pipelines_find(with->pipelines, asked->pipeline);
    if (!pipeline) {
        CLEANUP(mem_free_text) char *list = pipelines_list(with->pipelines);
        (void)err_set(&err, ERR_USAGE, 0, "there is no pipeline '%s'; there are: %s",
                      asked->pipeline, list);
        return cli_fail(EXIT_USAGE, &err);
    }
    if (pipeline->broken)
        return cli_fail(EXIT_UNUSABLE, pipeline->broken);
    const struct hand_rules *rules = &with->options.rules;
    struct solo solo = {
        .attempt = {
            .job = asked->file,
            .root_fd = AT_FDCWD,
            .input_path = asked->file,
            .output_dir = out_fd,
            .pipelines = with->pipelines,
            .pipeline = pipeline,
            .params = asked->params,
            .threads = asked->threads > 0 ? asked->threads : cores_usable(),
            .cage = { .sandbox = with->options.sandbox ? with->sandbox : NULL,
                      .memory_bytes = rules->memory_bytes,
                      .file_bytes = rules->output_bytes },
        },
        .limits = { .stall_ms = rules->stall_ms, .grace_ms = rules->grace_ms },
        .on_message = on_message,
        .arg = asked,
    };
    return attempt_file(asked, &solo, out);
}

/* The machine's settings hold here too, as far as they are about an attempt. */
static int open_sandbox(const struct asked *asked, struct run_with *with, struct err *err)
{
    int r = cli_load_settings(asked->cli, NULL, &with->settings, err);
    if (r < 0)
        return r;
    worker_options_default(&with->options);
    cli_fill_rules(settings_values(with->settings), 1, &with->options);
    r = sandbox_new(SANDBOX_ABI_ANY, &with->sandbox, err);
    return r < 0 ? r
                 : sandbox_demand(with->sandbox, with->options.sandbox,
                                  with->options.require_sandbox, err);
}

static int run_here(struct asked *asked)
{
    struct err err = { 0 };
    struct run_with with = { 0 };
    CLEANUP(mem_free_text) char *out = NULL;
    CLEANUP(fs_close) int out_fd = -1;
    int r = open_out(asked, &out, &out_fd, &err);
    if (r == 0)
        r = must_be_empty(out_fd, out, &err);
    if (r == 0)
        r = open_sandbox(asked, &with, &err);
    if (r == 0)
        r = cli_open_catalog(asked->cli, &with.catalog, &err);
    if (r == 0)
        r = cli_open_pipelines(asked->cli, with.catalog, &with.pipelines, &err);
    int status = r < 0 ? cli_fail(cli_status_of(&err), &err) : run_file(asked, &with, out_fd, out);
    pipelines_free(&with.pipelines);
    catalog_free(&with.catalog);
    sandbox_free(&with.sandbox);
    settings_free(&with.settings);
    if (!asked->out && out && fs_remove_tree(AT_FDCWD, out, &err) < 0)
        (void)cli_fail(EXIT_OK, &err);
    return status;
}

static int run_run(struct cli *cli, int argc, char **argv)
{
    struct asked asked = { .cli = cli, .pipeline = DEFAULT_PIPELINE, .bar = isatty(STDERR_FILENO) };
    struct cli_list params = { 0 };
    const struct cli_option table[] = {
        { "pipeline", 'p', CLI_TEXT, &asked.pipeline, "ID", "the pipeline to run (ocr_only)" },
        { "out", 'o', CLI_TEXT, &asked.out, "DIR",
          "keep the files there: text.txt, captions.srt …" },
        { "param", 0, CLI_LIST, &params, "S.P=VALUE",
          "set parameter P of step S, e.g. text.languages='[\"deu\"]'" },
        { "threads", 0, CLI_COUNT, &asked.threads, "N", "how many cores to use (all that it may)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse(cli, table, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first != 1)
        return cli_usage(cli, "name the one video to be read");
    struct err err = { 0 };
    asked.file = argv[first];
    for (size_t i = 0; i < params.count && status < 0; i++)
        if (cli_add_param(&asked.params, params.items[i], &err) < 0)
            status = cli_fail(EXIT_USAGE, &err);
    free(params.items);
    if (status < 0)
        status = run_here(&asked);
    json_drop(&asked.params);
    return status;
}

const struct cli_command cmd_run = {
    .name = "run",
    .arguments = "FILE",
    .summary = "read a video here and now, without a spool",
    .details = "The text goes to standard output, the log and the progress bar to standard error.\n"
               "With -o DIR the same files as in done/X lie in DIR, which must be new or empty.",
    .run = run_run,
};
