/* keeper.c - a child of the worker that is fed through a pipe, a byte a beat, and ends with it. */
#include "worker/keeper.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "worker/keeper_rules.h"
#include "worker/watchdog_eye.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct keeper {
    pid_t pid;
    int fd;
};

/* ---- in the child ---- */

struct watch {
    struct service *service;
    const char *spool_dir;
    pid_t worker_pid;
    int fd;
    int64_t fed_ms;
    struct eye eye;
};

static bool is_in_a_call(pid_t pid)
{
    char state = '?';
    uint64_t start_ticks;
    return proc_stat(pid, &state, &start_ticks) && state == 'D';
}

/* The eye looks, or has looked. One that was given up is itself in a call that does not end. */
static enum keeper_sight see_spool(struct watch *watch, struct eye_answer *ret_answer,
                                   struct err *err)
{
    if (watch->eye.pid == 0)
        return eye_open(&watch->eye, watch->spool_dir, 0, NULL, err) < 0 ? SIGHT_BLIND : SIGHT_NONE;
    (void)eye_tired(&watch->eye);
    bool is_given_up = watch->eye.given_up;
    if (waitpid(watch->eye.pid, NULL, WNOHANG) != watch->eye.pid)
        return is_given_up ? SIGHT_SILENT : SIGHT_NONE;
    eye_ended(&watch->eye, ret_answer);
    return is_given_up                 ? SIGHT_SILENT
           : ret_answer->died          ? SIGHT_DIED
           : ret_answer->look.answered ? SIGHT_WELL
                                       : SIGHT_TROUBLE;
}

static void look(struct watch *watch, int64_t silent_ms)
{
    int64_t allowed_ms = service_watchdog_ms(watch->service);
    struct eye_answer answer = { 0 };
    struct err err = { 0 };
    if (silent_ms < allowed_ms / 4)
        return;
    enum keeper_sight sight = see_spool(watch, &answer, &err);
    CLEANUP(mem_free_text)
    char *excuse = keeper_excuse(sight, is_in_a_call(watch->worker_pid),
                                 sight == SIGHT_BLIND ? err.text : answer.problem);
    if (excuse)
        (void)service_tell(watch->service, SERVICE_ALIVE, excuse, NULL);
}

/* False: the worker has ended, however it did. */
static bool take_food(struct watch *watch)
{
    char bytes[64];
    ssize_t got = read(watch->fd, bytes, sizeof(bytes));
    if (got > 0)
        watch->fed_ms = time_mono_ms();
    return got != 0;
}

__attribute__((noreturn)) static void keep(struct watch *watch, pid_t worker_pid)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)setpgid(0, 0); /* Ctrl-C in a terminal is for the worker */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, "takeup-keeper");
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (getppid() != worker_pid)
        _exit(0);
    int64_t every_ms = service_watchdog_ms(watch->service) / 8;
    struct pollfd fed = { .fd = watch->fd, .events = POLLIN };
    for (;;) {
        int r = poll(&fed, 1, every_ms > 1000 ? 1000 : (int)every_ms);
        if (r > 0 && !take_food(watch))
            _exit(0);
        look(watch, time_mono_ms() - watch->fed_ms);
    }
}

/* ---- in the worker ---- */

int keeper_new(struct service *service, const char *spool_dir, struct keeper **ret_keeper,
               struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return err_set(err, ERR_IO, errno, "pipe of the keeper");
    pid_t worker_pid = getpid(), pid = fork();
    if (pid == 0) {
        struct watch watch = {
            service, spool_dir, worker_pid, ends[0], time_mono_ms(), { .fd = -1 }
        };
        (void)close(ends[1]);
        keep(&watch, worker_pid);
    }
    int errnum = errno;
    fs_close(&ends[0]);
    if (pid < 0) {
        fs_close(&ends[1]);
        return err_set(err, ERR_IO, errnum, "fork the keeper");
    }
    struct keeper *keeper = MEM_NEW(struct keeper);
    *keeper = (struct keeper){ pid, ends[1] };
    *ret_keeper = keeper;
    return 0;
}

void keeper_fed(struct keeper *keeper)
{
    if (keeper)
        (void)!write(keeper->fd, "", 1); /* a full pipe has fed it */
}

void keeper_free(struct keeper **keeper)
{
    if (!*keeper)
        return;
    struct keeper *old = TAKE(*keeper);
    fs_close(&old->fd);
    (void)kill(old->pid, SIGKILL); /* its eye dies with it, or hangs and is nobody's */
    while (waitpid(old->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(old);
}
