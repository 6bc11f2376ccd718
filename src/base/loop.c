#include "base/loop.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum watch_kind { WATCH_FD, WATCH_TIMER, WATCH_SIGNALS };

struct loop_watch {
    enum watch_kind kind;
    int fd;
    bool removed; /* freed when no event can point to it any more */
    loop_fn *fn;
    void *arg;
    struct loop_watch *next;
};

struct loop {
    int epoll_fd;
    struct loop_watch *watches;
};

int loop_new(struct loop **ret_loop, struct err *err)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "epoll");
    struct loop *loop = MEM_NEW(struct loop);
    loop->epoll_fd = fd;
    *ret_loop = loop;
    return 0;
}

static void watch_end(struct loop *loop, struct loop_watch *watch)
{
    if (watch->removed)
        return;
    watch->removed = true;
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    if (watch->kind != WATCH_FD)
        fs_close(&watch->fd);
}

static void free_removed(struct loop *loop)
{
    for (struct loop_watch **at = &loop->watches; *at;) {
        struct loop_watch *watch = *at;
        if (!watch->removed) {
            at = &watch->next;
            continue;
        }
        *at = watch->next;
        free(watch);
    }
}

void loop_free(struct loop **loop)
{
    if (!*loop)
        return;
    for (struct loop_watch *watch = (*loop)->watches; watch; watch = watch->next)
        watch_end(*loop, watch);
    free_removed(*loop);
    fs_close(&(*loop)->epoll_fd);
    free(*loop);
    *loop = NULL;
}

void loop_forget(struct loop **loop)
{
    if (!*loop)
        return;
    /* The epoll is shared with the parent: EPOLL_CTL_DEL here would take its watches away. */
    fs_close(&(*loop)->epoll_fd);
    for (struct loop_watch *watch = (*loop)->watches; watch; watch = watch->next) {
        watch->removed = true;
        if (watch->kind != WATCH_FD)
            fs_close(&watch->fd);
    }
    free_removed(*loop);
    free(*loop);
    *loop = NULL;
}

static int watch_add(struct loop *loop, struct loop_watch model, uint32_t events,
                     struct loop_watch **ret_watch, struct err *err)
{
    struct loop_watch *watch = MEM_NEW(struct loop_watch);
    *watch = model;
    struct epoll_event event = { .events = events, .data.ptr = watch };
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0) {
        int errnum = errno;
        free(watch);
        return err_set(err, ERR_IO, errnum, "watch descriptor %d", model.fd);
    }
    watch->next = loop->watches;
    loop->watches = watch;
    if (ret_watch)
        *ret_watch = watch;
    return 0;
}

int loop_add(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *arg,
             struct loop_watch **ret_watch, struct err *err)
{
    struct loop_watch model = { .kind = WATCH_FD, .fd = fd, .fn = fn, .arg = arg };
    return watch_add(loop, model, events, ret_watch, err);
}

static struct timespec timespec_of(int64_t ms)
{
    return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
}

int loop_add_timer(struct loop *loop, int64_t first_ms, int64_t period_ms, loop_fn *fn, void *arg,
                   struct loop_watch **ret_watch, struct err *err)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "timer");
    struct itimerspec when = { .it_value = timespec_of(first_ms),
                               .it_interval = timespec_of(period_ms) };
    if (first_ms == 0)
        when.it_value.tv_nsec = 1; /* all zero would disarm it */
    (void)timerfd_settime(fd, 0, &when, NULL);
    struct loop_watch model = { .kind = WATCH_TIMER, .fd = fd, .fn = fn, .arg = arg };
    int r = watch_add(loop, model, EPOLLIN, ret_watch, err);
    if (r < 0)
        fs_close(&fd);
    return r;
}

int loop_add_signals(struct loop *loop, const sigset_t *signals, loop_fn *fn, void *arg,
                     struct err *err)
{
    if (sigprocmask(SIG_BLOCK, signals, NULL) < 0)
        return err_set(err, ERR_IO, errno, "block signals");
    int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "signalfd");
    struct loop_watch model = { .kind = WATCH_SIGNALS, .fd = fd, .fn = fn, .arg = arg };
    int r = watch_add(loop, model, EPOLLIN, NULL, err);
    if (r < 0)
        fs_close(&fd);
    return r;
}

void loop_remove(struct loop *loop, struct loop_watch **watch)
{
    if (*watch)
        watch_end(loop, *watch);
    *watch = NULL;
}

static void watch_call(struct loop_watch *watch, uint32_t events)
{
    if (watch->kind == WATCH_TIMER) {
        uint64_t expirations;
        if (read(watch->fd, &expirations, sizeof(expirations)) > 0)
            watch->fn(watch->arg, events);
        return;
    }
    if (watch->kind == WATCH_SIGNALS) {
        struct signalfd_siginfo info;
        while (!watch->removed && read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
            watch->fn(watch->arg, info.ssi_signo);
        return;
    }
    watch->fn(watch->arg, events);
}

int loop_wait(struct loop *loop, int64_t timeout_ms, struct err *err)
{
    struct epoll_event events[32];
    int timeout = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
    int n = epoll_wait(loop->epoll_fd, events, COUNT(events), timeout);
    if (n < 0 && errno != EINTR)
        return err_set(err, ERR_IO, errno, "epoll_wait");
    for (int i = 0; i < n; i++) {
        struct loop_watch *watch = events[i].data.ptr;
        if (!watch->removed)
            watch_call(watch, events[i].events);
    }
    free_removed(loop);
    return 0;
}
