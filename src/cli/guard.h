/* guard.h - ask without ever hanging.
 *
 * A spool on a share whose server went away blocks every call that touches it, and a process in
 * such a call cannot even be killed. So those who only ask do it in a child, and give it up. */
#ifndef TAKEUP_CLI_GUARD_H
#define TAKEUP_CLI_GUARD_H

/* Runs fn(arg) in a child that shares stdout and stderr, and returns its exit status; when it has
 * not ended after timeout_s, says that the filesystem of `what` does not answer: EXIT_UNUSABLE. */
int guard_run(int (*fn)(void *arg), void *arg, int timeout_s, const char *what);

#endif
