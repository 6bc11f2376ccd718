/* runner_birth.c - how a runner comes to be: forked by the worker, or by its nursery. */
#include "worker/runner_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- in the child ---- */

/* The worker's ends of the others' pipes: not for one who is about to read what may be hostile. */
static void close_others(const struct runners *runners)
{
    if (runners->nursery)
        (void)close(nursery_fd(runners->nursery));
    for (const struct runner *other = runners->all; other; other = other->next) {
        (void)close(other->wire_fd);
        if (other->order_fd >= 0)
            (void)close(other->order_fd);
        if (other->pid_fd >= 0)
            (void)close(other->pid_fd);
    }
}

/* What a library prints is no result, and no log either: it may be as hostile as what it has read.
 */
static void silence(void)
{
    CLEANUP(fs_close) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)dup2(null_fd, STDIN_FILENO);
    (void)dup2(null_fd, STDOUT_FILENO);
}

/* What is said on standard error stays in memory, for the report of a crash (crash.c), but for what
 * a sanitizer says. */
static void keep_what_is_said(void)
{
    if (BUILD_IS_SANITIZED)
        return;
    CLEANUP(fs_close) int said_fd = memfd_create("said", MFD_CLOEXEC);
    if (said_fd >= 0)
        (void)dup2(said_fd, STDERR_FILENO);
}

/* What holds for all that the nursery forks is done by it, once. */
static void set_up_all(const struct runners *runners)
{
    for (int sig = 1; sig < NSIG; sig++)
        if (sigismember(&runners->altered, sig) > 0)
            (void)signal(sig, SIG_DFL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that grows too large is an error of write() */
    silence();
}

static void set_up_child(pid_t parent)
{
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(1);
    (void)prctl(PR_SET_NAME, "takeup-runner");
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    keep_what_is_said();
}

__attribute__((noreturn)) static void child_main(const struct runners *runners,
                                                 const struct wire_order *order, int order_fd,
                                                 int wire_fd, pid_t parent)
{
    struct wire_order received;
    json_t *whole = NULL; /* goes with the process */
    set_up_child(parent);
    if (runners->rules.lease)
        lease_guard(runners->rules.lease);
    if (!order) {
        if (wire_receive_order(order_fd, &received, &whole) <= 0)
            _exit(0); /* it is not needed any more */
        order = &received;
    }
    (void)close(order_fd);
    runners->rules.body(runners->rules.arg, order, wire_fd);
    _exit(0);
}

/* ---- in the worker ---- */

int runner_fork(struct runners *runners, const struct wire_order *order, struct runner **ret_runner,
                struct err *err)
{
    CLEANUP(wire_pipes_close) struct wire_pipes pipes = WIRE_NO_PIPES;
    if (wire_pipes_open(&pipes) < 0)
        return err_set(err, ERR_IO, errno, "pipes for a runner");
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        (void)close(pipes.wire[0]);
        (void)close(pipes.order[1]);
        close_others(runners);
        set_up_all(runners);
        child_main(runners, order, pipes.order[0], pipes.wire[1], parent);
    }
    if (pid < 0)
        return err_set(err, ERR_IO, errno, "start a runner");
    struct birth birth = { pid, pipes.wire[0], pipes.order[1],
                           (int)syscall(SYS_pidfd_open, pid, 0) };
    pipes.wire[0] = pipes.order[1] = -1;
    return runner_new(runners, &birth, ret_runner, err);
}

/* ---- by the nursery ---- */

static void on_nursery_begin(void *arg)
{
    const struct runners *runners = arg;
    close_others(runners);
    set_up_all(runners);
    runners->rules.nursery(runners->rules.arg);
    if (proc_thread_count() != 1) /* a plugin has started one: no fork is sound any more */
        _exit(1);
    mem_begin_afresh();
}

static void on_birth(void *arg, int order_fd, int wire_fd, pid_t worker)
{
    child_main(arg, NULL, order_fd, wire_fd, worker);
}

int runner_nursery(struct runners *runners, struct err *err)
{
    return nursery_new(on_nursery_begin, on_birth, runners, &runners->nursery, err);
}
