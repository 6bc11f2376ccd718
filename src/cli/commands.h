/* commands.h - the commands, one from each cmd_*.c. */
#ifndef TAKEUP_CLI_COMMANDS_H
#define TAKEUP_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command cmd_run, cmd_init, cmd_worker, cmd_submit, cmd_status, cmd_wait,
    cmd_retry, cmd_cancel, cmd_health, cmd_check, cmd_validate, cmd_pipelines, cmd_graph, cmd_steps,
    cmd_fsck, cmd_config, cmd_prune, cmd_watchdog, cmd_complete;

#endif
