/* cut.so - lets somebody take a copy of the disk after each call that changes it.
 *
 * Preloaded into the program that is tested. After each call that is named below it writes the
 * call's name into the FIFO $CUT_ASK and waits for a byte from $CUT_ACK: meanwhile the image under
 * the filesystem is copied, which is what a power cut at that instant would leave. Runners, its
 * children, are left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void cut(const char *call)
{
    int errnum = errno;
    char answer;
    if (ask_fd >= 0 && cut_pid == getpid() &&
        real_write(ask_fd, call, strlen(call)) == (ssize_t)strlen(call))
        while (read(ack_fd, &answer, 1) < 0 && errno == EINTR)
            ;
    errno = errnum;
}

#define AFTER(type, name, parameters, ...)                                                         \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (!real)                                                                                 \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        type r = real(__VA_ARGS__);                                                                \
        if (r >= 0)                                                                                \
            cut(#name "\n");                                                                       \
        return r;                                                                                  \
    }

AFTER(int, renameat, (int from_fd, const char *from, int to_fd, const char *to), from_fd, from,
      to_fd, to)
AFTER(int, linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags), from_fd,
      from, to_fd, to, flags)
AFTER(int, unlinkat, (int dir_fd, const char *name, int flags), dir_fd, name, flags)
AFTER(int, mkdirat, (int dir_fd, const char *name, mode_t mode), dir_fd, name, mode)
AFTER(int, fsync, (int fd), fd)
AFTER(int, fdatasync, (int fd), fd)
AFTER(int, syncfs, (int fd), fd)

ssize_t write(int fd, const void *data, size_t len)
{
    struct stat st;
    ssize_t r = real_write(fd, data, len);
    /* Not the log: standard output and error. */
    if (r >= 0 && fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        cut("write\n");
    return r;
}
