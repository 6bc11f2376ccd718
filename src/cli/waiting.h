/* waiting.h - wait for a job to end, and report it. */
#ifndef TAKEUP_CLI_WAITING_H
#define TAKEUP_CLI_WAITING_H

#include "cli/cli.h"

/* Waits while X is in pending, running or deferred, then prints how the newest X ended: its text,
 * or its error on stderr; with --json the record. submission: NULL, or only that one counts.
 * timeout_ms 0: no end. EXIT_OK done; EXIT_NOT_SO failed, unknown, or not ended in time. */
int waiting_for(const struct cli *cli, const struct spool *spool, const char *name,
                const char *submission, int64_t timeout_ms);

/* Says on stderr when no live worker is there, so that nobody waits for ever without knowing why.
 */
void waiting_warn_unattended(const struct spool *spool);

/* Sleeps that long. */
void waiting_sleep_ms(int64_t ms);

#endif
