/* watchdog_eye.h - a look at the spool that never blocks who asks for it. Private to the watchdog.
 *
 *     eye_open -> eye_ended (the child of eye.pid was reaped) or eye_tired (it takes too long) */
#ifndef TAKEUP_WORKER_WATCHDOG_EYE_H
#define TAKEUP_WORKER_WATCHDOG_EYE_H

#include "spool/watchdogs.h"
#include "worker/watchdog_rules.h"

struct eye {
    pid_t pid; /* 0: closed. A call that blocks keeps the child there, also after a KILL */
    int fd;
    int64_t since_ms;
    bool given_up;
};

struct eye_answer {
    struct dog_look look;
    bool noted; /* the note was written */
    int64_t took_ms;
    char problem[256]; /* why not answered */
    bool died;         /* without a word, and before its time was over */
};

/* Forks the child. note: to be written as well, or NULL. */
int eye_open(struct eye *eye, const char *spool_dir, pid_t worker_pid,
             const struct watchdog_note *note, struct err *err);
/* Its child has been reaped: what it said. */
void eye_ended(struct eye *eye, struct eye_answer *ret_answer);
/* True, once: it has taken longer than the spool may; the child got KILL. */
bool eye_tired(struct eye *eye);
int64_t eye_due_ms(const struct eye *eye); /* when to ask eye_tired; INT64_MAX: never */

#endif
