/* A runner is followed through two descriptors: its pipe and its pidfd. What happens next is a
 * table of state by event. Where there is no pidfd (a kernel before 5.3, valgrind), each tick asks
 * whether it has exited.
 *
 * The end is what the pidfd says, not the pipe: a grandchild could hold the pipe open. When the
 * runner has exited, what is left in the pipe is read (an outcome may lie there), its group is
 * killed, and only then is it reaped: until then its pid, and so its group, is nobody else's. */
#include "worker/runner.h"

#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum state { RUNNING, STOPPING, KILLED, STATE_COUNT };
enum event {
    EV_BAD_MESSAGE,
    EV_STALL,
    EV_TIMEOUT,
    EV_STOP,  /* the worker wants its end */
    EV_GRACE, /* it was given time and did not use it */
    EVENT_COUNT
};
enum move { STAY = 1, SEND_TERM, SEND_KILL }; /* from 1, so that a gap in the table is none */

static const enum move moves[STATE_COUNT][EVENT_COUNT] = {
    [RUNNING] = { [EV_BAD_MESSAGE] = SEND_KILL,
                  [EV_STALL] = SEND_KILL, /* it does not react, so why ask */
                  [EV_TIMEOUT] = SEND_TERM,
                  [EV_STOP] = SEND_TERM,
                  [EV_GRACE] = STAY },
    [STOPPING] = { [EV_BAD_MESSAGE] = SEND_KILL,
                   [EV_STALL] = STAY,
                   [EV_TIMEOUT] = STAY,
                   [EV_STOP] = STAY,
                   [EV_GRACE] = SEND_KILL },
    [KILLED] = { [EV_BAD_MESSAGE] = STAY,
                 [EV_STALL] = STAY,
                 [EV_TIMEOUT] = STAY,
                 [EV_STOP] = STAY,
                 [EV_GRACE] = STAY },
};

enum { TICK_MS = 100 };

struct runner {
    struct loop *loop;
    struct runner_limits limits;
    struct runner_calls calls;
    enum state state;
    pid_t pid;
    int pid_fd, wire_fd;
    struct loop_watch *pid_watch, *wire_watch, *tick_watch;
    struct wire_reader reader;
    int64_t started_ms, alive_ms, term_ms; /* by the monotonic clock */
    bool has_outcome;
    enum failure reason; /* why it was ended by us; FAILURE_NONE: it was not */
    char reason_text[WIRE_TEXT_SIZE];
    struct runner_end end;
};

/* ---- the child ---- */

__attribute__((noreturn)) static void child_main(const struct runner_calls *calls, int wire_fd,
                                                 pid_t parent)
{
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(1);
    (void)prctl(PR_SET_NAME, "takeup-runner");
    sigset_t none;
    (void)sigemptyset(&none);
    for (int sig = 1; sig < NSIG; sig++)
        (void)signal(sig, SIG_DFL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)dup2(null_fd, STDIN_FILENO);
    (void)dup2(null_fd, STDOUT_FILENO); /* what a library prints is no result */
    calls->body(calls->arg, wire_fd);
    _exit(0);
}

/* ---- the parent ---- */

static void apply(struct runner *runner, enum event event)
{
    switch (moves[runner->state][event]) {
    case SEND_TERM:
        runner->state = STOPPING;
        runner->term_ms = time_mono_ms();
        (void)kill(-runner->pid, SIGTERM);
        (void)kill(runner->pid, SIGTERM); /* it may not lead its group yet */
        break;
    case SEND_KILL:
        runner->state = KILLED;
        (void)kill(-runner->pid, SIGKILL);
        (void)kill(runner->pid, SIGKILL);
        break;
    case STAY:
        break;
    }
}

static void blame(struct runner *runner, enum failure reason, const char *text)
{
    if (runner->reason != FAILURE_NONE)
        return;
    runner->reason = reason;
    (void)snprintf(runner->reason_text, sizeof(runner->reason_text), "%s", text);
}

static void on_line(void *arg, const struct wire_message *message)
{
    struct runner *runner = arg;
    runner->alive_ms = time_mono_ms();
    if (message->kind != WIRE_OUTCOME) {
        if (message->step[0])
            (void)snprintf(runner->end.step, sizeof(runner->end.step), "%s", message->step);
        runner->calls.on_message(runner->calls.arg, message);
        return;
    }
    runner->has_outcome = true;
    struct runner_end *end = &runner->end;
    end->failure = message->failure;
    end->waiting = message->waiting;
    end->print = message->print;
    (void)snprintf(end->step, sizeof(end->step), "%s", message->step);
    (void)snprintf(end->text, sizeof(end->text), "%s", message->text);
    (void)snprintf(end->hint, sizeof(end->hint), "%s", message->hint);
}

static void on_wire(void *arg, uint32_t events)
{
    (void)events;
    struct runner *runner = arg;
    struct err err = { 0 };
    int r = wire_receive(&runner->reader, runner->wire_fd, on_line, runner, &err);
    if (r > 0)
        return;
    loop_remove(runner->loop, &runner->wire_watch);
    if (r < 0) {
        blame(runner, FAILURE_CRASH, err.text);
        apply(runner, EV_BAD_MESSAGE);
    }
}

/* How it ended, when neither it nor we have said so. */
static void end_from_status(struct runner_end *end)
{
    int status = end->wait_status;
    end->failure = FAILURE_CRASH;
    end->waiting = false;
    if (WIFSIGNALED(status)) {
        (void)snprintf(end->text, sizeof(end->text), "the runner was ended by signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
        if (WTERMSIG(status) == SIGKILL)
            (void)snprintf(
                end->hint, sizeof(end->hint),
                "if nobody killed it, the machine may have run out of memory: see dmesg");
        return;
    }
    (void)snprintf(end->text, sizeof(end->text), "the runner exited with status %d and no result",
                   WEXITSTATUS(status));
}

static void end_decide(struct runner *runner)
{
    struct runner_end *end = &runner->end;
    bool clean = WIFEXITED(end->wait_status) && WEXITSTATUS(end->wait_status) == 0;
    if (runner->has_outcome && clean)
        return;
    end->hint[0] = '\0';
    if (runner->reason == FAILURE_NONE) {
        end_from_status(end);
        return;
    }
    end->failure = runner->reason;
    end->waiting = false;
    (void)snprintf(end->text, sizeof(end->text), "%s", runner->reason_text);
}

static void reap(struct runner *runner)
{
    struct rusage usage = { 0 };
    while (wait4(runner->pid, &runner->end.wait_status, 0, &usage) < 0 && errno == EINTR)
        ;
    runner->pid = 0;
    runner->end.cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    runner->end.max_rss_bytes = (int64_t)usage.ru_maxrss * 1024;
}

static void on_exit_event(void *arg, uint32_t events)
{
    (void)events;
    struct runner *runner = arg;
    (void)kill(-runner->pid, SIGKILL); /* what it may have left behind, which could go on writing */
    if (runner->wire_watch)
        on_wire(runner, 0);
    loop_remove(runner->loop, &runner->wire_watch);
    loop_remove(runner->loop, &runner->pid_watch);
    loop_remove(runner->loop, &runner->tick_watch);
    reap(runner);
    end_decide(runner);
    struct runner_end end = runner->end;
    runner->calls.on_end(runner->calls.arg, &end);
}

static bool has_exited(pid_t pid)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static void on_tick(void *arg, uint32_t events)
{
    (void)events;
    struct runner *runner = arg;
    const struct runner_limits *limits = &runner->limits;
    int64_t now = time_mono_ms();
    char text[WIRE_TEXT_SIZE];
    if (limits->timeout_ms && now - runner->started_ms >= limits->timeout_ms) {
        (void)snprintf(text, sizeof(text), "the attempt took longer than %g s (timeout_s)",
                       (double)limits->timeout_ms / 1000);
        blame(runner, FAILURE_TIMEOUT, text);
        apply(runner, EV_TIMEOUT);
    }
    if (limits->stall_ms && now - runner->alive_ms >= limits->stall_ms) {
        (void)snprintf(text, sizeof(text), "no progress for %g s (stall_s)",
                       (double)limits->stall_ms / 1000);
        blame(runner, FAILURE_STALL, text);
        apply(runner, EV_STALL);
    }
    if (runner->state == STOPPING && now - runner->term_ms >= limits->grace_ms)
        apply(runner, EV_GRACE);
    if (runner->pid_fd < 0 && has_exited(runner->pid))
        on_exit_event(runner, 0); /* the last line: it may free the runner */
}

static int watch_runner(struct runner *runner, struct err *err)
{
    int r =
        loop_add(runner->loop, runner->wire_fd, EPOLLIN, on_wire, runner, &runner->wire_watch, err);
    if (r == 0 && runner->pid_fd >= 0)
        r = loop_add(runner->loop, runner->pid_fd, EPOLLIN, on_exit_event, runner,
                     &runner->pid_watch, err);
    if (r == 0)
        r = loop_add_timer(runner->loop, TICK_MS, TICK_MS, on_tick, runner, &runner->tick_watch,
                           err);
    return r;
}

int runner_start(struct loop *loop, const struct runner_limits *limits,
                 const struct runner_calls *calls, struct runner **ret_runner, struct err *err)
{
    int wire[2];
    if (pipe2(wire, O_CLOEXEC) < 0)
        return err_set(err, ERR_IO, errno, "pipe for a runner");
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        (void)close(wire[0]);
        child_main(calls, wire[1], parent);
    }
    int errnum = errno;
    (void)close(wire[1]);
    if (pid < 0) {
        (void)close(wire[0]);
        return err_set(err, ERR_IO, errnum, "start a runner");
    }
    (void)setpgid(pid, pid); /* here too, so that it holds whoever comes first */
    (void)fcntl(wire[0], F_SETFL, O_NONBLOCK);

    struct runner *runner = MEM_NEW(struct runner);
    *runner = (struct runner){ .loop = loop, .limits = *limits, .calls = *calls, .pid = pid };
    runner->wire_fd = wire[0];
    runner->started_ms = runner->alive_ms = time_mono_ms();
    runner->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    int r = watch_runner(runner, err);
    if (r < 0) {
        runner_free(&runner);
        return r;
    }
    *ret_runner = runner;
    return 0;
}

pid_t runner_pid(const struct runner *runner)
{
    return runner->pid;
}

void runner_stop(struct runner *runner, enum failure reason)
{
    blame(runner, reason,
          reason == FAILURE_CANCELLED ? "the job was cancelled" : "the worker was asked to end");
    apply(runner, EV_STOP);
}

/* Not for ever: a process in a call to a filesystem that does not answer ends when that ends. */
static void kill_now(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
    for (int i = 0; i < 50 && waitpid(pid, NULL, WNOHANG) == 0; i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
}

void runner_free(struct runner **runner)
{
    if (!*runner)
        return;
    struct runner *old = TAKE(*runner);
    loop_remove(old->loop, &old->wire_watch);
    loop_remove(old->loop, &old->pid_watch);
    loop_remove(old->loop, &old->tick_watch);
    if (old->pid > 0)
        kill_now(old->pid);
    fs_close(&old->pid_fd);
    fs_close(&old->wire_fd);
    free(old);
}
