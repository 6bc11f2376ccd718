/* A child without exec: it sees everything that this process has loaded, which is the point. That
 * is sound only while this process has one thread, as the worker does.
 *
 * The answer comes through a pipe, and its end is the child's: the kernel closes the pipe when the
 * exit status stands already, so that the SIGKILL which follows, for what the child may have
 * started, cannot change it. Whoever else holds the pipe open (such a grandchild, say) makes the
 * child late, which is told. No pidfd: this runs under valgrind too, which knows none. */
#include "pipeline/child.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 1 << 20 };

static void silence(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null_fd >= 0 && fd <= 2; fd++)
        (void)dup2(null_fd, fd);
}

static void __attribute__((noreturn)) child_main(child_fn *fn, void *arg, int pipe_fd, pid_t parent)
{
    const struct rlimit no_core = { 0, 0 };
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it died before prctl */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    silence();
    struct str answer = { 0 };
    fn(arg, &answer);
    int r = fs_write_all(pipe_fd, str_text(&answer), answer.len);
    str_release(&answer);
    _exit(r < 0 ? 1 : 0);
}

/* Reads what is there. 1: more may come; 0: the end; -1: too much, or an error. */
static int drain(int fd, struct str *answer)
{
    char buffer[4096];
    for (;;) {
        ssize_t got = read(fd, buffer, sizeof(buffer));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? 1 : -1;
        if (got == 0)
            return 0;
        if (answer->len + (size_t)got > ANSWER_BYTES_MAX)
            return -1;
        str_add_bytes(answer, buffer, (size_t)got);
    }
}

/* 1: the child has ended and its answer is here; 0: it went on for too long. */
static int wait_answer(int fd, int64_t limit_ms, struct str *answer)
{
    int64_t deadline_ms = time_mono_ms() + limit_ms;
    for (;;) {
        int64_t left_ms = deadline_ms - time_mono_ms();
        struct pollfd pipe_end = { fd, POLLIN, 0 };
        if (left_ms <= 0 || (poll(&pipe_end, 1, (int)left_ms) < 0 && errno != EINTR))
            return 0;
        int r = drain(fd, answer);
        if (r <= 0)
            return r == 0;
    }
}

static int tell_end(int status, bool in_time, int64_t limit_ms, struct err *err)
{
    if (!in_time)
        return err_set(err, ERR_CONFIG, 0, "did not end within %.3g s", (double)limit_ms / 1000);
    if (WIFSIGNALED(status))
        return err_set(err, ERR_CONFIG, 0, "died of signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    return err_set(err, ERR_CONFIG, 0, "ended with status %d", WEXITSTATUS(status));
}

static int child_start(child_fn *fn, void *arg, int *ret_pipe_fd, pid_t *ret_pid, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set(err, ERR_IO, errno, "pipe");
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        child_main(fn, arg, ends[1], parent);
    int errnum = errno;
    fs_close(&ends[1]);
    if (pid < 0) {
        fs_close(&ends[0]);
        return err_set(err, ERR_IO, errnum, "fork");
    }
    (void)setpgid(pid, pid); /* either of the two is first; both may try */
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *ret_pipe_fd = ends[0];
    *ret_pid = pid;
    return 0;
}

int child_ask(child_fn *fn, void *arg, int64_t limit_ms, char **ret_answer, struct err *err)
{
    CLEANUP(fs_close) int pipe_fd = -1;
    CLEANUP(str_release) struct str answer = { 0 };
    pid_t pid = -1;
    int r = child_start(fn, arg, &pipe_fd, &pid, err);
    if (r < 0)
        return r;
    bool in_time = wait_answer(pipe_fd, limit_ms, &answer);

    (void)kill(-pid, SIGKILL); /* not yet reaped, so the group's number is still ours */
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!in_time || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return tell_end(status, in_time, limit_ms, err);
    *ret_answer = str_take(&answer);
    return 0;
}
