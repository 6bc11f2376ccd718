#include "cli/cli.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 48 };

static struct {
    bool help;
    const char *log_level, *log_format;
} common;

/* The table of a command and the common one, as one. */
static size_t gather(struct cli *cli, const struct cli_option *own, struct cli_option *all)
{
    const struct cli_option shared[] = {
        { "spool", 0, CLI_TEXT, &cli->spool, "DIR",
          "the spool (else $TAKEUP_SPOOL, else ./spool)" },
        { "pipelines", 0, CLI_TEXT, &cli->pipelines, "DIR",
          "where pipeline files are (else $TAKEUP_PIPELINES, ./pipelines, the installed ones)" },
        { "plugins", 0, CLI_TEXT, &cli->plugins, "DIR",
          "where plugins are (else $TAKEUP_PLUGINS, the installed ones)" },
        { "config", 0, CLI_TEXT, &cli->config, "FILE",
          "the machine's settings (else $TAKEUP_CONFIG, else /etc/takeup/takeup.yaml)" },
        { "json", 0, CLI_FLAG, &cli->json, NULL, "print JSON" },
        { "log-level", 0, CLI_TEXT, &common.log_level, "LEVEL",
          "error, warn, info, debug or trace" },
        { "log-format", 0, CLI_TEXT, &common.log_format, "FORMAT", "logfmt or json" },
        { "help", 'h', CLI_FLAG, &common.help, NULL, "print this" },
    };
    size_t count = 0;
    for (; own && own->name && count < MAX_OPTIONS - COUNT(shared); own++)
        all[count++] = *own;
    for (size_t i = 0; i < COUNT(shared); i++)
        all[count++] = shared[i];
    return count;
}

static void print_help(const struct cli *cli, const struct cli_option *options, size_t count)
{
    const struct cli_command *command = cli->command;
    CLEANUP(str_release) struct str text = { 0 };
    str_addf(&text, "usage: takeup %s [option…]%s%s\n\n%s.\n\noptions:\n", command->name,
             command->arguments[0] ? " " : "", command->arguments,
             command->summary ? command->summary : "asked by shells");
    for (size_t i = 0; i < count; i++) {
        char left[64];
        const char *argument = options[i].argument ? options[i].argument : "";
        char letter[8] = "    ";
        if (options[i].letter)
            (void)snprintf(letter, sizeof(letter), "-%c, ", options[i].letter);
        (void)snprintf(left, sizeof(left), "%s--%s %s", letter, options[i].name, argument);
        str_addf(&text, "  %-28s %s\n", left, options[i].help);
    }
    if (command->details)
        str_addf(&text, "\n%s\n", command->details);
    str_addf(&text,
             "\nExit status: 0 success, 1 what was asked about failed or is not so, 2 wrong usage, "
             "3 the\nspool or the environment cannot be used. See takeup-%s(1), takeup(1).\n",
             command->name);
    cli_lines(stdout, str_text(&text));
}

/* A number and a unit, in milliseconds; false when it is none, or not above 0. */
static bool parse_seconds(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = { { "", 1e3 },   { "ms", 1 },     { "s", 1e3 },
                  { "m", 60e3 }, { "h", 3600e3 }, { "d", 86400e3 } };
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || errno != 0 || !isfinite(number) || number < 0)
        return false;
    for (size_t i = 0; i < COUNT(units); i++)
        if (strcmp(end, units[i].name) == 0 && number * units[i].ms < 1e15) {
            *ret_ms = (int64_t)llround(number * units[i].ms);
            return true;
        }
    return false;
}

static bool parse_count(const char *text, int *ret_count)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end || errno != 0 || number < 1 || number > 100000)
        return false;
    *ret_count = (int)number;
    return true;
}

static int store(const struct cli *cli, const struct cli_option *option, const char *text)
{
    struct cli_list *list = option->value;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->value = true;
        return -1;
    case CLI_TEXT:
        *(const char **)option->value = text;
        return -1;
    case CLI_COUNT:
        if (parse_count(text, option->value))
            return -1;
        return cli_usage(cli, "--%s: '%s' is not a whole number from 1 up", option->name, text);
    case CLI_SECONDS:
        if (parse_seconds(text, option->value))
            return -1;
        return cli_usage(cli, "--%s: '%s' is no time; write 90, 1.5, 500ms, 30m, 2h or 7d",
                         option->name, text);
    case CLI_LIST:
        list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
        list->items[list->count++] = text;
        return -1;
    }
    return EXIT_USAGE;
}

static int setup_log(const struct cli *cli)
{
    enum log_level level = LOG_LEVEL_INFO;
    enum log_style style = LOG_STYLE_LOGFMT;
    if (common.log_level && log_level_parse(common.log_level, &level) < 0)
        return cli_usage(cli, "--log-level: '%s' is none of error, warn, info, debug, trace",
                         common.log_level);
    if (common.log_format && log_style_parse(common.log_format, &style) < 0)
        return cli_usage(cli, "--log-format: '%s' is none of logfmt, json", common.log_format);
    log_setup(level, style);
    return -1;
}

int cli_parse(struct cli *cli, const struct cli_option *options, int argc, char **argv,
              int *ret_first)
{
    struct cli_option all[MAX_OPTIONS];
    struct option longs[MAX_OPTIONS + 1] = { 0 };
    char shorts[2 * MAX_OPTIONS + 2] = ":";
    size_t count = gather(cli, options, all), used = 1;
    if (cli->on_options) {
        cli->on_options(cli->on_options_arg, all, count);
        return EXIT_OK;
    }
    for (size_t i = 0; i < count; i++) {
        bool takes = all[i].kind != CLI_FLAG;
        longs[i] = (struct option){ all[i].name, takes, NULL, 256 + (int)i };
        if (all[i].letter)
            shorts[used++] = all[i].letter;
        if (all[i].letter && takes)
            shorts[used++] = ':';
    }
    opterr = 0;
    optind = 1;
    int c;
    while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (c == ':')
            return cli_usage(cli, "'%s' wants a value", argv[optind - 1]);
        if (c == '?' && optopt && optopt < 256)
            return cli_usage(cli, "there is no option '-%c'", optopt);
        if (c == '?')
            return cli_usage(cli, "there is no option '%s', or it takes no value",
                             argv[optind - 1]);
        size_t i = c >= 256 ? (size_t)c - 256 : 0;
        while (c < 256 && all[i].letter != c)
            i++;
        int status = store(cli, &all[i], optarg);
        if (status >= 0)
            return status;
    }
    if (common.help) {
        print_help(cli, all, count);
        return EXIT_OK;
    }
    *ret_first = optind;
    return setup_log(cli);
}

int cli_parse_args(struct cli *cli, const struct cli_option *options, int argc, char **argv,
                   int count, const char *wants, int *ret_first)
{
    int status = cli_parse(cli, options, argc, argv, ret_first);
    if (status >= 0)
        return status;
    int given = argc - *ret_first;
    if (count == 0 && given > 0)
        return cli_usage(cli, "takes no argument, but was given '%s'", argv[*ret_first]);
    return given == count || (count == CLI_SOME && given > 0) ? -1 : cli_usage(cli, "%s", wants);
}

int cli_status_of(const struct err *err)
{
    return err->kind == ERR_USAGE ? EXIT_USAGE : EXIT_UNUSABLE;
}

int cli_add_param(json_t **params, const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return err_set(err, ERR_USAGE, 0, "--param '%s': write STEP.PARAM=VALUE", text);
    CLEANUP(mem_free_text) char *key = mem_strndup(text, (size_t)(equals - text));
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!value)
        value = json_string(equals + 1);
    if (!value)
        return err_set(err, ERR_USAGE, 0, "--param '%s': the value is not UTF-8", key);
    if (!*params)
        *params = json_object();
    json_set(*params, key, value);
    return 0;
}
