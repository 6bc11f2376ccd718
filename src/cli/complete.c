#include "cli/complete.h"

#include <string.h>

/* What the arguments of options, and the commands', are called in --help. */
static const struct {
    const char *argument;
    enum complete_kind kind;
    const char *words;
} arguments[] = {
    { "DIR", COMPLETE_DIRS, NULL },
    { "FILE", COMPLETE_FILES, NULL },
    { "FILE…", COMPLETE_FILES, NULL },
    { "ID", COMPLETE_PIPELINES, NULL },
    { "X…", COMPLETE_JOBS, NULL },
    { "[X…]", COMPLETE_JOBS, NULL },
    { "S.P=VALUE", COMPLETE_PARAMS, NULL },
    { "-- worker …", COMPLETE_WORDS, "-- worker" },
    { "LANE", COMPLETE_WORDS, "high normal low" },
    { "LEVEL", COMPLETE_WORDS, "error warn info debug trace" },
    { "FORMAT", COMPLETE_WORDS, "logfmt json" },
    { "WHEN", COMPLETE_WORDS, "auto always never" },
    { "CLASS", COMPLETE_WORDS,
      "job pipeline input input_wait input_changed missing output io memory timeout stall crash "
      "lost bug" },
};

static enum complete_kind kind_of(const char *argument, const char **ret_words)
{
    for (size_t i = 0; argument && i < COUNT(arguments); i++)
        if (strcmp(arguments[i].argument, argument) == 0) {
            *ret_words = arguments[i].words;
            return arguments[i].kind;
        }
    return COMPLETE_NOTHING;
}

const char *complete_values_of(const char *argument)
{
    const char *words = NULL;
    (void)kind_of(argument, &words);
    return words;
}

void complete_each_option(const struct cli_command *command, complete_options_fn *fn, void *arg)
{
    char *argv[] = { (char *)(uintptr_t)command->name, NULL };
    struct cli cli = { .command = command, .on_options = fn, .on_options_arg = arg };
    (void)command->run(&cli, 1, argv);
}

/* ---- one option of a table ---- */

struct sought {
    const char *name; /* "--lane", "--lane=high" or "-n" */
    bool found, takes_value;
    char argument[32]; /* the table is gone when the command has returned */
    char full_name[32];
};

static bool is_named(const struct cli_option *option, const char *word)
{
    size_t len = strlen(option->name);
    if (word[1] != '-')
        return option->letter && word[1] == option->letter && word[2] == '\0';
    return strncmp(word + 2, option->name, len) == 0 &&
           (word[2 + len] == '\0' || word[2 + len] == '=');
}

static void copy(char out[32], const char *text)
{
    size_t len = strlen(text) < 31 ? strlen(text) : 31;
    memcpy(out, text, len);
    out[len] = '\0';
}

static void seek(void *arg, const struct cli_option *options, size_t count)
{
    struct sought *sought = arg;
    for (size_t i = 0; i < count; i++)
        if (is_named(&options[i], sought->name)) {
            sought->found = true;
            sought->takes_value = options[i].kind != CLI_FLAG;
            copy(sought->argument, options[i].argument ? options[i].argument : "");
            copy(sought->full_name, options[i].name);
        }
}

static struct sought find_option(const struct cli_command *command, const char *word)
{
    struct sought sought = { .name = word };
    if (word[0] == '-' && word[1] && strcmp(word, "--") != 0)
        complete_each_option(command, seek, &sought);
    return sought;
}

/* ---- the line ---- */

static const struct cli_command *command_of(const char *name)
{
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        if (strcmp((*at)->name, name) == 0 && (*at)->summary)
            return *at;
    return NULL;
}

static void note(struct complete *complete, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } kept[] = {
        { "spool", &complete->spool },       { "pipelines", &complete->pipelines },
        { "plugins", &complete->plugins },   { "config", &complete->config },
        { "pipeline", &complete->pipeline },
    };
    for (size_t i = 0; i < COUNT(kept); i++)
        if (strcmp(kept[i].name, name) == 0)
            *kept[i].place = value;
}

static void offer_value(struct complete *complete, const char *argument)
{
    complete->kind = kind_of(argument, &complete->words);
}

/* The last word, which is not the value of the option before it. */
static void offer_word(struct complete *complete, char *word)
{
    char *equals = strchr(word, '=');
    if (word[0] == '-' && equals) {
        struct sought sought = find_option(complete->command, word);
        complete->front = word;
        complete->front_len = (size_t)(equals + 1 - word);
        complete->prefix = equals + 1;
        if (sought.found && sought.takes_value)
            offer_value(complete, sought.argument);
        return;
    }
    if (word[0] == '-') {
        complete->kind = COMPLETE_OPTIONS;
        return;
    }
    complete->kind = kind_of(complete->command->arguments, &complete->words);
    complete->also_options = complete->kind == COMPLETE_NOTHING;
}

void complete_line(char **words, size_t count, struct complete *ret_complete)
{
    char *last = words[count - 1];
    *ret_complete = (struct complete){ .prefix = last };
    size_t at = 0;
    for (; at + 1 < count && !ret_complete->command; at++)
        ret_complete->command = command_of(words[at]);
    if (!ret_complete->command) {
        ret_complete->kind = count == 1 ? COMPLETE_COMMANDS : COMPLETE_NOTHING;
        return;
    }
    for (; at + 1 < count; at++) {
        const struct cli_command *inner =
            strcmp(ret_complete->command->name, "watchdog") == 0 ? command_of(words[at]) : NULL;
        struct sought sought = find_option(ret_complete->command, words[at]);
        const char *equals = strchr(words[at], '=');
        if (inner) {
            ret_complete->command = inner; /* what it watches */
        } else if (sought.found && sought.takes_value && equals) {
            note(ret_complete, sought.full_name, equals + 1);
        } else if (sought.found && sought.takes_value && at + 2 == count) {
            offer_value(ret_complete, sought.argument);
            return;
        } else if (sought.found && sought.takes_value) {
            note(ret_complete, sought.full_name, words[++at]);
        }
    }
    offer_word(ret_complete, last);
}
