/* Between a look at a path and its use anybody who can write into one of its directories may put a
 * link there. So nothing here is looked at by its name and then opened by its name: the kernel
 * resolves the path in one go and promises that it stayed inside (openat2 with RESOLVE_BENEATH),
 * and whatever comes later works on the descriptor that it gave.
 *
 * Without openat2 (before Linux 5.6, in valgrind, in containers whose filter does not know it) each
 * component is opened without following a link. `..` is taken out of the text before: that is exact
 * only because no link is followed. */
#include "base/beneath.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIES = 32 };

int beneath_find(int dir_fd, const char *path, int *ret_fd)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
    long fd = -1;
    /* EAGAIN: something was renamed anywhere while a `..` was passed, so it cannot be sure. */
    for (int i = 0; i < TRIES; i++) {
        fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* EPERM: by an old filter of a container */
        return beneath_walk(dir_fd, path, ret_fd);
    if (fd < 0)
        return -errno;
    *ret_fd = (int)fd;
    return 0;
}

static bool is_component(const char *name, size_t len, const char *what)
{
    return strlen(what) == len && strncmp(name, what, len) == 0;
}

/* The path without `.`, `..` and what they take back; -EXDEV when it climbs out. */
static int flatten(const char *path, char *out)
{
    size_t used = 0;
    for (const char *at = path; *at;) {
        size_t len = strcspn(at, "/");
        if (is_component(at, len, "..")) {
            if (used == 0)
                return -EXDEV;
            while (used > 0 && out[--used] != '/')
                ;
        } else if (len > 0 && !is_component(at, len, ".")) {
            if (used > 0)
                out[used++] = '/';
            memcpy(out + used, at, len);
            used += len;
        }
        at += len + (at[len] == '/');
    }
    out[used] = '\0';
    return 0;
}

/* Of one component; a link is opened as a link, and told by fstat. */
static int step_into(int dir_fd, const char *name, int *ret_fd)
{
    CLEANUP(fs_close) int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (S_ISLNK(st.st_mode))
        return -EOPNOTSUPP;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int beneath_walk(int dir_fd, const char *path, int *ret_fd)
{
    CLEANUP(mem_free_text) char *plain = mem_strdup(path);
    CLEANUP(fs_close) int fd = -1;
    int r = path[0] == '/' ? -EXDEV : path[0] ? flatten(path, plain) : -ENOENT;
    if (r == 0)
        r = step_into(dir_fd, ".", &fd);
    char *rest = plain;
    for (char *name; r == 0 && (name = strsep(&rest, "/")) && *name;) {
        int inner = -1;
        r = step_into(fd, name, &inner);
        fs_close(&fd);
        fd = inner;
    }
    if (r == 0) {
        *ret_fd = fd;
        fd = -1;
    }
    return r;
}

int beneath_open(int path_fd, int *ret_fd)
{
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
    int fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}
