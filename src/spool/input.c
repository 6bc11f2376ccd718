#include "spool/input.h"

#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_MS = 100 };

/* What no waiting mends; the rest (not there, not allowed, a mount that is away) may come. */
static bool is_hopeless(int errnum)
{
    return errnum == ENAMETOOLONG || errnum == ENXIO || errnum == EINVAL;
}

static int look_failed(int errnum, const char *path, struct err *err)
{
    if (is_hopeless(errnum))
        return err_set(err, ERR_INPUT, errnum, "input '%s'", path);
    (void)err_set(err, errnum == ENOENT || errnum == ENOTDIR ? ERR_MISSING : ERR_IO, errnum,
                  "input '%s'", path);
    return 0;
}

static int refuse_kind(const struct stat *st, const char *path, struct err *err)
{
    if (S_ISREG(st->st_mode))
        return 0;
    return err_set(err, ERR_INPUT, 0, "input '%s' is %s", path,
                   S_ISDIR(st->st_mode) ? "a directory" : "not a regular file");
}

/* One look: open and fstat, since plain stat has been seen to show a growing file unchanged for
 * 20 s on sshfs. Stat comes before open only because to open a device can do something. */
static int look(int root_fd, const char *path, int *ret_fd, struct stat *ret_st, struct err *err)
{
    struct stat st;
    *ret_st = (struct stat){ 0 };
    if (fstatat(root_fd, path, &st, 0) < 0)
        return look_failed(errno, path, err);
    int r = refuse_kind(&st, path, err);
    if (r < 0)
        return r;
    CLEANUP(fs_close) int fd = openat(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int errnum = errno;
        *ret_st = st;
        return look_failed(errnum, path, err);
    }
    *ret_st = st;
    r = refuse_kind(&st, path, err);
    if (r < 0)
        return r;
    *ret_fd = fd;
    fd = -1;
    return 1;
}

/* Is there something in it, and nobody at it? */
static int look_content(int fd, const struct stat *st, const char *path, struct err *err)
{
    if (!fs_is_remote(fd) && fs_is_being_written(fd)) {
        (void)err_set(err, ERR_INPUT, 0, "input '%s' is still being written", path);
        return 0;
    }
    if (st->st_size == 0) {
        (void)err_set(err, ERR_INPUT, 0, "input '%s' is empty", path);
        return 0;
    }
    return 1;
}

/* For how long it has yet to be watched. The time of the last change tells it on a local disk, and
 * only if it is not from the future: elsewhere the clock is another machine's. */
static int64_t unsettled_ms(int fd, const struct stat *st, int64_t settle_ms)
{
    int64_t age_ms = time_wall_ms() - fs_ctime_ms(st);
    if (fs_is_remote(fd) || age_ms < 0)
        return settle_ms;
    return age_ms >= settle_ms ? 0 : settle_ms - age_ms;
}

static void wait_ms(int64_t left_ms, void (*tick)(void *arg), void *arg)
{
    int64_t end_ms = time_mono_ms() + left_ms;
    for (;;) {
        if (tick)
            tick(arg);
        left_ms = end_ms - time_mono_ms();
        if (left_ms <= 0)
            return;
        int64_t slice_ms = left_ms < SLICE_MS ? left_ms : SLICE_MS;
        struct timespec slice = { .tv_sec = 0, .tv_nsec = (long)slice_ms * 1000000 };
        (void)nanosleep(&slice, NULL);
    }
}

int input_open(int root_fd, const char *path, int64_t settle_ms, void (*tick)(void *arg), void *arg,
               int *ret_fd, struct fs_print *ret_print, struct err *err)
{
    CLEANUP(fs_close) int fd = -1;
    struct stat st = { 0 };
    *ret_print = (struct fs_print){ 0 };
    int r = look(root_fd, path, &fd, &st, err);
    *ret_print = fs_print_of(&st);
    if (r == 1)
        r = look_content(fd, &st, path, err);
    if (r != 1)
        return r;

    int64_t left_ms = unsettled_ms(fd, &st, settle_ms);
    if (left_ms > 0) {
        struct fs_print first = *ret_print;
        fs_close(&fd);
        wait_ms(left_ms, tick, arg);
        r = look(root_fd, path, &fd, &st, err);
        *ret_print = fs_print_of(&st);
        if (r == 1)
            r = look_content(fd, &st, path, err);
        if (r != 1)
            return r;
        if (!fs_print_equal(&first, ret_print)) {
            (void)err_set(err, ERR_INPUT, 0, "input '%s' is still changing", path);
            return 0;
        }
    }
    *ret_fd = fd;
    fd = -1;
    return 1;
}
