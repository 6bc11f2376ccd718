/* history.h - what ended in done/ or error/, and when, without reading a record.
 *
 *     history_new -> (history_look -> history_hours, history_newest …) … -> history_free
 *
 * A job's directory was last changed when its record was written into it, just before the rename
 * that published it: so the directory's time is when the job ended, and one stat tells it. Names
 * and times are kept, 24 bytes a job beside its name, so that a later look lists the place only if
 * it changed, never more than a twentieth of the time. It asks for what is new, and for some of the
 * others again: a job that was retried may have ended anew. */
#ifndef TAKEUP_SERVE_HISTORY_H
#define TAKEUP_SERVE_HISTORY_H

#include "base/err.h"
#include "spool/layout.h"

#include <stddef.h>
#include <stdint.h>

struct history;

struct history *history_new(const struct spool *spool, enum spool_place place);
void history_free(struct history **history);

/* Sees what there is by now. It ends early at the deadline (time_mono_us; what it lists it lists to
 * the end) and goes on from there at the next call: history_known says how far it came. */
int history_look(struct history *history, int64_t deadline_us, struct err *err);
size_t history_count(const struct history *history);
/* Of how many is the time known? Of the others nothing below tells anything. */
size_t history_known(const struct history *history);

struct history_job {
    const char *id;   /* name of the directory; borrowed until the next look */
    int64_t ended_ms; /* by the spool's clock */
};
/* The newest, newest first; returns how many there are, at most `room`. */
size_t history_newest(const struct history *history, struct history_job *out, size_t room);
/* Adds each job to the hour in which it ended: out[count - 1] is the one of now_ms, and whatever is
 * younger. Hours begin with those of UTC. */
void history_hours(const struct history *history, int64_t now_ms, int64_t *out, size_t count);
int64_t history_since(const struct history *history, int64_t since_ms);

#endif
