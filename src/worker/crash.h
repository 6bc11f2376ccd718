/* crash.h - what a runner says of its own end, and what the worker makes of it.
 *
 *     in the worker:  crash_prepare                                      crash_read
 *     in the runner:                 crash_watch … (a signal: a file in out.N)
 *
 * The signals that a process dies of write a file into the directory of the attempt before it does:
 * which signal, where, the frames of the stack. CRASH_ASK, which the worker sends to a runner that
 * makes no progress, writes the frames of every thread, and ends it.
 *
 * The file is data from a process that may be hostile: crash_read takes no more than some lines of
 * text, and what it shows of them is printable. */
#ifndef TAKEUP_WORKER_CRASH_H
#define TAKEUP_WORKER_CRASH_H

#include "base/str.h"

#include <signal.h>
#include <stdbool.h>

#define CRASH_NOTES ".crash" /* in out.N */
enum { CRASH_ASK = SIGQUIT };

/* Once, before the fork: what is needed to walk a stack is loaded. */
void crash_prepare(void);

/* Signals are watched from now on, until the end of the process and of those that it forks: these
 * only say which is their directory. -1: none yet. */
void crash_watch(int output_dir);

struct crash_notes {
    int signal;         /* 0: it left none */
    int call;           /* the system call that the sandbox stopped; -1: none */
    bool out_of_memory; /* it died at its limit of memory */
    char *where;        /* of the innermost frame that says something; NULL: unknown */
    char *text;         /* lines for crash.txt */
};

/* Of the directory out.N. There may be none: then all is zero. */
void crash_read(int output_dir, struct crash_notes *ret_notes);
void crash_notes_release(struct crash_notes *notes);

#endif
