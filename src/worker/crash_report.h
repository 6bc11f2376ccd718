/* crash_report.h - crash.txt: what is known of an attempt that ended against its will. */
#ifndef TAKEUP_WORKER_CRASH_REPORT_H
#define TAKEUP_WORKER_CRASH_REPORT_H

#include "base/json.h"
#include "worker/crash.h"
#include "worker/runner.h"

struct crash_facts {
    int attempt;
    int64_t ran_ms;
    int64_t frame_us;             /* of the video, where it was last heard of; -1: nowhere */
    const struct runner_end *end; /* how it ended; see crash_amend */
    const struct crash_notes *notes;
    const char *sandbox;                                      /* what held; NULL: none */
    int64_t memory_bytes, output_bytes, timeout_ms, stall_ms; /* limits; 0: none */
    const json_t *in_hand; /* what the next attempt leaves out; or NULL */
    char *const *lines;    /* of its log, as they came */
    size_t line_count;
};

/* What the runner's own notes add to the reason of its end: where it was, that it had run out of
 * memory, which call the sandbox stopped. */
void crash_amend(struct runner_end *end, const struct crash_notes *notes, int64_t memory_bytes);

/* The caller frees it. */
char *crash_report(const struct crash_facts *facts);

#endif
