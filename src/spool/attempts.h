/* attempts.h - attempts.jsonl: what has been tried with a job, one JSON line an event.
 *
 *     {"event":"start","attempt":1,"at":"…","worker":"…"}
 *     {"event":"end","attempt":1,"at":"…","class":"crash","message":"…","charged":true}
 *     {"event":"retried","at":"…"}
 *
 * An end may have "in_hand", a list: what the runner was at work on when it died, for the next
 * attempt to leave out. What stands in it is not read here.
 *
 * An attempt is charged when it started and no `end` line says otherwise: one that nobody saw end
 * was lost with its worker, and counts. Somebody who retries a job begins a new count. Lines that
 * are none of these mean nothing. */
#ifndef TAKEUP_SPOOL_ATTEMPTS_H
#define TAKEUP_SPOOL_ATTEMPTS_H

#include "base/fs.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTEMPTS_FILE "attempts.jsonl"

struct attempts {
    json_t *lines; /* an array of the lines that can be read */
    int started;   /* start lines */
    int charged;   /* of these since the last `retried`, charged */
    bool open;     /* the last start has no end */
    /* The time (ms of the spool's clock) since which the job waits for its input with nothing
     * changed: of the first of the last unbroken run of `wait` ends with the same print. 0: it does
     * not. */
    int64_t waiting_since_ms;
    struct fs_print waiting_print;
};

struct attempt_end {
    const char *failure; /* class of the record's error; NULL: it ended well */
    const char *message;
    bool charged;
    const struct fs_print *waiting; /* it waits for its input, which looks so; else NULL */
    int64_t waiting_at_ms; /* then when that was, by the spool's clock: hosts' clocks differ */
    const json_t *in_hand; /* borrowed; NULL: nothing */
};

/* Reads dir's file; none is no error. A last line without its end is left out. */
int attempts_read(int dir_fd, struct attempts *ret_attempts, struct err *err);
void attempts_release(struct attempts *attempts);
/* Adds a line in memory only, and counts again; takes it over. */
void attempts_note(struct attempts *attempts, json_t *line);
/* The `end` line of attempt `number`. */
json_t *attempts_end_line(int number, const struct attempt_end *end);
/* Calls fn with the "in_hand" of each end since the last `retried`. */
void attempts_each_in_hand(const struct attempts *attempts,
                           void (*fn)(json_t *arg, const json_t *in_hand), json_t *arg);
/* That somebody wants it tried anew. */
json_t *attempts_retried_line(void);
/* Appends one object as a line; takes it over. */
int attempts_append(int dir_fd, json_t *line, struct err *err);

#endif
