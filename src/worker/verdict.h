/* verdict.h - what follows from how an attempt ended: the one table about retries. */
#ifndef TAKEUP_WORKER_VERDICT_H
#define TAKEUP_WORKER_VERDICT_H

#include "base/err.h"
#include "spool/record.h"

#include <stdbool.h>
#include <stdint.h>

enum outcome {
    OUTCOME_DONE,      /* publish in done/ */
    OUTCOME_ERROR,     /* publish in error/ */
    OUTCOME_CANCELLED, /* publish in error/, status cancelled */
    OUTCOME_DEFER,     /* once more, after delay_ms */
};

struct verdict {
    enum outcome outcome;
    bool charged;     /* does the attempt count? */
    int64_t delay_ms; /* of OUTCOME_DEFER */
};

struct verdict_facts {
    int charged; /* attempts charged so far, with this one if it is to be charged */
    int max_attempts;
    int64_t backoff_ms;    /* delay after the first charged failure; doubles with each */
    int64_t waiting_ms;    /* how long the job has waited for its input, unchanged */
    int64_t input_wait_ms; /* how long it may */
    uint32_t chance;       /* any random number: the jitter */
};

/* Is a failure of this class charged to the job? */
bool verdict_charges(enum failure failure);
struct verdict verdict_of(enum failure failure, const struct verdict_facts *facts);

/* The class of an error that the run of a pipeline ended with. */
enum failure verdict_failure(const struct err *err);

#endif
