/* input.h - a job's input: where it may lie, and when it is whole.
 *
 *     input_open, in the runner -> read input.fd -> input_look -> input_close
 *     input_check, where a job is written: what would a worker say?
 *
 * A runner is the only process that opens the input. The path comes from whoever may write a job,
 * and the worker may read what that one may not: see docs/spool.md, "What a job may name". */
#ifndef TAKEUP_SPOOL_INPUT_H
#define TAKEUP_SPOOL_INPUT_H

#include "base/fs.h"

#include <stdint.h>

/* Where inputs may lie; borrowed, all of it. */
struct input_bounds {
    int root_fd;              /* relative paths begin here, and stay below it; AT_FDCWD: anywhere */
    const char *root_path;    /* of root_fd; NULL: nothing absolute is known to lie below it */
    const char *const *roots; /* absolute paths stay below one of these directories, or root_path */
    size_t root_count;        /* 0: they may lead anywhere */
};

/* An input that is open, and how it was reached: what it looked like, and where to look again. */
struct input {
    int fd;
    struct fs_print print; /* zeros while it cannot be looked at */
    int base_fd;           /* the directory that `rest` must not lead out of; -1: none */
    const char *rest;      /* a part of the job's path */
};

#define INPUT_NONE ((struct input){ .fd = -1, .base_fd = -1 })

/* 1: ret_input->fd is open, and the file has settled. 0: it is missing, unreadable, empty or still
 * being written: *err says which; only ret_input->print is set. < 0: it will never do (it lies out
 * of bounds, or is a directory, a FIFO …): ERR_INPUT, with a hint.
 *
 * Settled: unchanged between two looks settle_ms apart, each with open and fstat; on a local disk a
 * file whose last change (ctime) is older than that needs only one. A refused read lease means that
 * somebody has it open for writing. Waits for up to settle_ms; calls tick(arg) now and then
 * meanwhile. */
int input_open(const struct input_bounds *bounds, const char *path, int64_t settle_ms,
               void (*tick)(void *arg), void *arg, struct input *ret_input, struct err *err);
/* Cleanup handler. */
void input_close(struct input *input);

/* What lies at its path by now; negative: nothing, or it cannot be told. */
int input_look(const struct input *input, struct fs_print *ret_print);

/* < 0: input_open would refuse the path for ever, with this *err. 0: it is fine, or may come to be.
 * Looks, and opens nothing. */
int input_check(const struct input_bounds *bounds, const char *path, struct err *err);

#endif
