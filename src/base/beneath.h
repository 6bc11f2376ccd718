/* beneath.h - find a file by a path that a stranger wrote, and never anything outside of a
 * directory.
 *
 *     beneath_find -> fstat: what is it? -> beneath_open
 *
 * What is found is not opened yet (O_PATH): a device does nothing, a FIFO waits for nobody. What is
 * opened then is the very file that was looked at, whatever the path leads to meanwhile. */
#ifndef TAKEUP_BASE_BENEATH_H
#define TAKEUP_BASE_BENEATH_H

/* 0: *ret_fd is what `path` leads to from dir_fd. Links and `..` are followed as long as they stay
 * below dir_fd. -EXDEV: it leads out (an absolute path or link does, wherever it ends).
 * -EOPNOTSUPP: it leads over a link, and the kernel has no openat2 (Linux 5.6) to follow it. Else a
 * negative errno, as of open. */
int beneath_find(int dir_fd, const char *path, int *ret_fd);

/* beneath_find by itself, without openat2: one component after the other, and no link. */
int beneath_walk(int dir_fd, const char *path, int *ret_fd);

/* Opens for reading what an O_PATH descriptor stands for. Needs /proc (-ENOENT). */
int beneath_open(int path_fd, int *ret_fd);

#endif
