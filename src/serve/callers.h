/* callers.h - the connections there are, and until when each has to come on.
 *
 * One that sends its headers, or takes its answer, byte by byte would keep its place for ever,
 * since each byte is a sign of life. So what counts is when a whole step is done; at its deadline a
 * connection is shut, and whoever reads from it sees the end. */
#ifndef TAKEUP_SERVE_CALLERS_H
#define TAKEUP_SERVE_CALLERS_H

#include <stddef.h>
#include <stdint.h>

enum {
    CALLER_HEADERS_MS = 10 * 1000, /* from connecting, or the answer before, to the whole headers */
    CALLER_BODY_MS = 30 * 1000,    /* and from there to the end of the body */
    CALLER_TAKES_MS = 60 * 1000,   /* to take an answer, or the next 32 KiB of one */
};

struct caller {
    int fd; /* borrowed */
    int64_t deadline_ms;
    struct caller *next, *previous;
};

/* Zero-initialise. */
struct callers {
    struct caller *first;
    size_t count;
};

struct caller *callers_add(struct callers *callers, int fd, int64_t now_ms);
void callers_remove(struct callers *callers, struct caller *caller);
void caller_has_until(struct caller *caller, int64_t now_ms, int64_t ms);
/* It waits for us. */
void caller_may_wait(struct caller *caller);
/* Shuts those whose time is over; returns how many. */
size_t callers_sweep(struct callers *callers, int64_t now_ms);

#endif
