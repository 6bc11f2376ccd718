/* complete.h - what a shell may offer for the word under the cursor.
 *
 * All of it comes from the tables of the commands, so a new option is offered as soon as it is
 * parsed. The shells' own files, contrib/completions, only ask and show. */
#ifndef TAKEUP_CLI_COMPLETE_H
#define TAKEUP_CLI_COMPLETE_H

#include "cli/cli.h"

enum complete_kind {
    COMPLETE_NOTHING,
    COMPLETE_FILES,
    COMPLETE_DIRS,
    COMPLETE_COMMANDS,
    COMPLETE_OPTIONS,
    COMPLETE_WORDS, /* of the option's argument: LANE, LEVEL … */
    COMPLETE_PIPELINES,
    COMPLETE_PARAMS,
    COMPLETE_JOBS, /* which: by the command */
};

struct complete {
    enum complete_kind kind;
    const char *prefix; /* of the word, that what is offered begins with; borrowed from the words */
    const char *front;  /* of the word, before that: "--lane="; length in front_len */
    size_t front_len;
    const char *words;                 /* COMPLETE_WORDS: parted by blanks */
    const struct cli_command *command; /* NULL: none was named yet */
    bool also_options;                 /* besides */
    const char *spool, *pipelines, *plugins, *config, *pipeline; /* as the line says; NULL */
};

/* words: the line behind "takeup", up to the word under the cursor, which may be "". */
void complete_line(char **words, size_t count, struct complete *ret_complete);

/* Calls fn with the options of a command, the common ones at the end. */
typedef void complete_options_fn(void *arg, const struct cli_option *options, size_t count);
void complete_each_option(const struct cli_command *command, complete_options_fn *fn, void *arg);

/* The values of an option whose argument is called so in --help, parted by blanks; NULL: any. */
const char *complete_values_of(const char *argument);

#endif
