/* check.h - the report of `takeup check`, and the checks that have a file of their own. */
#ifndef TAKEUP_CLI_CHECK_H
#define TAKEUP_CLI_CHECK_H

#include "base/json.h"
#include "cli/cli.h"
#include "config/settings.h"
#include "spool/layout.h"

#include <stdbool.h>

struct report {
    const struct cli *cli;
    struct settings *settings; /* NULL: they are wrong, which has been told */
    json_t *rows;
    bool failed;
};

enum grade { FINE, WARN, FAIL };

/* Adds what was found, and prints it unless JSON is wanted. mend: what to do; NULL: nothing. */
void check_row(struct report *report, enum grade grade, const char *what, const char *text,
               const char *mend);

/* Owners and modes of the spool's directories, and what they let strangers do. */
void check_modes(struct report *report, const struct spool *spool);

/* The commands that the settings want run when a job has ended. */
void check_notify(struct report *report);

#endif
