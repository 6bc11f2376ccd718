/* A runner is followed through two descriptors: its pipe and its pidfd. What happens next is a
 * table of state by event. Where there is no pidfd (a kernel before 5.3, valgrind), each tick asks
 * whether it has exited.
 *
 * The end is what the pidfd says, not the pipe: a grandchild could hold the pipe open. When the
 * runner has exited, what is left in the pipe is read (an outcome may lie there), its group is
 * killed, and only then is it reaped: until then its pid, and so its group, is nobody else's. */
#include "worker/runner_private.h"

#include "base/mem.h"
#include "base/time.h"
#include "worker/crash.h"

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

enum event {
    EV_BAD_MESSAGE,
    EV_STALL,
    EV_TIMEOUT,
    EV_STOP,  /* the worker wants its end */
    EV_GRACE, /* it was given time and did not use it */
    EVENT_COUNT
};
enum move {
    STAY = 1,
    SEND_TERM,
    SEND_ASK,
    SEND_KILL
}; /* from 1, so that a gap in the table is none */

static const enum move moves[RUNNER_STATES][EVENT_COUNT] = {
    /* a spare one only ends */
    [RUNNER_RUNNING] = { [EV_BAD_MESSAGE] = SEND_KILL,
                         [EV_STALL] = SEND_ASK, /* where it hangs */
                         [EV_TIMEOUT] = SEND_ASK,
                         [EV_STOP] = SEND_TERM,
                         [EV_GRACE] = STAY },
    [RUNNER_STOPPING] = { [EV_BAD_MESSAGE] = SEND_KILL,
                          [EV_STALL] = STAY,
                          [EV_TIMEOUT] = STAY,
                          [EV_STOP] = STAY,
                          [EV_GRACE] = SEND_KILL },
    [RUNNER_KILLED] = { [EV_BAD_MESSAGE] = STAY,
                        [EV_STALL] = STAY,
                        [EV_TIMEOUT] = STAY,
                        [EV_STOP] = STAY,
                        [EV_GRACE] = STAY },
};

/* ---- the parent ---- */

static void apply(struct runner *runner, enum event event)
{
    switch (moves[runner->state][event]) {
    case SEND_TERM:
        runner->state = RUNNER_STOPPING;
        runner->term_ms = time_mono_ms();
        (void)kill(-runner->pid, SIGTERM);
        (void)kill(runner->pid, SIGTERM); /* it may not lead its group yet */
        break;
    case SEND_ASK:
        runner->state = RUNNER_STOPPING;
        runner->term_ms = time_mono_ms();
        (void)kill(runner->pid, CRASH_ASK);
        break;
    case SEND_KILL:
        runner->state = RUNNER_KILLED;
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
    if (runner->state == RUNNER_SPARE) { /* it speaks before it was asked, or is gone */
        loop_remove(runner->owner->rules.loop, &runner->wire_watch);
        (void)kill(runner->pid, SIGKILL);
        return;
    }
    int r = wire_receive(&runner->reader, runner->wire_fd, on_line, runner, &err);
    if (r > 0)
        return;
    loop_remove(runner->owner->rules.loop, &runner->wire_watch);
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
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
        end->failure = FAILURE_TIMEOUT;
        (void)snprintf(end->text, sizeof(end->text),
                       "the attempt used more CPU time than timeout_s leaves it");
        return;
    }
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

static bool lease_lapsed(const struct runner *runner)
{
    const struct lease *lease = runner->owner->rules.lease;
    return lease && lease_lapses(lease) != runner->lapses;
}

static void blame_lease(struct runner *runner)
{
    blame(runner, FAILURE_SHUTDOWN,
          "the worker had no heartbeat for half a lease, so another one may have the job");
}

static void end_decide(struct runner *runner)
{
    struct runner_end *end = &runner->end;
    bool clean = WIFEXITED(end->wait_status) && WEXITSTATUS(end->wait_status) == 0;
    if (runner->has_outcome && clean)
        return;
    if (WIFEXITED(end->wait_status) && WEXITSTATUS(end->wait_status) == LEASE_STATUS &&
        lease_lapsed(runner))
        blame_lease(runner);
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

static void unwatch(struct runner *runner)
{
    loop_remove(runner->owner->rules.loop, &runner->wire_watch);
    loop_remove(runner->owner->rules.loop, &runner->pid_watch);
}

static void on_exit_event(void *arg, uint32_t events)
{
    (void)events;
    struct runner *runner = arg;
    (void)kill(-runner->pid, SIGKILL); /* what it may have left behind, which could go on writing */
    if (runner->state == RUNNER_SPARE) {
        unwatch(runner);
        reap(runner);
        runners_lost_spare(runner);
        return;
    }
    if (runner->wire_watch)
        on_wire(runner, 0);
    unwatch(runner);
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

static void check_limits(struct runner *runner)
{
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
    if (lease_lapsed(runner)) {
        blame_lease(runner);
        apply(runner, EV_STOP);
    }
    if (runner->state == RUNNER_STOPPING && now - runner->term_ms >= limits->grace_ms)
        apply(runner, EV_GRACE);
}

void runner_tick(struct runner *runner)
{
    if (runner->pid == 0)
        return; /* its end was told, and it waits to be freed */
    if (runner->state != RUNNER_SPARE)
        check_limits(runner);
    if (runner->pid_fd < 0 && has_exited(runner->pid))
        on_exit_event(runner, 0); /* the last line: it may free the runner */
}

/* ---- a new one ---- */

static int watch_runner(struct runner *runner, struct err *err)
{
    struct loop *loop = runner->owner->rules.loop;
    int r = loop_add(loop, runner->wire_fd, EPOLLIN, on_wire, runner, &runner->wire_watch, err);
    if (r == 0 && runner->pid_fd >= 0)
        r = loop_add(loop, runner->pid_fd, EPOLLIN, on_exit_event, runner, &runner->pid_watch, err);
    return r;
}

int runner_new(struct runners *runners, const struct birth *birth, struct runner **ret_runner,
               struct err *err)
{
    CLEANUP(runner_free) struct runner *runner = MEM_NEW(struct runner);
    *runner = (struct runner){ .pid = birth->pid,
                               .wire_fd = birth->wire_fd,
                               .order_fd = birth->order_fd,
                               .pid_fd = birth->pid_fd,
                               .born_ms = time_mono_ms() };
    runners_add(runners, runner);
    int r = watch_runner(runner, err);
    if (r == 0)
        *ret_runner = TAKE(runner);
    return r;
}

void runner_begin(struct runner *runner, const struct runner_limits *limits,
                  const struct runner_calls *calls)
{
    runner->limits = *limits;
    runner->calls = *calls;
    runner->state = RUNNER_RUNNING;
    runner->lapses = runner->owner->rules.lease ? lease_lapses(runner->owner->rules.lease) : 0;
    runner->started_ms = runner->alive_ms = time_mono_ms();
    fs_close(&runner->order_fd);
}

pid_t runner_pid(const struct runner *runner)
{
    return runner->pid;
}

void runner_stop(struct runner *runner, enum failure reason)
{
    blame(runner, reason,
          reason == FAILURE_CANCELLED ? "the job was cancelled"
          : reason == FAILURE_OUTPUT  ? "the results are too large"
                                      : "the worker was asked to end");
    apply(runner, EV_STOP);
}

/* Not for ever: a process in a call to a filesystem that does not answer ends when that ends. */
static void kill_now(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
    for (int i = 0; i < 500 && waitpid(pid, NULL, WNOHANG) == 0; i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
}

void runner_free(struct runner **runner)
{
    if (!*runner)
        return;
    struct runner *old = TAKE(*runner);
    unwatch(old);
    runners_remove(old);
    if (old->pid > 0)
        kill_now(old->pid);
    fs_close(&old->pid_fd);
    fs_close(&old->wire_fd);
    fs_close(&old->order_fd);
    free(old);
}
