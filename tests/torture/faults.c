/* faults.c - the interposed calls. Everything is decided in before() and after().
 *
 * Only the process that armed the plan is hurt: a runner forked from a worker is not. A descriptor
 * is followed from the open that made it: absolute below the watched directory, or relative to one
 * that is followed. So /proc, libraries and pipes are never points. */
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FDS = 4096, HANDLES = 64 };

/* What a call may be; CHANGES are those that leave something on disk. */
enum op {
    OP_LOOK = 1 << 0,
    OP_MAKE = 1 << 1,  /* a file or a directory, write, room, mode, times */
    OP_NAMES = 1 << 2, /* rename, link, mkdir, unlink, rmdir: those that can lie */
    OP_SYNC = 1 << 3,
    OP_CLOSE = 1 << 4,
    OP_CHANGES = OP_MAKE | OP_NAMES | OP_SYNC,
};

static struct {
    char dir[PATH_MAX];
    size_t dir_len;
    bool followed[FDS];
    struct fault_plan plan;
    struct fault_seen *seen;
    pid_t pid;
    bool paused, keeps;
    long left; /* of the calls that go on failing */
    int left_errnum;
    struct handle {
        char name[32];
        int fd;
    } handles[HANDLES];
    int handle_count;
} faults;

/* libc's own. */
#define REAL(name)                                                                                 \
    ({                                                                                             \
        static __typeof__(&(name)) real;                                                           \
        if (!real)                                                                                 \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        real;                                                                                      \
    })

void fault_watch(const char *dir)
{
    (void)snprintf(faults.dir, sizeof(faults.dir), "%s", dir);
    faults.dir_len = strlen(faults.dir);
    memset(faults.followed, 0, sizeof(faults.followed));
}

void fault_arm(const struct fault_plan *plan, struct fault_seen *seen)
{
    *seen = (struct fault_seen){ 0 };
    faults.plan = *plan;
    faults.seen = seen;
    faults.pid = getpid();
    faults.left = 0;
}

void fault_disarm(void)
{
    faults.plan.mode = FAULT_NONE;
    faults.left = 0;
}

void fault_keep_handles(bool keep)
{
    faults.keeps = keep;
    faults.handle_count = 0;
}

void fault_pause(bool pause)
{
    faults.paused = pause;
}

const char *fault_mode_name(enum fault_mode mode)
{
    static const char *const names[] = {
        [FAULT_NONE] = "none",
        [FAULT_KILL_BEFORE] = "kill before",
        [FAULT_KILL_AFTER] = "kill after",
        [FAULT_STOP] = "stop",
        [FAULT_ERROR] = "error",
        [FAULT_LIE] = "lie",
    };
    return names[mode];
}

/* ---- what is touched ---- */

static bool is_followed(int fd)
{
    return fd >= 0 && fd < FDS && faults.followed[fd];
}

static bool touches(int dir_fd, const char *path)
{
    if (path[0] != '/')
        return is_followed(dir_fd);
    return faults.dir_len && strncmp(path, faults.dir, faults.dir_len) == 0 &&
           (path[faults.dir_len] == '/' || path[faults.dir_len] == '\0');
}

static void follow(int fd, bool yes)
{
    if (fd >= 0 && fd < FDS)
        faults.followed[fd] = yes;
}

/* ---- the plan ---- */

/* Which errors a call can have at all. */
static bool can_say(enum op op, int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return op & OP_CHANGES;
    case EACCES: /* a file that may not be read may be so for ever, and is treated like that */
        return op & (OP_MAKE | OP_NAMES);
    default:
        return true;
    }
}

static bool is_point(enum op op)
{
    const struct fault_plan *plan = &faults.plan;
    if (plan->changes_only && !(op & OP_CHANGES))
        return false;
    if (plan->mode == FAULT_LIE)
        return op & OP_NAMES;
    return plan->mode != FAULT_ERROR || can_say(op, plan->errnum);
}

/* 0: make the call. 1: do not, errno is set. 2: make it, and look into after(). */
static int before(enum op op, const char *call, bool touched)
{
    const struct fault_plan *plan = &faults.plan;
    if (!touched || plan->mode == FAULT_NONE || faults.paused || faults.pid != getpid())
        return 0;
    if (faults.left > 0 && can_say(op, faults.left_errnum)) {
        faults.left--;
        errno = faults.left_errnum;
        return 1;
    }
    if (!is_point(op) || ++faults.seen->points != plan->at)
        return 0;
    faults.seen->fired = true;
    (void)snprintf(faults.seen->call, sizeof(faults.seen->call), "%s", call);
    faults.left = plan->lasting;
    faults.left_errnum = plan->mode == FAULT_LIE ? EIO : plan->errnum;
    if (plan->mode == FAULT_KILL_BEFORE || plan->mode == FAULT_STOP)
        (void)raise(plan->mode == FAULT_STOP ? SIGSTOP : SIGKILL);
    errno = plan->errnum;
    return plan->mode == FAULT_ERROR ? 1 : plan->mode == FAULT_STOP ? 0 : 2;
}

static long after(long r)
{
    if (faults.plan.mode == FAULT_KILL_AFTER)
        (void)raise(SIGKILL);
    if (faults.plan.mode == FAULT_LIE && r == 0) {
        errno = faults.plan.errnum;
        return -1;
    }
    return r;
}

#define CALL(op, name, touched, made)                                                              \
    ({                                                                                             \
        int do_it = before(op, name, touched);                                                     \
        long call_r = do_it == 1 ? -1 : (made);                                                    \
        do_it == 2 ? after(call_r) : call_r;                                                       \
    })

/* ---- the calls ---- */

/* clang-format off */
int openat(int dir_fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    bool touched = touches(dir_fd, path);
    int fd = (int)CALL(flags & (O_CREAT | O_TRUNC) ? OP_MAKE : OP_LOOK, "openat", touched,
                       REAL(openat)(dir_fd, path, flags, mode));
    follow(fd, touched);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return openat(AT_FDCWD, path, flags, mode);
}

int close(int fd)
{
    bool touched = is_followed(fd);
    follow(fd, false);
    int r = before(OP_CLOSE, "close", touched), errnum = errno;
    int closed = REAL(close)(fd); /* also when it says that it failed */
    if (r == 1) {
        errno = errnum;
        return -1;
    }
    return r == 2 ? (int)after(closed) : closed;
}

ssize_t read(int fd, void *data, size_t len)
{
    return CALL(OP_LOOK, "read", is_followed(fd), REAL(read)(fd, data, len));
}

ssize_t pread(int fd, void *data, size_t len, off_t at)
{
    return CALL(OP_LOOK, "pread", is_followed(fd), REAL(pread)(fd, data, len, at));
}

ssize_t write(int fd, const void *data, size_t len)
{
    return CALL(OP_MAKE, "write", is_followed(fd), REAL(write)(fd, data, len));
}

int fsync(int fd)
{
    return (int)CALL(OP_SYNC, "fsync", is_followed(fd), REAL(fsync)(fd));
}

int fdatasync(int fd)
{
    return (int)CALL(OP_SYNC, "fdatasync", is_followed(fd), REAL(fdatasync)(fd));
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    return (int)CALL(OP_MAKE, "fallocate", is_followed(fd), REAL(fallocate)(fd, mode, at, len));
}

int ftruncate(int fd, off_t len)
{
    return (int)CALL(OP_MAKE, "ftruncate", is_followed(fd), REAL(ftruncate)(fd, len));
}

int fchmod(int fd, mode_t mode)
{
    return (int)CALL(OP_MAKE, "fchmod", is_followed(fd), REAL(fchmod)(fd, mode));
}

int fchmodat(int dir_fd, const char *path, mode_t mode, int flags)
{
    return (int)CALL(OP_MAKE, "fchmodat", touches(dir_fd, path),
                     REAL(fchmodat)(dir_fd, path, mode, flags));
}

int utimensat(int dir_fd, const char *path, const struct timespec times[2], int flags)
{
    return (int)CALL(OP_MAKE, "utimensat", touches(dir_fd, path),
                     REAL(utimensat)(dir_fd, path, times, flags));
}

int fstatat(int dir_fd, const char *path, struct stat *st, int flags)
{
    return (int)CALL(OP_LOOK, "fstatat", touches(dir_fd, path),
                     REAL(fstatat)(dir_fd, path, st, flags));
}

int statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *st)
{
    return (int)CALL(OP_LOOK, "statx", touches(dir_fd, path),
                     REAL(statx)(dir_fd, path, flags, mask, st));
}

int fstat(int fd, struct stat *st)
{
    return (int)CALL(OP_LOOK, "fstat", is_followed(fd), REAL(fstat)(fd, st));
}

struct dirent *readdir(DIR *dir)
{
    return before(OP_LOOK, "readdir", is_followed(dirfd(dir))) == 1 ? NULL : REAL(readdir)(dir);
}

ssize_t getdents64(int fd, void *data, size_t len)
{
    return CALL(OP_LOOK, "getdents64", is_followed(fd), REAL(getdents64)(fd, data, len));
}

int closedir(DIR *dir)
{
    follow(dirfd(dir), false); /* libc closes it by itself */
    return REAL(closedir)(dir);
}

static int mkdir_kept(int dir_fd, const char *path, mode_t mode)
{
    int r = REAL(mkdirat)(dir_fd, path, mode);
    if (r == 0 && faults.keeps && faults.handle_count < HANDLES &&
        strlen(path) < sizeof(faults.handles[0].name)) {
        struct handle *handle = &faults.handles[faults.handle_count++];
        (void)snprintf(handle->name, sizeof(handle->name), "%s", path);
        handle->fd = REAL(openat)(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return r;
}

int mkdirat(int dir_fd, const char *path, mode_t mode)
{
    return (int)CALL(OP_NAMES, "mkdirat", touches(dir_fd, path), mkdir_kept(dir_fd, path, mode));
}

int unlinkat(int dir_fd, const char *path, int flags)
{
    return (int)CALL(OP_NAMES, flags & AT_REMOVEDIR ? "rmdir" : "unlink", touches(dir_fd, path),
                     REAL(unlinkat)(dir_fd, path, flags));
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    return (int)CALL(OP_NAMES, "linkat", touches(to_fd, to),
                     REAL(linkat)(from_fd, from, to_fd, to, flags));
}

/* DIR/FILE through the descriptor that was kept when DIR was made. */
static int rename_cached(int from_fd, const char *from, int to_fd, const char *to)
{
    const char *slash = strchr(to, '/');
    for (int i = 0; slash && faults.plan.cached && i < faults.handle_count; i++) {
        const struct handle *handle = &faults.handles[i];
        if (strncmp(to, handle->name, (size_t)(slash - to)) == 0 && !handle->name[slash - to])
            return REAL(renameat)(from_fd, from, handle->fd, slash + 1);
    }
    return REAL(renameat)(from_fd, from, to_fd, to);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return (int)CALL(OP_NAMES, "renameat", touches(from_fd, from) || touches(to_fd, to),
                     rename_cached(from_fd, from, to_fd, to));
}
/* clang-format on */
