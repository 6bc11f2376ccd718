/* wire.h - what a worker and a runner tell each other: JSON lines of at most 4 KiB, a pipe each
 * way.
 *
 * Both ends of both are in wire.c. The worker trusts nothing that it reads: the runner has parsed
 * media, so whoever made the media may be writing. A line that is too long, is no JSON, or says
 * what it should not is an error, and ends the attempt as a crash. */
#ifndef TAKEUP_WORKER_WIRE_H
#define TAKEUP_WORKER_WIRE_H

#include "base/fs.h"
#include "base/json.h"
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

/* What a spare runner waits for: one attempt. Texts and params are borrowed. */
struct wire_order {
    const char *token; /* of the job's directory in running/WORKER */
    int attempt;       /* its number: out.N */
    int threads;       /* cores that it may use */
    int timeout_s;     /* after which it is ended, rounded up; 0: never */
    const char *job;   /* its name */
    const char *pipeline, *input;
    bool from_inbox;      /* input is relative to the job's directory, not to the spool */
    const json_t *params; /* an object; or NULL */
    const json_t *skip;   /* what earlier attempts died over: see pipeline/in_hand.h; or NULL */
};

/* The two pipes of one runner: wire[0] and order[1] are the worker's ends, wire[0] never blocks. */
struct wire_pipes {
    int wire[2], order[2];
};
#define WIRE_NO_PIPES                                                                              \
    {                                                                                              \
        { -1, -1 },                                                                                \
        {                                                                                          \
            -1, -1                                                                                 \
        }                                                                                          \
    }
int wire_pipes_open(struct wire_pipes *pipes); /* 0, or -1 with errno; then some may be open */
void wire_pipes_close(struct wire_pipes *pipes);

/* 0; -EMSGSIZE: it does not fit in a line; another negative errno: the runner is gone. */
int wire_send_order(int fd, const struct wire_order *order);
/* Blocks. 1: *ret_order, borrowed from *ret_whole, which is yours. 0: the worker wants none of it
 * any more. < 0: that was no order. */
int wire_receive_order(int fd, struct wire_order *ret_order, json_t **ret_whole);

typedef void wire_fn(void *arg, const struct wire_message *message);

/* Reads some of what is there (fd does not block; what is left shows again) and calls fn for each
 * whole line: who floods the pipe must not keep the worker from all else. 1: more may come.
 * 0: the other end is closed. < 0: *err says what is wrong with it. */
int wire_receive(struct wire_reader *reader, int fd, wire_fn *fn, void *arg, struct err *err);

#endif
