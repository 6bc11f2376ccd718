/* rules.h - what the settings say about each attempt, for those who run one. */
#ifndef TAKEUP_CLI_RULES_H
#define TAKEUP_CLI_RULES_H

#include "config/settings.h"
#include "worker/worker.h"

/* Limits and the sandbox; jobs: so many run at a time. The rest of the options stays. */
void cli_fill_rules(const struct settings_values *set, int jobs, struct worker_options *options);

#endif
