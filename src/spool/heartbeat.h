/* heartbeat.h - what a worker says of itself every second, and how others read it. */
#ifndef TAKEUP_SPOOL_HEARTBEAT_H
#define TAKEUP_SPOOL_HEARTBEAT_H

#include "base/json.h"
#include "base/proc.h"
#include "spool/layout.h"

#include <stdbool.h>
#include <stddef.h>

enum heartbeat_state { BEAT_IDLE, BEAT_BUSY, BEAT_PAUSED, BEAT_STOPPING, BEAT_STOPPED };

struct heartbeat_job {
    const char *name, *pipeline, *step;
    double progress; /* 0..1; below 0: not known */
    double eta_s;    /* below 0: not known */
};

/* A name that is there and cannot be taken, or a job that cannot be published, and why. */
struct heartbeat_problem {
    char *path; /* relative to the spool */
    char *reason;
};

/* What the worker fills in; texts are borrowed. */
struct heartbeat {
    enum heartbeat_state state;
    const char *reason; /* why paused or stopping; NULL */
    const struct heartbeat_job *jobs;
    size_t job_count;
    const struct heartbeat_problem *problems;
    size_t problem_count;
    int64_t pending;        /* as last listed */
    int64_t done, error;    /* published by this worker */
    int64_t claims, missed; /* jobs taken; names that others had taken before */
    int free;               /* how many jobs it could take now */
};

const char *heartbeat_state_name(enum heartbeat_state state);

/* One heartbeat file as read. */
struct heartbeat_seen {
    char *worker; /* from the file's name */
    struct proc_id who;
    char *spool;          /* absolute path as the worker sees it */
    char *state, *reason; /* "" when not said */
    int64_t beat_count;   /* goes up by one with each beat */
    int64_t mtime_ms;     /* of the file, by the spool's clock */
    char *beat, *started; /* times as written */
    int64_t pending;
    json_t *whole; /* NULL: there, but not readable as a heartbeat */
};

/* All of heartbeat/, by name; the caller ends it with heartbeats_free. */
int heartbeats_read(const struct spool *spool, struct heartbeat_seen **ret_seen, size_t *ret_count,
                    struct err *err);
void heartbeats_free(struct heartbeat_seen **seen, size_t count);
/* It said so, and is no live worker however fresh its last beat: on another host nobody sees that
 * its process is gone. */
bool heartbeat_has_stopped(const struct heartbeat_seen *beat);

#endif
