/* record.h - result.json, which ends a job. */
#ifndef TAKEUP_SPOOL_RECORD_H
#define TAKEUP_SPOOL_RECORD_H

#include "base/err.h"
#include "base/json.h"

#include <stdint.h>

#define RECORD_FILE "result.json"
/* What an attempt that did not end well had read: the record names it as "partial_file". */
#define PARTIAL_FILE "partial.jsonl"

/* Why a job failed; the closed list of error.class. */
enum failure {
    FAILURE_NONE,
    FAILURE_JOB,           /* the job file is wrong */
    FAILURE_PIPELINE,      /* unknown or wrong pipeline, or a parameter of it */
    FAILURE_INPUT,         /* not a video, or nothing of it can be decoded */
    FAILURE_INPUT_WAIT,    /* the input did not come, or did not settle, in time */
    FAILURE_INPUT_CHANGED, /* the input changed while it was read: void, tried again */
    FAILURE_MISSING,       /* a language, a codec, a plugin is not installed */
    FAILURE_OUTPUT,        /* the results are larger than max_output */
    FAILURE_IO,
    FAILURE_MEMORY,
    FAILURE_TIMEOUT,  /* longer than timeout_s */
    FAILURE_STALL,    /* no progress for stall_s */
    FAILURE_CRASH,    /* the runner died, or did not keep to the protocol */
    FAILURE_LOST,     /* the worker died */
    FAILURE_SHUTDOWN, /* the worker was asked to end: given back */
    FAILURE_CANCELLED,
    FAILURE_BUG,
    FAILURE_COUNT
};
const char *failure_name(enum failure failure);
/* FAILURE_COUNT for a word that is none. */
enum failure failure_parse(const char *name);

/* What only the worker knows. Texts are borrowed and may be NULL. */
struct record_facts {
    const char *status;   /* done, error, cancelled */
    enum failure failure; /* FAILURE_NONE: no error */
    const char *step, *message, *hint;
    const char *pipeline_id, *pipeline_hash;
    int64_t submitted_ms, claimed_ms, started_ms, finished_ms; /* wall; 0: never */
    double cpu_s;
    int64_t max_rss_bytes;
    const json_t *job; /* the job, whole; NULL when it could not be read */
};

/* body: what the runner wrote (text, segments, frames, warnings, usage), data from a process that
 * may be hostile: of it only these keys are taken, if they have the right type. NULL: none. The
 * rest of the record comes from claim_publish. */
json_t *record_new(const struct record_facts *facts, const json_t *body);

#endif
