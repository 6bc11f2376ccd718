/* wire.h - what a runner tells its worker: JSON lines of at most 4 KiB over a pipe.
 *
 * Both ends are in wire.c. The reader trusts nothing: the runner has parsed media, so whoever made
 * the media may be writing. A line that is too long, is no JSON, or says what it should not is an
 * error, and ends the attempt as a crash. */
#ifndef TAKEUP_WORKER_WIRE_H
#define TAKEUP_WORKER_WIRE_H

#include "base/fs.h"
#include "base/log.h"
#include "spool/record.h"

#include <stdbool.h>
#include <stdint.h>

/* A write of at most this is not mixed with others (PIPE_BUF is 4096 on Linux). */
enum { WIRE_LINE_MAX = 4096, WIRE_STEP_SIZE = 72, WIRE_TEXT_SIZE = 1024, WIRE_HINT_SIZE = 512 };

enum wire_kind {
    WIRE_PROGRESS, /* step, done_us, total_us; also the sign of life */
    WIRE_LOG,      /* level, step, text */
    WIRE_OUTCOME,  /* failure, step, text, hint, waiting and print; the last message */
};

struct wire_message {
    enum wire_kind kind;
    enum log_level level;
    enum failure failure;
    bool waiting; /* the input has not come, or not settled: print is what it looks like */
    struct fs_print print;
    int64_t done_us, total_us; /* total 0: not known */
    char step[WIRE_STEP_SIZE]; /* "" when none */
    char text[WIRE_TEXT_SIZE];
    char hint[WIRE_HINT_SIZE];
};

/* Blocks until the line is in the pipe. 0, or a negative errno (-EPIPE: the worker is gone). */
int wire_send(int fd, const struct wire_message *message);

/* Zero-initialise. */
struct wire_reader {
    char line[WIRE_LINE_MAX];
    size_t len;
};

typedef void wire_fn(void *arg, const struct wire_message *message);

/* Reads what is there (fd does not block) and calls fn for each whole line. 1: more may come.
 * 0: the other end is closed. < 0: *err says what is wrong with it. */
int wire_receive(struct wire_reader *reader, int fd, wire_fn *fn, void *arg, struct err *err);

#endif
