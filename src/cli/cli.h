/* cli.h - what all commands share: their table, their options, where things are.
 *
 * A command is a file: cmd_NAME.c, with one `const struct cli_command`. Its options are a table,
 * from which parsing and --help come. */
#ifndef TAKEUP_CLI_CLI_H
#define TAKEUP_CLI_CLI_H

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "config/settings.h"
#include "pipeline/load.h"
#include "spool/input.h"
#include "spool/layout.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses, of all commands. */
enum { EXIT_OK = 0, EXIT_NOT_SO = 1, EXIT_USAGE = 2, EXIT_UNUSABLE = 3 };

struct cli_option;

/* What every command takes. */
struct cli {
    const struct cli_command *command;
    const char *spool, *pipelines, *plugins, *config; /* as given, or NULL */
    bool json;
    /* Set: cli_parse parses nothing, and gives the options away, the common ones at the end
     * (complete.h). They last until it returns. */
    void (*on_options)(void *arg, const struct cli_option *options, size_t count);
    void *on_options_arg;
};

struct cli_command {
    const char *name;
    const char *arguments; /* as in the usage line: "FILE…" */
    const char *summary;   /* one line; NULL: it is not for people, and nowhere listed */
    const char *details;   /* for --help, after the options; NULL */
    int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct cli_command *const cli_commands[]; /* NULL at the end */

/* ---- options ---- */

enum cli_kind {
    CLI_FLAG,    /* bool */
    CLI_TEXT,    /* const char * */
    CLI_COUNT,   /* int, at least 1 */
    CLI_SECONDS, /* int64_t, milliseconds: "90", "1.5", "500ms", "2h", "30d" */
    CLI_LIST,    /* struct cli_list */
};

struct cli_list {
    const char **items;
    size_t count;
};

struct cli_option {
    const char *name; /* without the dashes; NULL at the end of a table */
    char letter;      /* or 0 */
    enum cli_kind kind;
    void *value;          /* where it goes; keeps what it holds when not given */
    const char *argument; /* in --help: "DIR"; NULL for CLI_FLAG */
    const char *help;
};

/* Parses what follows the command's name. Returns -1 to go on, with *ret_first the index in argv of
 * the first argument that is no option; else the exit status: --help was asked for, or usage was
 * wrong and has been told. options: NULL name at the end, may be NULL. */
int cli_parse(struct cli *cli, const struct cli_option *options, int argc, char **argv,
              int *ret_first);

/* The same for a command that takes just `count` arguments, or at least one (CLI_SOME); wants says
 * which, for those who give none. */
enum { CLI_SOME = -1 };
int cli_parse_args(struct cli *cli, const struct cli_option *options, int argc, char **argv,
                   int count, const char *wants, int *ret_first);

/* ---- what is printed ----
 *
 * Names, messages and texts are written by strangers. For people a line goes out by cli_line, which
 * escapes what is unseen (base/str.h); JSON does the same and loses nothing. */

/* Formats one line, and ends it. */
void cli_line(FILE *out, const char *format, ...) PRINTF_LIKE(2, 3);
/* What has lines already. */
void cli_lines(FILE *out, const char *text);
/* What was read from a video, on stdout, ended by a newline if there is any. Who looks at a
 * terminal gets it escaped; a file or a pipe gets the text, without controls. */
void cli_reading(const char *text);
/* Indented, on stdout. */
void cli_print_json(const json_t *value);
/* A line on stderr, which is a terminal, that takes the place of the one before; and its end. */
void cli_bar(const char *format, ...) PRINTF_LIKE(1, 2);
void cli_bar_clear(void);
/* On stdout at once, not escaped: for what moves a terminal (screen.h), and texts that are escaped
 * already. */
void cli_raw(const char *text);

/* "takeup: TEXT", its hint on a second line. Returns status. */
int cli_fail(int status, const struct err *err);
int cli_usage(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes out what was printed; when that fails, says so and makes a success EXIT_NOT_SO. Returns
 * the status to exit with. */
int cli_flush(int status);
/* EXIT_USAGE for ERR_USAGE, else EXIT_UNUSABLE. */
int cli_status_of(const struct err *err);

/* ---- where things are ---- */

/* --spool, else $TAKEUP_SPOOL, else ./spool; the first that is named counts. */
const char *cli_spool_dir(const struct cli *cli);
int cli_open_spool(const struct cli *cli, struct spool **ret_spool, struct err *err);
/* The same for a command that changes something in it: as durably as the settings say. */
int cli_open_spool_to_change(const struct cli *cli, struct spool **ret_spool, struct err *err);

/* What is in force: of --config (else $TAKEUP_CONFIG, else /etc/takeup/takeup.yaml) and, above it,
 * takeup.yaml of the spool; spool_path NULL: no spool. Every command that needs a setting asks
 * here. ERR_USAGE: a file is wrong, or was named and is not there. */
int cli_load_settings(const struct cli *cli, const char *spool_path, struct settings **ret_settings,
                      struct err *err);
/* For a command that can do without: NULL, and a warning, when they are wrong. */
struct settings *cli_try_settings(const struct cli *cli, const char *spool_path);
/* May the files that set on_done and on_error do so? Below 0: others can write them. */
int cli_trust_notify(const struct settings *settings, struct err *err);
/* Where jobs of the spool may have their inputs; borrowed from both. settings NULL: they are wrong.
 */
struct input_bounds cli_input_bounds(const struct spool *spool, const struct settings *settings);
/* --config, else $TAKEUP_CONFIG, else the one of the machine. */
const char *cli_config_file(const struct cli *cli);
#define CLI_SPOOL_CONFIG "takeup.yaml" /* in the spool */
/* Is the default pipeline there? What no file sets is not looked at. */
int cli_check_default_pipeline(const struct settings *settings, const struct pipelines *pipelines,
                               struct err *err);

/* The directory that this binary lies in; the caller frees it. */
char *cli_binary_dir(void);

/* --pipelines, else $TAKEUP_PIPELINES, else ./pipelines, else the installed ones (beside this
 * binary:
 * ../share/takeup/pipelines, or in the source tree that it was built in). The caller frees it. */
char *cli_pipelines_dir(const struct cli *cli);
char *cli_plugins_dir(const struct cli *cli);

/* The steps that are built in and those of plugins, and the pipelines made of them. */
int cli_open_catalog(const struct cli *cli, struct catalog **ret_catalog, struct err *err);
int cli_open_pipelines(const struct cli *cli, struct catalog *catalog,
                       struct pipelines **ret_pipelines, struct err *err);

/* Opens both, calls fn, closes them. What fn returns, or EXIT_UNUSABLE when they cannot be opened.
 */
typedef int cli_pipelines_fn(const struct cli *cli, struct catalog *catalog,
                             struct pipelines *pipelines, void *arg);
int cli_with_pipelines(const struct cli *cli, cli_pipelines_fn *fn, void *arg);

/* Adds one of "--param STEP.PARAM=VALUE" to *params (made when NULL): VALUE is read as JSON, and is
 * a string when it is none. */
int cli_add_param(json_t **params, const char *text, struct err *err);

#endif
