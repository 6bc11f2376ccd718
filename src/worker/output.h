/* output.h - how large the results of an attempt may be, all files together. What a single file may
 * have is a limit of the sandbox. */
#ifndef TAKEUP_WORKER_OUTPUT_H
#define TAKEUP_WORKER_OUTPUT_H

#include "worker/runner.h"

/* most_bytes 0: no limit. */
bool output_is_too_large(int output_dir, int64_t most_bytes);
/* Of an attempt that has ended so: was it the limit? Then *end says so. */
bool output_amend(struct runner_end *end, int output_dir, int64_t most_bytes);

#endif
