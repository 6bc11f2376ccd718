#include "serve/looker.h"

#include "base/fs.h"
#include "base/mem.h"
#include "serve/eye.h"
#include "serve/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct looker {
    struct loop *loop;
    const struct serve_options *options;
    looker_fn *fn;
    void *arg;
    pid_t pid;    /* 0: none */
    pid_t killed; /* the one before, not reaped yet; 0: none */
    int fd;       /* -1: none */
    struct loop_watch *watch;
    struct str out; /* of the question: what was not sent yet begins at */
    size_t sent;
    struct wire_reader reader;
    bool is_busy;
};

static void on_event(void *arg, uint32_t events);

struct looker *looker_new(struct loop *loop, const struct serve_options *options, looker_fn *fn,
                          void *arg)
{
    struct looker *looker = MEM_NEW(struct looker);
    looker->loop = loop;
    looker->options = options;
    looker->fn = fn;
    looker->arg = arg;
    looker->fd = -1;
    looker->reader = WIRE_READER_NEW;
    return looker;
}

bool looker_is_busy(const struct looker *looker)
{
    return looker->is_busy;
}

/* ---- the child ---- */

/* What the server has open is not for this process: its connections would not close when the server
 * closes them. */
static int keep_only(int fd)
{
    if (dup3(fd, STDERR_FILENO + 1, O_CLOEXEC) < 0 && fd != STDERR_FILENO + 1)
        _exit(1);
    if (close_range(STDERR_FILENO + 2, ~0U, 0) < 0)
        for (int other = STDERR_FILENO + 2; other < 1024; other++)
            (void)close(other);
    return STDERR_FILENO + 1;
}

static void reset_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGINT, SIG_IGN);  /* ^C is for the server, which ends this one */
    (void)signal(SIGCHLD, SIG_IGN); /* those that hand out files are reaped by themselves */
}

_Noreturn static void run_child(const struct looker *looker, int fd, pid_t server)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != server)
        _exit(0);
    reset_signals();
    struct eye *eye = eye_new(looker->options);
    int own_fd = keep_only(fd);
    for (;;) {
        CLEANUP(json_drop) json_t *question = NULL;
        CLEANUP(mem_free_text) char *body = NULL;
        CLEANUP(answer_drop) struct answer *answer = NULL;
        size_t len;
        if (wire_next_question(own_fd, &question, &body, &len) == 0)
            _exit(0);
        answer = eye_answer(eye, question, body, len);
        if (!wire_send_answer(own_fd, answer))
            _exit(0);
    }
}

/* ---- the server ---- */

static int watch(struct looker *looker, uint32_t events, struct err *err)
{
    loop_remove(looker->loop, &looker->watch);
    return loop_add(looker->loop, looker->fd, events, on_event, looker, &looker->watch, err);
}

/* In a call that does not return it cannot be killed: so it is not waited for. */
static void reap(struct looker *looker)
{
    if (looker->killed > 0 && waitpid(looker->killed, NULL, WNOHANG) != 0)
        looker->killed = 0;
}

static void end(struct looker *looker)
{
    loop_remove(looker->loop, &looker->watch);
    fs_close(&looker->fd);
    wire_reader_release(&looker->reader);
    if (looker->pid > 0) {
        (void)kill(looker->pid, SIGKILL);
        looker->killed = looker->pid;
    }
    looker->pid = 0;
    reap(looker);
}

static int begin(struct looker *looker, struct err *err)
{
    int pair[2];
    reap(looker);
    pid_t server = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(err, ERR_IO, errno, "socketpair for a child that looks at the spool");
    pid_t pid = fork();
    if (pid == 0)
        run_child(looker, pair[1], server);
    fs_close(&pair[1]);
    if (pid < 0) {
        int r = err_set(err, ERR_IO, errno, "fork a child that looks at the spool");
        fs_close(&pair[0]);
        return r;
    }
    looker->pid = pid;
    looker->fd = pair[0];
    return watch(looker, EPOLLIN, err);
}

static void give(struct looker *looker, struct answer *answer)
{
    looker->is_busy = false;
    looker->fn(looker->arg, answer);
}

/* 0 also when the rest has to wait. */
static int send_more(struct looker *looker)
{
    while (looker->sent < looker->out.len) {
        ssize_t sent = send(looker->fd, looker->out.data + looker->sent,
                            looker->out.len - looker->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? 0 : -errno;
        looker->sent += (size_t)sent;
    }
    str_release(&looker->out);
    looker->sent = 0;
    return 0;
}

static void on_event(void *arg, uint32_t events)
{
    struct looker *looker = arg;
    struct answer *answer = NULL;
    int r = 0;
    if (looker->out.len > 0) {
        r = send_more(looker);
        if (r == 0 && looker->out.len == 0)
            r = watch(looker, EPOLLIN, NULL);
    }
    if (r == 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        r = wire_take_answer(&looker->reader, looker->fd, &answer);
    if (r < 0) {
        bool was_busy = looker->is_busy;
        end(looker);
        if (was_busy)
            give(looker, NULL);
    } else if (answer) {
        give(looker, answer);
    }
}

int looker_ask(struct looker *looker, const char *question, const char *body, size_t body_len,
               struct err *err)
{
    int r = looker->pid > 0 ? 0 : begin(looker, err);
    if (r < 0)
        return r;
    str_release(&looker->out);
    looker->sent = 0;
    wire_add_question(&looker->out, question, body, body_len);
    r = send_more(looker);
    if (r == 0 && looker->out.len > 0)
        r = watch(looker, EPOLLIN | EPOLLOUT, err);
    if (r < 0) { /* it died while nothing was asked: the next question makes another */
        end(looker);
        return err_set(err, ERR_IO, -r, "the child that looks at the spool has died");
    }
    looker->is_busy = true;
    return 0;
}

void looker_free(struct looker **at)
{
    struct looker *looker = TAKE(*at);
    if (!looker)
        return;
    end(looker);
    str_release(&looker->out);
    free(looker);
}
