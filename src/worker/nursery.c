/* What libc's fork does besides is of no use here: there is one thread, so no lock is held. But the
 * place where libc keeps the thread's id must be set, and the kernel tells where that is.
 *
 * A kernel that lacks any of this makes no nursery, and the worker forks by itself. */
#include "worker/nursery.h"

#include "base/fs.h"
#include "base/mem.h"
#include "worker/wire.h"

#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BIRTH_FDS = 3, LAST_BIRTH_MS = 100, END_MS = 500 };

struct nursery {
    pid_t pid;
    int fd; /* a packet asks, a packet answers */
    bool asked;
};

struct answer {
    pid_t pid;
    int errnum; /* 0: it was born */
};

/* A packet with room for the descriptors that come with it. */
struct packet {
    struct answer answer;
    struct iovec part;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(BIRTH_FDS * sizeof(int))];
    struct msghdr header;
};

static void packet_init(struct packet *packet)
{
    packet->part = (struct iovec){ &packet->answer, sizeof(packet->answer) };
    packet->header = (struct msghdr){ .msg_iov = &packet->part,
                                      .msg_iovlen = 1,
                                      .msg_control = packet->control,
                                      .msg_controllen = sizeof(packet->control) };
}

/* ---- in the nursery ---- */

static uint64_t to_u64(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

enum { SIBLING = CLONE_PARENT | CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID };

/* Where clone3 is not known: a filter of system calls cannot look into its structure, so systemd's
 * RestrictNamespaces= and container engines say that there is none. clone's flags they can see. The
 * order of its last two arguments depends on the machine; but tls is not asked for, so whatever
 * stands in its place is not looked at. */
static pid_t clone_sibling(int *ret_pid_fd, int *thread_id)
{
#ifdef __s390__ /* another order of the first two */
    errno = ENOSYS;
    return -1;
#else
    pid_t pid = (pid_t)syscall(SYS_clone, SIBLING, NULL, ret_pid_fd, thread_id, thread_id);
    /* gVisor leaves CLONE_PARENT out in silence: then it is our own child, which nobody wants. */
    if (pid <= 0 || waitpid(pid, NULL, WNOHANG) < 0)
        return pid;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    fs_close(ret_pid_fd);
    errno = ENOSYS;
    return -1;
#endif
}

/* As fork(), but a child of our parent. Its end is told as ours would be: by SIGCHLD. */
static pid_t fork_sibling(int *ret_pid_fd)
{
    int *thread_id = NULL;
    if (prctl(PR_GET_TID_ADDRESS, &thread_id, 0, 0, 0) < 0)
        return -1;
    struct clone_args args = {
        .flags = SIBLING,
        .pidfd = to_u64(ret_pid_fd),
        .child_tid = to_u64(thread_id),
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    return pid < 0 && errno == ENOSYS ? clone_sibling(ret_pid_fd, thread_id) : pid;
}

static void tell(int fd, const struct answer *answer, const int fds[BIRTH_FDS])
{
    struct packet packet = { .answer = *answer };
    packet_init(&packet);
    if (answer->errnum) {
        packet.header.msg_controllen = 0;
    } else {
        struct cmsghdr *control = CMSG_FIRSTHDR(&packet.header);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(BIRTH_FDS * sizeof(int));
        memcpy(CMSG_DATA(control), fds, BIRTH_FDS * sizeof(int));
    }
    if (sendmsg(fd, &packet.header, MSG_NOSIGNAL) < 0)
        _exit(0); /* nobody listens any more */
}

static void give_birth(int fd, nursery_child_fn *child, void *arg, pid_t worker)
{
    CLEANUP(wire_pipes_close) struct wire_pipes pipes = WIRE_NO_PIPES;
    CLEANUP(fs_close) int pid_fd = -1;
    struct answer answer = { 0 };
    if (wire_pipes_open(&pipes) < 0) {
        answer.errnum = errno;
    } else {
        answer.pid = fork_sibling(&pid_fd);
        if (answer.pid == 0) {
            (void)close(fd);
            (void)close(pipes.wire[0]);
            (void)close(pipes.order[1]);
            child(arg, pipes.order[0], pipes.wire[1], worker);
            _exit(1);
        }
        answer.errnum = answer.pid < 0 ? errno : 0;
    }
    const int fds[BIRTH_FDS] = { pipes.wire[0], pipes.order[1], pid_fd };
    tell(fd, &answer, fds);
}

__attribute__((noreturn)) static void nursery_main(int fd, nursery_begin_fn *begin,
                                                   nursery_child_fn *child, void *arg, pid_t worker)
{
    char request;
    (void)setpgid(0, 0); /* Ctrl-C in a terminal is for the worker */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != worker)
        _exit(0);
    (void)prctl(PR_SET_NAME, "takeup-nursery");
    begin(arg);
    while (recv(fd, &request, 1, 0) == 1)
        give_birth(fd, child, arg, worker);
    _exit(0);
}

/* ---- in the worker ---- */

int nursery_new(nursery_begin_fn *begin, nursery_child_fn *child, void *arg,
                struct nursery **ret_nursery, struct err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return err_set(err, ERR_IO, errno, "socket pair for the nursery");
    pid_t worker = getpid(), pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        nursery_main(ends[1], begin, child, arg, worker);
    }
    int errnum = errno;
    fs_close(&ends[1]);
    if (pid < 0) {
        fs_close(&ends[0]);
        return err_set(err, ERR_IO, errnum, "fork the nursery");
    }
    struct nursery *nursery = MEM_NEW(struct nursery);
    *nursery = (struct nursery){ .pid = pid, .fd = ends[0] };
    *ret_nursery = nursery;
    return 0;
}

/* Not for ever: one that reads a model from a mount that has gone ends when that answers. */
static void end_child(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    for (int i = 0; i < END_MS && waitpid(pid, NULL, WNOHANG) == 0; i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
}

void nursery_free(struct nursery **nursery)
{
    if (!*nursery)
        return;
    struct nursery *old = TAKE(*nursery);
    struct birth unwanted;
    /* It is waited for: nobody else could reap it. */
    if (old->asked && nursery_take(old, LAST_BIRTH_MS, &unwanted, NULL) == 1) {
        fs_close(&unwanted.wire_fd);
        fs_close(&unwanted.order_fd);
        fs_close(&unwanted.pid_fd);
        end_child(unwanted.pid);
    }
    end_child(old->pid);
    fs_close(&old->fd);
    free(old);
}

int nursery_fd(const struct nursery *nursery)
{
    return nursery->fd;
}

int nursery_ask(struct nursery *nursery, struct err *err)
{
    if (nursery->asked)
        return 0;
    if (send(nursery->fd, "", 1, MSG_NOSIGNAL) < 0)
        return err_set(err, ERR_IO, errno, "ask the nursery for a runner");
    nursery->asked = true;
    return 0;
}

bool nursery_is_asked(const struct nursery *nursery)
{
    return nursery->asked;
}

/* All three, or none: where our own descriptors run out the kernel hands over as many as fit. */
static bool take_fds(struct msghdr *header, struct birth *ret_birth)
{
    int fds[BIRTH_FDS] = { -1, -1, -1 };
    const struct cmsghdr *control = CMSG_FIRSTHDR(header);
    size_t count = 0;
    if (control && control->cmsg_type == SCM_RIGHTS)
        count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (count > 0 && count <= BIRTH_FDS)
        memcpy(fds, CMSG_DATA(control), count * sizeof(int));
    *ret_birth = (struct birth){ 0, fds[0], fds[1], fds[2] };
    for (size_t i = 0; count != BIRTH_FDS && i < BIRTH_FDS; i++)
        fs_close(&fds[i]);
    return count == BIRTH_FDS;
}

int nursery_take(struct nursery *nursery, int64_t wait_ms, struct birth *ret_birth, struct err *err)
{
    struct packet packet = { 0 };
    packet_init(&packet);
    struct pollfd readable = { nursery->fd, POLLIN, 0 };
    if (wait_ms > 0 && poll(&readable, 1, (int)wait_ms) <= 0)
        return 0;
    ssize_t got = recvmsg(nursery->fd, &packet.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got != (ssize_t)sizeof(packet.answer))
        return err_set(err, ERR_IO, ECHILD, "the nursery has died");
    nursery->asked = false;
    const struct answer *answer = &packet.answer;
    if (answer->errnum == ENOSYS || answer->errnum == EINVAL || answer->errnum == EPERM)
        return err_set(err, ERR_IO, ENOSYS, "a nursery for runners");
    if (answer->errnum)
        return err_set(err, ERR_IO, answer->errnum, "fork a runner");
    if (!take_fds(&packet.header, ret_birth)) {
        end_child(answer->pid);
        return err_set(err, ERR_IO, EMFILE, "take over a runner");
    }
    ret_birth->pid = answer->pid;
    return 1;
}
