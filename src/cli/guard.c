#include "cli/guard.h"

#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int child_status(pid_t pid)
{
    int status = 0;
    pid_t got;
    while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    if (got < 0) {
        cli_line(stderr, "takeup: wait for the child that looks at the spool: %s", strerror(errno));
        return EXIT_UNUSABLE;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) {
        (void)raise(SIGPIPE); /* whoever read our output has seen enough */
        return EXIT_OK;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    cli_line(stderr, "takeup: the child that looks at the spool was ended by signal %d (%s)",
             WTERMSIG(status), strsignal(WTERMSIG(status)));
    return EXIT_UNUSABLE;
}

int guard_run(int (*fn)(void *arg), void *arg, int timeout_s, const char *what)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) /* then rather unguarded than not at all */
        return fn(arg);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(cli_flush(fn(arg)));
    }
    struct pollfd ended = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
    int r = ended.fd < 0 ? 1 : poll(&ended, 1, timeout_s * 1000);
    if (ended.fd >= 0)
        (void)close(ended.fd);
    if (r != 0)
        return child_status(pid);
    (void)kill(pid, SIGKILL);
    cli_line(stderr, "takeup: the filesystem of '%s' does not answer (waited %d s)", what,
             timeout_s);
    cli_line(stderr, "  is the server or the mount gone? try: timeout 5 ls '%s'", what);
    return EXIT_UNUSABLE;
}
