#include "spool/input.h"

#include "base/beneath.h"
#include "base/mem.h"
#include "base/suggest.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_MS = 100, LIST_BYTES = 300 };

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

/* ---- where it may lie ---- */

static const char *skip_nothing(const char *path)
{
    while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
        path++;
    return path;
}

/* What is left of an absolute path behind the directory `root`; NULL: it does not begin so. */
static const char *rest_behind(const char *path, const char *root)
{
    for (;;) {
        path = skip_nothing(path);
        root = skip_nothing(root);
        if (!*root)
            return *path ? path : ".";
        size_t len = strcspn(root, "/");
        if (strncmp(path, root, len) != 0 || (path[len] && path[len] != '/'))
            return NULL;
        path += len;
        root += len;
    }
}

/* The same, also when the path has the root's real name and not the one that is set. */
static const char *rest_behind_real(const char *path, const char *root)
{
    const char *rest = rest_behind(path, root);
    if (rest)
        return rest;
    CLEANUP(mem_free_text) char *real = realpath(root, NULL);
    return real ? rest_behind(path, real) : NULL;
}

static void hint_roots(const struct input_bounds *bounds, struct err *err)
{
    CLEANUP(mem_free_text) char *list = suggest_list(bounds->roots, bounds->root_count, LIST_BYTES);
    err_hint(
        err,
        "input_roots of takeup.yaml lets jobs name files in these, by a path that stays in it, "
        "and in the spool: %s",
        list);
}

static int refuse_relative(const struct input_bounds *bounds, const char *path, struct err *err)
{
    int r = err_set(err, ERR_INPUT, 0,
                    "input '%s' leads out of the spool, in which relative paths lie", path);
    if (bounds->root_count > 0)
        hint_roots(bounds, err);
    else
        err_hint(err, "name it by its absolute path; a directory that is needed often can be "
                      "mounted (mount --bind) in media/, but not linked there");
    return r;
}

static int refuse_absolute(const struct input_bounds *bounds, const char *path, const char *base,
                           struct err *err)
{
    int r = base ? err_set(err, ERR_INPUT, 0, "input '%s' leads out of '%s', by '..' or a link",
                           path, base)
                 : err_set(err, ERR_INPUT, 0, "input '%s' lies in none of input_roots", path);
    hint_roots(bounds, err);
    return r;
}

static int refuse_link(const char *path, struct err *err)
{
    int r = err_set(err, ERR_INPUT, 0,
                    "input '%s' leads over a link, which cannot be followed safely here", path);
    err_hint(err, "name the file by its own path; input_roots and the spool hold links where the "
                  "system has openat2: Linux 5.6, and a container that allows it");
    return r;
}

/* One base in which it may lie, and does by its text. As input_open; -EXDEV: it leads out. */
static int find_in(int base_fd, const char *rest, const char *path, struct input *input,
                   struct err *err)
{
    int r = beneath_find(base_fd, rest, &input->fd);
    if (r == -EXDEV)
        return r;
    if (r == -EOPNOTSUPP)
        return refuse_link(path, err);
    if (r < 0)
        return look_failed(-r, path, err);
    input->base_fd = fcntl(base_fd, F_DUPFD_CLOEXEC, 0);
    input->rest = rest;
    return input->base_fd < 0 ? look_failed(errno, path, err) : 1;
}

static int find_in_root(const char *root, const char *rest, const char *path, struct input *input,
                        struct err *err)
{
    CLEANUP(fs_close) int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd >= 0)
        return find_in(root_fd, rest, path, input, err);
    (void)err_set(err, ERR_IO, errno, "'%s' of input_roots, in which input '%s' lies", root, path);
    return 0;
}

/* In the spool or in one of the roots; they may lie in each other. */
static int find_in_roots(const struct input_bounds *bounds, const char *path, struct input *input,
                         struct err *err)
{
    const char *base = bounds->root_path;
    const char *rest = base ? rest_behind_real(path, base) : NULL;
    int r = rest ? find_in(bounds->root_fd, rest, path, input, err) : -EXDEV;
    const char *led_out_of = rest ? base : NULL;
    for (size_t i = 0; i < bounds->root_count && r == -EXDEV; i++) {
        base = bounds->roots[i];
        rest = rest_behind_real(path, base);
        r = rest ? find_in_root(base, rest, path, input, err) : -EXDEV;
        led_out_of = rest ? base : led_out_of;
    }
    return r == -EXDEV ? refuse_absolute(bounds, path, led_out_of, err) : r;
}

/* As input_open, but input->fd is only found (O_PATH). */
static int find(const struct input_bounds *bounds, const char *path, struct input *input,
                struct err *err)
{
    int r;
    if (bounds->root_fd != AT_FDCWD && path[0] != '/') {
        r = find_in(bounds->root_fd, path, path, input, err);
        return r == -EXDEV ? refuse_relative(bounds, path, err) : r;
    }
    if (bounds->root_count > 0)
        return find_in_roots(bounds, path, input, err);
    input->fd = open(path, O_PATH | O_CLOEXEC);
    input->rest = path;
    return input->fd < 0 ? look_failed(errno, path, err) : 1;
}

/* ---- what it is ---- */

static int refuse_kind(const struct stat *st, const char *path, struct err *err)
{
    if (S_ISREG(st->st_mode))
        return 0;
    int r = err_set(err, ERR_INPUT, 0, "input '%s' is %s", path,
                    S_ISDIR(st->st_mode)    ? "a directory"
                    : S_ISFIFO(st->st_mode) ? "a FIFO, not a regular file"
                    : S_ISSOCK(st->st_mode) ? "a socket, not a regular file"
                                            : "a device, not a regular file");
    err_hint(err, "name one file, with a video in it");
    return r;
}

int input_check(const struct input_bounds *bounds, const char *path, struct err *err)
{
    CLEANUP(input_close) struct input found = INPUT_NONE;
    struct err why = { 0 };
    struct stat st;
    int r = find(bounds, path, &found, &why);
    if (r == 1 && fstat(found.fd, &st) == 0)
        r = refuse_kind(&st, path, &why);
    if (r < 0 && err)
        *err = why;
    return r < 0 ? r : 0;
}

int input_look(const struct input *input, struct fs_print *ret_print)
{
    CLEANUP(fs_close) int fd = -1;
    struct stat st;
    int r = 0;
    if (input->base_fd >= 0)
        r = beneath_find(input->base_fd, input->rest, &fd);
    else
        fd = open(input->rest, O_PATH | O_CLOEXEC);
    if (r < 0 || fd < 0 || fstat(fd, &st) < 0)
        return -EIO;
    *ret_print = fs_print_of(&st);
    return 0;
}

void input_close(struct input *input)
{
    fs_close(&input->fd);
    fs_close(&input->base_fd);
}

/* ---- is it whole? ---- */

/* One look: find it, open that and fstat, since plain stat has been seen to show a growing file
 * unchanged for 20 s on sshfs. It is known to be a regular file before it is opened, since to open
 * a device can do something. */
static int look(const struct input_bounds *bounds, const char *path, struct input *input,
                struct stat *ret_st, struct err *err)
{
    struct stat st;
    *ret_st = (struct stat){ 0 };
    int r = find(bounds, path, input, err);
    if (r != 1)
        return r;
    if (fstat(input->fd, &st) < 0)
        return look_failed(errno, path, err);
    r = refuse_kind(&st, path, err);
    if (r < 0)
        return r;
    *ret_st = st;
    int fd = -1;
    r = beneath_open(input->fd, &fd);
    fs_close(&input->fd);
    input->fd = fd;
    if (r == -ENOENT) /* what was found is there, whatever its name */
        return err_set(err, ERR_MISSING, ENOENT,
                       "'/proc/self/fd', through which inputs are opened");
    if (r < 0 || fstat(input->fd, ret_st) < 0)
        return look_failed(r < 0 ? -r : errno, path, err);
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

/* One look from the beginning: what it looked like is told in any case. */
static int look_whole(const struct input_bounds *bounds, const char *path, struct input *input,
                      struct stat *ret_st, struct err *err)
{
    input_close(input);
    int r = look(bounds, path, input, ret_st, err);
    input->print = fs_print_of(ret_st);
    return r == 1 ? look_content(input->fd, ret_st, path, err) : r;
}

static int look_until_settled(const struct input_bounds *bounds, const char *path,
                              int64_t settle_ms, void (*tick)(void *arg), void *arg,
                              struct input *input, struct err *err)
{
    struct stat st;
    int r = look_whole(bounds, path, input, &st, err);
    int64_t left_ms = r == 1 ? unsettled_ms(input->fd, &st, settle_ms) : 0;
    if (left_ms <= 0)
        return r;
    struct fs_print first = input->print;
    input_close(input);
    wait_ms(left_ms, tick, arg);
    r = look_whole(bounds, path, input, &st, err);
    if (r != 1 || fs_print_equal(&first, &input->print))
        return r;
    (void)err_set(err, ERR_INPUT, 0, "input '%s' is still changing", path);
    return 0;
}

int input_open(const struct input_bounds *bounds, const char *path, int64_t settle_ms,
               void (*tick)(void *arg), void *arg, struct input *ret_input, struct err *err)
{
    struct input input = INPUT_NONE;
    int r = look_until_settled(bounds, path, settle_ms, tick, arg, &input, err);
    if (r != 1)
        input_close(&input);
    *ret_input = input;
    return r;
}
