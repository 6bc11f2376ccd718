/* notify.h - runs what the settings want run when a job has ended: on_done, on_error.
 *
 *     notify_new -> notify_set -> notify_ended, for each job … -> notify_free
 *
 * A command gets the job's record on standard input and a small environment; its output is kept in
 * case it fails, which is logged and changes nothing: the job has ended before. It never holds up
 * the loop. At most NOTIFY_AT_ONCE run, NOTIFY_WAITING_MAX wait; what is left out is logged. */
#ifndef TAKEUP_WORKER_NOTIFY_H
#define TAKEUP_WORKER_NOTIFY_H

#include "base/loop.h"
#include "spool/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NOTIFY_AT_ONCE = 4, NOTIFY_WAITING_MAX = 10000 };

/* Words of a command, the program first, by its absolute path; count 0: none is run. */
struct notify_command {
    const char *const *words;
    size_t count;
};

struct notify_rules {
    struct notify_command on_done, on_error; /* borrowed until the next notify_set */
    int64_t timeout_ms;                      /* of each command */
};

struct notify;

/* Both are borrowed. */
struct notify *notify_new(struct loop *loop, const struct spool *spool);
/* In force from the next command that starts. */
void notify_set(struct notify *notify, const struct notify_rules *rules);
/* Job `name` was published as `id` in done/ or error/. */
void notify_ended(struct notify *notify, enum spool_place place, const char *name, const char *id);
/* Does a command run or wait? */
bool notify_is_busy(const struct notify *notify);
/* Ends what still runs. NULL afterwards; accepts NULL. */
void notify_free(struct notify **notify);

#endif
