/* cut.so - lets somebody take a copy of the disk after each call that changes it.
 *
 * Preloaded into the program that is tested. After each call that is named below it writes the
 * call's name into the FIFO $CUT_ASK and waits for a byte from $CUT_ACK: meanwhile the image under
 * the filesystem is copied, which is what a power cut at that instant would leave. Of several
 * programs one waits at a time. Runners, its children, are left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static int ask_fd = -1, ack_fd = -1;
static pid_t cut_pid;

static void __attribute__((constructor)) begin(void)
{
    const char *ask = getenv("CUT_ASK"), *ack = getenv("CUT_ACK");
    if (!ask || !ack)
        return;
    cut_pid = getpid();
    ask_fd = open(ask, O_WRONLY | O_CLOEXEC);
    ack_fd = open(ack, O_RDONLY | O_CLOEXEC);
}

static ssize_t real_write(int fd, const void *data, size_t len)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    return real(fd, data, len);
}

/* What was called on what: the end of a path. */
static void cut(const char *call, int fd, const char *name)
{
    int errnum = errno;
    char answer, link[32], path[PATH_SIZE] = "", text[2 * PATH_SIZE];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (!name && readlink(link, path, sizeof(path) - 1) > 0)
        name = strrchr(path, '/');
    int len = snprintf(text, sizeof(text), "%s %.200s\n", call, name ? name : "");
    if (ask_fd >= 0 && cut_pid == getpid()) {
        while (flock(ask_fd, LOCK_EX) < 0 && errno == EINTR)
            ;
        if (real_write(ask_fd, text, (size_t)len) == len)
            while (read(ack_fd, &answer, 1) < 0 && errno == EINTR)
                ;
        (void)flock(ask_fd, LOCK_UN);
    }
    errno = errnum;
}

#define AFTER(type, name, parameters, on_fd, on_name, ...)                                         \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (!real)                                                                                 \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        type r = real(__VA_ARGS__);                                                                \
        if (r >= 0)                                                                                \
            cut(#name, on_fd, on_name);                                                            \
        return r;                                                                                  \
    }

AFTER(int, renameat, (int from_fd, const char *from, int to_fd, const char *to), to_fd, to, from_fd,
      from, to_fd, to)
AFTER(int, linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags), to_fd, to,
      from_fd, from, to_fd, to, flags)
AFTER(int, unlinkat, (int dir_fd, const char *name, int flags), dir_fd, name, dir_fd, name, flags)
AFTER(int, mkdirat, (int dir_fd, const char *name, mode_t mode), dir_fd, name, dir_fd, name, mode)
AFTER(int, fsync, (int fd), fd, NULL, fd)
AFTER(int, fdatasync, (int fd), fd, NULL, fd)
AFTER(int, syncfs, (int fd), fd, NULL, fd)

ssize_t write(int fd, const void *data, size_t len)
{
    struct stat st;
    ssize_t r = real_write(fd, data, len);
    /* Not the log: standard output and error. */
    if (r >= 0 && fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        cut("write", fd, NULL);
    return r;
}
