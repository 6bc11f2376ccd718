/* input.h - a job's input, opened only when it is whole.
 *
 * Called in the runner, which is the only process that touches the input. */
#ifndef TAKEUP_SPOOL_INPUT_H
#define TAKEUP_SPOOL_INPUT_H

#include "base/fs.h"

#include <stdint.h>

/* 1: *ret_fd is open, the file has settled, *ret_print is what it looked like. 0: it is missing,
 * unreadable, empty or still being written: *err says which, *ret_print what it looked like (zeros
 * when it cannot be looked at). < 0: it will never do (a directory, a FIFO …): ERR_INPUT.
 *
 * root_fd and root_path are the spool's: relative paths begin there. Settled: unchanged between two
 * looks settle_ms apart, each with open and fstat; on a local disk a file whose last change (ctime)
 * is older than that needs only one. A refused read lease means that somebody has it open for
 * writing. Waits for up to settle_ms; calls tick(arg) now and then meanwhile. */
int input_open(int root_fd, const char *path, int64_t settle_ms, void (*tick)(void *arg), void *arg,
               int *ret_fd, struct fs_print *ret_print, struct err *err);

#endif
