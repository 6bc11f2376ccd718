/* watchdogs.h - what a watchdog says of itself, so that who looks at the spool sees why its worker
 * was started anew, or that it gave up.
 *
 * heartbeat/.watchdog.HOST.PID, in JSON, is replaced when there is something new. It begins with a
 * dot and does not end in .json, so that nobody takes it for a worker's: not even a shell that
 * looks for '*.json' with find(1), which finds hidden files too. */
#ifndef TAKEUP_SPOOL_WATCHDOGS_H
#define TAKEUP_SPOOL_WATCHDOGS_H

#include "base/json.h"
#include "base/proc.h"
#include "spool/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watchdog_restart {
    int64_t wall_ms;
    const char *reason;
};

struct watchdog_note {
    const char *state;  /* "watching", "waiting", "gave up", "stopped" */
    struct proc_id who; /* the watchdog: another process may write for it */
    pid_t worker_pid;   /* 0: there is none */
    int64_t within_ms;  /* what the restarts are counted within */
    const struct watchdog_restart *restarts;
    size_t restart_count;
};

/* "stopped" removes it. So are, whenever one is written, those of watchdogs that are gone from this
 * machine. */
int watchdog_note_write(const struct spool *spool, const struct watchdog_note *note,
                        struct err *err);

/* All of them whose watchdog is not known to be gone, or that gave up: an array; never NULL. */
json_t *watchdog_notes_read(const struct spool *spool);
bool watchdog_has_given_up(const json_t *note);
/* "restarted its worker 3 times in 10 min, last at … because …"; the caller frees it. */
char *watchdog_note_text(const json_t *note, int64_t now_ms);

#endif
