/* untaken.h - what is there and could not be taken, and why: told in the log once, and in each
 * heartbeat, so that `status` can say why a job stays.
 *
 *     untaken_scan_begins -> untaken_note …, untaken_gone … -> untaken_list_spent */
#ifndef TAKEUP_WORKER_UNTAKEN_H
#define TAKEUP_WORKER_UNTAKEN_H

#include "spool/heartbeat.h"

#include <stdbool.h>
#include <stddef.h>

enum { UNTAKEN_MAX = 64 }; /* more are not told one by one */

/* Zero-initialise. */
struct untaken {
    struct heartbeat_problem problems[UNTAKEN_MAX]; /* owned */
    bool is_fresh[UNTAKEN_MAX];                     /* noted since the last scan began */
    size_t count;
};

void untaken_scan_begins(struct untaken *untaken);
void untaken_note(struct untaken *untaken, enum spool_place place, const char *name,
                  const char *reason);
/* It was taken, by us or by another: the rest of a long list may take hours. */
void untaken_gone(struct untaken *untaken, enum spool_place place, const char *name);
/* Forgets what was not noted again. */
void untaken_list_spent(struct untaken *untaken);
void untaken_release(struct untaken *untaken);

#endif
